"""Runs: one execution of a workflow each, and who holds it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class RunStatus(StrEnum):
    READY = "ready"
    PAUSED = "paused"
    DONE = "done"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a workflow. `fence` grows with every claim; only its holder may write."""

    id: str
    workspace_id: str
    workflow: str
    key: str
    requester: str | None
    input: dict[str, Any]
    status: RunStatus
    outcome: str
    interrupt_id: str | None
    fence: int
    attempts: int
    last_error: str
    created_at: datetime
    updated_at: datetime
    reversing: bool = False
    """Effects of it are owed an undo, whatever else becomes of the run."""
    graph: str = ""
    """The places of the graph in which it paused; "": a release that didn't say."""
    displaced: bool = False
    """Set aside because the place where it waits is not in the release that looked."""


class Runs(Protocol):
    async def start(self, run_id: str, workflow: str, key: str, requester: str | None, input_text: str) -> bool:
        """Insert a run that is owed its first segment; False when the key exists already."""
        ...

    async def get(self, run_id: str) -> Run | None: ...
    async def many(self, run_ids: Collection[str]) -> Sequence[Run]: ...
    async def recent(self, limit: int) -> Sequence[Run]: ...
    async def claim(
        self, workflows: Sequence[str], limit: int, lease_seconds: float, run_id: str | None = None
    ) -> Sequence[Run]:
        """Take runs that are owed a segment (`SKIP LOCKED`), each with a new fence and a lease.

        Only of these workflows: a process without a workflow's code must not touch its runs.
        """
        ...

    async def hold(self, run: Run, lease_seconds: float) -> None:
        """Renew the lease inside this transaction; raise `Fenced` when the run is no longer ours."""
        ...

    async def pause(self, run: Run, interrupt_id: str, graph: str = "") -> None:
        """Fenced: the run waits for a decision at a place of this graph, its lease ends."""
        ...

    async def finish(self, run: Run, status: RunStatus, outcome: str, *, displaced: bool = False) -> None:
        """Fenced: the run is over."""
        ...

    async def retry(self, run: Run, delay_seconds: float, error: str, *, blameless: bool) -> None:
        """Fenced: the segment could not be completed; it is owed again after the delay.

        `blameless`: the outside was not there, which doesn't count towards quarantine.
        """
        ...

    async def stuck(self, seconds: float) -> Sequence[Run]:
        """Runs that have been owed a segment for so long while nobody held them."""
        ...

    async def release(self, run_id: str, *, waits: bool) -> bool:
        """A quarantined run goes back to its wait, or is owed a segment again; False when it isn't quarantined."""
        ...

    async def elsewhere(self, workflows: Sequence[str], graph: str, after: str, limit: int) -> Sequence[Run]:
        """Paused runs of these workflows whose graph was another one, a page by id."""
        ...

    async def stamp(self, run_ids: Collection[str], graph: str) -> None:
        """These paused runs have their place in this graph as well."""
        ...

    async def displace(self, run_ids: Collection[str], why: str) -> Sequence[Run]:
        """Set paused runs aside whose place this release doesn't have; those that still were paused."""
        ...

    async def displaced(self, workflows: Sequence[str], seconds: float, last: str, limit: int) -> Sequence[Run]:
        """Runs that were set aside so for so long, by id, those after `last`."""
        ...

    async def wake(self, run_id: str) -> None:
        """A decision was recorded: the paused run is owed a segment."""
        ...

    async def wake_many(self, run_ids: Collection[str]) -> None:
        """The same for several."""
        ...

    async def reverse(self, run_id: str) -> None:
        """People found that something which ran alone was wrong: its undo is owed."""
        ...

    async def reversed(self, run: Run) -> None:
        """Fenced: nothing of it is owed an undo any more."""
        ...
