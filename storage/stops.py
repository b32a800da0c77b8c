"""The stop switch: stops, and the lock that lets no INTENT commit behind a stop's back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, or_, select, text, update

from graph.law.request import Outcome, Status
from graph.law.stopping import ALL, Stop
from storage import rows
from storage.schema import NOW, effects, requests, stops
from storage.session import Session

_LOCK: Final = "(hashtextextended('gatepost.stop:' || :workspace, 0))"
_SINCE: Final = text("""
    with recursive unbroken as (
        select at from stops
        where workspace_id = :workspace and workflow in (:workflow, '*') and lifted_at is null
        union
        select earlier.at from unbroken join stops as earlier
            on earlier.at < unbroken.at and earlier.lifted_at >= unbroken.at
        where earlier.workspace_id = :workspace and earlier.workflow in (:workflow, '*')
    )
    select min(at) as since from unbroken
""")
_WORKFLOWS: Final = text("""
    with recursive known as (
        (select workflow from runs where workspace_id = :workspace order by workflow limit 1)
        union all
        select (
            select next.workflow from runs as next
            where next.workspace_id = :workspace and next.workflow > known.workflow order by next.workflow limit 1
        ) from known where known.workflow is not null
    )
    select workflow from known where workflow is not null
""")
_SHOW: Final = text("""
    with news as (
        update stops set shown = true where id in (
            select id from stops where workspace_id = :workspace and not shown for update skip locked
        ) returning workflow
    ), owed as (
        update cards set wanted = cards.wanted + 1 from requests
        where requests.id = cards.request_id and requests.workspace_id = :workspace and requests.status = 'pending'
            and (cards.tier = 0 or cards.tier >= requests.tier)
            and exists (select from news where news.workflow in (requests.workflow, '*'))
            and (cards.folded_in is null or cards.ts is not null)
        returning cards.id
    ), batched as (
        insert into batch_news (workspace_id, batch_id)
        select distinct batches.workspace_id, batches.id
        from batches join batch_items as items on items.batch_id = batches.id and items.state = 'in'
            join requests on requests.id = items.request_id and requests.status = 'pending'
        where batches.workspace_id = :workspace and exists (
            select from news where news.workflow in (batches.workflow, '*'))
        returning id
    )
    select (select count(*) from news) as news,
        (select count(*) from owed) + (select count(*) from batched) as owed
""")
SLOW_SECONDS: Final = 60.0


class PgStops:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._here = {"workspace": session.workspace_id}

    async def shut(self, seconds: float) -> None:
        await self._take_time(seconds)
        await self._session.count(text(f"select pg_advisory_xact_lock{_LOCK}").bindparams(**self._here))

    async def pass_by(self) -> None:
        await self._session.count(text(f"select pg_advisory_xact_lock_shared{_LOCK}").bindparams(**self._here))

    async def in_force(self, workflow: str | None = None) -> Sequence[Stop]:
        statement = select(stops).where(self._covering(workflow), stops.c.lifted_at.is_(None)).order_by(stops.c.at)
        return [rows.stop(row) for row in await self._session.all(statement)]

    async def bars(self, workflow: str, decided_at: datetime) -> Stop | None:
        unlifted = stops.c.lifted_at.is_(None)
        statement = (
            select(stops)
            .where(self._covering(workflow), or_(unlifted, stops.c.lifted_at > decided_at))
            .order_by(unlifted.desc(), stops.c.at.desc())
            .limit(1)
        )
        row = await self._session.one(statement)
        return rows.stop(row) if row else None

    async def since(self, workflow: str) -> datetime | None:
        found = await self._session.one(_SINCE.bindparams(workflow=workflow, **self._here))
        return found.since if found else None

    async def add(self, workflow: str, by: str, person: str, reason: str, via: str) -> Stop:
        values = {"workflow": workflow, "stopped_by": by, "person": person, "reason": reason, "via": via}
        statement = insert(stops).values(workspace_id=self._session.workspace_id, at=self._moment(), **values)
        row = await self._session.one(statement.returning(stops))
        if row is None:
            raise RuntimeError("a stop was not kept")
        self._session.hints.add("run")
        return rows.stop(row)

    async def lift(self, stop: Stop, by: str, reason: str) -> datetime:
        statement = update(stops).where(stops.c.id == stop.id, stops.c.lifted_at.is_(None))
        values = {"lifted_at": self._moment(), "lifted_by": by, "lift_reason": reason, "shown": False}
        row = await self._session.one(statement.values(**values).returning(stops.c.lifted_at))
        if row is None:
            raise RuntimeError(f"stop {stop.id} was lifted by other hands")
        self._session.hints.add("run")
        lifted: datetime = row.lifted_at
        return lifted

    async def waiting(self, workflow: str) -> Sequence[tuple[str, int, int]]:
        statement = (
            select(requests.c.workflow, requests.c.tier, func.count().label("waiting"))
            .where(*self._pending(workflow))
            .group_by(requests.c.workflow, requests.c.tier)
            .order_by(requests.c.workflow, requests.c.tier)
        )
        return [(row.workflow, row.tier, row.waiting) for row in await self._session.all(statement)]

    async def thaw(self, workflow: str, since: datetime, until: datetime) -> None:
        asked, held = requests.c.asked_at, requests.c.held_at
        # While a question is open the clock stands still for its sake: that time is added when it is closed.
        stood = func.greatest(
            func.least(until, func.coalesce(held, until)) - func.greatest(asked, since), text("'0 s'")
        )
        waited = func.greatest(until - func.greatest(func.coalesce(held, asked), since), text("'0 s'"))
        later = {
            "asked_at": asked + stood,
            "expires_at": requests.c.expires_at + stood,
            "next_step_at": requests.c.next_step_at + waited,
        }
        await self._session.count(update(requests).where(*self._pending(workflow)).values(**later))

    async def begun(self, workflow: str) -> int:
        statement = (
            select(func.count().label("begun"))
            .select_from(effects)
            .join(requests, requests.c.id == effects.c.request_id)
            .where(effects.c.workspace_id == self._session.workspace_id, effects.c.status == Outcome.INTENT)
        )
        if workflow != ALL:
            statement = statement.where(requests.c.workflow == workflow)
        row = await self._session.one(statement)
        return int(row.begun) if row else 0

    async def workflows(self) -> Sequence[str]:
        return [row.workflow for row in await self._session.all(_WORKFLOWS.bindparams(**self._here))]

    async def show(self) -> int:
        await self._take_time(SLOW_SECONDS)
        row = await self._session.one(_SHOW.bindparams(**self._here))
        if row and row.owed:
            self._session.hints.add("card")
        return int(row.news) if row else 0

    async def _take_time(self, seconds: float) -> None:
        """This transaction may wait and work for so long: it is about everything, or holds up everybody."""
        limit = f"{int(seconds * 1000)}ms"
        settings = func.set_config("lock_timeout", limit, True), func.set_config("statement_timeout", limit, True)
        await self._session.count(select(*settings))

    def _moment(self) -> Any:
        """The time at which this statement runs, on the database's clock (which stands still for a transaction that
        waited for the lock), and later than whatever was stopped or lifted before.
        """
        mine = select(func.max(func.greatest(stops.c.at, stops.c.lifted_at)))
        before = mine.where(stops.c.workspace_id == self._session.workspace_id).scalar_subquery()
        waited = func.clock_timestamp() - func.transaction_timestamp()
        return func.greatest(NOW + waited, before + text("interval '1 us'"))

    def _covering(self, workflow: str | None) -> Any:
        mine = stops.c.workspace_id == self._session.workspace_id
        return mine if workflow is None else mine & stops.c.workflow.in_((workflow, ALL))

    def _pending(self, workflow: str) -> tuple[Any, ...]:
        mine = requests.c.workspace_id == self._session.workspace_id, requests.c.status == Status.PENDING
        return mine if workflow == ALL else (*mine, requests.c.workflow == workflow)
