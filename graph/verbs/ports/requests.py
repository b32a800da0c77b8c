"""Requests, their decisions and votes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from graph.law.escalation import Timer
from graph.law.request import Decision, Request, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's approval on one digest, where several must agree. `coded`: a one-time code was taken with it."""

    request_id: str
    person: str
    user_id: str
    digest: str
    reason: str
    at: datetime
    coded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A pending request goes up: which tier is asked from now on, until when, and why. `approvals`: how many."""

    timer: Timer
    tier: int
    approvals: int
    asked_at: datetime
    sla: timedelta
    expires_at: datetime
    next_step_at: datetime
    why: str


class Requests(Protocol):
    async def insert(self, request: Request) -> bool:
        """Insert; False when this turn and revision exist already."""
        ...

    async def get(self, request_id: str) -> Request | None: ...
    async def lock(self, request_id: str) -> Request | None:
        """Read and lock the row until the transaction ends."""
        ...

    async def lock_many(self, request_ids: Collection[str]) -> Sequence[Request]:
        """As `lock`, those that exist; in one order everywhere, so that two who lock many never wait for each other."""
        ...

    async def of_turn(self, run_id: str, turn: int) -> Request | None:
        """The newest revision of a run's turn."""
        ...

    async def of_run(self, run_id: str) -> Sequence[Request]: ...
    async def pending(self, limit: int, tier: int | None = None, *, without: Collection[str] = ()) -> Sequence[Request]:
        """Pending requests, the one due first first; `without` those of these workflows."""
        ...

    async def of_requester(self, user: str, limit: int) -> Sequence[Request]:
        """What somebody asked for that can still be withdrawn, the one due first first."""
        ...

    async def waiting(self, most: int, workflow: str | None = None) -> int:
        """How many are pending, of this workflow or in all; counted up to `most`."""
        ...

    async def decide(
        self, request: Request, status: Status, execution_expires_at: datetime | None, clock: datetime | None = None
    ) -> bool:
        """Compare and set: pending, this version, this digest, not expired. False when somebody was faster.

        `clock`: the request's own time, where it stands still.
        """
        ...

    async def expire_many(self, requests: Sequence[Request]) -> frozenset[str]:
        """As `decide`, but only once `expires_at` has passed and the clock runs; the ids of those that expired."""
        ...

    async def due(self, limit: int) -> Sequence[str]:
        """Ids of those that `lock_due` would lock."""
        ...

    async def lock_due(self, limit: int) -> Sequence[Timer]:
        """Lock pending requests whose next step has come, the longest due first; what somebody else holds, or a
        stop covers, is left out.
        """
        ...

    async def lock_timer(self, request_id: str, *, due: bool = True) -> Timer | None:
        """Lock one that is pending (and due); None when it isn't any more, or somebody else has it."""
        ...

    async def many(self, request_ids: Collection[str]) -> Sequence[Request]: ...
    async def step_many(self, steps: Mapping[str, datetime]) -> None:
        """Move the timers of requests that are locked: id → their next step."""
        ...

    async def go_up_many(self, moves: Sequence[Move]) -> None:
        """Other tiers are asked about requests that are locked."""
        ...

    async def unhold(self, request_id: str, next_step_at: datetime, shift: timedelta) -> None:
        """The clock of a locked request runs again; its times are later by `shift`."""
        ...

    async def unchecked(self, version: int, limit: int) -> Sequence[str]:
        """Ids of pending requests that nobody has looked at since this policy version came into force."""
        ...

    async def checked(self, request: Request, version: int, *, reachable: bool) -> None:
        """It has been looked at under this policy version: could anybody decide it?"""
        ...

    async def add_decision(self, decision: Decision) -> None: ...
    async def add_decisions(self, made: Sequence[Decision]) -> None: ...
    async def decision(self, request_id: str) -> Decision | None: ...
    async def decisions(self, request_ids: Collection[str]) -> Mapping[str, Decision]:
        """The decisions on these requests, of those that are decided: by request id."""
        ...

    async def add_vote(self, vote: Vote) -> bool:
        """Insert; False when this person voted on this digest before. With a code it takes the place of one without."""
        ...

    async def votes(self, request_id: str, digest: str) -> Sequence[Vote]: ...
