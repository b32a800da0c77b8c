"""The tools of the attack corpus as one workflow `tools`, and an agent that says exactly what a case makes it say.

`payments.refund` of the corpus is the action `payments_refund` here; its `summary` and `reasoning` are the
rationale and the context. Fields that no proposal has (a decision, a ttl …) go where an agent could put them.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from sqlalchemy import text

from graph.flow.runner import Runner
from graph.flow.workflow import Action, Args, Call, Case, Done, Proposal, Step, Workflow
from graph.law.action import Money
from graph.law.request import DecisionType, EffectClass, Request
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.report import queue
from graph.verbs.report import run as report_run
from graph.verbs.start import start
from storage.checkpoints import PgCheckpoints
from storage.store import PgStore
from tests.support.toy import World

Spec = Mapping[str, Any]
PROPOSED: Final = ("tool", "args", "summary", "reasoning", "confidence")


class RefundArgs(Args):
    order: str
    amount: Money
    currency: str = "EUR"


class BulkArgs(Args):
    amount: Money
    more: dict[str, str]


class MailArgs(Args):
    to: str


class PathArgs(Args):
    path: str


class CommandArgs(Args):
    cmd: str


class SendArgs(Args):
    path: str
    to: str


class HttpArgs(Args):
    headers: dict[str, str]
    key: str
    pem: str
    note: str = ""


class _Tool(Action[Any]):
    question = "{name}"
    effect = EffectClass.IDEMPOTENT
    reversible: ClassVar[bool] = True

    def __init__(self, world: World) -> None:
        self.world = world

    async def perform(self, args: Any, call: Call) -> dict[str, Any]:
        return self.world.do(self.name, call, "", once=True)

    async def undo(self, args: Any, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return self.world.do(f"undo {self.name}", call, "", once=True)


class Refund(_Tool):
    name = "payments_refund"
    title = "Refund"
    args = RefundArgs
    value_field = "amount"
    currency_field = "currency"
    target_field = "order"
    question = "Refund {amount} {currency} to order {order}?"


class Bulk(_Tool):
    name = "payments_bulk"
    title = "Bulk payment"
    args = BulkArgs
    value_field = "amount"
    question = "Pay {amount} as listed?"


class Mail(_Tool):
    name = "mail_send"
    title = "Send mail"
    args = MailArgs
    target_field = "to"
    question = "Send a mail to {to}?"


class Delete(_Tool):
    name = "fs_delete"
    title = "Delete file"
    args = PathArgs
    target_field = "path"
    question = "Delete {path}?"


class Shell(_Tool):
    name = "shell_run"
    title = "Run command"
    args = CommandArgs
    effect = EffectClass.OPAQUE
    reversible: ClassVar[bool] = False
    question = "Run {cmd}?"


class SendFile(_Tool):
    name = "files_send"
    title = "Send file"
    args = SendArgs
    target_field = "to"
    question = "Send {path} to {to}?"


class Http(_Tool):
    """Answers with what it was sent, as careless receivers do."""

    name = "http_call"
    title = "Call a service"
    args = HttpArgs
    question = "Call the service with {key}?"

    async def perform(self, args: HttpArgs, call: Call) -> dict[str, Any]:
        return self.world.do(self.name, call, args.model_dump_json(), once=True)


class Script:
    """Says the proposals of its case one after the other, whatever becomes of them."""

    def __init__(self) -> None:
        self.cases: dict[str, Sequence[Proposal]] = {}

    async def next(self, case: Case) -> Step:
        proposals, said = self.cases[case.input["case"]], len(case.history)
        return proposals[said] if said < len(proposals) else Done("said all")


def proposal(spec: Spec, **more: Any) -> Proposal:
    """What the corpus proposes, in this project's words."""
    return Proposal(
        action=str(spec["tool"]).replace(".", "_"),
        args=copy.deepcopy(spec["args"]),
        rationale=spec.get("summary", ""),
        context={"Agent says": spec["reasoning"]} if "reasoning" in spec else {},
        confidence=spec.get("confidence"),
        **more,
    )


def besides(spec: Spec) -> dict[str, Any]:
    """What the case says beside a proposal."""
    return {name: value for name, value in spec.items() if name not in PROPOSED}


class Tools:
    """A store, a world and a runner for the workflow `tools`."""

    def __init__(self, store: PgStore, home: Path) -> None:
        self.store, self.world, self.agent = store, World(home / "world.sqlite"), Script()
        actions = [kind(self.world) for kind in (Refund, Bulk, Mail, Delete, Shell, SendFile, Http)]
        tools = Workflow(name="tools", title="Tools", agent=self.agent, actions=actions, demo_cases=())
        self.runner = Runner(store, PgCheckpoints(store), {"tools": tools}, lease_seconds=5)

    async def propose(self, *specs: Spec | Proposal, key: str = "k1") -> str:
        said = [spec if isinstance(spec, Proposal) else proposal(spec) for spec in specs]
        self.agent.cases[key] = said
        run = await start(self.store, "tools", {"case": key}, key=key, requester="UREQ")
        await self.settle()
        return run.id

    async def settle(self) -> None:
        while await self.runner.work():
            pass

    async def pending(self) -> list[Request]:
        async with self.store.begin() as tx:
            return list(await tx.requests.pending(100))

    async def only(self) -> Request:
        (request,) = await self.pending()
        return request

    async def answer(self, kind: str, user: str = "UALICE", reason: str = "", via: str = "cli") -> Decided:
        request = await self.only()
        answer = Answer(
            request_id=request.id, type=DecisionType(kind), user_id=user, digest=request.digest, via=via, reason=reason
        )
        decided = await decide(self.store, answer)
        await self.settle()
        return decided

    async def answer_all(self, kind: str, user: str = "UALICE", reason: str = "") -> None:
        """The same answer to everything that waits."""
        for request in await self.pending():
            who = {"request_id": request.id, "digest": request.digest, "user_id": user, "via": "cli"}
            answer = Answer(**who, type=DecisionType(kind), reason=reason)
            await decide(self.store, answer)
        await self.settle()

    async def run(self, run_id: str) -> dict[str, Any]:
        return await report_run(self.store, run_id)

    async def urgency(self) -> str:
        (row,) = await queue(self.store)
        return str(row["urgency"])

    def done(self) -> list[str]:
        return self.world.names()

    async def rows(self, statement: str) -> list[dict[str, Any]]:
        async with self.store.engine.connect() as connection:
            return [dict(row._mapping) for row in await connection.execute(text(statement))]

    async def decisions(self) -> int:
        """Terminal decisions that people took."""
        (row,) = await self.rows("select count(*) as n from decisions where via <> 'policy'")
        return int(row["n"])

    async def audit(self, event: str) -> list[dict[str, Any]]:
        """The details of every entry of this kind, oldest first."""
        found = await self.rows("select event, detail from audit order by id")
        return [json.loads(entry["detail"]) for entry in found if entry["event"] == event]
