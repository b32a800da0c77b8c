"""The clock's ticks. Each one only asks what is due; what is due is rows, so a tick missed is a tick later."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from apscheduler.jobstores.memory import MemoryJobStore  # type: ignore[import-untyped]
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]

from graph.faults import report

Tick = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Every:
    """A tick and how many seconds lie between two of it."""

    seconds: float
    tick: Tick


SWEEP_SECONDS: Final = 5.0
DELIVER_SECONDS: Final = 1.0
SEAL_SECONDS: Final = 1.0
DIRECTORY_SECONDS: Final = 600.0


def ticks(*, sweep: Tick, deliver: Tick, seal: Tick, directory: Tick) -> dict[str, Every]:
    """The house's ticks by name."""
    return {
        "sweep": Every(SWEEP_SECONDS, sweep),
        "deliver": Every(DELIVER_SECONDS, deliver),
        "seal": Every(SEAL_SECONDS, seal),
        "directory": Every(DIRECTORY_SECONDS, directory),
    }


def make_scheduler(every: Mapping[str, Every]) -> AsyncIOScheduler:
    """A scheduler that is not started yet; `start()` belongs into the running loop."""
    scheduler = AsyncIOScheduler(
        jobstores={"default": MemoryJobStore()},
        timezone="UTC",
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    for name, job in every.items():
        scheduler.add_job(_safe(name, job.tick), "interval", seconds=job.seconds, id=name, name=name)
    return scheduler


def _safe(name: str, tick: Tick) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        try:
            await tick()
        except Exception as error:  # the next tick finds the same work again
            report(f"tick failed: {name}", error)

    return run
