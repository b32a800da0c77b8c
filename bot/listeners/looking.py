"""Looking: `/approvals queue`, `mine` and `show`."""

from collections.abc import Mapping
from typing import Final

from bot.cards import queue
from bot.cards.view import Card
from bot.delivery.view import load_view
from bot.listeners.asked import Asked, Sub
from bot.listeners.services import Services
from bot.listeners.sight import hidden, may_see, tiers_seen
from graph.law.authorization import Standing, authorize
from graph.law.request import DecisionType, Request
from graph.verbs.authority import standing
from graph.verbs.ports import Tx

MOST: Final = 100


async def _queue(services: Services, asked: Asked) -> Card:
    async with services.store.begin() as tx:
        return queue.queue(await seen(tx, asked.user), await tx.now(), {})


async def _mine(services: Services, asked: Asked) -> Card:
    async with services.store.begin() as tx:
        asked_for = await tx.requests.of_requester(asked.user, queue.MAX_OWN)
        own = [request for request in asked_for if await may_see(tx, asked.user, request)]
        return queue.mine(await decidable(tx, asked.user), own, await tx.now())


async def _show(services: Services, asked: Asked) -> Card:
    async with services.store.begin() as tx:
        request = await tx.requests.get(asked.rest) if asked.rest.isascii() and "\0" not in asked.rest else None
        if request is None or not await may_see(tx, asked.user, request):
            return queue.not_found(asked.rest)
        return queue.show(await load_view(tx, request))


async def seen(tx: Tx, user: str) -> list[Request]:
    """Pending requests that this person may see, at most a hundred a tier."""
    tiers, others = await tiers_seen(tx, user), await hidden(tx, user)
    return [request for tier in tiers for request in await tx.requests.pending(MOST, tier, without=others)]


async def decidable(tx: Tx, user: str) -> list[Request]:
    """Pending requests on which this person's approval would count now."""
    person, policy, now = await tx.people.get(user), await tx.policies.current(), await tx.now()
    rights: dict[object, Standing] = {}
    found = []
    for request in await seen(tx, user):
        # All that rights depend on: looked up once for the hundreds of requests that share it.
        shared = (request.workflow, request.tier, request.risk, request.policy_version, request.requester)
        if shared not in rights:
            rights[shared] = await standing(tx, request, policy)
        if authorize(request, person, DecisionType.APPROVE, rights[shared], now).allowed:
            found.append(request)
    return found


COMMANDS: Final[Mapping[str, Sub]] = {"queue": _queue, "mine": _mine, "show": _show}
