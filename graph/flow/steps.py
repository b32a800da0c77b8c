"""How far a plan of steps has come, told from the history: the walk and the words that plain agents share."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from graph.flow.workflow import Action, GiveUp, Turn
from graph.law.action import question

Told = Callable[[Turn], str]
"""Names what a turn was about, as in `Refund 420.00 EUR to order 4711`."""
_BACK: Final = {
    "rejected": "was rejected",
    "expired": "expired; nobody decided in time, and nobody rejected it",
    "cancelled": "was cancelled by whoever asked for it",
}
"""How a step comes back, in words: that nobody answered is no denial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a plan stands.

    `settled`: one turn for each step that is through, as it was decided, edits included. `refused`: the turn in
    which people, policy or the clock sent the next step back. `failed`: the turn in which it failed, once.
    """

    settled: tuple[Turn, ...] = ()
    refused: Turn | None = None
    failed: Turn | None = None


def standing(
    history: Iterable[Turn],
    *,
    chances: int = 1,
    harmless: Collection[str] = (),
    told: Told = lambda turn: turn.action,
) -> Standing | GiveUp:
    """Walk the history turn by turn; a `GiveUp` says why the plan can't go on.

    A step is through once it is done or a person has handled it. It may come back `chances` times (the agent then
    proposes something safer) and may fail once; an outcome that nobody knows ends the plan, but for actions that
    are `harmless` either way. `told` names a turn in the words of the GiveUp.
    """
    now, returned = Standing(), 0
    for turn in history:
        unknown = turn.outcome in ("unknown", "intent")
        if turn.outcome == "done" or turn.status == "handled" or (unknown and turn.action in harmless):
            now, returned = Standing(settled=(*now.settled, turn)), 0
        elif unknown:
            return GiveUp(f"Nobody knows whether this happened: {told(turn)}.")
        elif turn.outcome == "compensated":
            return GiveUp(f"This was undone: {told(turn)}.{_because(turn)}")
        elif turn.outcome == "failed":
            if now.failed is not None:
                return GiveUp(f"This failed twice: {told(turn)}.{_because(turn)}")
            now = replace(now, failed=turn)
        elif turn.status in _BACK:
            returned += 1
            if returned > chances:
                return no_other_way(turn, told)
            now = replace(now, refused=turn, failed=None)
        # What is left was approved and never begun: the world had moved, and Gatepost asks the same again itself.
    return now


def no_other_way(refused: Turn, told: Told) -> GiveUp:
    """The end of a plan whose next step came back and has no safer form."""
    return GiveUp(f"This {sent_back(refused)}: {told(refused)}.{_because(refused)}")


def sent_back(refused: Turn) -> str:
    """`was rejected`, or what else became of a step that came back."""
    return _BACK.get(refused.status, f"was {refused.status}")


def in_words(actions: Iterable[Action[Any]]) -> Told:
    """Names a turn by its action's question, asked about the arguments that were decided."""
    forms = {action.name: action.form() for action in actions}
    return lambda turn: question(forms[turn.action], dict(turn.args)).rstrip("?")


def became(turns: Iterable[Turn], told: Told) -> list[str]:
    """What became of each turn, without anybody's reasons: `Refund 420.00 EUR to order 4711: done`."""
    return [f"{told(turn)}: {turn.outcome or turn.status}" for turn in turns]


def tried(history: Iterable[Turn], told: Told) -> list[str]:
    """What became of each turn and in whose words, for the context of the next proposal."""
    return [f"{line}.{_because(turn)}" for turn in history for line in became([turn], told)]


def _because(turn: Turn) -> str:
    words = turn.error or turn.reason
    return f" Last words: {words}" if words else ""
