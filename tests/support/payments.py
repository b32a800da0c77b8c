"""Playing a payments case without the house around it: a test says what becomes of each proposal."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from graph.flow.workflow import Action, Agent, Call, Case, Proposal, Refused, Step, Turn
from graph.workflows.payments import workflow


@contextmanager
def shop_at(url: str | None) -> Iterator[None]:
    """`GATEPOST_SHOP_URL` for the time being."""
    before = os.environ.pop("GATEPOST_SHOP_URL", None)
    if url is not None:
        os.environ["GATEPOST_SHOP_URL"] = url
    try:
        yield
    finally:
        os.environ.pop("GATEPOST_SHOP_URL", None)
        if before is not None:
            os.environ["GATEPOST_SHOP_URL"] = before


def action(name: str) -> Action[Any]:
    found = workflow.action(name)
    assert found is not None
    return found


@dataclass
class Play:
    """A run of one case: `history` is what its agent is told."""

    agent: Agent
    case_id: str
    run_id: str = field(default_factory=lambda: f"run_{secrets.token_hex(4)}")
    history: list[Turn] = field(default_factory=list)

    async def next(self, *remarks: str) -> Step:
        return await self.agent.next(
            Case(run_id=self.run_id, input={"case_id": self.case_id}, history=tuple(self.history), remarks=remarks)
        )

    async def proposal(self) -> Proposal:
        """The next step, which has to be a proposal with arguments that fit."""
        step = await self.next()
        assert isinstance(step, Proposal), step
        action(step.action).args.model_validate(step.args)
        return step

    async def approve(self, args: Mapping[str, Any] | None = None, name: str | None = None) -> Turn:
        """A person approves (with other arguments, or another action, if given) and the action really happens."""
        step = await self.proposal()
        chosen = action(name or step.action)
        bound = chosen.args.model_validate(dict(args or step.args))
        call = Call(key=f"{self.run_id}/{len(self.history)}", run_id=self.run_id, attempt=1)
        decided = bound.model_dump(mode="json")
        try:
            result = await chosen.perform(bound, call)
        except Refused as error:
            return self._told(chosen.name, decided, "approved", "failed", error=str(error))
        return self._told(chosen.name, decided, "approved", "done", result=result)

    async def answer(self, status: str, reason: str = "") -> Turn:
        """A person (or the clock) answers otherwise; nothing happens."""
        step = await self.proposal()
        return self._told(step.action, dict(step.args), status, None, reason=reason)

    def _told(
        self,
        name: str,
        args: Mapping[str, Any],
        status: str,
        outcome: str | None,
        *,
        reason: str = "",
        result: Mapping[str, Any] | None = None,
        error: str = "",
    ) -> Turn:
        turn = Turn(action=name, args=args, status=status, outcome=outcome, reason=reason, result=result, error=error)
        self.history.append(turn)
        return turn


def kinds(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    return [str(entry["kind"]) for entry in entries]
