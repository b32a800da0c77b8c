"""The rows of a policy document about actions and people: how much may run alone, what forbids it, who reviews."""

from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from graph.law.confidence import DEFAULT_WEIGHTS, Signal
from graph.law.policy_kit import ActionPattern, Amount, Condition, Count, Duration, Name, Share, Strict, number
from graph.law.request import Reason, Risk


class Threshold(Strict):
    """One row of the lookup table; the most specific matching row wins.

    `action` is `workflow.action`, `workflow.*` or `*`; `impact` limits the row to one impact band, `up_to` to
    amounts up to it. `auto`: confidence from which the action runs alone (absent: never). `review`: confidence
    below which nobody is bothered with it and `below` happens instead. `sample`: the share of those that ran
    alone which people look at afterwards (absent: as the `*` row for this impact says).
    """

    action: ActionPattern
    impact: Risk | None = None
    up_to: Annotated[Amount, Field(gt=0)] | None = None
    auto: Share | None = None
    review: Share = 0.0
    below: Literal["reformulate", "takeover"] = "reformulate"
    tier: Annotated[Count, Field(ge=1)] = 1
    sample: Share | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Threshold":
        if self.auto is not None and self.auto < self.review:
            raise ValueError("auto must not be lower than review")
        return self

    def covers(self, impact: Risk, value: Decimal | None) -> bool:
        fits = self.up_to is None or (value is not None and value <= self.up_to)
        return fits and self.impact in (None, impact)


class Level(StrEnum):
    """How much an action type may do without people."""

    FULL_CONTROL = "full_control"
    """People decide every time."""
    GATED = "gated"
    """Alone where confidence reaches `auto` and nothing speaks against it."""
    EXCEPTION_ONLY = "exception_only"
    """Alone unless something speaks against it."""
    FULL_AUDIT = "full_audit"
    """Alone unless a rule forbids it; what is unusual is looked at afterwards."""


class Autonomy(Strict):
    """The autonomy level of one action type. Freedom is given to named actions only, never to a pattern."""

    action: ActionPattern
    level: Level
    basis: str = ""

    @model_validator(mode="after")
    def _named(self) -> "Autonomy":
        if self.level is not Level.FULL_CONTROL and "*" in self.action:
            raise ValueError(
                f'level "{self.level}" can\'t be given to "{self.action}": name each action that may run alone'
            )
        return self


class Lift(Strict):
    """Amounts above `above`, or actions of at least this `risk`, start at `tier` or higher."""

    above: Amount | None = None
    risk: Risk | None = None
    tier: Annotated[Count, Field(ge=1)]

    @model_validator(mode="after")
    def _one(self) -> "Lift":
        if (self.above is None) == (self.risk is None):
            raise ValueError("give either above (an amount) or risk")
        return self


class Concerning(Strict):
    """A row about some actions."""

    actions: tuple[ActionPattern, ...] = Field(min_length=1)

    def concerns(self, action: str) -> bool:
        return any(fnmatchcase(action, pattern) for pattern in self.actions)


class Rule(Concerning):
    """All rules that match apply, the strictest wins: adding one can only tighten.

    `when` is a CEL condition over the frozen facts; `confidence_below` adds that the action's confidence is
    lower than this, or not known. Both must hold. `basis` says what it rests on: a law, a contract, an incident.
    """

    name: Name
    basis: str = Field(min_length=3, max_length=300)
    actions: tuple[ActionPattern, ...] = Field(default=("*",), min_length=1)
    when: Condition | None = None
    confidence_below: Share | None = None
    then: Literal["review", "takeover", "reject"] = "review"
    tier: Annotated[Count, Field(ge=1)] | None = None
    approvals: Annotated[Count, Field(ge=1, le=10)] | None = None
    risk: Risk | None = None
    reason: Reason = Reason.HIGH_RISK

    @model_validator(mode="after")
    def _says_when(self) -> "Rule":
        if self.when is None and self.confidence_below is None and "*" in self.actions:
            raise ValueError("a rule for every action needs a condition: when, or confidence_below")
        return self


class Total(Concerning):
    """Amounts that count together, so that splitting gains nothing: those of `actions` within `window`."""

    name: Name
    by: Literal["target", "requester", "all"] = "target"
    window: Duration = timedelta(hours=24)


class Weights(Concerning):
    """The signals' weights for some actions; 0 says that the signal does not apply to them."""

    weights: dict[Signal, Share]

    @model_validator(mode="after")
    def _something(self) -> "Weights":
        if not any(self.weights.values()):
            raise ValueError("at least one weight must be above 0")
        return self


class ConfidenceTable(Strict):
    """How signals become one confidence. `precedents`: fewer earlier ones than this say nothing yet."""

    weights: dict[Signal, Share] = Field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    precedents: Annotated[Count, Field(ge=1, le=1000)] = 5
    overrides: tuple[Weights, ...] = ()


class Impacts(Strict):
    """Amounts above these have at least this impact."""

    medium: Amount = Decimal(100)
    high: Amount = Decimal(500)
    critical: Amount = Decimal(50_000)

    @model_validator(mode="after")
    def _ordered(self) -> "Impacts":
        if not self.medium <= self.high <= self.critical:
            raise ValueError("medium, high and critical must not fall")
        return self

    def of(self, value: Decimal | None) -> Risk:
        if value is None or value <= self.medium:
            return Risk.LOW
        return Risk.CRITICAL if value > self.critical else Risk.HIGH if value > self.high else Risk.MEDIUM


class Unusual(Strict):
    """What counts as unusual against the record: `times` the usual amount of this action or of what it touches,
    once there are `least` to compare; `again` amounts to the same recipient, or more, within the last seven days.
    """

    times: Annotated[float, Field(gt=1.0, le=100.0, allow_inf_nan=False), BeforeValidator(number)] = 3.0
    least: Annotated[Count, Field(ge=1, le=1000)] = 5
    again: Annotated[Count, Field(ge=1, le=1000)] = 2


class Checkpoint(Strict):
    """A long run asks whether to go on: after this many steps, or this long, since a person last decided."""

    workflow: str = Field(pattern=r"^(\*|[a-z_][a-z0-9_]*)$")
    every_steps: Annotated[Count, Field(ge=1, le=1000)] | None = None
    every: Duration | None = None
    tier: Annotated[Count, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _some(self) -> "Checkpoint":
        if self.every_steps is None and self.every is None:
            raise ValueError("say when: every_steps, every, or both")
        return self


class Reviewer(Strict):
    """An entry of the register: who may review what, up to which amount, trained until when."""

    user: str = Field(pattern=r"^[UW][A-Z0-9_]{2,}$")
    role: str = ""
    domains: tuple[str, ...] = ("*",)
    limit: Amount | None = None
    trained_until: date | None = None


class Team(Strict):
    """Requests of these workflows are seen and decided by these people only, and by auditors.

    `channel`: where their cards go, instead of the tiers' channels, which others read.
    """

    workflows: tuple[str, ...] = Field(min_length=1)
    members: tuple[str, ...] = Field(min_length=1)
    channel: str | None = Field(default=None, min_length=1)


class Roles(Strict):
    """Who may do what beside reviewing; entries are written as in a tier's `reviewers`."""

    may_edit: tuple[str, ...] = ("*",)
    stop: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    policy_owners: tuple[str, ...] = ()
    auditors: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    operators_channel: str | None = None
