"""Ask: a question to the agent and to whoever asked for the action."""

from bot.cards.arguments import asked
from bot.cards.kit import labelled, rich
from bot.ids import ASK_SUBMIT, Origin, Ref
from bot.modals.frame import REASON, field, modal, read_words
from bot.words import Json
from graph.law.request import Request
from graph.law.words import MAX_QUESTION, question_problem


def build(request: Request, ref: Ref, channel: str | None, ts: str | None) -> Json:
    """What it is about and one required field."""
    element = {"type": "plain_text_input", "multiline": True, "max_length": MAX_QUESTION}
    who = "The agent and the requester" if request.requester else "The agent"
    hint = f"{who} can answer; you get a message. Everybody can still decide meanwhile."
    blocks = [
        rich(labelled("About:", asked(request), limit=900)),
        field(REASON, "What do you want to know?", element, hint=hint),
    ]
    return modal("Ask about this", ASK_SUBMIT, Origin(ref, channel, ts), blocks, "Ask")


def parse(state: object) -> tuple[str, dict[str, str]]:
    """The question, and errors by block_id."""
    return read_words(state, question_problem)
