"""What the rows of a policy document are made of."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from graph.law.rules import BadCondition, check_condition

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)", re.ASCII)
_UNIT: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=366)
PATTERN: Final = r"^(\*|[a-z_][a-z0-9_]*\.(\*|[a-z_][a-z0-9_]*))$"


def parse_duration(value: object) -> timedelta:
    """Parse `30s`, `15m`, `4h` or `7d`, at most a year; raises ValueError."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write a duration as "30s", "15m", "4h" or "7d"')
    duration = timedelta(**{_UNIT[match.group(2)]: int(match.group(1))})
    if duration > _LONGEST:
        raise ValueError(f"at most {_LONGEST.days}d: what takes longer has no date")
    return duration


def _condition(text: str) -> str:
    try:
        check_condition(text)
    except BadCondition as error:
        raise ValueError(str(error)) from None
    return text


def number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("a number is wanted here, not true or false or a text in quotes")
    return value


def _tier_number(value: object) -> object:
    """`1` and `01` are two keys of TOML, and must not become one tier of which the last wins."""
    if isinstance(value, str) and (not value.isascii() or not value.isdigit() or value.startswith("0")):
        raise ValueError("number the tiers 1, 2, 3 …, without leading zeros")
    return value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValueError('write a time zone as "Europe/Berlin"') from None
    return name


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False), BeforeValidator(number)]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False), BeforeValidator(number)]
Count = Annotated[int, Field(strict=True), BeforeValidator(number)]
TierNumber = Annotated[int, BeforeValidator(_tier_number)]
ActionPattern = Annotated[str, Field(pattern=PATTERN)]
Condition = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_condition)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")]


class Strict(BaseModel):
    """Unknown keys are refused: a misspelt limit must not silently be no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)
