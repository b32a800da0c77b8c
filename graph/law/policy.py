"""The policy document: tiers, who reviews, thresholds. TOML, typed, unknown keys refused."""

import re
import tomllib
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)", re.ASCII)
_UNIT: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class BadPolicy(ValueError):
    """The policy can't be used; each line of the message names a place and what to do there."""


def parse_duration(value: object) -> timedelta:
    """Parse `30s`, `15m`, `4h` or `7d`; raises ValueError."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write a duration as "30s", "15m", "4h" or "7d"')
    return timedelta(**{_UNIT[match.group(2)]: int(match.group(1))})


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Strict(BaseModel):
    """Unknown keys are refused: a misspelt limit must not silently be no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tier(Strict):
    """One level of human attention: where its cards go, who may decide, how fast.

    `reviewers` holds Slack user ids, user group ids, or user group handles written `@handle`.
    """

    channel: str = Field(min_length=1)
    reviewers: tuple[str, ...] = Field(min_length=1)
    sla: Duration = timedelta(minutes=15)
    expires: Duration = timedelta(hours=72)
    approvals: int = Field(default=1, ge=1, le=10)

    @model_validator(mode="after")
    def _expiry_after_sla(self) -> "Tier":
        if self.expires < self.sla:
            raise ValueError("expires must not be shorter than sla")
        return self


class Threshold(Strict):
    """One row of the lookup table; the most specific matching row wins.

    `action` is `workflow.action`, `workflow.*` or `*`; `up_to` limits the row to amounts up to it.
    `auto`: confidence from which the action runs alone (absent: never). `review`: confidence below
    which nobody is bothered with it and `below` happens instead.
    """

    action: str = Field(pattern=r"^(\*|[a-z_][a-z0-9_]*\.(\*|[a-z_][a-z0-9_]*))$")
    up_to: Decimal | None = Field(default=None, gt=0)
    auto: Share | None = None
    review: Share = 0.0
    below: Literal["reformulate", "takeover"] = "reformulate"
    tier: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> "Threshold":
        if self.auto is not None and self.auto < self.review:
            raise ValueError("auto must not be lower than review")
        return self


class Lift(Strict):
    """Amounts above `above` start at `tier` or higher."""

    above: Decimal = Field(ge=0)
    tier: int = Field(ge=1)


class Roles(Strict):
    """Who may do what beside reviewing; entries are written as in a tier's `reviewers`."""

    may_edit: tuple[str, ...] = ("*",)
    operators: tuple[str, ...] = ()
    operators_channel: str | None = None


class Policy(Strict):
    """The whole document. `tiers` is keyed "1", "2", … without gaps."""

    format: Literal[1]
    directory_max_age: Duration = timedelta(hours=24)
    execution_window: Duration = timedelta(hours=1)
    max_reformulations: int = Field(default=2, ge=0, le=10)
    tiers: dict[int, Tier] = Field(min_length=1)
    thresholds: tuple[Threshold, ...] = Field(min_length=1)
    lifts: tuple[Lift, ...] = ()
    roles: Roles = Roles()

    @model_validator(mode="after")
    def _consistent(self) -> "Policy":
        if sorted(self.tiers) != list(range(1, len(self.tiers) + 1)):
            raise ValueError("tiers must be numbered 1, 2, 3 … without gaps")
        top = len(self.tiers)
        for named in [row.tier for row in self.thresholds] + [lift.tier for lift in self.lifts]:
            if named > top:
                raise ValueError(f"tier {named} is used but there are only {top} tiers")
        keys = [(row.action, row.up_to) for row in self.thresholds]
        if len(set(keys)) != len(keys):
            raise ValueError("two thresholds have the same action and up_to")
        if ("*", None) not in keys:
            raise ValueError('a threshold with action = "*" and no up_to must say what holds for everything else')
        return self

    def threshold(self, action: str, value: Decimal | None) -> Threshold:
        """The most specific row: exact name before `workflow.*` before `*`, then the tightest `up_to`."""
        rows = [row for row in self.thresholds if fnmatchcase(action, row.action) and _covers(row, value)]
        return min(rows, key=lambda row: (_generality(row.action), row.up_to is None, row.up_to or 0))


def parse_policy(text: str) -> Policy:
    """Parse and check a policy document; raise `BadPolicy` naming every mistake and its place."""
    try:
        return Policy.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"not valid TOML: {error}") from None
    except ValidationError as error:
        lines = [f"{_place(item['loc'])}: {item['msg']}" for item in error.errors()]
        raise BadPolicy("\n".join(lines)) from None


def _covers(row: Threshold, value: Decimal | None) -> bool:
    return row.up_to is None or (value is not None and value <= row.up_to)


def _generality(pattern: str) -> int:
    return 2 if pattern == "*" else 1 if pattern.endswith(".*") else 0


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "policy"
