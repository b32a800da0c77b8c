"""Where a case stands after all that happened so far: pure, the same history always gives the same standing."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from graph.flow.workflow import GiveUp, Turn

CREDIT, REFUND, LETTER = "reserve_credit", "refund_card", "write_customer"
STEPS: Final = (CREDIT, REFUND, LETTER)
_TITLES: Final = {CREDIT: "the store credit", REFUND: "the refund", LETTER: "the message to the customer"}


@dataclass(frozen=True, slots=True)
class Standing:
    """The step to take next (None: all taken), how often it failed or was rejected, and how earlier ones ended."""

    step: str | None = CREDIT
    failures: int = 0
    rejections: int = 0
    ended: dict[str, Turn | None] = field(default_factory=dict)
    """By step: the turn that settled it, or None where people wanted it left out."""


def standing(history: Iterable[Turn]) -> Standing | GiveUp:
    """Walk the history turn by turn; a `GiveUp` says why the case can't go on."""
    now: Standing | GiveUp = Standing()
    for turn in history:
        if isinstance(now, GiveUp):
            break
        now = _after(now, turn)
    return now


def _after(now: Standing, turn: Turn) -> Standing | GiveUp:
    """A turn belongs to the step at which it was taken: a person may have chosen another action for it."""
    if now.step is None:
        return now
    what = _TITLES[now.step]
    if turn.outcome == "done" or turn.status == "handled":
        return _next(now, turn)
    if turn.outcome in ("unknown", "intent"):
        # A letter of unknown fate is no reason to take the customer's money back; a payment is.
        return _next(now, turn) if now.step == LETTER else GiveUp(f"Nobody knows whether {what} happened.")
    if turn.outcome == "compensated":
        return GiveUp(f"{what} was undone.".capitalize())
    if turn.status == "expired":
        return GiveUp(f"Nobody decided about {what} in time: the request expired. Nobody rejected it.")
    if turn.status == "cancelled":
        return GiveUp(f"The request about {what} was cancelled.")
    if turn.status == "rejected":
        return _rejected(now, turn, what)
    # Approved and never begun (the world had moved, say) is no failure: the same is asked again.
    return _failed(now, turn, what) if turn.outcome == "failed" else now


def _next(now: Standing, turn: Turn | None) -> Standing:
    step = now.step or LETTER
    index = STEPS.index(step) + 1
    return Standing(step=STEPS[index] if index < len(STEPS) else None, ended={**now.ended, step: turn})


def _rejected(now: Standing, turn: Turn, what: str) -> Standing | GiveUp:
    """Goodwill is optional; a refund has one alternative; a letter can be reworded once, or left out."""
    if now.step == CREDIT:
        return _next(now, None)
    if now.rejections == 0:
        return replace(now, rejections=1, failures=0)
    if now.step == LETTER:
        return _next(now, None)
    return GiveUp(f"{what} and its alternative were both rejected.".capitalize() + _because(turn))


def _failed(now: Standing, turn: Turn, what: str) -> Standing | GiveUp:
    if now.failures == 0:
        return replace(now, failures=1)
    return GiveUp(f"{what} failed twice.".capitalize() + _because(turn))


def _because(turn: Turn) -> str:
    words = turn.error or turn.reason
    return f" Last words: {words}" if words else ""
