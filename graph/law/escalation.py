"""What does the clock ask for? A request's times and its tier's timing in, the steps that have come due out.

Timers are rows: `next_step_at` is the next moment at which something happens, `expires_at` the one from which no
decision counts. A step happens once because the sweep moves `next_step_at` past it under the row's lock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from graph.law.request import Kind, Risk

QUARTERS: Final = (1, 2, 3)


class Due(StrEnum):
    """What has come due, from the least to the most."""

    RENDER = "render"
    """The card shows a new urgency, or that a claim is over."""
    REMIND = "remind"
    REPEAT = "repeat"
    """Reminded again: the SLA has passed and there is nobody else to ask."""
    TIMEOUT = "timeout"
    """The tier's SLA has passed."""
    UNHOLD = "unhold"
    """Nobody answered the question for which the clock was stopped; it runs again."""
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """A tier's times. `remind`: so long before the SLA ends; `repeat`: so often after it has. `changes_at`: when
    the last one on duty leaves, or somebody comes.
    """

    sla: timedelta
    expires: timedelta
    remind: timedelta | None = None
    repeat: timedelta | None = None
    changes_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """The times of a pending request and what moving them needs; read without its texts. Times are UTC.

    `asked_at`: when its present tier was asked (later than now while nobody is on duty). `held_at`: since when
    its clock stands still because something was asked.
    """

    id: str
    run_id: str
    workflow: str
    action_type: str
    kind: Kind
    version: int
    tier: int
    asked_at: datetime
    sla: timedelta
    next_step_at: datetime
    expires_at: datetime
    held_at: datetime | None
    claimed_by: str | None
    claimed_until: datetime | None
    approvals_required: int
    reversible: bool
    risk: Risk

    @property
    def due_at(self) -> datetime:
        """When a decision was promised."""
        return self.asked_at + self.sla


def next_step(
    timing: Timing,
    asked_at: datetime,
    expires_at: datetime,
    now: datetime,
    claimed_until: datetime | None = None,
) -> datetime:
    """When the clock next has something to do: always later than `now`, or the expiry."""
    due = asked_at + timing.sla
    # While nobody is on duty yet, the time begins later.
    moments = [asked_at, *(moment for _, moment in _moments(timing, asked_at))]
    moments += [moment for moment in (claimed_until, timing.changes_at) if moment is not None]
    if timing.repeat is not None and now >= due:
        moments.append(due + timing.repeat * ((now - due) // timing.repeat + 1))
    elif timing.repeat is not None:
        moments.append(due + timing.repeat)
    return min((moment for moment in moments if now < moment < expires_at), default=expires_at)


def steps_due(timer: Timer, timing: Timing, now: datetime) -> list[Due]:
    """What has come due since `next_step_at` was set, the greatest last; nothing twice."""
    if timer.held_at is not None:
        return [Due.UNHOLD]
    if timer.expires_at <= now:
        return [Due.EXPIRE]
    since, due = timer.next_step_at, timer.due_at
    found = {step for step, moment in _moments(timing, timer.asked_at) if since <= moment <= now}
    if timing.repeat is not None and now >= due + timing.repeat:
        last = due + timing.repeat * ((now - due) // timing.repeat)
        found |= {Due.REPEAT} if since <= last else set()
    if Due.TIMEOUT in found or Due.REPEAT in found:
        found.discard(Due.REMIND)
    return sorted(found | {Due.RENDER}, key=_RANK.__getitem__)


def frozen_clock(now: datetime, held_at: datetime | None, stopped_since: datetime | None) -> datetime:
    """The request's own time: it stands still while a question is open or a stop is in force."""
    return min(moment for moment in (now, held_at, stopped_since) if moment is not None)


def _moments(timing: Timing, asked_at: datetime) -> Iterator[tuple[Due, datetime]]:
    for quarter in QUARTERS:
        yield Due.RENDER, asked_at + timing.sla * quarter / 4
    if timing.remind is not None and timing.remind < timing.sla:
        yield Due.REMIND, asked_at + timing.sla - timing.remind
    yield Due.TIMEOUT, asked_at + timing.sla


_RANK: Final = {step: rank for rank, step in enumerate(Due)}
