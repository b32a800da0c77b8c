"""Cards: which are wanted, where they are, what they show. `shown < wanted` is owed work."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Integer, Text, Update, and_, case, exists, func, literal, null, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from graph.verbs.ports import CardRow, Shown
from storage import rows
from storage.schema import NOW, batch_items, batch_news, cards, health, paces, requests
from storage.session import Session, after, given
from storage.turns import first_of_each, one_claimer, take

UPDATE: Final = "chat.update"
"""Where Slack's wish to be left alone with updates stands in `paces`."""
_LAST: Final = 5
_RISKS: Final = {"critical": 1, "high": 2, "medium": 3}
_NEW: Final = first_of_each("cards", "ts is null and shown < wanted", "rank, due_at", "rank, due_at")


class PgCards:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def want(self, request_id: str, target: str, tier: int) -> None:
        await self.want_many([(request_id, target, tier)])

    async def want_many(self, wanted: Collection[tuple[str, str, int]]) -> None:
        if not wanted:
            return
        new = given(
            {"id": Text, "request_id": Text, "target": Text, "tier": Integer},
            [("card_" + secrets.token_hex(10), *each) for each in dict.fromkeys(wanted)],
        )
        found = select(
            new.c.id,
            literal(self._session.workspace_id),
            new.c.request_id,
            new.c.target,
            new.c.tier,
            _rank(new.c.tier, posted=null()),
            _DUE,
        ).join(requests, requests.c.id == new.c.request_id)
        names = ["id", "workspace_id", "request_id", "target", "tier", "rank", "due_at"]
        statement = insert(cards).from_select(names, found)
        # Two tiers may share a channel: the card that is there becomes the higher one's.
        higher = {name: statement.excluded[name] for name in ("tier", "rank", "due_at")}
        await self._session.count(
            statement.on_conflict_do_update(
                index_elements=["request_id", "target"],
                # What was in a batch of the tier before is looked at anew.
                set_={**higher, "wanted": cards.c.wanted + 1, "folded_in": null(), "alike": null()},
                where=cards.c.tier < statement.excluded.tier,
            )
        )
        self._session.hints.add("card")

    async def touch(self, request_id: str) -> None:
        await self.touch_many([request_id])

    async def touch_many(self, request_ids: Collection[str]) -> None:
        if not request_ids:
            return
        # A card that was never posted and for which its batch's card stands shows nothing.
        there = or_(cards.c.folded_in.is_(None), cards.c.ts.is_not(None))
        mine = _locked(self._mine, cards.c.request_id.in_(request_ids), there)
        statement = update(cards).where(cards.c.id.in_(mine), requests.c.id == cards.c.request_id)
        fresh = {
            "wanted": cards.c.wanted + 1,
            "rank": _rank(cards.c.tier, posted=cards.c.ts),
            "due_at": _DUE,
            # What is decided is gathered with nothing any more.
            "alike": case((requests.c.status == "pending", cards.c.alike), else_=""),
        }
        batched = select(batch_items.c.workspace_id, batch_items.c.batch_id).where(
            batch_items.c.request_id.in_(request_ids), batch_items.c.state == "in"
        )
        news = insert(batch_news).from_select(["workspace_id", "batch_id"], batched.distinct())
        await self._session.count(statement.values(**fresh).add_cte(news.cte("news")))
        self._session.hints.add("card")

    async def of_request(self, request_id: str) -> Sequence[CardRow]:
        statement = select(cards).where(self._mine, cards.c.request_id == request_id)
        statement = statement.order_by(cards.c.created_at, cards.c.id)
        return [rows.card(row) for row in await self._session.all(statement)]

    async def places(self, request_ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        common = cards.alias("common")
        channel, ts = (func.coalesce(common.c[name], cards.c[name]).label(name) for name in ("channel", "ts"))
        statement = (
            select(cards.c.request_id, channel, ts)
            .outerjoin(common, and_(common.c.batch_id == cards.c.folded_in, common.c.target == cards.c.target))
            .where(self._mine, cards.c.request_id.in_(list(request_ids)), ts.is_not(None), ~channel.startswith("D"))
            # The highest tier's last.
            .order_by(cards.c.tier, cards.c.created_at.desc())
        )
        return {row.request_id: (row.channel, row.ts) for row in await self._session.all(statement)}

    async def known(self, request_id: str, channel: str, ts: str) -> bool:
        own = cards.c.request_id == request_id
        batched = select(batch_items.c.batch_id).where(batch_items.c.request_id == request_id)
        statement = select(cards.c.id).where(
            self._mine, cards.c.channel == channel, cards.c.ts == ts, or_(own, cards.c.batch_id.in_(batched))
        )
        return await self._session.first(statement) is not None

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[CardRow]:
        await one_claimer(self._session)
        first = await self._session.all(_NEW.params(workspace=self._session.workspace_id, most=limit))
        ours = await take(self._session, [row.target for row in first])
        if not ours:
            return ()
        picked = cards.c.id.in_([row.id for row in first if row.target in ours])
        return await self._lease(_locked(picked, _free()), lease_seconds)

    async def claim_renewed(self, limit: int, lease_seconds: float) -> Sequence[CardRow]:
        left_alone = exists().where(
            paces.c.workspace_id == self._session.workspace_id, paces.c.target == UPDATE, paces.c.next_at > NOW
        )
        due = (
            select(cards.c.id)
            .where(
                self._mine, cards.c.ts.is_not(None), cards.c.shown < cards.c.wanted, cards.c.not_before <= NOW, _free()
            )
            .where(~left_alone)
            .order_by(cards.c.rank, cards.c.not_before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return await self._lease(due.scalar_subquery(), lease_seconds)

    async def _lease(self, which: Any, seconds: float) -> Sequence[CardRow]:
        statement = (
            update(cards)
            .where(cards.c.id.in_(which), cards.c.shown < cards.c.wanted)
            .values(leased_until=after(seconds), attempts=cards.c.attempts + 1, tries=cards.c.tries + 1)
            .returning(cards)
        )
        return [rows.card(row) for row in await self._session.all(statement)]

    async def shown_many(self, shown: Sequence[Shown]) -> None:
        if not shown:
            return
        now = given(
            {"id": Text, "channel": Text, "ts": Text, "text": Text, "attempts": Integer, "wanted": Integer},
            [(each.card.id, each.channel, each.ts, each.text, each.card.attempts, each.card.wanted) for each in shown],
        )
        ours = _locked(cards.c.id.in_([each.card.id for each in shown]))
        claimed = and_(cards.c.id == now.c.id, cards.c.attempts == now.c.attempts)
        statement = update(cards).where(cards.c.id.in_(ours), claimed, cards.c.shown <= now.c.wanted)
        await self._session.count(
            statement.values(
                channel=now.c.channel,
                ts=now.c.ts,
                shown=now.c.wanted,
                shown_text=now.c.text,
                posted_at=case((cards.c.ts.is_(None), NOW), else_=cards.c.posted_at),
                leased_until=null(),
                tries=0,
                last_error="",
            )
        )

    async def retry(self, card: CardRow, delay_seconds: float, error: str, *, tried: bool = True) -> None:
        later = {"not_before": after(delay_seconds), "leased_until": null(), "last_error": error}
        if not tried:
            later["tries"] = cards.c.tries - 1
        await self._session.count(self._claimed(card).values(**later))

    async def stranded(self, seconds: float, limit: int) -> Sequence[CardRow]:
        long_ago = after(-seconds)
        # Slack itself has to have been there for as long: after an outage everything is late, and comes by itself.
        slack_was_there = exists().where(
            health.c.workspace_id == self._session.workspace_id,
            health.c.name == "slack",
            health.c.ok_since <= long_ago,
            health.c.last_ok_at > NOW - text("interval '1 minute'"),
        )
        taking = select(cards.c.target).where(self._mine, cards.c.posted_at > long_ago)
        in_trouble = select(paces.c.target).where(
            paces.c.workspace_id == self._session.workspace_id, paces.c.problem != ""
        )
        statement = (
            select(cards)
            .where(self._mine, cards.c.ts.is_(None), cards.c.shown < cards.c.wanted, ~cards.c.rerouted)
            .where(cards.c.rank < _LAST)
            .where(
                or_(
                    cards.c.target.in_(in_trouble),
                    and_(cards.c.created_at <= long_ago, slack_was_there, cards.c.target.not_in(taking)),
                )
            )
            .order_by(cards.c.rank, cards.c.due_at)
            .limit(limit)
        )
        return [rows.card(row) for row in await self._session.all(statement)]

    async def reroute(self, card_id: str) -> bool:
        statement = update(cards).where(self._mine, cards.c.id == card_id, cards.c.ts.is_(None), ~cards.c.rerouted)
        return await self._session.count(statement.values(rerouted=True)) == 1

    def _claimed(self, card: CardRow) -> Update:
        # The number of attempts is the fence: whoever claimed it later has a higher one.
        return update(cards).where(cards.c.id == card.id, cards.c.attempts == card.attempts)

    @property
    def _mine(self) -> Any:
        return cards.c.workspace_id == self._session.workspace_id


def _locked(*which: Any) -> Any:
    """The ids of these cards, locked in one order everywhere: two who change cards never wait for each other."""
    return select(cards.c.id).where(*which).order_by(cards.c.id).with_for_update().scalar_subquery()


def _free() -> Any:
    return or_(cards.c.leased_until.is_(None), cards.c.leased_until <= NOW)


def _rank(tier: Any, posted: Any) -> Any:
    """What is owed first: a card that nobody waits for loses its buttons first, if it was ever posted, and is
    posted last; between them the riskiest.
    """
    over = or_(requests.c.status != "pending", and_(tier > 0, tier < requests.c.tier))
    risk = case(_RISKS, value=requests.c.risk, else_=4)
    return case((and_(over, posted.is_(None)), _LAST), (over, 0), else_=risk)


_DUE: Final = requests.c.asked_at + func.make_interval(0, 0, 0, 0, 0, 0, requests.c.sla_seconds)
