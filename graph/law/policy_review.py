"""The rows of a policy document about how people review: what they may allow for the rest of a run."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from graph.law.policy_kit import ActionPattern, Amount, Count, Duration, Strict


class GrantRow(Strict):
    """Actions that a reviewer may allow for the rest of a run, each named: `times` more at most, within `at_most`.

    `up_to`: no single amount above this, in the policy's unit; without, none above the one that was looked at.
    `varying`: names of the arguments that may differ; beside the amount and, for any target, the target, all others
    must be what they were. `target`: with "same" only for what the first one touched; with "any" the reviewer may
    choose. `basis` says why looking at one of them is enough.
    """

    actions: tuple[ActionPattern, ...] = Field(min_length=1)
    at_most: Duration = timedelta(hours=8)
    times: Annotated[Count, Field(ge=1, le=1000)] = 20
    up_to: Amount | None = None
    target: Literal["same", "any"] = "same"
    varying: tuple[Annotated[str, Field(min_length=1, max_length=100)], ...] = Field(default=(), max_length=50)
    basis: str = Field(min_length=3, max_length=300)

    @model_validator(mode="after")
    def _named(self) -> "GrantRow":
        for action in self.actions:
            if "*" in action:
                raise ValueError(f'a grant can\'t be given for "{action}": name each action that may be allowed')
        return self


class BatchRules(Strict):
    """When similar requests are shown on one card: from `least` in one channel on, at most `most` on a card."""

    enabled: Annotated[bool, Field(strict=True)] = True
    least: Annotated[Count, Field(ge=2, le=50)] = 3
    most: Annotated[Count, Field(ge=2, le=50)] = 50

    @model_validator(mode="after")
    def _room(self) -> "BatchRules":
        if self.most < self.least:
            raise ValueError("most must not be less than least: there would be room for no batch")
        return self
