"""Batches, their items, and how cards of items give way to the card of their batch."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Integer, Text, and_, case, delete, func, literal, null, or_, select, text, true, update
from sqlalchemy.dialects.postgresql import insert

from graph.law.request import Request, Status
from graph.verbs.ports import Batch, CardRow, Item, ItemState, KeptOut, Unseen
from storage import rows
from storage.schema import NOW, batch_items, batch_news, batches, cards, requests
from storage.session import Session, after, given

_RENEW: Final = text("""
    with waiting as (
        select items.batch_id, min(gp_due(requests.asked_at, requests.sla_seconds)) as due_at,
            min(case requests.risk when 'medium' then 3 else 4 end) as rank
        from batch_items as items join requests on requests.id = items.request_id
        where items.batch_id = any(:batches) and items.state = 'in' and requests.status = 'pending'
        group by items.batch_id
    ), owed as (
        select cards.id, waiting.due_at, coalesce(waiting.rank, 0) as rank
        from cards left join waiting on waiting.batch_id = cards.batch_id
        where cards.batch_id = any(:batches)
        order by cards.id for update of cards
    )
    update cards set wanted = cards.wanted + 1, rank = owed.rank, due_at = coalesce(owed.due_at, cards.due_at)
    from owed where owed.id = cards.id
""")
_UNSEEN: Final = cards.c.alike.is_(None)


class PgBatches:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def turn(self) -> bool:
        name = f"gatepost.gather:{self._session.workspace_id}"
        row = await self._session.one(select(func.pg_try_advisory_xact_lock(func.hashtextextended(name, 0))))
        return bool(row and row[0])

    async def news(self) -> int:
        mine = batch_news.c.workspace_id == self._session.workspace_id
        found = await self._session.all(delete(batch_news).where(mine).returning(batch_news.c.batch_id))
        if not found:
            return 0
        self._session.hints.add("card")
        return await self._session.count(_RENEW.bindparams(batches=sorted({row.batch_id for row in found})))

    async def unseen(self, limit: int) -> Sequence[Unseen]:
        statement = select(cards.c.id.label("card_id"), cards.c.request_id, cards.c.target, cards.c.tier)
        fresh = statement.where(cards.c.workspace_id == self._session.workspace_id, _UNSEEN)
        found = await self._session.all(fresh.order_by(cards.c.created_at).limit(limit))
        return [
            Unseen(card_id=row.card_id, request_id=row.request_id or "", target=row.target, tier=row.tier)
            for row in found
        ]

    async def seen(self, marks: Mapping[str, str]) -> None:
        if not marks:
            return
        now = given({"id": Text, "alike": Text}, list(marks.items()))
        locked = _locked(cards.c.id.in_(list(marks)), _UNSEEN)
        statement = update(cards).where(cards.c.id.in_(locked), cards.c.id == now.c.id)
        await self._session.count(statement.values(alike=now.c.alike))

    async def alike(self, target: str, alike: str, limit: int) -> Sequence[Request]:
        same = (
            select(cards.c.request_id)
            .where(
                cards.c.workspace_id == self._session.workspace_id,
                cards.c.target == target,
                cards.c.alike == alike,
                cards.c.alike > "",
                cards.c.folded_in.is_(None),
                # The card of the tier before is still there when a request has gone up.
                cards.c.tier == requests.c.tier,
            )
            .scalar_subquery()
        )
        statement = select(requests).where(requests.c.id.in_(same), requests.c.status == Status.PENDING)
        ordered = statement.order_by(requests.c.asked_at, requests.c.id).limit(limit)
        return [rows.request(row) for row in await self._session.all(ordered.with_for_update(skip_locked=True))]

    async def open(self, target: str, alike: str) -> Batch | None:
        statement = select(batches).where(
            self._mine, batches.c.target == target, batches.c.alike == alike, batches.c.closed_at.is_(None)
        )
        row = await self._session.first(statement.order_by(batches.c.created_at.desc(), batches.c.id).limit(1))
        return rows.batch(row) if row else None

    async def start(self, like: Request, target: str, alike: str) -> Batch:
        values = {"workflow": like.workflow, "action_type": like.action_type, "tier": like.tier}
        statement = insert(batches).values(
            id="bat_" + secrets.token_hex(8),
            workspace_id=self._session.workspace_id,
            target=target,
            alike=alike,
            **values,
        )
        row = await self._session.one(statement.returning(batches))
        if row is None:
            raise RuntimeError("a batch was not kept")
        return rows.batch(row)

    async def join(self, batch: Batch, joining: Sequence[Request]) -> None:
        if not joining:
            return
        last = select(func.coalesce(func.max(batch_items.c.seq), 0).label("n")).where(
            batch_items.c.batch_id == batch.id
        )
        row = await self._session.one(last)
        values = [
            self._item(batch, request.id, ItemState.IN, seq=(row.n if row else 0) + place, request=request)
            for place, request in enumerate(joining, 1)
        ]
        statement = insert(batch_items).values(values)
        fresh = {name: statement.excluded[name] for name in ("seq", "version", "digest", "state", "why", "at")}
        was_odd = batch_items.c.state == ItemState.ODD
        await self._session.count(
            statement.on_conflict_do_update(index_elements=["batch_id", "request_id"], set_=fresh, where=was_odd)
        )
        mine = (cards.c.request_id.in_([request.id for request in joining]), cards.c.tier == batch.tier)
        targets = await self._session.all(select(cards.c.id, cards.c.target).where(*mine))
        await self._fold(batch, [each.id for each in targets])
        await self.want(batch.id, {each.target for each in targets})
        await self._tell([batch.id])

    async def fold(self, batch: Batch, card_ids: Collection[str]) -> None:
        if not card_ids:
            return
        targets = await self._session.all(select(cards.c.target).where(cards.c.id.in_(card_ids)))
        await self._fold(batch, card_ids)
        await self.want(batch.id, {each.target for each in targets})

    async def _fold(self, batch: Batch, card_ids: Collection[str]) -> None:
        """What is on the screen, or on its way there, is owed a rendering that says so; the rest is owed nothing."""
        there = or_(cards.c.ts.is_not(None), cards.c.leased_until > NOW)
        locked = _locked(cards.c.id.in_(card_ids))
        await self._session.count(
            update(cards)
            .where(cards.c.id.in_(locked))
            .values(
                folded_in=batch.id,
                alike="",
                wanted=case((there, cards.c.wanted + 1), else_=cards.c.wanted),
                shown=case((there, cards.c.shown), else_=cards.c.wanted),
            )
        )

    async def keep_out(self, batch: Batch, odd: Mapping[str, str]) -> None:
        if not odd:
            return
        values = [
            self._item(batch, request_id, ItemState.ODD, why=why[:500]) for request_id, why in sorted(odd.items())
        ]
        statement = insert(batch_items).values(values)
        changed = and_(batch_items.c.state != ItemState.LEFT, batch_items.c.why != statement.excluded.why)
        upsert = statement.on_conflict_do_update(
            index_elements=["batch_id", "request_id"],
            set_={"state": ItemState.ODD, "why": statement.excluded.why, "at": NOW},
            where=changed,
        )
        told = [row.request_id for row in await self._session.all(upsert.returning(batch_items.c.request_id))]
        await self._unfold(told, shown=True)
        await self._owe(told)
        if told:
            await self._tell([batch.id])

    async def leave(self, request_ids: Collection[str], why: str, *, shown: bool = True) -> None:
        if not request_ids:
            return
        left = (
            update(batch_items)
            .where(batch_items.c.request_id.in_(request_ids), batch_items.c.state == ItemState.IN)
            .values(state=ItemState.LEFT, why=why[:500], at=NOW)
            .returning(batch_items.c.batch_id, batch_items.c.request_id)
        )
        gone = await self._session.all(left)
        if gone:
            await self._unfold([row.request_id for row in gone], shown=shown)
            await self._tell({row.batch_id for row in gone})

    async def _unfold(self, request_ids: Collection[str], *, shown: bool) -> None:
        if request_ids:
            which = [cards.c.request_id.in_(request_ids), cards.c.folded_in.is_not(None)]
            which += [] if shown else [cards.c.ts.is_not(None)]
            await self._session.count(update(cards).where(cards.c.id.in_(_locked(*which))).values(folded_in=null()))

    async def _owe(self, request_ids: Collection[str]) -> None:
        """On their own cards stands why they have some, and they are compared with nothing any more."""
        if request_ids:
            locked = _locked(cards.c.request_id.in_(request_ids))
            again = {"wanted": cards.c.wanted + 1, "alike": ""}
            await self._session.count(update(cards).where(cards.c.id.in_(locked)).values(**again))

    async def close(self, batch_id: str) -> None:
        statement = update(batches).where(self._mine, batches.c.id == batch_id, batches.c.closed_at.is_(None))
        await self._session.count(statement.values(closed_at=NOW))

    async def get(self, batch_id: str) -> Batch | None:
        return next(iter(await self.many([batch_id])), None)

    async def size(self, batch_id: str) -> int:
        inside = batch_items.c.batch_id == batch_id, batch_items.c.state == ItemState.IN
        row = await self._session.one(select(func.count().label("n")).where(*inside))
        return int(row.n) if row else 0

    async def many(self, batch_ids: Collection[str]) -> Sequence[Batch]:
        found = await self._session.all(select(batches).where(self._mine, batches.c.id.in_(batch_ids)))
        return [rows.batch(row) for row in found]

    async def items(self, batch_id: str) -> Sequence[Item]:
        statement = select(batch_items).where(batch_items.c.batch_id == batch_id).order_by(batch_items.c.seq)
        found = await self._session.all(statement)
        of = select(requests).where(requests.c.id.in_([row.request_id for row in found]))
        known = {row.id: rows.request(row) for row in await self._session.all(of)} if found else {}
        return [rows.item(row, known[row.request_id]) for row in found]

    async def of(self, request_ids: Collection[str]) -> Mapping[str, Batch]:
        if not request_ids:
            return {}
        statement = (
            select(batch_items.c.request_id, batches)
            .join(batches, batches.c.id == batch_items.c.batch_id)
            .where(batch_items.c.request_id.in_(request_ids), batch_items.c.state == ItemState.IN)
        )
        return {row.request_id: rows.batch(row) for row in await self._session.all(statement)}

    async def kept_out(self, request_ids: Collection[str]) -> Mapping[str, KeptOut]:
        if not request_ids:
            return {}
        others = batch_items.alias("others")
        size = (
            select(func.count())
            .where(others.c.batch_id == batch_items.c.batch_id, others.c.state == ItemState.IN)
            .scalar_subquery()
        )
        mine = batch_items.c.request_id.in_(request_ids)
        statement = select(batch_items.c.request_id, batch_items.c.state, batch_items.c.why, size.label("size"))
        # The newest word counts: what has joined another batch since is kept out of none.
        newest = statement.where(mine).order_by(batch_items.c.at)
        found = {row.request_id: row for row in await self._session.all(newest)}
        return {
            request_id: KeptOut(request_id=request_id, size=row.size, why=row.why)
            for request_id, row in found.items()
            if row.state == ItemState.ODD
        }

    async def at(self, channel: str, ts: str) -> Batch | None:
        shown = select(cards.c.batch_id).where(cards.c.channel == channel, cards.c.ts == ts).scalar_subquery()
        row = await self._session.first(select(batches).where(self._mine, batches.c.id.in_(shown)))
        return rows.batch(row) if row else None

    async def cards(self, batch_id: str) -> Sequence[CardRow]:
        statement = select(cards).where(cards.c.batch_id == batch_id).order_by(cards.c.created_at)
        return [rows.card(row) for row in await self._session.all(statement)]

    async def want(self, batch_id: str, targets: Collection[str]) -> None:
        if not targets:
            return
        wanted = given({"id": Text, "target": Text}, [("card_" + secrets.token_hex(10), each) for each in targets])
        due = func.min(requests.c.asked_at + func.make_interval(0, 0, 0, 0, 0, 0, requests.c.sla_seconds))
        found = (
            select(
                wanted.c.id,
                batches.c.workspace_id,
                batches.c.id,
                wanted.c.target,
                batches.c.tier,
                func.min(case((requests.c.risk == "medium", 3), else_=4)).cast(Integer),
                due,
                literal("", Text),
            )
            .select_from(batches)
            .join(wanted, true())
            .join(batch_items, and_(batch_items.c.batch_id == batches.c.id, batch_items.c.state == ItemState.IN))
            .join(requests, requests.c.id == batch_items.c.request_id)
            .where(batches.c.id == batch_id, requests.c.status == Status.PENDING)
            .group_by(wanted.c.id, wanted.c.target, batches.c.workspace_id, batches.c.id, batches.c.tier)
        )
        names = ["id", "workspace_id", "batch_id", "target", "tier", "rank", "due_at", "alike"]
        await self._session.count(insert(cards).from_select(names, found).on_conflict_do_nothing())
        self._session.hints.add("card")

    async def remind(self, batch_id: str, quiet_seconds: float) -> bool:
        lately = batches.c.reminded_at > after(-quiet_seconds)
        due = or_(batches.c.reminded_at.is_(None), ~lately)
        statement = update(batches).where(self._mine, batches.c.id == batch_id, due)
        return await self._session.count(statement.values(reminded_at=NOW)) == 1

    def _item(self, batch: Batch, request_id: str, state: ItemState, **more: Any) -> dict[str, Any]:
        request: Request | None = more.pop("request", None)
        return {
            "batch_id": batch.id,
            "request_id": request_id,
            "workspace_id": self._session.workspace_id,
            "seq": more.get("seq", 0),
            "version": request.version if request else 0,
            "digest": request.digest if request else "",
            "state": state,
            "why": more.get("why", ""),
            "at": NOW,
        }

    async def _tell(self, batch_ids: Collection[str]) -> None:
        await self._session.count(
            insert(batch_news).values(
                [{"workspace_id": self._session.workspace_id, "batch_id": each} for each in sorted(batch_ids)]
            )
        )

    @property
    def _mine(self) -> Any:
        return batches.c.workspace_id == self._session.workspace_id


def _locked(*which: Any) -> Any:
    """The ids of these cards, locked in one order everywhere: two who change cards never wait for each other."""
    return select(cards.c.id).where(*which).order_by(cards.c.id).with_for_update().scalar_subquery()
