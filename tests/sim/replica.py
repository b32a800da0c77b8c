"""One replica: a store, a runner and a delivery on an engine of its own, which does what a worker's ticks do."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from bot.delivery import Delivery
from graph.flow.gateway import build, gate
from graph.flow.runner import Runner
from graph.flow.workflow import Workflow
from graph.verbs.auditor import audit
from graph.verbs.digest import post_due
from graph.verbs.errors import Busy
from graph.verbs.reroute import reroute_stranded
from graph.verbs.sweep import sweep
from storage.audit import seal
from storage.checkpoints import PgCheckpoints
from storage.engine import make_engine
from storage.store import PgStore
from tests.sim.clock import Clock
from tests.support.db import WORKSPACE

KEY: Final = b"the key of this simulation"
_COMPILED: Final[dict[Any, Any]] = {}
AWAY: Final = (SQLAlchemyError, psycopg.Error, OSError, Busy)
"""What a process sees of a database that isn't there."""


class Replica:
    """`name` is its connections' name, too."""

    def __init__(self, name: str, url: URL, slack: Any, workflows: Mapping[str, Workflow], graph: Any) -> None:
        self.name, self.failed = name, 0
        made = make_engine(url.update_query_dict({"application_name": name}), pool_size=8)
        # Hundreds of replicas come and go: each would compile the same statements again.
        self.engine = made.execution_options(compiled_cache=_COMPILED)
        self.store = PgStore(self.engine, WORKSPACE)
        checkpoints = PgCheckpoints(self.store)
        self.runner = Runner(self.store, checkpoints, workflows, lease_seconds=30.0, graph=graph)
        self.delivery = Delivery(self.store, slack, spacing=0.0)

    async def tick(self, kinds: list[str]) -> None:
        """What is due of these kinds; where the database is away, the next tick finds the same again."""
        for kind in kinds:
            try:
                await self._do(kind)
            except AWAY:
                self.failed += 1

    async def _do(self, kind: str) -> None:
        match kind:
            case "sweep":
                await sweep(self.store)
            case "work":
                await self.runner.work()
            case "look":
                await self.runner.places.look(list(self.runner.workflows))
            case "deliver":
                await self.delivery.deliver_once()
            case "reroute":
                await reroute_stranded(self.store)
            case "digest":
                await post_due(self.store)
            case "audit":
                await audit(self.store)
            case "seal":
                await seal(self.engine, KEY)

    async def die(self, clock: Clock, kinds: list[str], rng: random.Random) -> None:
        """Be killed somewhere in the middle of a tick: what was sent was sent, what wasn't committed is gone."""
        ticking = asyncio.create_task(self.tick(kinds))
        for _ in range(rng.randint(0, 60)):
            await asyncio.sleep(0)
        await asyncio.sleep(rng.choice((0.0, rng.uniform(0.0, 0.03))))
        await clock.cut(self.name)
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        await self.leave()

    async def leave(self) -> None:
        await self.engine.dispose()


def gateway(release: int) -> Any:
    """The gateway as a release has it: 0 as it is, 1 with its gate renamed, 2 knowing both names."""
    if release == 0:
        return build()
    renamed = build("review_gate" if release == 1 else "gate")
    if release == 2:
        renamed.add_node("review_gate", gate)
        renamed.add_conditional_edges("review_gate", lambda state: state["next"], ["execute", "propose", "rollback"])
    return renamed
