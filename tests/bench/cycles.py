"""What a gate costs: `python -m tests.bench.cycles`. One cycle is propose → pause → decide → resume → effect → done.

Beside it bare LangGraph with its own saver on the same PostgreSQL: the same pause and resume, but no requests,
ledger, audit, cards or leases.
"""

import argparse
import asyncio
import itertools
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypedDict

from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from storage.migrate import migrate
from tests.support.chaos_plan import simple
from tests.support.chaos_stage import Stage
from tests.support.chaos_world import ChaosWorld
from tests.support.db import dsn, fresh_database, server_url

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver  # isort: skip  (after graph.flow: strict msgpack)
from langgraph.graph import END, START, StateGraph  # isort: skip
from langgraph.types import Command, interrupt  # isort: skip

Cycle = Callable[[], Awaitable[None]]
IN_FLIGHT = 8
_n = itertools.count()


def gatepost(stage: Stage) -> Cycle:
    async def cycle() -> None:
        key = f"cycle {next(_n)}"
        run_id = await stage.propose(key, simple("pay", order=key.replace(" ", "-")))
        await stage.runner.work(run_id)
        async with stage.store.begin() as tx:
            (request,) = await tx.requests.of_run(run_id)
        answer = Answer(
            request_id=request.id, type=DecisionType.APPROVE, user_id="UALICE", digest=request.digest, via="cli"
        )
        await decide(stage.store, answer)
        await stage.runner.work(run_id)

    return cycle


class State(TypedDict, total=False):
    order: str
    verdict: str


@asynccontextmanager
async def bare(stage: Stage) -> Any:
    async def propose(state: State) -> State:
        return {"order": state["order"]}

    async def gate(state: State) -> State:
        return {"verdict": interrupt({"order": state["order"]})}

    async def execute(state: State) -> State:
        stage.world.act("bare", state["order"], "", once=True)
        return {}

    builder = StateGraph(State)
    for node in (propose, gate, execute):
        builder.add_node(node.__name__, node)
    for edge in ((START, "propose"), ("propose", "gate"), ("gate", "execute"), ("execute", END)):
        builder.add_edge(*edge)
    compiled = builder.compile()
    options = {"autocommit": True, "prepare_threshold": None, "row_factory": dict_row}
    async with AsyncConnectionPool(dsn(stage.url), min_size=2, max_size=10, kwargs=options, open=False) as pool:

        async def cycle() -> None:
            key = f"bare {next(_n)}"
            config = {"configurable": {"thread_id": key}}
            for given in ({"order": key}, Command(resume="approve")):
                playing = compiled.copy({"checkpointer": AsyncPostgresSaver(pool)})  # type: ignore[arg-type]
                await playing.ainvoke(given, config, durability="exit")

        yield cycle


async def measure(cycle: Cycle, count: int) -> tuple[float, float, float]:
    """Milliseconds a cycle one after the other (of the clock, then of this process's CPU); cycles/s in flight."""
    for _ in range(5):
        await cycle()
    begun, used = time.perf_counter(), time.process_time()
    for _ in range(count // 3):
        await cycle()
    alone = (time.perf_counter() - begun) / (count // 3) * 1000
    cpu = (time.process_time() - used) / (count // 3) * 1000
    left = iter(range(count))

    async def lane() -> None:
        for _ in left:
            await cycle()

    begun = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
    return alone, cpu, count / (time.perf_counter() - begun)


def bench(stage: Stage, count: int) -> list[tuple[str, float, float, float]]:
    async def ours() -> tuple[float, float, float]:
        return await measure(gatepost(stage), count)

    async def theirs() -> tuple[float, float, float]:
        async with bare(stage) as cycle:
            return await measure(cycle, count)

    return [("Gatepost", *stage.run(ours)), ("bare LangGraph, durability exit", *stage.run(theirs))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name, fresh_database(server_url(Path(name))) as url:
        asyncio.run(migrate(url))
        stage = Stage(url, ChaosWorld(Path(name) / "world.sqlite"), lease=30.0)
        stage.prepare()
        rows = bench(stage, asked.cycles)
    print(f"{'':<34}{'ms per cycle, 1 in flight':>28}{'CPU ms of it':>16}{f'gates/s, {IN_FLIGHT} in flight':>24}")
    for title, alone, cpu, rate in rows:
        print(f"{title:<34}{alone:>28.1f}{cpu:>16.1f}{rate:>24.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
