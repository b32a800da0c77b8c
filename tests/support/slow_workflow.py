"""A workflow file as a team would have one: its only action takes as long as its input says."""

import asyncio
import os
from pathlib import Path
from typing import Any, ClassVar

from graph.flow.workflow import Action, Args, Call, Case, Done, GiveUp, Proposal, Step, Workflow
from graph.law.request import EffectClass


class ShipArgs(Args):
    parcel: str
    seconds: int = 0


class Ship(Action[ShipArgs]):
    """Leaves a mark when it begins and another when it has happened."""

    name = "ship"
    title = "Ship"
    args = ShipArgs
    question = "Ship {parcel}?"
    effect = EffectClass.IDEMPOTENT
    reversible: ClassVar[bool] = True

    async def perform(self, args: ShipArgs, call: Call) -> dict[str, Any]:
        marks = Path(os.environ["SLOW_MARKS"])
        (marks / f"{args.parcel}.begun").write_text(call.key)
        await asyncio.sleep(args.seconds)
        with (marks / f"{args.parcel}.shipped").open("a") as file:
            file.write(f"{call.key}\n")
        return {"shipped": True}

    async def undo(self, args: ShipArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return {}


class Clerk:
    async def next(self, case: Case) -> Step:
        if not case.history:
            return Proposal(action="ship", args=dict(case.input), rationale="it was ordered", confidence=0.9)
        return Done("shipped") if case.history[-1].outcome == "done" else GiveUp("not wanted")


workflow = Workflow(name="slow", title="Slow", agent=Clerk(), actions=(Ship(),), demo_cases=())
