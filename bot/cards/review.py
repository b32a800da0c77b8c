"""The review card: one function for every state, rendered whole from data."""

from bot.cards.batch import folded_card
from bot.cards.decided import decided_blocks
from bot.cards.pending import pending_blocks
from bot.cards.speech import speech
from bot.cards.view import Card, CardView
from graph.law.request import Status


def card(view: CardView) -> Card:
    """The card as it looks now; the same rows give the same card."""
    pending = view.request.status is Status.PENDING
    if pending and view.batched:
        return folded_card(view)
    return Card(speech(view), pending_blocks(view) if pending else decided_blocks(view))
