"""The workflow `chaos`: every effect class, undo, refusals, edits, two persons, actions that run alone."""

import random
from typing import Any, ClassVar

from pydantic import Field

from graph.flow.workflow import Action, Args, Call, Case, Done, GiveUp, Proposal, Step, Workflow
from graph.law.action import Money, bind
from graph.law.request import EffectClass
from tests.support.chaos_world import ChaosWorld
from tests.support.db import trusting

NAME = "chaos"
POLICY = trusting("chaos.hold", "chaos.pay", "chaos.tell")


class DeedArgs(Args):
    order: str = Field(json_schema_extra={"editable": False})
    amount: Money
    currency: str = "EUR"


class _Deed(Action[DeedArgs]):
    args = DeedArgs
    title = "Deed"
    value_field = "amount"
    currency_field = "currency"
    world: ChaosWorld

    def __init__(self, world: ChaosWorld) -> None:
        self.world = world

    async def still_valid(self, args: DeedArgs) -> str | None:
        return "The customer wrote again." if self.world.moves(f"{self.name} {args.order}") else None

    async def perform(self, args: DeedArgs, call: Call) -> dict[str, Any]:
        digest = bind(NAME, self.name, args.model_dump(mode="json")).digest
        return await self.world.do(self.name, call, digest, once=self.effect is EffectClass.IDEMPOTENT)

    async def lookup(self, args: DeedArgs, call: Call) -> dict[str, Any] | None:
        return self.world.find(call.key)

    async def undo(self, args: DeedArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        digest = bind(NAME, self.name, args.model_dump(mode="json")).digest
        return await self.world.do(f"undo {self.name}", call, digest, once=True)


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
    """Proposes the steps of `input["plan"]`; what policy sends back comes again, better founded."""

    async def next(self, case: Case) -> Step:
        steps: list[dict[str, Any]] = case.input["plan"]
        at = 0
        for turn in case.history:
            sent_back = turn.by_policy and turn.status == "rejected"
            moved = turn.status == "approved" and turn.outcome is None
            if sent_back or moved:
                continue
            at += 1
            stopped = turn.status in ("rejected", "expired") and not case.input.get("stubborn")
            if stopped or turn.outcome == "failed":
                return GiveUp(f"{turn.action} {turn.status}: {turn.reason}{turn.error}")
        if at >= len(steps):
            return Done("all done")
        step = steps[at]
        sent_back = bool(case.history) and case.history[-1].by_policy and case.history[-1].status == "rejected"
        return Proposal(
            action=step["action"],
            args={"order": f"{case.input['order']}-{at}", "amount": step["amount"]},
            rationale="late delivery",
            confidence=None if sent_back else step.get("confidence"),
        )


def chaos(world: ChaosWorld) -> Workflow:
    """The workflow on this world."""
    return Workflow(
        name=NAME, title="Chaos", agent=Plan(), actions=(Hold(world), Pay(world), Tell(world)), demo_cases=()
    )


def plan(rng: random.Random, order: str) -> dict[str, Any]:
    """One to four steps of mixed classes and amounts."""
    steps = [
        {
            "action": rng.choice(("hold", "hold", "pay", "pay", "tell")),
            "amount": rng.choice(("50.00", "420.00", "420.00", "999.99", "6000.00", "60000.00")),
            "confidence": rng.choice((None, 0.1, 0.6, 0.8, 0.97)),
        }
        for _ in range(rng.randint(1, 4))
    ]
    return {"order": order, "plan": steps, "stubborn": rng.random() < 0.3}


def simple(*actions: str, order: str = "4711", amount: str = "420.00") -> dict[str, Any]:
    """These actions, each for a person of tier 1."""
    return {"order": order, "plan": [{"action": action, "amount": amount} for action in actions]}
