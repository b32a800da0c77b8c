"""The directory's mirror."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from graph.law.authorization import Person


class People(Protocol):
    def remember(self) -> None:
        """From now on in this transaction nobody is looked up twice: for looking around, never for deciding."""
        ...

    async def get(self, user_id: str) -> Person | None: ...
    async def many(self, user_ids: Iterable[str]) -> Mapping[str, Person]: ...
    async def accounts(self, persons: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Person → user ids of their accounts; who isn't mirrored is left out."""
        ...

    async def strangers(self, entries: Iterable[str]) -> frozenset[str]:
        """Of these user ids, group ids, `@handles` and calendars (`oncall:…`) those that nobody has looked up yet."""
        ...

    async def members(self, entries: Iterable[str], fresh: datetime | None = None) -> frozenset[str]:
        """User ids behind user ids, group ids, `@handles`, and of who is on call now (`oncall:…`).

        Unknown groups are empty, and so are groups and calendars last looked up before `fresh`.
        """
        ...

    async def groups(self, entries: Iterable[str]) -> Sequence[str]:
        """Ids of the known groups among user ids, group ids and `@handles`."""
        ...

    async def mirror(self, people: Iterable[Person]) -> None: ...
    async def mirror_group(self, group_id: str, handle: str, members: Iterable[str]) -> None: ...
    async def mirror_workspace(self, name: str, bot_user: str, url: str = "") -> None: ...
    async def workspace_url(self) -> str:
        """Where the workspace is on the web, as Slack said last; "" when it never did."""
        ...
