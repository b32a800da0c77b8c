"""What the record says about an action, in words for people: unusual amounts, totals, earlier rejections."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from graph.law.facts import Record
from graph.law.policy import Policy

_SPLIT: Final = re.compile(r"[\s\"'`,;=(){}\[\]<>|]+")
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


def same_thing(before: Rejected, *, run_id: str, digest: str, target: str | None, args: Mapping[str, Any]) -> bool:
    """Whether this is what was rejected, maybe under another name: the same action or target, or, within
    one run, an argument in common that is no everyday word.
    """
    if before.digest == digest or (target is not None and before.target == target):
        return True
    return before.run_id == run_id and bool(_tokens(before.args) & _tokens(args))


def told(before: Rejected) -> str:
    """The flag that reminds of it."""
    reason = " ".join(before.reason.split())
    short = reason if len(reason) <= _MAX_REASON else reason[: _MAX_REASON - 1] + "…"
    return f"Rejected before, on {before.at:%Y-%m-%d %H:%M} UTC: {before.question} (“{short}”)"


def _tokens(value: Any) -> frozenset[str]:
    """The distinctive pieces of all texts in there."""
    match value:
        case str():
            return frozenset(piece for piece in _SPLIT.split(value.casefold()) if len(piece) >= _LEAST and _odd(piece))
        case Mapping():
            return frozenset().union(*map(_tokens, value.values()))
        case list() | tuple():
            return frozenset().union(*map(_tokens, value))
        case _:
            return frozenset()


def _odd(piece: str) -> bool:
    """Ids, paths, addresses and amounts; no words."""
    return not piece.isalpha()
