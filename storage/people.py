"""The directory's mirror: who is who, as of when."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from graph.law.authorization import Person
from storage import rows
from storage.schema import NOW, groups, people, workspaces
from storage.session import Session


class PgPeople:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, user_id: str) -> Person | None:
        return (await self.many([user_id])).get(user_id)

    async def many(self, user_ids: Iterable[str]) -> Mapping[str, Person]:
        statement = select(people).where(
            people.c.workspace_id == self._session.workspace_id, people.c.user_id.in_(list(user_ids))
        )
        return {row.user_id: rows.person(row) for row in await self._session.all(statement)}

    async def strangers(self, entries: Iterable[str]) -> frozenset[str]:
        named = frozenset(entries)
        statement = select(groups.c.group_id, groups.c.handle).where(
            groups.c.workspace_id == self._session.workspace_id
        )
        known = {name for row in await self._session.all(statement) for name in (row.group_id, f"@{row.handle}")}
        return named - known - frozenset(await self.many(named))

    async def members(self, entries: Iterable[str], fresh: datetime | None = None) -> frozenset[str]:
        named = list(entries)
        handles = [entry[1:] for entry in named if entry.startswith("@")]
        statement = select(groups.c.members).where(
            groups.c.workspace_id == self._session.workspace_id,
            or_(groups.c.group_id.in_(named), groups.c.handle.in_(handles)),
        )
        if fresh is not None:
            statement = statement.where(groups.c.checked_at >= fresh)
        found = {entry for entry in named if not entry.startswith("@")}
        for row in await self._session.all(statement):
            found.update(row.members)
        return frozenset(found)

    async def mirror(self, found: Iterable[Person]) -> None:
        for person in found:
            values = asdict(person)
            statement = insert(people).values(**values)
            await self._session.count(
                statement.on_conflict_do_update(index_elements=["workspace_id", "user_id"], set_=values)
            )

    async def mirror_group(self, group_id: str, handle: str, members: Iterable[str]) -> None:
        values = {"handle": handle, "members": sorted(members), "checked_at": NOW}
        statement = insert(groups).values(workspace_id=self._session.workspace_id, group_id=group_id, **values)
        await self._session.count(
            statement.on_conflict_do_update(index_elements=["workspace_id", "group_id"], set_=values)
        )

    async def mirror_workspace(self, name: str, bot_user: str) -> None:
        values = {"name": name, "bot_user": bot_user, "seen_at": NOW}
        statement = insert(workspaces).values(id=self._session.workspace_id, **values)
        await self._session.count(statement.on_conflict_do_update(index_elements=["id"], set_=values))
