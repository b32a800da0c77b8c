"""Reject: a reason that the agent can learn from; of what only asks people, the answer no and how one knows."""

from typing import Final, NamedTuple

from bot.cards.arguments import asked
from bot.cards.kit import labelled, rich
from bot.ids import REJECT_SUBMIT, Origin, Ref
from bot.modals.frame import modal, read_reason, reason_field
from bot.words import Json
from graph.law.request import Kind, Request


class Words(NamedTuple):
    """What the form says; `submit` is its button."""

    title: str
    submit: str
    question: str
    hint: str


_LEARNS: Final = "It counts against letting actions like this run alone."
_WORDS: Final = {
    Kind.ACTION: Words(
        "Reject this action",
        "Reject",
        "Why not?",
        "The agent is told and looks for another way, or undoes what it did so far.",
    ),
    Kind.RECONCILE: Words(
        "It did not happen",
        "It did not happen",
        "How do you know?",
        "Where did you look? This is recorded, and the run goes on as if it never happened.",
    ),
    Kind.CHECKPOINT: Words(
        "Stop this run", "Stop", "Why stop?", "The run ends, and what it did so far is undone where it can be."
    ),
    Kind.REVIEW: Words("Undo it", "Undo it", "What was wrong?", f"It is undone now. {_LEARNS}"),
}
_LASTING: Final = Words(
    "It was wrong", "It was wrong", "What was wrong?", f"It can't be undone; operators are told. {_LEARNS}"
)


def build(request: Request, ref: Ref, channel: str | None, ts: str | None) -> Json:
    """The question and one required field."""
    words = _LASTING if request.kind is Kind.REVIEW and not request.reversible else _WORDS[request.kind]
    blocks = [rich(labelled("Asked:", asked(request), limit=900)), reason_field(words.question, words.hint)]
    return modal(words.title, REJECT_SUBMIT, Origin(ref, channel, ts), blocks, words.submit)


def parse(state: object) -> tuple[str, dict[str, str]]:
    """The reason, and errors by block_id."""
    return read_reason(state)
