"""Hold: the clock of a request stands still while something was asked about it, and runs again."""

from datetime import datetime, timedelta

from graph.law.escalation import Timer, Timing, frozen_clock, next_step
from graph.verbs.ports import Tx


async def unhold(tx: Tx, timer: Timer, timing: Timing, now: datetime, actor: str = "clock") -> None:
    """The clock of a locked request runs again: all its times are later by as long as it stood still.

    While it is stopped as well, it goes on standing still, and lifting the stop adds that time.
    """
    if timer.held_at is None:
        return
    clock = frozen_clock(now, None, await tx.stops.since(timer.workflow))
    shift = max(clock - timer.held_at, timedelta())
    asked_at, expires_at = timer.asked_at + shift, timer.expires_at + shift
    following = next_step(timing, asked_at, expires_at, clock, timer.claimed_until)
    await tx.requests.unhold(timer.id, following, shift)
    await tx.audit.record(
        "clock_resumed",
        actor,
        run_id=timer.run_id,
        request_id=timer.id,
        seconds_held=int(shift.total_seconds()),
        due_at=(asked_at + timer.sla).isoformat(),
    )
    await tx.cards.touch(timer.id)
