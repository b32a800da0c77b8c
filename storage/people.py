"""The directory's mirror: who is who, as of when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.dialects.postgresql import insert

from graph.law.authorization import Person
from graph.law.policy import ON_CALL
from storage import rows
from storage.schema import NOW, groups, people, rosters, shifts, workspaces
from storage.session import Session


class PgPeople:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._people: dict[str, Person | None] | None = None
        self._members: dict[tuple[frozenset[str], datetime | None], frozenset[str]] = {}

    def remember(self) -> None:
        self._people = {} if self._people is None else self._people

    async def get(self, user_id: str) -> Person | None:
        return (await self.many([user_id])).get(user_id)

    async def many(self, user_ids: Iterable[str]) -> Mapping[str, Person]:
        if self._people is None:
            return await self._many(user_ids)
        wanted = set(user_ids)
        if missing := wanted - self._people.keys():
            self._people |= dict.fromkeys(missing) | await self._many(missing)
        return {user: person for user in wanted if (person := self._people[user]) is not None}

    async def _many(self, user_ids: Iterable[str]) -> dict[str, Person]:
        statement = select(people).where(
            people.c.workspace_id == self._session.workspace_id, people.c.user_id.in_(list(user_ids))
        )
        return {row.user_id: rows.person(row) for row in await self._session.all(statement)}

    async def accounts(self, persons: Iterable[str]) -> Mapping[str, frozenset[str]]:
        statement = select(people.c.person, people.c.user_id).where(
            people.c.workspace_id == self._session.workspace_id, people.c.person.in_(list(persons))
        )
        found: dict[str, frozenset[str]] = {}
        for row in await self._session.all(statement):
            found[row.person] = found.get(row.person, frozenset()) | {row.user_id}
        return found

    async def strangers(self, entries: Iterable[str]) -> frozenset[str]:
        named = frozenset(entries)
        statement = select(groups.c.group_id, groups.c.handle).where(
            groups.c.workspace_id == self._session.workspace_id
        )
        known = {name for row in await self._session.all(statement) for name in (row.group_id, f"@{row.handle}")}
        if any(entry.startswith(ON_CALL) for entry in named):
            heard = select(rosters.c.source).where(rosters.c.workspace_id == self._session.workspace_id)
            known |= {f"{ON_CALL}{row.source}" for row in await self._session.all(heard)}
        return named - known - frozenset(await self.many(named))

    async def members(self, entries: Iterable[str], fresh: datetime | None = None) -> frozenset[str]:
        named = list(entries)
        known = self._members.get((frozenset(named), fresh))
        if known is not None:
            return known
        found = await self._found(named, fresh)
        if self._people is not None:
            self._members[frozenset(named), fresh] = found
        return found

    async def _found(self, named: Sequence[str], fresh: datetime | None) -> frozenset[str]:
        handles = [entry[1:] for entry in named if entry.startswith("@")]
        statement = select(groups.c.members).where(
            groups.c.workspace_id == self._session.workspace_id,
            or_(groups.c.group_id.in_(named), groups.c.handle.in_(handles)),
        )
        if fresh is not None:
            statement = statement.where(groups.c.checked_at >= fresh)
        found = {entry for entry in named if not entry.startswith(("@", ON_CALL))}
        for row in await self._session.all(statement):
            found.update(row.members)
        return frozenset(found | await self._on_call(named, fresh))

    async def _on_call(self, entries: Iterable[str], fresh: datetime | None) -> set[str]:
        """Who has a shift now; of calendars last read before `fresh`, nobody."""
        sources = [entry.removeprefix(ON_CALL) for entry in entries if entry.startswith(ON_CALL)]
        if not sources:
            return set()
        statement = select(shifts.c.user_id).where(
            shifts.c.workspace_id == self._session.workspace_id,
            shifts.c.source.in_(sources),
            shifts.c.starts_at <= NOW,
            shifts.c.ends_at > NOW,
        )
        if fresh is not None:
            read = and_(rosters.c.workspace_id == shifts.c.workspace_id, rosters.c.source == shifts.c.source)
            statement = statement.where(exists().where(read, rosters.c.checked_at >= fresh))
        return {row.user_id for row in await self._session.all(statement)}

    async def groups(self, entries: Iterable[str]) -> Sequence[str]:
        named = list(entries)
        handles = [entry[1:] for entry in named if entry.startswith("@")]
        statement = select(groups.c.group_id).where(
            groups.c.workspace_id == self._session.workspace_id,
            or_(groups.c.group_id.in_(named), groups.c.handle.in_(handles)),
        )
        return [row.group_id for row in await self._session.all(statement.order_by(groups.c.group_id))]

    async def mirror(self, found: Iterable[Person]) -> None:
        # In one order everywhere: two who mirror at once never wait for each other.
        told = [asdict(person) for person in sorted(found, key=lambda person: person.user_id)]
        new = insert(people)
        known = {field.name: new.excluded[field.name] for field in fields(Person)}
        await self._session.each(
            new.on_conflict_do_update(index_elements=["workspace_id", "user_id"], set_=known), told
        )

    async def mirror_group(self, group_id: str, handle: str, members: Iterable[str]) -> None:
        values = {"handle": handle, "members": sorted(members), "checked_at": NOW}
        statement = insert(groups).values(workspace_id=self._session.workspace_id, group_id=group_id, **values)
        await self._session.count(
            statement.on_conflict_do_update(index_elements=["workspace_id", "group_id"], set_=values)
        )

    async def workspace_url(self) -> str:
        row = await self._session.one(select(workspaces.c.url).where(workspaces.c.id == self._session.workspace_id))
        return str(row.url) if row else ""

    async def mirror_workspace(self, name: str, bot_user: str, url: str = "") -> None:
        values = {"name": name, "bot_user": bot_user, "url": url, "seen_at": NOW}
        statement = insert(workspaces).values(id=self._session.workspace_id, **values)
        await self._session.count(statement.on_conflict_do_update(index_elements=["id"], set_=values))
