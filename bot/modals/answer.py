"""Answer: the requester's words to a question about what they asked for."""

from bot.cards.arguments import asked
from bot.cards.kit import labelled, rich
from bot.ids import ANSWER_SUBMIT, encode_question
from bot.modals.frame import form, read_words, reason_field
from bot.words import Json
from graph.law.request import Request
from graph.law.words import answer_problem
from graph.verbs.ports import Question


def build(request: Request, question: Question) -> Json:
    """The question, what it is about, and one required field."""
    blocks = [
        rich(labelled("About:", asked(request), limit=900)),
        rich(labelled("Asked:", question.question, limit=2000)),
        reason_field("Your answer", "Whoever decides reads it as it is."),
    ]
    return form("Answer a question", ANSWER_SUBMIT, encode_question(question.id), blocks, "Answer")


def parse(state: object) -> tuple[str, dict[str, str]]:
    """The words, and errors by block_id."""
    return read_words(state, answer_problem)
