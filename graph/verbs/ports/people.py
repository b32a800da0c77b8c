"""The directory's mirror."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Protocol

from graph.law.authorization import Person


class People(Protocol):
    async def get(self, user_id: str) -> Person | None: ...
    async def many(self, user_ids: Iterable[str]) -> Mapping[str, Person]: ...
    async def strangers(self, entries: Iterable[str]) -> frozenset[str]:
        """Of these user ids, group ids and `@handles` those that the mirror has never seen."""
        ...

    async def members(self, entries: Iterable[str], fresh: datetime | None = None) -> frozenset[str]:
        """User ids behind user ids, group ids and `@handles`.

        Unknown groups are empty, and so are those last looked up before `fresh`.
        """
        ...

    async def mirror(self, people: Iterable[Person]) -> None: ...
    async def mirror_group(self, group_id: str, handle: str, members: Iterable[str]) -> None: ...
    async def mirror_workspace(self, name: str, bot_user: str) -> None: ...
