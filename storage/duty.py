"""Who is on call, and who is away: shifts, rosters, absences."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from graph.law.duty import Absence, Shift
from graph.law.request import Status
from graph.verbs.ports import Roster
from storage.schema import NOW, absences, people, requests, rosters, shifts
from storage.session import Session

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PROBLEM: Final = 500


class PgDuty:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._away: Sequence[Absence] | None = None

    async def absences(self, since: datetime | None = None) -> Sequence[Absence]:
        if since is None and self._away is not None:
            return self._away
        own, all_of = people.alias(), people.alias()
        named = and_(own.c.workspace_id == absences.c.workspace_id, own.c.user_id == absences.c.user_id)
        same = and_(all_of.c.workspace_id == own.c.workspace_id, all_of.c.person == own.c.person)
        statement = (
            select(
                func.coalesce(all_of.c.user_id, absences.c.user_id).label("account"),
                absences.c.deputy_id,
                absences.c.starts_at,
                absences.c.ends_at,
            )
            .select_from(absences.outerjoin(own, named).outerjoin(all_of, same))
            .where(
                absences.c.workspace_id == self._session.workspace_id,
                absences.c.ends_at > (NOW if since is None else since),
                absences.c.starts_at <= NOW,
            )
            .order_by(absences.c.id)
        )
        found = [
            Absence(user_id=row.account, deputy_id=row.deputy_id, starts_at=row.starts_at, ends_at=row.ends_at)
            for row in await self._session.all(statement)
        ]
        if since is None:
            self._away = found
        return found

    async def leave(self, absence: Absence) -> None:
        # One after the other: nobody is away twice, with two deputies.
        mine = people.c.workspace_id == self._session.workspace_id, people.c.user_id == absence.user_id
        await self._session.all(select(people.c.user_id).where(*mine).with_for_update())
        await self.back(absence.user_id)
        values = {
            "user_id": absence.user_id,
            "deputy_id": absence.deputy_id,
            "starts_at": absence.starts_at,
            "ends_at": absence.ends_at,
        }
        await self._session.count(insert(absences).values(workspace_id=self._session.workspace_id, **values))
        self._away = None

    async def back(self, user_id: str) -> bool:
        own = select(people.c.person).where(
            people.c.workspace_id == self._session.workspace_id, people.c.user_id == user_id
        )
        accounts = select(people.c.user_id).where(
            people.c.workspace_id == self._session.workspace_id, people.c.person.in_(own)
        )
        statement = update(absences).where(
            absences.c.workspace_id == self._session.workspace_id,
            or_(absences.c.user_id == user_id, absences.c.user_id.in_(accounts)),
            absences.c.ends_at > NOW,
        )
        self._away = None
        return await self._session.count(statement.values(ends_at=func.greatest(NOW, absences.c.starts_at))) > 0

    async def shifts(self, sources: Collection[str] | None = None) -> Sequence[Shift]:
        statement = select(shifts).where(shifts.c.workspace_id == self._session.workspace_id, shifts.c.ends_at > NOW)
        if sources is not None:
            statement = statement.where(shifts.c.source.in_(sources))
        return [
            Shift(source=row.source, user_id=row.user_id, starts_at=row.starts_at, ends_at=row.ends_at)
            for row in await self._session.all(statement.order_by(shifts.c.starts_at, shifts.c.user_id))
        ]

    async def rosters(self) -> Sequence[Roster]:
        statement = select(rosters).where(rosters.c.workspace_id == self._session.workspace_id)
        return [
            Roster(
                source=row.source,
                checked_at=row.checked_at if row.checked_at > _NEVER else None,
                problem=row.problem,
            )
            for row in await self._session.all(statement.order_by(rosters.c.source))
        ]

    async def read(self, source: str, found: Collection[Shift], problem: str) -> int:
        # The roster first: its row is the lock under which its shifts are exchanged.
        values = {"checked_at": NOW, "problem": problem[:_PROBLEM]}
        await self._roster(source, values, values)
        mine = shifts.c.workspace_id == self._session.workspace_id, shifts.c.source == source
        before = {
            (row.user_id, row.starts_at, row.ends_at)
            for row in await self._session.all(select(shifts).where(*mine, shifts.c.ends_at > NOW))
        }
        now = await self._now()
        after = {(turn.user_id, turn.starts_at, turn.ends_at) for turn in found if turn.ends_at > now}
        await self._session.count(delete(shifts).where(*mine))
        rows = [
            {
                "workspace_id": self._session.workspace_id,
                "source": source,
                "user_id": turn.user_id,
                "starts_at": turn.starts_at,
                "ends_at": turn.ends_at,
            }
            for turn in found
        ]
        if rows:
            await self._session.count(insert(shifts).values(rows))
        return len(before ^ after)

    async def unread(self, source: str, problem: str) -> None:
        problem = problem[:_PROBLEM]
        await self._roster(source, {"checked_at": _NEVER, "problem": problem}, {"problem": problem})

    async def look_again(self, tiers: Collection[int]) -> int:
        statement = update(requests).where(
            requests.c.workspace_id == self._session.workspace_id,
            requests.c.status == Status.PENDING,
            requests.c.tier.in_(tiers),
            requests.c.held_at.is_(None),
            requests.c.next_step_at > NOW,
        )
        return await self._session.count(statement.values(next_step_at=NOW))

    async def _roster(self, source: str, new: dict[str, Any], changed: dict[str, Any]) -> None:
        statement = upsert(rosters).values(workspace_id=self._session.workspace_id, source=source, **new)
        await self._session.count(
            statement.on_conflict_do_update(index_elements=["workspace_id", "source"], set_=changed)
        )

    async def _now(self) -> datetime:
        return (await self._session.connection.execute(select(NOW))).scalar_one()
