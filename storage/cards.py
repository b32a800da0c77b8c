"""Cards: which are wanted, where they are, what they show. `shown < wanted` is owed work."""

import secrets
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Update, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from graph.verbs.ports import CardRow
from storage import rows
from storage.schema import NOW, cards
from storage.session import Session, after


class PgCards:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def want(self, request_id: str, target: str, tier: int) -> None:
        await self.want_many([(request_id, target, tier)])

    async def want_many(self, wanted: Collection[tuple[str, str, int]]) -> None:
        if not wanted:
            return
        values = [
            {
                "id": "card_" + secrets.token_hex(10),
                "workspace_id": self._session.workspace_id,
                "request_id": request_id,
                "target": target,
                "tier": tier,
            }
            for request_id, target, tier in dict.fromkeys(wanted)
        ]
        statement = insert(cards).values(values)
        # Two tiers may share a channel: the card that is there becomes the higher one's.
        higher = {"tier": statement.excluded.tier, "wanted": cards.c.wanted + 1}
        await self._session.count(
            statement.on_conflict_do_update(
                index_elements=["request_id", "target"], set_=higher, where=cards.c.tier < statement.excluded.tier
            )
        )
        self._session.hints.add("card")

    async def touch(self, request_id: str) -> None:
        await self.touch_many([request_id])

    async def touch_many(self, request_ids: Collection[str]) -> None:
        if not request_ids:
            return
        statement = update(cards).where(self._mine, cards.c.request_id.in_(request_ids))
        await self._session.count(statement.values(wanted=cards.c.wanted + 1))
        self._session.hints.add("card")

    async def of_request(self, request_id: str) -> Sequence[CardRow]:
        statement = select(cards).where(self._mine, cards.c.request_id == request_id).order_by(cards.c.created_at)
        return [rows.card(row) for row in await self._session.all(statement)]

    async def known(self, request_id: str, channel: str, ts: str) -> bool:
        statement = select(cards.c.id).where(
            self._mine, cards.c.request_id == request_id, cards.c.channel == channel, cards.c.ts == ts
        )
        return await self._session.first(statement) is not None

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[CardRow]:
        due = (
            select(cards.c.id)
            .where(
                self._mine,
                cards.c.shown < cards.c.wanted,
                cards.c.not_before <= NOW,
                or_(cards.c.leased_until.is_(None), cards.c.leased_until <= NOW),
            )
            .order_by(cards.c.not_before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(cards)
            .where(cards.c.id.in_(due.scalar_subquery()))
            .values(leased_until=after(lease_seconds), attempts=cards.c.attempts + 1)
            .returning(cards)
        )
        return [rows.card(row) for row in await self._session.all(statement)]

    async def shown(self, card: CardRow, channel: str, ts: str, text: str) -> None:
        values = {
            "channel": channel,
            "ts": ts,
            "shown": card.wanted,
            "shown_text": text,
            "leased_until": null(),
            "attempts": 0,
            "last_error": "",
        }
        if card.ts is None:
            values["posted_at"] = NOW
        await self._session.count(self._claimed(card).where(cards.c.shown <= card.wanted).values(**values))

    async def retry(self, card: CardRow, delay_seconds: float, error: str) -> None:
        await self._session.count(
            self._claimed(card).values(not_before=after(delay_seconds), leased_until=null(), last_error=error)
        )

    def _claimed(self, card: CardRow) -> Update:
        # The number of attempts is the fence: whoever claimed it later has a higher one.
        return update(cards).where(cards.c.id == card.id, cards.c.attempts == card.attempts)

    @property
    def _mine(self) -> Any:
        return cards.c.workspace_id == self._session.workspace_id
