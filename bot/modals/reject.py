"""Reject: a reason that the agent can learn from. On a reconcile card: how one knows that it did not happen."""

from bot.cards.arguments import asked
from bot.cards.kit import labelled, rich
from bot.ids import REJECT_SUBMIT, Origin, Ref
from bot.modals.frame import modal, read_reason, reason_field
from bot.words import Json
from graph.law.request import Kind, Request


def build(request: Request, ref: Ref, channel: str | None, ts: str | None) -> Json:
    """The question and one required field."""
    if request.kind is Kind.RECONCILE:
        title, submit, question = "It did not happen", "It did not happen", "How do you know?"
        hint = "Where did you look? This is recorded, and the run goes on as if it never happened."
    else:
        title, submit, question = "Reject this action", "Reject", "Why not?"
        hint = "The agent is told and looks for another way, or undoes what it did so far."
    blocks = [rich(labelled("Asked:", asked(request), limit=900)), reason_field(question, hint)]
    return modal(title, REJECT_SUBMIT, Origin(ref, channel, ts), blocks, submit)


def parse(state: object) -> tuple[str, dict[str, str]]:
    """The reason, and errors by block_id."""
    return read_reason(state)
