"""A workflow that proposes what its input says: the ground on which the law is tested."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field

from graph.flow.workflow import Action, Args, Call, Case, Done, GiveUp, Proposal, Step, Workflow
from graph.law.action import Money
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass

NAME = "lawful"
FREE = """
[[autonomy]]
action = "lawful.pay"
level = "gated"
"""


@dataclass
class Ledger:
    """What really happened, in order; `withdrawn` says why nothing may happen any more."""

    happened: list[tuple[str, str, str]] = field(default_factory=list)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    withdrawn: str | None = None

    def do(self, name: str, args: Args, call: Call) -> dict[str, Any]:
        if call.key not in self.keys:
            self.happened.append((name, str(getattr(args, "customer", "")), str(getattr(args, "amount", ""))))
            self.keys[call.key] = {"at": len(self.happened)}
        return self.keys[call.key]

    def names(self) -> list[str]:
        return [name for name, _, _ in self.happened]


class PayArgs(Args):
    customer: str = Field(json_schema_extra={"editable": False})
    amount: Money
    note: str = ""


class _Move(Action[PayArgs]):
    args = PayArgs
    title = "Pay"
    effect = EffectClass.IDEMPOTENT
    reversible: ClassVar[bool] = True
    value_field = "amount"
    target_field = "customer"
    not_applicable = frozenset({Signal.RETRIEVAL})

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    async def perform(self, args: PayArgs, call: Call) -> dict[str, Any]:
        return self.ledger.do(self.name, args, call)

    async def undo(self, args: PayArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return self.ledger.do(f"undo {self.name}", args, call)

    async def still_valid(self, args: PayArgs) -> str | None:
        return self.ledger.withdrawn

    async def facts(self, args: PayArgs) -> dict[str, Any]:
        return {"usual": "100.00"}

    def flags(self, args: PayArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        usual = Decimal(facts["usual"])
        return (f"{args.amount / usual:.1f}× the usual amount ({usual})",) if args.amount > 4 * usual else ()


class Pay(_Move):
    name = "pay"
    question = "Pay {amount} to {customer}?"
    tags = frozenset({"payment"})


class Credit(_Move):
    name = "credit"
    question = "Credit {amount} to {customer}?"


class Speaker:
    """Proposes the steps of `input["plan"]`, one after the other; gives up when people or policy say no.

    `stated`: the confidence of every proposal, whatever the plan says.
    """

    def __init__(self, stated: Any = None) -> None:
        self._stated = stated

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp("; ".join(case.remarks))
        plan: list[dict[str, Any]] = list(case.input["plan"])
        at = 0
        for turn in case.history:
            if turn.status == "rejected" and turn.by_policy and case.input.get("stubborn"):
                continue
            if turn.status in ("rejected", "expired"):
                return GiveUp(f"{turn.action} {turn.status}: {turn.reason}")
            at += turn.outcome == "done" or turn.status == "handled"
        if at >= len(plan):
            return Done("all done")
        step = dict(plan[at])
        options = [Alternative(**option) for option in step.pop("alternatives", ())]
        step.setdefault("signals", {"tools": 0.95})
        if self._stated is not None:
            step["confidence"] = self._stated
        return Proposal(**{"confidence": 0.95, "rationale": "as asked", **step}, alternatives=options)


def lawful(ledger: Ledger, stated: Any = None, policy: str = "") -> Workflow:
    """The workflow on this ledger."""
    return Workflow(
        name=NAME,
        title="Lawful",
        agent=Speaker(stated),
        actions=(Pay(ledger), Credit(ledger)),
        demo_cases=(),
        policy=policy,
    )


def pay(amount: str = "90.00", customer: str = "C-17", **more: Any) -> dict[str, Any]:
    """One step of a plan."""
    return {"action": "pay", "args": {"customer": customer, "amount": amount}, **more}
