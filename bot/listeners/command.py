"""`/approvals`: looking, from anywhere in Slack. The answer is seen by the asker alone."""

import re
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import queue
from bot.cards.notice import refused
from bot.cards.view import Card
from bot.delivery.view import load_view
from bot.ids import COMMAND
from bot.listeners.services import Services
from bot.listeners.sight import hidden, may_see, tiers_seen
from graph.law.authorization import Standing, authorize
from graph.law.request import DecisionType, Request
from graph.verbs.authority import standing
from graph.verbs.ports import Tx

MOST: Final = 100
NOT_YET: Final = ("stats", "stop", "resume", "shadow", "away")
_ANY: Final = re.compile("")


def register(app: AsyncApp, services: Services) -> None:
    async def approvals(ack: AsyncAck, body: dict[str, Any]) -> None:
        text, blocks = await _answer(services, body["user_id"], str(body.get("text") or ""))
        await ack(text=text, blocks=blocks, response_type="ephemeral")

    async def stray(ack: AsyncAck) -> None:
        await ack(text="Gatepost does not know this command.", response_type="ephemeral")

    app.command(COMMAND)(approvals)
    app.command(_ANY)(stray)


async def _answer(services: Services, user: str, text: str) -> Card:
    word, _, rest = text.strip().partition(" ")
    match word.lower():
        case "queue":
            return await _queue(services, user)
        case "mine":
            return await _mine(services, user)
        case "show":
            return await _show(services, user, rest.strip())
        case "" | "help":
            return queue.usage()
        case later if later in NOT_YET:
            return refused(f"{COMMAND} {later} is not available yet. Nothing was changed.")
        case _:
            return queue.usage(text)


async def _queue(services: Services, user: str) -> Card:
    async with services.store.begin() as tx:
        return queue.queue(await seen(tx, user), await tx.now(), {})


async def _mine(services: Services, user: str) -> Card:
    async with services.store.begin() as tx:
        return queue.queue(await decidable(tx, user), await tx.now(), {})


async def _show(services: Services, user: str, asked: str) -> Card:
    async with services.store.begin() as tx:
        request = await tx.requests.get(asked) if asked.isascii() and "\0" not in asked else None
        if request is None or not await may_see(tx, user, request):
            return queue.not_found(asked)
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
