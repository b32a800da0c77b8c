"""The stop switch: what is stopped, and the lock between a stop and every INTENT."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from graph.law.stopping import Stop


class Stops(Protocol):
    async def shut(self, seconds: float) -> None:
        """Wait, up to so long, until every INTENT under way has committed; none begins before this commits."""
        ...

    async def pass_by(self) -> None:
        """Before an INTENT: from here until it commits, no stop does."""
        ...

    async def in_force(self, workflow: str | None = None) -> Sequence[Stop]:
        """Stops that nobody has lifted, oldest first; only those that cover this workflow."""
        ...

    async def bars(self, workflow: str, decided_at: datetime) -> Stop | None:
        """The stop that keeps what was decided then from being begun: one in force, or lifted since."""
        ...

    async def since(self, workflow: str) -> datetime | None:
        """Since when this workflow has been stopped without a break, by whichever stops; None: it isn't."""
        ...

    async def add(self, workflow: str, by: str, person: str, reason: str, via: str) -> Stop:
        """In force once this commits. Only while `shut`: its time is later than that of every INTENT before it."""
        ...

    async def lift(self, stop: Stop, by: str, reason: str) -> datetime:
        """No more in force once this commits. Only while `shut`; gives the time from which things count again."""
        ...

    async def waiting(self, workflow: str) -> Sequence[tuple[str, int, int]]:
        """Pending requests that a stop of this scope covers: workflow, tier and how many."""
        ...

    async def thaw(self, workflow: str, since: datetime, until: datetime) -> None:
        """The times of the workflow's pending requests are later by as long as the stop made them stand still."""
        ...

    async def begun(self, workflow: str) -> int:
        """How many effects in this scope are under way: their INTENT was committed, their outcome isn't known."""
        ...

    async def workflows(self) -> Sequence[str]:
        """Every workflow that ever had a run."""
        ...

    async def show(self) -> int:
        """Cards of what a stop newly covers, or newly doesn't, are owed a new rendering; returns how many stops."""
        ...
