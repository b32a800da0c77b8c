"""One card onto the screen: posted, found again, updated, or posted anew where somebody deleted it."""

from collections.abc import Awaitable, Callable

import structlog

from bot.cards.batch import batch_card
from bot.cards.batch_view import BatchView
from bot.cards.review import card as single_card
from bot.cards.view import Card, CardView
from bot.delivery.post import Letter, Post
from bot.ids import CARD_EVENT
from bot.slack import Gone, SlackProblem
from graph.law.request import Status
from graph.verbs.ports import CardRow

_log = structlog.get_logger(__name__)
Place = tuple[str, str]


class CardDelivery:
    """`know` mirrors a requester before anybody can decide for them (four eyes need both persons known)."""

    def __init__(self, post: Post, know: Callable[[str], Awaitable[object]] | None = None) -> None:
        self._post, self._know = post, know

    async def deliver(self, row: CardRow, view: CardView | BatchView, *, maybe_posted: bool) -> tuple[Place, str]:
        """Show the card as it is now; gives its place and the text shown. Raises `SlackProblem`."""
        card = batch_card(view) if isinstance(view, BatchView) else single_card(view)
        if row.channel is None or row.ts is None:
            await self._introduce(view)
            return await self._first(row, card, maybe_posted), card.text
        try:
            await self._post.update(row.channel, row.ts, card)
        except Gone as problem:
            if problem.code != "message_not_found":
                raise
            return await self._again(row, view, card), card.text
        return (row.channel, row.ts), card.text

    async def _first(self, row: CardRow, card: Card, maybe_posted: bool) -> Place:
        letter = _letter(row)
        found = await self._post.adopt(letter) if maybe_posted else None
        if found is None:
            return await self._post.new(letter, card)
        await self._post.update(*found, card)
        return found

    async def _again(self, row: CardRow, view: CardView | BatchView, card: Card) -> Place:
        """Somebody deleted the message: what still waits is shown again, what is decided needs no card."""
        waits = view.waiting() if isinstance(view, BatchView) else view.request.status is Status.PENDING
        if not waits:
            return str(row.channel), str(row.ts)
        _log.warning("a pending card was deleted and is posted again", card=row.id)
        return await self._first(row, card, maybe_posted=True)

    async def _introduce(self, view: CardView | BatchView) -> None:
        requests = [each.request for each in view.waiting()] if isinstance(view, BatchView) else [view.request]
        strangers = dict.fromkeys(each.requester for each in requests if each.requester not in view.names)
        for requester in strangers if self._know else ():
            try:
                if self._know and requester:
                    await self._know(requester)
            except SlackProblem as problem:
                _log.warning("requester not mirrored", code=problem.code)


def _letter(row: CardRow) -> Letter:
    return Letter(
        target=row.channel or row.target,
        event_type=CARD_EVENT,
        key=row.id,
        about={"card_id": row.id, **({"batch_id": row.batch_id} if row.batch_id else {"request_id": row.request_id})},
        since=row.created_at,
    )
