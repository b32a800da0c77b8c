"""Runs: who is owed a segment, who holds the lease. A stale fence writes nothing."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Text, Update, case, cast, func, literal, null, or_, select, true, union_all, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from graph.verbs.errors import Fenced
from graph.verbs.ports import Run, RunStatus
from storage import rows
from storage.schema import NOW, runs
from storage.session import Session, after

_STUCK_SHOWN = 50
_MANY = 1_000_000


class PgRuns:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def start(self, run_id: str, workflow: str, key: str, requester: str | None, input_text: str) -> bool:
        statement = (
            insert(runs)
            .values(
                id=run_id,
                workspace_id=self._session.workspace_id,
                workflow=workflow,
                key=key,
                requester=requester,
                input=input_text,
                status=RunStatus.READY,
                wake_at=NOW,
            )
            .on_conflict_do_nothing()
        )
        self._session.hints.add("run")
        return await self._session.count(statement) == 1

    async def get(self, run_id: str) -> Run | None:
        row = await self._session.one(select(runs).where(self._mine, runs.c.id == run_id))
        return rows.run(row) if row else None

    async def many(self, run_ids: Collection[str]) -> Sequence[Run]:
        statement = select(runs).where(self._mine, runs.c.id.in_(run_ids))
        return [rows.run(row) for row in await self._session.all(statement)]

    async def recent(self, limit: int) -> Sequence[Run]:
        statement = select(runs).where(self._mine).order_by(runs.c.created_at.desc(), runs.c.id).limit(limit)
        return [rows.run(row) for row in await self._session.all(statement)]

    async def claim(
        self, workflows: Sequence[str], limit: int, lease_seconds: float, run_id: str | None = None
    ) -> Sequence[Run]:
        free = or_(runs.c.leased_until.is_(None), runs.c.leased_until <= NOW)
        only = () if run_id is None else (runs.c.id == run_id,)
        named = func.unnest(cast(list(workflows), ARRAY(Text))).table_valued("name").render_derived()
        owed = (
            select(runs.c.id, runs.c.workflow, runs.c.wake_at)
            .where(self._mine, runs.c.workflow == named.c.name, runs.c.status == RunStatus.READY)
            .where(runs.c.wake_at <= NOW, free, *only)
            .order_by(runs.c.wake_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .lateral("owed")
        )
        # In turn: one workflow's flood must not make another's wait.
        place = func.row_number().over(partition_by=owed.c.workflow, order_by=owed.c.wake_at)
        in_turn = select(owed.c.id, place.label("place"), owed.c.wake_at).select_from(named.join(owed, true()))
        undone = (
            select(runs.c.id, literal(0).label("place"), runs.c.updated_at.label("wake_at"))
            .where(self._mine, runs.c.workflow.in_(workflows), runs.c.reversing, free, *only)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .subquery("undone")
        )
        both = union_all(in_turn, select(undone)).subquery("both")
        due = select(both.c.id).order_by(both.c.place, both.c.wake_at).limit(limit)
        statement = (
            update(runs)
            .where(runs.c.id.in_(due.scalar_subquery()))
            .values(
                fence=runs.c.fence + 1,
                # A row that counts no further must not keep everybody else's from being claimed.
                attempts=func.least(runs.c.attempts, _MANY) + 1,
                leased_until=after(lease_seconds),
                updated_at=NOW,
            )
            .returning(runs)
        )
        return [rows.run(row) for row in await self._session.all(statement)]

    async def hold(self, run: Run, lease_seconds: float) -> None:
        await self._fenced(run, leased_until=after(lease_seconds))

    async def pause(self, run: Run, interrupt_id: str, graph: str = "") -> None:
        await self._fenced(
            run,
            status=RunStatus.PAUSED,
            interrupt_id=interrupt_id,
            graph=graph,
            wake_at=null(),
            leased_until=null(),
            attempts=0,
            last_error="",
        )

    async def finish(self, run: Run, status: RunStatus, outcome: str, *, displaced: bool = False) -> None:
        over = {"status": status, "outcome": outcome, "displaced": displaced}
        await self._fenced(run, **over, wake_at=null(), leased_until=null())

    async def retry(self, run: Run, delay_seconds: float, error: str, *, blameless: bool) -> None:
        values: dict[str, Any] = {"attempts": 0} if blameless else {}
        # What is being reversed may be paused or over: it has no time to wake at, so the lease itself waits.
        later = (
            {"leased_until": after(delay_seconds)}
            if run.reversing
            else {"wake_at": after(delay_seconds), "leased_until": null()}
        )
        await self._fenced(run, last_error=error, **later, **values)

    async def reverse(self, run_id: str) -> None:
        # What was tried before says nothing about this; while it is being reversed, its attempts go on counting.
        attempts = case((runs.c.reversing, runs.c.attempts), else_=0)
        # Also where it is being reversed already: a segment that is about to find nothing more has to be waited for,
        # and one that has yet to look waits for us.
        await self._session.count(self._update(runs.c.id == run_id).values(reversing=True, attempts=attempts))
        self._session.hints.add("run")

    async def reversed(self, run: Run) -> None:
        await self._fenced(run, reversing=False, leased_until=null(), attempts=0, last_error="")

    async def stuck(self, seconds: float) -> Sequence[Run]:
        statement = select(runs).where(
            self._mine,
            runs.c.status == RunStatus.READY,
            runs.c.wake_at <= after(-seconds),
            or_(runs.c.leased_until.is_(None), runs.c.leased_until <= after(-seconds)),
        )
        return [rows.run(row) for row in await self._session.all(statement.limit(_STUCK_SHOWN))]

    async def release(self, run_id: str, *, waits: bool) -> bool:
        statement = self._update(runs.c.id == run_id, runs.c.status == RunStatus.QUARANTINED)
        place = (
            {"status": RunStatus.PAUSED, "wake_at": null()} if waits else {"status": RunStatus.READY, "wake_at": NOW}
        )
        self._session.hints.add("run")
        return await self._session.count(statement.values(**place, attempts=0, outcome="", displaced=False)) == 1

    async def elsewhere(self, workflows: Sequence[str], graph: str, after: str, limit: int) -> Sequence[Run]:
        statement = select(runs).where(
            self._mine,
            runs.c.status == RunStatus.PAUSED,
            # Two ranges of an index, so that looking costs nothing while there are none.
            or_(runs.c.graph < graph, runs.c.graph > graph),
            runs.c.workflow.in_(workflows),
            runs.c.id > after,
        )
        return [rows.run(row) for row in await self._session.all(statement.order_by(runs.c.id).limit(limit))]

    async def stamp(self, run_ids: Collection[str], graph: str) -> None:
        statement = update(runs).where(self._mine, runs.c.id.in_(run_ids), runs.c.status == RunStatus.PAUSED)
        await self._session.count(statement.values(graph=graph))

    async def displace(self, run_ids: Collection[str], why: str) -> Sequence[Run]:
        statement = self._update(runs.c.id.in_(run_ids), runs.c.status == RunStatus.PAUSED)
        aside = statement.values(status=RunStatus.QUARANTINED, outcome=why, displaced=True)
        return [rows.run(row) for row in await self._session.all(aside.returning(runs))]

    async def displaced(self, workflows: Sequence[str], seconds: float, last: str, limit: int) -> Sequence[Run]:
        statement = select(runs).where(
            self._mine,
            runs.c.status == RunStatus.QUARANTINED,
            runs.c.displaced,
            runs.c.workflow.in_(workflows),
            runs.c.updated_at <= after(-seconds),
            runs.c.id > last,
        )
        return [rows.run(row) for row in await self._session.all(statement.order_by(runs.c.id).limit(limit))]

    async def wake(self, run_id: str) -> None:
        await self.wake_many([run_id])

    async def wake_many(self, run_ids: Collection[str]) -> None:
        statement = self._update(runs.c.id.in_(run_ids), runs.c.status == RunStatus.PAUSED)
        await self._session.count(statement.values(status=RunStatus.READY, wake_at=NOW))
        self._session.hints.add("run")

    @property
    def _mine(self) -> Any:
        return runs.c.workspace_id == self._session.workspace_id

    def _update(self, *where: Any) -> Update:
        return update(runs).where(self._mine, *where).values(updated_at=NOW)

    async def _fenced(self, run: Run, **values: Any) -> None:
        # The lease must still run: a worker that slept past it may not write even if nobody took over yet.
        statement = self._update(
            runs.c.id == run.id,
            runs.c.fence == run.fence,
            or_(runs.c.status == RunStatus.READY, runs.c.reversing),
            runs.c.leased_until > NOW,
        )
        if await self._session.count(statement.values(**values)) != 1:
            raise Fenced(f"run {run.id} is no longer held under fence {run.fence}")
