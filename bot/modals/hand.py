"""Hand to: somebody else is to look at it, because they know more or have the time."""

from typing import Final

from bot.cards.arguments import asked
from bot.cards.kit import labelled, rich
from bot.guard.shape import USER_ID
from bot.ids import HAND_SUBMIT, Origin, Ref
from bot.modals.frame import MAX_INPUT, REASON, element_of, field, modal, read_words
from bot.words import Json
from graph.law.request import Request
from graph.law.words import reason_problem

WHO: Final = "to"


def build(request: Request, ref: Ref, channel: str | None, ts: str | None) -> Json:
    """A person, and why if there is something to say."""
    why = {"type": "plain_text_input", "multiline": True, "max_length": MAX_INPUT}
    blocks = [
        rich(labelled("Asked:", asked(request), limit=900)),
        field(WHO, "Who?", {"type": "users_select"}, hint="Somebody who could decide it; they get the card directly."),
        field(REASON, "Why them?", why, optional=True),
    ]
    return modal("Hand it to somebody", HAND_SUBMIT, Origin(ref, channel, ts), blocks, "Hand over")


def parse(state: object) -> tuple[str, str, dict[str, str]]:
    """The user id, the reason, and errors by block_id."""
    chosen = element_of(state, WHO).get("selected_user")
    user = chosen if isinstance(chosen, str) and USER_ID.fullmatch(chosen) else ""
    why, errors = read_words(state, lambda text: reason_problem(text, required=False))
    return user, why, errors if user else {WHO: "Please choose a person.", **errors}
