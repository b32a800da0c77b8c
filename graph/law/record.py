"""What the record says about an action, in words for people: unusual amounts, totals, earlier rejections."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from graph.law.facts import Record
from graph.law.policy import Policy

AGENT_FLAG: Final = "agent: "
"""What the agent itself finds unusual is marked as its words."""
BEFORE: Final = "before the change: "
"""What was unusual before a person changed the action; whether it still is, only a worker can find out."""
_SPLIT: Final = re.compile(r"[\s\"'`,;=(){}\[\]<>|]+")
_NUMBER: Final = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")
_LEAST: Final = 4
_MAX_REASON: Final = 120
_MAX_TARGET: Final = 40
LATELY: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """An earlier request that people rejected."""

    request_id: str
    run_id: str
    action: str
    question: str
    digest: str
    target: str | None
    args: Mapping[str, Any]
    reason: str
    at: datetime


def unusual_amounts(policy: Policy, value: Decimal | None, target: str | None, record: Record) -> tuple[str, ...]:
    """Flags for an amount far from what this action, or what it touches, usually sees; and for one too many."""
    if value is None:
        return ()
    found = []
    whose = _short(target or "")
    if ratio := _ratio(policy, value, record.theirs, record.theirs_of):
        found.append(f"{ratio}× the average for {whose} ({record.theirs:,.2f} over {record.theirs_of})")
    elif ratio := _ratio(policy, value, record.usual, record.usual_of):
        found.append(f"{ratio}× the usual amount of this action ({record.usual:,.2f} over {record.usual_of})")
    if record.lately >= policy.unusual.again:
        found.append(repeated(target, record))
    return tuple(found)


def repeated(target: str | None, record: Record) -> str:
    """The flag for one too many for the same target: `2 earlier for Jo Doe in 7 days`."""
    return f"{record.lately} earlier for {_short(target or '')} in {LATELY.days} days"


def _ratio(policy: Policy, value: Decimal, usual: Decimal | None, of: int) -> str:
    """How many times the usual, `3.1`; nothing where that is not unusual, or too little is known."""
    if not usual or of < policy.unusual.least or value < Decimal(str(policy.unusual.times)) * usual:
        return ""
    return f"{value / usual:.1f}"


def _short(target: str) -> str:
    words = " ".join(target.split())
    return words if len(words) <= _MAX_TARGET else words[: _MAX_TARGET - 1] + "…"


def same_thing(
    before: Rejected,
    *,
    run_id: str,
    action: str,
    digest: str,
    target: str | None,
    args: Mapping[str, Any],
    common: frozenset[str] = frozenset(),
) -> bool:
    """Whether this is what was rejected, maybe under another name: the same bytes; the same kind of action on the
    same target; or, in the same run or on the same target, an argument in common that is no everyday word.

    `common` are pieces that say nothing, because what people approved in this run holds them as well.
    """
    if before.digest == digest:
        return True
    on_target = target is not None and before.target == target
    if on_target and before.action == action:
        return True
    known = common | pieces(target)
    return (on_target or before.run_id == run_id) and bool((pieces(before.args) & pieces(args)) - known)


def news(flags: Sequence[str], shown: Sequence[str]) -> list[str]:
    """Flags that say more than those that were shown: of another kind, or with a larger leading number."""
    known = {_kind_of(flag.removeprefix(BEFORE)): _number_of(flag.removeprefix(BEFORE)) for flag in shown}
    return [flag for flag in flags if _kind_of(flag) not in known or _number_of(flag) > known[_kind_of(flag)]]


def _kind_of(flag: str) -> str:
    """A flag without its numbers: 3.1× and 3.0× the usual amount are the same kind of news."""
    return _NUMBER.sub("#", flag)


def _number_of(flag: str) -> float:
    found = _NUMBER.search(flag)
    return float(found.group().replace(",", "")) if found else 0.0


def told(before: Rejected) -> str:
    """The flag that reminds of it."""
    reason = " ".join(before.reason.split())
    short = reason if len(reason) <= _MAX_REASON else reason[: _MAX_REASON - 1] + "…"
    return f"Rejected before, on {before.at:%Y-%m-%d %H:%M} UTC: {before.question} (“{short}”)"


def pieces(value: Any) -> frozenset[str]:
    """The distinctive pieces of all texts in there."""
    match value:
        case str():
            return frozenset(piece for piece in _SPLIT.split(value.casefold()) if len(piece) >= _LEAST and _odd(piece))
        case Mapping():
            return frozenset().union(*map(pieces, value.values()))
        case list() | tuple():
            return frozenset().union(*map(pieces, value))
        case _:
            return frozenset()


def _odd(piece: str) -> bool:
    """Ids, paths, addresses and amounts; no words."""
    return not piece.isalpha()
