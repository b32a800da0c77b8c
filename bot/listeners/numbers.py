"""Numbers: `/approvals stats`."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from bot.cards import queue
from bot.cards.notice import refused
from bot.cards.stats import stats
from bot.cards.view import Card
from bot.listeners.asked import Asked, Sub
from bot.listeners.services import Services
from bot.listeners.sight import hidden, tiers_seen
from graph.verbs.stats import count

SPANS: Final = {"": 7, "7d": 7, "30d": 30}


async def _stats(services: Services, asked: Asked) -> Card:
    """Of the workflows that the asker may look into: who keeps to a team is not even counted for others."""
    days = SPANS.get(asked.rest)
    if days is None:
        return queue.usage(f"stats {asked.rest}")
    async with services.store.begin() as tx:
        if not await tiers_seen(tx, asked.user):
            return refused("Only reviewers, operators and auditors see the numbers.")
        now = await tx.now()
        return stats(await count(tx, now - timedelta(days=days), now, without=await hidden(tx, asked.user)), days)


COMMANDS: Final[Mapping[str, Sub]] = {"stats": _stats}
