"""Numbers: `/approvals stats` and `shadow`."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final, cast

from bot.cards import queue
from bot.cards.notice import refused
from bot.cards.shadow import groups, shadow
from bot.cards.stats import stats
from bot.cards.view import Card
from bot.listeners.asked import Asked, Sub
from bot.listeners.services import Services
from graph.verbs import stats as counting
from graph.verbs.authority import holds_role
from graph.verbs.ports import By, Tx
from graph.verbs.sight import hidden, tiers_seen

_STATS: Final = re.compile(r"(?:(7|30)d)?\s*(?:by\s+(type|tier|reviewer))?", re.ASCII | re.IGNORECASE)
_SHADOW: Final = re.compile(r"(?:(7|30|90)d)?", re.ASCII | re.IGNORECASE)
_WATCHING: Final = ("operators", "auditors", "policy_owners")
_NOT_SEEN: Final = "Only reviewers, operators and auditors see the numbers."
_SINGLE: Final = (
    "Only operators, auditors and policy owners see the numbers of single people. Yours are on Gatepost's Home tab."
)


async def _stats(services: Services, asked: Asked) -> Card:
    """Of the workflows that the asker may look into: who keeps to a team is not even counted for others."""
    match = _STATS.fullmatch(asked.rest)
    if match is None:
        return queue.usage(f"stats {asked.rest}")
    days, by = int(match[1] or 7), cast("By | None", {"tier": "tier", "reviewer": "reviewer"}.get(_lower(match[2])))
    async with services.store.begin() as tx:
        if not await tiers_seen(tx, asked.user):
            return refused(_NOT_SEEN)
        if by == "reviewer" and not await _watches(tx, asked.user):
            return refused(_SINGLE)
        now, without = await tx.now(), await hidden(tx, asked.user)
        since = now - timedelta(days=days)
        if by is None:
            return stats(await counting.count(tx, since, now, without=without), days)
        return groups(await counting.count_by(tx, by, since, now, without=without), days, by)


async def _shadow(services: Services, asked: Asked) -> Card:
    """How often people agreed with what agents proposed, of the workflows that the asker may look into."""
    match = _SHADOW.fullmatch(asked.rest)
    if match is None:
        return queue.usage(f"shadow {asked.rest}")
    days = int(match[1] or 30)
    async with services.store.begin() as tx:
        if not await tiers_seen(tx, asked.user):
            return refused(_NOT_SEEN)
        now, without = await tx.now(), await hidden(tx, asked.user)
        return shadow(await counting.shadow(tx, now - timedelta(days=days), now, without=without), days)


async def _watches(tx: Tx, user: str) -> bool:
    """Whether this person's task is to look at how others do theirs."""
    return any([await holds_role(tx, user, role) for role in _WATCHING])


def _lower(word: str | None) -> str:
    return (word or "").lower()


COMMANDS: Final[Mapping[str, Sub]] = {"stats": _stats, "shadow": _shadow}
