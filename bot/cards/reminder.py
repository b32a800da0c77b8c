"""The reminder under a card that nobody has answered: what, how long there still is, who looks at it."""

from collections.abc import Sequence
from typing import Final

from bot.cards import arguments, kit, times
from bot.cards.speech import spoken
from bot.cards.view import Card, CardView
from bot.words import Json, clip, flowing, line, run

MOST_MENTIONS: Final = 5
MAX_QUESTION: Final = 600


def reminder(view: CardView, groups: Sequence[str] = (), people: Sequence[str] = ()) -> Card:
    """Said to whoever took it on; else to these user groups and people."""
    looking = _looking(view)
    called = _mentions((), (looking,)) if looking else _mentions(groups, people)
    question = clip(flowing(arguments.headline(view.request)[0]), MAX_QUESTION)[0]
    rest = [times.left(view.due_at(), view.clock()), "nobody has decided"]
    rest += [f"{view.name(looking)} is looking at it"] if looking else []
    return _card(question, " · ".join(rest), called)


def reminder_of(about: tuple[str, str], groups: Sequence[str] = (), people: Sequence[str] = ()) -> Card:
    """The same about several at once: what, and how long there still is."""
    return _card(clip(flowing(about[0]), MAX_QUESTION)[0], about[1], _mentions(groups, people))


def _card(question: str, rest: str, called: str) -> Card:
    blocks: list[Json] = [kit.rich(line(run("Reminder: ", bold=True), run(question), run(f" · {rest}")))]
    if called:
        blocks.insert(0, {"type": "section", "text": kit.mrkdwn(called)})
    return Card(spoken(f"Reminder: {question} · {rest}"), blocks)


def _looking(view: CardView) -> str:
    """Who has it now: whom it was given to, or who claimed it and still may say so."""
    request = view.request
    if request.assigned_to:
        return request.assigned_to
    claimed = request.claimed_by and request.claimed_until and request.claimed_until > view.now
    return str(request.claimed_by) if claimed else ""


def _mentions(groups: Sequence[str], people: Sequence[str]) -> str:
    """Whoever is to be called, as mrkdwn of ours: the ids come from the directory's mirror."""
    called = [*(f"<!subteam^{group}>" for group in groups), *(f"<@{user}>" for user in people)]
    return " ".join(called[:MOST_MENTIONS])
