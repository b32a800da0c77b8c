"""A small workflow with one action of each effect class, acting on a world that remembers every call."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from graph.flow.workflow import (
    Action,
    Args,
    Call,
    Case,
    DemoCase,
    Done,
    GiveUp,
    Proposal,
    Refused,
    Step,
    Workflow,
)
from graph.law.action import Money
from graph.law.request import EffectClass


class World:
    """The outside: every effect that really happened, in a file that outlives the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.still_valid: str | None = None
        self.before: Callable[[str, Call], None] = lambda name, call: None
        self.after: Callable[[str, Call], None] = lambda name, call: None
        with self._open() as db:
            db.execute("pragma journal_mode=wal")
            db.execute("create table if not exists happened (seq integer primary key, name text, key text, note text)")

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=10, isolation_level=None)

    def happened(self) -> list[tuple[str, str, str]]:
        with self._open() as db:
            return list(db.execute("select name, key, note from happened order by seq"))

    def names(self) -> list[str]:
        return [name for name, _, _ in self.happened()]

    def do(self, name: str, call: Call, note: str, *, once: bool) -> dict[str, Any]:
        """Happen; with `once`, a key that is known is answered without happening again."""
        self.before(name, call)
        with self._open() as db:
            db.execute("begin immediate")
            known = db.execute("select 1 from happened where name=? and key=?", (name, call.key)).fetchone()
            if not (once and known):
                db.execute("insert into happened (name, key, note) values (?,?,?)", (name, call.key, note))
            db.execute("commit")
        self.after(name, call)
        return {"note": note}

    def find(self, name: str, key: str) -> dict[str, Any] | None:
        with self._open() as db:
            row = db.execute("select note from happened where name=? and key=?", (name, key)).fetchone()
        return {"note": row[0]} if row else None


class PayArgs(Args):
    order: str = Field(json_schema_extra={"editable": False})
    amount: Money
    currency: str = "EUR"


class _Deed(Action[PayArgs]):
    args = PayArgs
    value_field = "amount"
    currency_field = "currency"
    question = "{name}"
    title = "Deed"
    world: World

    def __init__(self, world: World) -> None:
        self.world = world

    async def still_valid(self, args: PayArgs) -> str | None:
        return self.world.still_valid

    async def perform(self, args: PayArgs, call: Call) -> dict[str, Any]:
        return self.world.do(self.name, call, str(args.amount), once=self.effect is EffectClass.IDEMPOTENT)

    async def lookup(self, args: PayArgs, call: Call) -> dict[str, Any] | None:
        return self.world.find(self.name, call.key)

    async def undo(self, args: PayArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return self.world.do(f"undo {self.name}", call, str(args.amount), once=True)


class Hold(_Deed):
    name = "hold"
    question = "Hold {amount} {currency} for order {order}?"
    effect = EffectClass.QUERYABLE
    reversible: ClassVar[bool] = True


class Pay(_Deed):
    name = "pay"
    question = "Pay {amount} {currency} for order {order}?"
    effect = EffectClass.IDEMPOTENT
    reversible: ClassVar[bool] = True


class Tell(_Deed):
    name = "tell"
    question = "Tell the customer of order {order} about {amount} {currency}?"
    effect = EffectClass.OPAQUE


class Plan:
    """Proposes the actions of `input["plan"]` one after the other; gives up on the first refusal."""

    async def next(self, case: Case) -> Step:
        for turn in case.history:
            if turn.status in ("rejected", "expired") or turn.outcome == "failed":
                return GiveUp(f"{turn.action} {turn.status}: {turn.reason}{turn.error}")
        plan: list[str] = list(case.input["plan"])
        done = [turn for turn in case.history if turn.outcome in ("done", "unknown") or turn.status == "handled"]
        if len(done) == len(plan):
            return Done("all done")
        args = {"order": "4711", "amount": case.input.get("amount", "420.00")}
        return Proposal(
            action=plan[len(done)],
            args=args,
            rationale="late delivery",
            confidence=case.input.get("confidence"),
        )


def toy(world: World) -> Workflow:
    """The workflow `toy` on this world."""
    return Workflow(
        name="toy",
        title="Toy",
        agent=Plan(),
        actions=(Hold(world), Pay(world), Tell(world)),
        demo_cases=(DemoCase(title="All three", input={"plan": ["hold", "pay", "tell"]}),),
    )


__all__ = ["Refused", "World", "toy"]
