"""All shipped domains in one house: the real shop, one runner, and people of the right tier who decide."""

from collections.abc import Mapping
from typing import Any, Final

from graph.flow.registry import load_workflows
from graph.flow.runner import Runner
from graph.flow.workflow import DemoCase
from graph.law.request import DecisionType, Request, Status
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.ports import Run, Store
from graph.verbs.start import start
from storage.checkpoints import PgCheckpoints
from storage.store import PgStore
from tests.support.shop import call, ledger

SHIPPED: Final = (
    *("clinical", "content", "contracts", "deployment", "loan"),
    *("orders", "payments", "procurement", "rollout", "transactions"),
)
WORKFLOWS: Final = load_workflows(SHIPPED)
CASES: Final = [(name, case) for name, workflow in WORKFLOWS.items() for case in workflow.demo_cases]
SUBJECT: Final = {
    "clinical": "patient",
    "content": "course",
    "contracts": "matter",
    "deployment": "change",
    "loan": "application",
    "orders": "order",
    "payments": "case_id",
    "procurement": "requisition",
    "rollout": "rollout",
    "transactions": "instruction",
}
"""The argument that names what may be withdrawn."""
REVIEWERS: Final = {1: ("UALICE", "UBOB"), 2: ("UCARA", "UDIRK"), 3: ("UDIRK", "UEVE")}
REASON: Final = "looked at it together with the file"
_KINDS: Final = {
    "credit": "reserve_credit",
    "refund": "refund_card",
    "message": "write_customer",
    "credit_release": "undo: reserve_credit",
    "refund_reversal": "undo: refund_card",
}
Entry = tuple[str, str | None]
"""An action's name (or `undo: …`) and the key or reference under which the receiver knows it, if it keeps one."""


def shop_list(url: str, subject: str | None = None) -> list[Entry]:
    """What really happened (to this subject), oldest first."""
    wanted = {"subject": subject} if subject else {}
    deeds = call("GET", f"{url}/deeds", params=wanted).json()["deeds"]
    cases = [(_KINDS[entry["kind"]], entry["key"] or entry["reference"]) for entry in ledger(url, subject)]
    return [*cases, *((deed["kind"], deed["key"] or deed["reference"]) for deed in deeds)]


def withdrawn(url: str, workflow: str, subject: str, reason: str) -> None:
    """Somebody takes back what the run is about."""
    where = f"cases/{subject}/withdraw" if workflow == "payments" else f"subjects/{subject}/close"
    call("POST", f"{url}/{where}", json={"reason": reason})


def names(entries: list[Entry]) -> list[str]:
    return [name for name, _ in entries]


class Domains:
    """A store on which the shipped workflows run, with what a test wants to say to it."""

    def __init__(self, store: PgStore, url: str, *, lease: float = 10.0) -> None:
        self.store, self.url = store, url
        self.runner = Runner(store, PgCheckpoints(store), WORKFLOWS, lease_seconds=lease)

    async def offer(self) -> None:
        """The policy parts, as a worker offers them when it starts."""
        parts = {name: workflow.policy for name, workflow in WORKFLOWS.items() if workflow.policy}
        async with self.store.begin() as tx:
            await tx.policies.offer(parts, "start", replace=True)

    async def propose(self, workflow: str, case: DemoCase | Mapping[str, Any], key: str = "k1") -> str:
        given = dict(case.input if isinstance(case, DemoCase) else case)
        assert WORKFLOWS[workflow].input_problem(given) is None
        run = await start(self.store, workflow, given, key=key, requester="UREQ")
        await self.settle()
        return run.id

    async def settle(self) -> None:
        while await self.runner.work():
            pass

    async def run(self, run_id: str) -> Run:
        async with self.store.begin() as tx:
            found = await tx.runs.get(run_id)
        assert found is not None
        return found

    async def requests(self, run_id: str) -> list[Request]:
        async with self.store.begin() as tx:
            return list(await tx.requests.of_run(run_id))

    async def waiting(self, run_id: str) -> Request | None:
        """What the run waits for, if it waits."""
        found = [one for one in await self.requests(run_id) if one.status is Status.PENDING]
        return found[0] if found else None

    async def gate(self, run_id: str) -> Request:
        """The gate at which the run has to be waiting."""
        found = await self.waiting(run_id)
        assert found is not None, await self.run(run_id)
        return found

    async def say(self, request: Request, kind: str, user: str | None = None, **more: Any) -> Decided:
        more.setdefault("reason", REASON)
        who = user or REVIEWERS[request.tier][0]
        answer = Answer(
            request_id=request.id, type=DecisionType(kind), user_id=who, digest=request.digest, via="cli", **more
        )
        return await decide(self.store, answer)

    async def approve(self, request: Request) -> None:
        """As many different people as it takes; and what follows."""
        for user in REVIEWERS[request.tier][: request.approvals_required]:
            decided = await self.say(request, "approve", user)
        assert decided.decision is not None
        await self.settle()

    async def reject(self, request: Request) -> None:
        await self.say(request, "reject")
        await self.settle()

    async def reject_until_the_end(self, run_id: str) -> None:
        """This gate and every alternative that comes after it."""
        while gate := await self.waiting(run_id):
            await self.reject(gate)

    async def executed(self, run_id: str) -> set[str]:
        """The requests whose effects happened."""
        async with self.store.begin() as tx:
            return {one.request_id for one in await tx.effects.of_run(run_id) if one.status == "done"}

    async def ledger(self, run_id: str) -> list[Entry]:
        """What the run's own ledger says was done and undone, oldest first, as the shop would list it."""
        return await entries(self.store, run_id)


async def entries(store: Store, run_id: str) -> list[Entry]:
    """The done effects and undos of a run as the shop would list them, in the order in which they were begun."""
    async with store.begin() as tx:
        effects = await tx.effects.of_run(run_id)
    return [
        (f"undo: {one.action_type}" if one.undo_of else one.action_type, _known_by(one.effect_class, one.id))
        for one in effects
        if one.status in ("done", "compensated")
    ]


def _known_by(effect_class: str, effect: str) -> str | None:
    return None if effect_class == "opaque" else effect
