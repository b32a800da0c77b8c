"""Split brain: three workers on one database, one of them stopped past its lease and continued, again and again, while
effects and escalations go on. No step happens twice, and what the sleeper still wants to write is refused.
"""

import asyncio
import os
import random
import re
import signal
import time
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import structlog
from sqlalchemy import URL

from graph.verbs.errors import Busy
from graph.verbs.sweep import sweep
from tests.support.chaos_checks import violations
from tests.support.chaos_fork import fork, kill, reap
from tests.support.chaos_ledger import Ledger, load
from tests.support.chaos_plan import POLICY, simple
from tests.support.chaos_stage import REVIEWERS, Stage, reading, silence
from tests.support.chaos_world import ChaosWorld, Faults
from tests.support.db import dsn, fresh_database
from tests.support.hunting import trials

ROUNDS, WORKERS, LEASE = trials(20, 4), 3, 1.2
SLA = timedelta(seconds=2)
PATIENCE = 45.0
HURRIED = re.sub(r"(?m)^remind = .*$", 'remind = "1s"', re.sub(r"(?m)^sla = .*$", 'sla = "2s"', POLICY))


class Troupe:
    """The children: workers that play and sweep, and one who stands for everybody at Slack."""

    def __init__(self, stage: Stage, over: Path) -> None:
        self.stage, self.over = stage, over
        self.workers = [fork(lambda: stage.run(self._work)) for _ in range(WORKERS)]
        self.living = [*self.workers, fork(lambda: stage.run(self._live))]

    async def _work(self) -> None:
        """Work until it is over; each refusal of a stale write is remembered."""
        world = self.stage.world

        def heard(_: Any, __: str, line: Any) -> Any:
            if line["event"].removesuffix(": the lease is lost") in ("segment given up", "not recorded"):
                world.tell("fenced", line.get("run", ""))
            raise structlog.DropEvent

        structlog.configure(processors=[heard], wrapper_class=structlog.make_filtering_bound_logger(20))
        while not self.over.exists():
            await asyncio.gather(self.stage.runner.work(), self._sweep())
            await asyncio.sleep(0.01)

    async def _sweep(self) -> None:
        with suppress(Busy):
            await sweep(self.stage.store)

    async def _live(self) -> None:
        """Propose, and answer two thirds at once; the others wait until the top tier is asked."""
        silence()
        rng, proposed = random.Random(1), 0
        while not self.over.exists():
            rows = await self.stage.pending()
            async with reading(self.stage) as one:
                owed = await one("select count(*) from runs where status = 'ready'")
            # Enough for everybody to be busy, and no more than they can do.
            if owed < 4 and len(rows) < 20:
                await self.stage.propose(f"split {proposed}", simple("pay", "pay", order=f"o{proposed}"))
                proposed += 1
            for row in rows:
                if zlib.crc32(row["id"].encode()) % 3 or row["tier"] == 3:
                    kind = "reject" if rng.random() < 0.1 else "approve"
                    with suppress(Busy):  # the sleeper holds this row: its person is told to try again
                        await self.stage.answer(row, kind, rng.choice(REVIEWERS[row["tier"]]))
            await asyncio.sleep(0.02)

    def leave(self) -> None:
        """All of them finish what they have begun, and end well."""
        self.over.touch()
        assert [reap(self.living.pop()) for _ in list(self.living)] == [0] * (WORKERS + 1)

    def drop(self) -> None:
        for pid in self.living:
            kill(pid)


@pytest.fixture
def stage(pg_server: URL, pg_template: str, tmp_path: Path) -> Iterator[Stage]:
    with fresh_database(pg_server, pg_template) as url:
        made = Stage(url, ChaosWorld(tmp_path / "world.sqlite"), lease=LEASE, parallel=2)
        made.prepare()
        made.run(lambda: _hurry(made))
        # Every call takes a moment, so that whoever is stopped is stopped in the middle of something.
        made.world.faults = Faults(slow=1.0)
        yield made


async def _hurry(stage: Stage) -> None:
    async with stage.store.begin() as tx:
        await tx.policies.apply(HURRIED, "test")


def test_a_worker_that_sleeps_past_its_lease_does_nothing_twice(stage: Stage, tmp_path: Path) -> None:
    rng, troupe = random.Random(20), Troupe(stage, tmp_path / "over")
    try:
        for _ in range(ROUNDS):
            _until(stage, "select count(*) >= 2 from runs where leased_until > now() + interval '0.9 s'")
            time.sleep(rng.uniform(0.0, 0.05))
            sleeper = rng.choice(troupe.workers)
            os.kill(sleeper, signal.SIGSTOP)
            time.sleep(LEASE + 0.15)
            os.kill(sleeper, signal.SIGCONT)
        _until(stage, "select count(*) >= 5 from audit where event = 'request_escalated'")
        troupe.leave()
    finally:
        troupe.drop()
    stage.world.faults = Faults()
    stage.run(lambda: _rest(stage))
    ledger = load(stage.url, stage.world)
    assert violations(ledger, resting=True) == []
    assert list(_steps(ledger)) == []
    assert list(_stale(ledger)) == []
    assert stage.world.told("fenced"), "nobody ever woke up too late: this showed nothing"


def _steps(ledger: Ledger) -> Iterator[str]:
    """Each tier was left once, upwards, and not before its time; nobody was reminded twice."""
    opened = ledger.by_request("request_opened")
    for request, moves in ledger.by_request("request_escalated").items():
        tier, since = opened[request][0]["detail"]["tier"], ledger.requests[request]["created_at"]
        for move in moves:
            if (move["detail"]["from_tier"], move["detail"]["tier"]) != (tier, tier + 1):
                yield f"{request} in tier {tier} went {move['detail']['from_tier']} → {move['detail']['tier']}"
            if move["at"] < since + SLA:
                yield f"{request} left tier {tier} at {move['at']}, asked at {since}"
            tier, since = tier + 1, move["at"]
    reminders: dict[tuple[str, str], int] = defaultdict(int)
    for row in ledger.owed.values():
        if row["kind"] == "reminder":
            reminders[row["payload"]["request_id"], row["payload"]["tier"]] += 1
    yield from (f"reminded {n} times of {what}" for what, n in reminders.items() if n > 1)


def _stale(ledger: Ledger) -> Iterator[str]:
    """Once a later fence has written about a run, no earlier one does."""
    newest: dict[str, int] = {}
    for row in ledger.audit:
        if row["actor"].startswith("fence:"):
            fence = int(row["actor"].removeprefix("fence:"))
            if fence < newest.get(row["run_id"], 0):
                yield f"{row['event']} of {row['run_id']} under fence {fence} after {newest[row['run_id']]}"
            newest[row["run_id"]] = max(fence, newest.get(row["run_id"], 0))


async def _rest(stage: Stage) -> None:
    """Answer all that waits, until nothing is owed."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        rows = await stage.pending()
        for row in rows:
            for user in REVIEWERS[row["tier"]]:
                await stage.answer(row, "approve", user)
        if not await stage.settle() and not rows:
            async with stage.engine.connect() as connection:
                waiting = "select count(*) from runs where status in ('ready', 'paused')"
                if not (await connection.exec_driver_sql(waiting)).scalar_one():
                    return
            await asyncio.sleep(0.05)
    raise TimeoutError("not everything came to rest")


def _until(stage: Stage, question: str) -> None:
    """Wait until the database says yes."""
    until = time.monotonic() + PATIENCE
    with psycopg.connect(dsn(stage.url), autocommit=True) as connection:
        while time.monotonic() < until:
            (yes,) = connection.execute(question).fetchone() or (False,)  # type: ignore[call-overload]
            if yes:
                return
            time.sleep(0.01)
    raise TimeoutError(question)
