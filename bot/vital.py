"""Signs of life: the web process says that clicks can arrive, and `/healthz` reads how everything is."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Final

from graph.faults import report
from graph.verbs.auditor import NAME as AUDITOR
from graph.verbs.auditor import SILENT, silent, trouble
from graph.verbs.ports import Store

BEAT_SECONDS: Final = 10.0
GAP: Final = timedelta(seconds=30)
WEB: Final = "web"


class Vital:
    """Of one web process. `connected`: whether Slack's traffic reaches it, where that isn't by HTTP."""

    def __init__(self, store: Store, connected: Callable[[], Awaitable[bool]] | None) -> None:
        self._store, self._connected = store, connected
        self._began = time.monotonic()

    async def beat(self, stop: asyncio.Event) -> None:
        """Until `stop`, say every few seconds that this process serves, as long as it does."""
        while not stop.is_set():
            try:
                if self._connected is None or await self._connected():
                    async with self._store.begin() as tx:
                        await tx.health.well(WEB, gap=GAP)
            except Exception as problem:  # the database is away: silence says it
                report("no sign of life", problem)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), BEAT_SECONDS)

    async def ill(self) -> Mapping[str, str]:
        """What is not well. Silence counts only once this process has been up for long enough to hear of others."""
        async with self._store.begin() as tx:
            conditions, now = await tx.health.all(), await tx.now()
        young = time.monotonic() - self._began < SILENT.total_seconds()
        found = {each.name: trouble(each, now) for each in conditions if not (young and silent(each, now))}
        if not young and AUDITOR not in found:
            found[AUDITOR] = "has never looked; is a worker up?"
        return {name: problem for name, problem in found.items() if problem}
