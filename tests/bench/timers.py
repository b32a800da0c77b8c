"""How long the clock takes: `python -m tests.bench.timers [--due 10000 --cards 1000]`.

What a sweep costs with 1,000, 10,000 and 100,000 pending requests; how long it takes to step 10,000 that are due
at once; and the time from a deadline to the next tier's card, for requests that fall due within the same minute in
enough channels. One worker's parts on this machine, a Slack that takes every post.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psycopg

from bot.delivery import Delivery
from bot.jobs import SWEEP_SECONDS
from bot.slack import Slack
from graph.verbs.sweep import sweep
from storage.migrate import migrate
from tests.bench.ack import free_port
from tests.bench.figures import latencies, percentile
from tests.support.chaos_plan import simple
from tests.support.chaos_seed import seed_pending
from tests.support.chaos_stage import Stage
from tests.support.chaos_world import ChaosWorld
from tests.support.db import DEFAULT_POLICY, dsn, fresh_database, server_url

CHANNELS = 100
GOALS = {"due at once": 60.0, "p99 to the card": 10.0, "sweep cost ratio": 1.5}
COUNTS = (1_000, 10_000, 100_000)
FLAT = 50
"""So many are due in each measured sweep, however many are pending."""


def policy() -> str:
    """The default policy; requests spread over teams with channels of their own."""
    teams = [
        f'[[teams]]\nworkflows = ["copies{n}"]\nmembers = ["@tier-1-reviewers"]\nchannel = "#team-{n}"'
        for n in range(CHANNELS)
    ]
    return DEFAULT_POLICY.read_text() + "\n" + "\n\n".join(teams) + "\n"


class Bench:
    """Pending requests by the thousand, and the parts of one worker."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def prepare(self) -> None:
        self.stage.prepare()

        async def opened() -> None:
            async with self.stage.store.begin() as tx:
                await tx.policies.apply(policy(), "bench")
            await self.stage.propose("template", simple("pay"))
            await self.stage.settle()

        self.stage.run(opened)
        (self.template,) = self.stage.run(self.stage.pending)

    def seed(self, count: int, label: str) -> None:
        seed_pending(self.stage.url, self.template["id"], count, label)
        # All looked at under the policy in force: that is another sweep's business.
        self.sql("update requests set checked_policy = (select max(version) from policies)")

    def sql(self, statement: str) -> None:
        with psycopg.connect(dsn(self.stage.url)) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def vacuum(self) -> None:
        """As autovacuum would have done, some minutes after so many rows were written."""
        with psycopg.connect(dsn(self.stage.url), autocommit=True) as connection:
            connection.execute("vacuum analyze")

    def count(self, statement: str) -> int:
        with psycopg.connect(dsn(self.stage.url)) as connection:
            row = connection.execute(statement).fetchone()  # type: ignore[arg-type]
        return int(row[0]) if row else 0

    def due(self, count: int) -> None:
        """The SLA of so many of tier 1 ran out a moment ago; the template stays what copies are made from."""
        self.sql(
            "update requests set asked_at = now() - make_interval(secs => sla_seconds), next_step_at = now()"
            " where id in (select id from requests where status = 'pending' and tier = 1"
            f" and id <> '{self.template['id']}' limit {count})"
        )


def sweep_cost(bench: Bench) -> float:
    """Median seconds of a sweep in which 50 are due, per number of pending; returns the worst ratio."""
    costs = {}
    for pending in COUNTS:
        bench.seed(pending - bench.count("select count(*) from requests where status = 'pending'"), f"p{pending}x")
        bench.vacuum()
        costs[pending] = statistics.median(bench.stage.run(lambda: _sweeps(bench)))
        print(f"{f'sweep, {FLAT} due of {pending} pending':<46}{1000 * costs[pending]:7.1f} ms")
    return max(costs.values()) / costs[1_000]


async def _sweeps(bench: Bench) -> list[float]:
    """Seconds of each of nine sweeps, the first, which opens the connection, left out."""
    took = []
    for _ in range(10):
        bench.due(FLAT)
        begun = time.perf_counter()
        stepped = await sweep(bench.stage.store)
        took.append(time.perf_counter() - begun)
        assert stepped == FLAT, stepped
    return took[1:]


def due_at_once(bench: Bench, count: int) -> float:
    """Seconds until so many that fall due at the same moment have all been stepped."""
    bench.vacuum()
    bench.due(count)
    left = "select count(*) from requests where status = 'pending' and next_step_at <= now()"
    assert bench.count(left) >= count

    async def until_none() -> None:
        while await sweep(bench.stage.store):
            pass

    begun = time.perf_counter()
    bench.stage.run(until_none)
    took = time.perf_counter() - begun
    assert bench.count(left) == 0
    print(f"{f'{count} due at once, all stepped by one sweeper':<46}{took:7.1f} s   {1000 * took / count:.2f} ms each")
    return took


def to_the_card(bench: Bench, count: int) -> float:
    """p99 seconds from a deadline to the next tier's card, for so many within one minute."""
    bench.sql(
        "update requests set status = 'cancelled', decided_at = now(), next_step_at = null where status = 'pending'"
    )
    bench.sql("update cards set shown = wanted")
    bench.seed(count, "minute")
    bench.sql(
        f"with spread as (select id, row_number() over (order by id) as n from requests"
        f" where status = 'pending' and id <> '{bench.template['id']}')"
        f" update requests r set workflow = 'copies' || (n % {CHANNELS}),"
        f" asked_at = now() + interval '3 seconds' + make_interval(secs => 60.0 * n / {count} - sla_seconds),"
        f" next_step_at = now() + interval '3 seconds' + make_interval(secs => 60.0 * n / {count})"
        f" from spread where spread.id = r.id"
    )
    port = free_port()
    sink = subprocess.Popen([sys.executable, "-m", "tests.bench.sink", str(port)])
    try:
        bench.stage.run(lambda: _serve(bench, f"http://127.0.0.1:{port}/api/", count))
    finally:
        sink.terminate()
        sink.wait(timeout=10)
    with psycopg.connect(dsn(bench.stage.url)) as connection:
        rows = connection.execute(
            "select extract(epoch from c.posted_at - (a.detail::json->>'due_at')::timestamptz)"
            " from cards c join audit a on a.request_id = c.request_id and a.event = 'request_escalated'"
            " where c.tier = 2 and c.target like '#team-%' and c.posted_at is not null"
        ).fetchall()
    took = [float(row[0]) for row in rows]
    assert len(took) == count, f"{len(took)} of {count} cards"
    print(latencies(f"deadline to the next tier's card, {CHANNELS} channels", took))
    return percentile(took, 0.99)


async def _serve(bench: Bench, slack_url: str, count: int) -> None:
    """A worker's ticks, until every card is there."""
    slack = Slack("xoxb-bench", slack_url)
    delivery = Delivery(bench.stage.store, slack)

    async def every(seconds: float, tick: object) -> None:
        while True:
            await tick()  # type: ignore[operator]
            await asyncio.sleep(seconds)

    ticks = [
        asyncio.create_task(every(SWEEP_SECONDS, lambda: sweep(bench.stage.store))),
        asyncio.create_task(delivery.serve(asyncio.Event())),
    ]
    until = time.monotonic() + 180
    try:
        while time.monotonic() < until:
            await asyncio.sleep(1.0)
            done = await asyncio.to_thread(
                bench.count, "select count(*) from cards where tier = 2 and target like '#team-%' and ts is not null"
            )
            if done >= count or any(task.done() for task in ticks):
                break
    finally:
        for task in ticks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await slack.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--due", type=int, default=10_000)
    parser.add_argument("--cards", type=int, default=1_000)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        home = Path(name)
        with fresh_database(server_url(home)) as url:
            asyncio.run(migrate(url))
            bench = Bench(Stage(url, ChaosWorld(home / "world.sqlite"), lease=30.0))
            bench.prepare()
            figures = {
                "sweep cost ratio": sweep_cost(bench),
                "due at once": due_at_once(bench, asked.due),
                "p99 to the card": to_the_card(bench, asked.cards),
            }
    missed = [name for name, goal in GOALS.items() if figures[name] > goal]
    for name, goal in GOALS.items():
        print(f"goal: {name} up to {goal:g}: {figures[name]:.2f}, {'MISSED' if name in missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
