"""Take over: a person answers in the agent's place; the agent gets the words as the action's result."""

from bot.cards.arguments import asked
from bot.cards.kit import labelled, rich
from bot.ids import RESPOND_SUBMIT, Origin, Ref
from bot.modals.frame import modal, read_reason, reason_field
from bot.words import Json
from graph.law.request import Request


def build(request: Request, ref: Ref, channel: str | None, ts: str | None) -> Json:
    """The question and the words for the agent."""
    hint = "“I did it by hand”, or the answer the agent needs. The proposed action itself is not executed."
    blocks = [
        rich(labelled("Asked:", asked(request), limit=900)),
        reason_field("What shall the agent know?", hint),
    ]
    return modal("Take over", RESPOND_SUBMIT, Origin(ref, channel, ts), blocks, "Take over")


def parse(state: object) -> tuple[str, dict[str, str]]:
    """The words for the agent, and errors by block_id."""
    return read_reason(state)
