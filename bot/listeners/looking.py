"""Looking: `/approvals queue`, `mine` and `show`, and the pages of the queue."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import kit, queue
from bot.cards.rowlist import Sites
from bot.cards.view import Card
from bot.delivery.shelf import Shelf, batched
from bot.delivery.view import load_view
from bot.ids import QUEUE_NEXT, QUEUE_PREVIOUS, decode_leaf
from bot.listeners.asked import Asked, Sub
from bot.listeners.clicks import Click, click_of
from bot.listeners.flood import said
from bot.listeners.notices import INVALID_BUTTON, owe_notice, whisper
from bot.listeners.services import Services
from graph.law.canonical import storable
from graph.law.looking import Filter, parse
from graph.law.request import Request, Status
from graph.verbs.ports import Tx
from graph.verbs.queue import Turn, look
from graph.verbs.sight import may_see

_AROUND: Final = " \t\r\n`'\"“”‘’<>"
"""What is copied along with an id."""


def register(app: AsyncApp, services: Services) -> None:
    async def turned(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = click_of(body)
        with services.flood.passing(click.user) as wait:
            page = None if wait else await _turned(services, click)
        if wait:
            whisper(services, click, said(wait))
        elif page is None:
            await owe_notice(services.store, click, INVALID_BUTTON)
        elif click.response_url:
            services.background.spawn("turn the page", _replace(services, click.response_url, page))
        await ack()

    app.block_action(QUEUE_NEXT)(turned)
    app.block_action(QUEUE_PREVIOUS)(turned)


async def _queue(services: Services, asked: Asked) -> Card:
    wanted = parse(asked.rest)
    if wanted is None:
        return queue.usage(f"queue {asked.rest}")
    return await _page(services, asked.user, wanted)


async def _mine(services: Services, asked: Asked) -> Card:
    async with services.store.begin() as tx:
        tx.people.remember()
        page = await look(tx, asked.user, Filter(mine=True), queue.MAX_ROWS)
        asked_for = await tx.requests.of_requester(asked.user, queue.MAX_OWN)
        own = [request for request in asked_for if await may_see(tx, asked.user, request)]
        return queue.mine(page, own, await tx.now(), await _sites(tx, [*page.requests, *own]))


async def _show(services: Services, asked: Asked) -> Card:
    wanted = asked.rest.strip(_AROUND)
    async with services.store.begin() as tx:
        request = await tx.requests.get(wanted) if wanted.isascii() and storable(wanted) else None
        if request is None or not await may_see(tx, asked.user, request):
            return queue.not_found(asked.rest)
        shelf = await Shelf.of(tx, [request])
        view, link = await load_view(tx, request, shelf=shelf), (await links(tx, [request])).get(request.id, "")
        return queue.show(view, link, shelf.batched.get(request.id, 0))


async def links(tx: Tx, requests: Sequence[Request]) -> dict[str, str]:
    """Where the cards of these requests are, by request id; of those that are posted, and whose address is known."""
    base = await tx.people.workspace_url()
    if not base or not requests:
        return {}
    places = await tx.cards.places([request.id for request in requests])
    return {request_id: kit.permalink(base, channel, ts) for request_id, (channel, ts) in places.items()}


async def _sites(tx: Tx, requests: Sequence[Request]) -> Sites:
    waiting = [request.id for request in requests if request.status is Status.PENDING]
    return Sites(await links(tx, requests), await batched(tx, waiting))


async def _page(services: Services, user: str, wanted: Filter, turn: Turn | None = None) -> Card:
    async with services.store.begin() as tx:
        tx.people.remember()
        page = await look(tx, user, wanted, queue.MAX_ROWS, turn)
        return queue.queue(page, wanted, await tx.now(), await _sites(tx, page.requests))


async def _turned(services: Services, click: Click) -> Card | None:
    """The page that the button names, as it is for whoever clicked; None for a button that is none of ours."""
    leaf = decode_leaf(click.value)
    wanted = parse(leaf.words) if leaf else None
    if leaf is None or wanted is None:
        return None
    try:
        turn = queue.turn_of(leaf)
    except OverflowError:
        return None
    return await _page(services, click.user, wanted, turn)


async def _replace(services: Services, url: str, page: Card) -> None:
    shown = {"response_type": "ephemeral", "replace_original": True, "text": page.text, "blocks": page.blocks}
    await services.slack.respond(url, shown)


COMMANDS: Final[Mapping[str, Sub]] = {"queue": _queue, "mine": _mine, "show": _show}
