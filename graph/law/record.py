"""What the record says about an action, in words for people: unusual amounts, totals, earlier rejections."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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


def unusual_amount(policy: Policy, value: Decimal | None, record: Record) -> str | None:
    """The flag for an amount far from what this action usually moves, or None."""
    usual = record.usual
    if value is None or not usual or record.usual_of < policy.unusual.least:
        return None
    if value < Decimal(str(policy.unusual.times)) * usual:
        return None
    return f"{value / usual:.1f}× the usual amount of this action ({usual:.2f}, over the last {record.usual_of})"


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
