"""What listeners are given: where things are kept, who speaks to Slack, and what may be done after the ack."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from bot.listeners.flood import Flood
from bot.listeners.metrics import Metrics
from bot.slack import Slack, SlackProblem
from graph.faults import report
from graph.verbs.ports import Store

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Mirror(Protocol):
    """What listeners need of the directory (`bot.directory.Directory`)."""

    async def refresh_user(self, user_id: str) -> bool: ...
    async def refresh_group(self, group_id: str) -> None: ...


class Background:
    """Work after the ack. It may be lost with the process, so nothing here is ever owed to anybody."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, name: str, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(_logged(name, work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def surely(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that is done to its end even if whoever waits for it gives up."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait for what was begun; for a clean end and for tests."""
        while self._tasks:
            await asyncio.wait(self._tasks)


@dataclass(eq=False)
class Homes:
    """Whose Home tab is being published, and for whom it has to be done once more: never two at a time for one."""

    busy: set[str] = field(default_factory=set)
    again: set[str] = field(default_factory=set)


async def _logged(name: str, work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except SlackProblem as problem:
        _log.warning("slack refused work after the ack", work=name, code=problem.code)
    except Exception as error:  # nobody awaits this task: without a line here the failure would be silent
        report(f"work after the ack failed: {name}", error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything that a listener may use. `directory` is None where nobody mirrors people (some tests).

    `traces`: where a run's trace can be looked at, `{trace_id}` standing for its id; None: nobody traces.
    """

    store: Store
    slack: Slack
    directory: Mirror | None = None
    background: Background = field(default_factory=Background)
    metrics: Metrics = field(default_factory=Metrics)
    flood: Flood = field(default_factory=Flood)
    homes: Homes = field(default_factory=Homes)
    traces: str | None = None
