"""What was decided before, from Gatepost's own record: who, when, why, and what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.cards import times
from bot.cards.decided import MAX_REASON, OUTCOMES, outcome_detail
from bot.cards.kinds import decided_by
from bot.cards.view import name_of
from bot.modals.sheet import Entry
from bot.words import clip, flowing
from graph.law.request import Kind, Outcome, Status
from graph.verbs.ports import Taken

MOST: Final = 40
"""How many are shown; the caller fetches one more, so that this can be said."""
ENDED_BADLY: Final = (Outcome.FAILED, Outcome.UNKNOWN)


def steps(taken: Sequence[Taken], names: Mapping[str, str]) -> list[Entry]:
    """What this run did before, oldest first, each under its turn."""
    shown = [(f"Turn {one.turn}: {_who(one, names)}", _told(one)) for one in reversed(taken[:MOST])]
    return [*([("", f"(only the last {MOST})")] if len(taken) > MOST else []), *shown]


def earlier(taken: Sequence[Taken], names: Mapping[str, str]) -> list[Entry]:
    """What other runs did about the same thing, newest first."""
    shown = [(_who(one, names), _told(one)) for one in taken[:MOST]]
    return [*shown, *([("", f"(only the last {MOST})")] if len(taken) > MOST else [])]


def setbacks(taken: Sequence[Taken]) -> Iterator[str]:
    """What did not go through in this run, oldest first: `Refund 420.00 EUR to order 4711: rejected, “too much”`."""
    for one in reversed(taken[:MOST]):
        if one.effect is not None and one.effect.status in ENDED_BADLY:
            yield f"{_asked(one)}: {_outcome(one).removeprefix('Outcome: ')}"
        elif one.status in (Status.REJECTED, Status.EXPIRED) and one.kind is not Kind.RECONCILE:
            yield f"{_asked(one)}: {one.status}{_because(one)}"


def _who(one: Taken, names: Mapping[str, str]) -> str:
    who = decided_by(one.kind, one.status)
    by = "" if one.status is Status.EXPIRED else f" {name_of(one.decision.by, names)}"
    return f"{who}{by}, {times.utc(one.decision.at)}"


def _told(one: Taken) -> str:
    """The question, then why and what came of it, a line each."""
    reason = _because(one).removeprefix(", ")
    return "\n".join(text for text in (flowing(one.question), reason and f"Reason: {reason}", _outcome(one)) if text)


def _asked(one: Taken) -> str:
    return flowing(one.question).rstrip("?")


def _because(one: Taken) -> str:
    reason = one.decision.reason
    return f", “{clip(flowing(reason), MAX_REASON)[0]}”" if reason.strip() else ""


def _outcome(one: Taken) -> str:
    """What came of it, as far as it led to anything."""
    if one.effect is None:
        waits = one.kind is Kind.ACTION and one.status is Status.APPROVED
        return "Outcome: not carried out" if waits else ""
    detail = outcome_detail(one.effect)
    return f"Outcome: {OUTCOMES[one.effect.status]}" + (f" ({detail})" if detail else "")
