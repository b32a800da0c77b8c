"""Who is on call, and who is away."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from graph.law.duty import Absence, Shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """What is known of an on-call calendar. `checked_at`: when it could last be read."""

    source: str
    checked_at: datetime | None
    problem: str


class Duty(Protocol):
    async def absences(self, since: datetime | None = None) -> Sequence[Absence]:
        """Absences in force, or `since` then; one for each account of who is away."""
        ...

    async def leave(self, absence: Absence) -> None:
        """Somebody is away, instead of what they said before."""
        ...

    async def back(self, user_id: str) -> bool:
        """Somebody is back; False when they weren't away."""
        ...

    async def shifts(self, sources: Collection[str] | None = None) -> Sequence[Shift]:
        """Shifts of these calendars (None: of all) that are not over."""
        ...

    async def rosters(self) -> Sequence[Roster]: ...
    async def read(self, source: str, shifts: Collection[Shift], problem: str) -> int:
        """A calendar was read: these are its shifts, instead of those before; how many are new or gone."""
        ...

    async def unread(self, source: str, problem: str) -> None:
        """A calendar could not be read; what it said before stands."""
        ...

    async def look_again(self, tiers: Collection[int]) -> int:
        """Who is there has changed: the clock looks at the pending requests of these tiers now."""
        ...
