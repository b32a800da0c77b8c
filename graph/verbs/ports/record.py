"""The record: what was audited, how earlier actions went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from graph.law.record import Rejected
from graph.law.request import Decision, Effect, Form, Kind, Request, Risk, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An audit entry that is to be written."""

    event: str
    actor: str
    run_id: str | None = None
    request_id: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Audit(Protocol):
    async def record(
        self,
        event: str,
        actor: str,
        *,
        run_id: str | None = None,
        request_id: str | None = None,
        **detail: Any,
    ) -> None:
        """Write an audit entry in this transaction; the sealer chains it later."""
        ...

    async def record_many(self, entries: Sequence[Entry]) -> None:
        """Write audit entries in this transaction."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """An action as an agent proposed it; `judged`: the facts it was routed on, as `graph.law.facts` writes them."""

    id: str
    workflow: str
    action_type: str
    args: dict[str, Any]
    form: Form
    judged: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """How earlier ones of an action went: those that people decided, and the amounts of those that were done.

    `theirs`: the mean amount on this target, over `theirs_of`; `lately`: how many of them in the last seven days.
    """

    asked: int
    well: int
    usual: Decimal | None
    usual_of: int
    theirs: Decimal | None = None
    theirs_of: int = 0
    lately: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A request that was decided: what it asked, the answer, and what came of it.

    `effect` is what this very request allowed; None where that never began.
    """

    run_id: str
    turn: int
    revision: int
    kind: Kind
    status: Status
    question: str
    decision: Decision
    effect: Effect | None = None


class Trail(Protocol):
    """What was decided before, each time the newest first."""

    async def of_run(self, request: Request, limit: int) -> Sequence[Taken]:
        """In its run, but for itself; by people, policy or the clock."""
        ...

    async def about(self, request: Request, limit: int) -> Sequence[Taken]:
        """In other runs of the workflow, about whatever this request touches; nothing where it names no target."""
        ...


class Past(Protocol):
    """What the record says about actions like this one."""

    async def outcomes(self, workflow: str, action_type: str, risk: Risk, target: str | None = None) -> Outcomes:
        """Good news counts where a person decided or reviewed it, bad news always; each of the newest two hundred."""
        ...

    async def rejected(
        self, workflow: str, run_id: str, digest: str, target: str | None, within: timedelta
    ) -> Sequence[Rejected]:
        """What people rejected lately: in this run, exactly this, or about this target; newest first."""
        ...

    async def times_rejected(self, digest: str, within: timedelta) -> int:
        """How often people rejected exactly this."""
        ...

    async def total(self, actions: Sequence[str], by: str, workflow: str, key: str, within: timedelta) -> Decimal:
        """What these actions have moved for this target (of this workflow) or requester, undone ones left out."""
        ...

    async def usual_seconds(self, workflow: str, action_type: str) -> int | None:
        """How long people usually take for an action like this (the median of the last 30 days); a figure for
        cards, up to ten minutes old.
        """
        ...

    async def lock(self, name: str) -> None:
        """Hold a named total until this transaction ends."""
        ...

    async def progress(self, run_id: str) -> tuple[int, datetime]:
        """Effects begun since a person last decided in this run, and when that was (or the run began)."""
        ...

    async def judged(self, within: timedelta, after: str, limit: int) -> Sequence[Proposed]:
        """What agents proposed (no edits of it) and what it was judged on, a page by id, from behind `after`."""
        ...
