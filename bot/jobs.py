"""The clock's ticks. Each one only asks what is due; what is due is rows, so a tick missed is a tick later."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-untyped]
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]

from graph.faults import report
from graph.law.weeks import WeekMoment

Tick = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Every:
    """A tick and how many seconds lie between two of it; `at_once`: the first comes at the start."""

    seconds: float
    tick: Tick
    at_once: bool = False


@dataclass(frozen=True, slots=True)
class Weekly:
    """A tick at a moment of each week, as the clocks of a zone show it."""

    moment: WeekMoment
    zone: ZoneInfo
    tick: Tick


SWEEP_SECONDS: Final = 2.0
PROBE_SECONDS: Final = 10.0
REROUTE_SECONDS: Final = 5.0
SEAL_SECONDS: Final = 1.0
ANSWERS_SECONDS: Final = 2.0
"""How soon an agent hears of a question about what it proposed."""
DIRECTORY_SECONDS: Final = 600.0
ONCALL_SECONDS: Final = 300.0
DIGEST_SECONDS: Final = 300.0
"""How soon a digest is made up for that was due while no worker ran, or while the policy named another moment."""
_AFTERWARDS: Final = 2
"""Seconds after a weekly moment: what is due is said by the database's clock, which may be a little behind."""


def ticks(
    *, sweep: Tick, probe: Tick, reroute: Tick, seal: Tick, directory: Tick, digest: Tick, answers: Tick, oncall: Tick
) -> dict[str, Every]:
    """The house's ticks by name."""
    return {
        "sweep": Every(SWEEP_SECONDS, sweep),
        "probe": Every(PROBE_SECONDS, probe, at_once=True),
        "reroute": Every(REROUTE_SECONDS, reroute),
        "seal": Every(SEAL_SECONDS, seal),
        "directory": Every(DIRECTORY_SECONDS, directory),
        "digest": Every(DIGEST_SECONDS, digest, at_once=True),
        "answers": Every(ANSWERS_SECONDS, answers),
        "oncall": Every(ONCALL_SECONDS, oncall, at_once=True),
    }


def make_scheduler(jobs: Mapping[str, Every | Weekly]) -> AsyncIOScheduler:
    """A scheduler that is not started yet; `start()` belongs into the running loop."""
    scheduler = AsyncIOScheduler(
        jobstores={"default": MemoryJobStore()},
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for name, job in jobs.items():
        first = {"next_run_time": datetime.now(UTC)} if isinstance(job, Every) and job.at_once else {}
        scheduler.add_job(_safe(name, job.tick), _trigger(job), id=name, name=name, **first)
    return scheduler


def _trigger(job: Every | Weekly) -> Any:
    if isinstance(job, Every):
        return IntervalTrigger(seconds=job.seconds, timezone="UTC")
    day, at = job.moment.day, job.moment.at
    return CronTrigger(day_of_week=day, hour=at.hour, minute=at.minute, second=_AFTERWARDS, timezone=job.zone)


def _safe(name: str, tick: Tick) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        try:
            await tick()
        except Exception as error:  # the next tick finds the same work again
            report(f"tick failed: {name}", error)

    return run
