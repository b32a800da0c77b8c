"""The kill harness: `python -m tests.crash.chaos [--kills 200 --requests 1000 --seed N --workers 2]`.

Workers and people are children forked from a warm parent. At pauses of 20 to 350 ms one of them is killed with
SIGKILL and forked again, while proposals, decisions and effects of every class go on. Then the killing stops,
everything owed is driven to rest, and every invariant is checked by SQL and in the world.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from sqlalchemy import URL

from storage.audit import seal, verify
from storage.engine import make_engine
from storage.migrate import migrate
from tests.support.chaos_checks import violations
from tests.support.chaos_fork import ended, fork, kill
from tests.support.chaos_ledger import Ledger, load
from tests.support.chaos_stage import Stage, people, reading, worker
from tests.support.chaos_world import HOSTILE, ChaosWorld
from tests.support.db import dsn, fresh_database, server_url

KEY = b"the key of this chaos"


@dataclass
class Plot:
    """How much is to happen."""

    kills: int = 200
    requests: int = 1000
    seed: int = 0
    workers: int = 2
    patience: float = 120.0
    """Seconds that everything owed may take to come to rest."""


@dataclass
class Result:
    """What happened."""

    ledger: Ledger
    violations: list[str]
    kills: int
    died: list[int] = field(default_factory=list)
    killing: float = 0.0
    resting: float = 0.0


class Cast:
    """The children on the stage."""

    def __init__(self, stage: Stage, plot: Plot) -> None:
        self.stage, self.plot = stage, plot
        self.rng = random.Random(plot.seed)
        self.living: dict[int, str] = {}
        self.died: list[int] = []

    def enter(self, role: str) -> None:
        seed = self.rng.random()
        self.living[fork(lambda: self._play(role, seed))] = role

    def _play(self, role: str, seed: float) -> None:
        if role == "worker":
            self.stage.run(lambda: worker(self.stage))
        else:
            self.stage.run(lambda: people(self.stage, random.Random(seed), self._more, patience=0.02))

    async def _more(self) -> bool:
        """Whether proposals are still wanted: until as many requests are there as the plot asks for."""
        async with reading(self.stage) as one:
            waiting = await one("select count(*) from runs where status in ('ready', 'paused')")
            return waiting < 40 and await one("select count(*) from requests") < self.plot.requests

    def kill_one(self) -> None:
        pid = self.rng.choice(sorted(self.living))
        role = self.living.pop(pid)
        kill(pid)
        self.enter(role)

    def tend(self) -> None:
        """Nobody dies by themselves; whoever did is replaced and counted."""
        for pid, role in list(self.living.items()):
            code = ended(pid)
            if code is not None:
                del self.living[pid]
                self.died.append(code)
                self.enter(role)

    def leave(self) -> None:
        for pid in self.living:
            kill(pid)
        self.living.clear()


def play(url: URL, world: ChaosWorld, plot: Plot) -> Result:
    """Chaos on a migrated database, then rest, then the checks."""
    stage = Stage(url, world)
    stage.prepare()
    cast, kills, requests, shown, begun = Cast(stage, plot), 0, 0, 0, time.monotonic()
    for role in ["worker"] * plot.workers + ["people"] * 2:
        cast.enter(role)
    try:
        while kills < plot.kills or requests < plot.requests:
            time.sleep(cast.rng.uniform(0.02, 0.35))
            cast.tend()
            requests = _count(url, "requests")
            # Spread over the whole: a slow machine must not see nothing but deaths.
            if kills <= plot.kills * requests / plot.requests:
                cast.kill_one()
                kills += 1
            if time.monotonic() - begun > shown + 10:
                shown += 10
                print(f"{shown:4} s  {kills} kills  {requests} requests", file=sys.stderr, flush=True)
        killed = time.monotonic()
        while _count(url, "runs where status in ('ready', 'paused')"):
            if time.monotonic() - killed > plot.patience:
                break
            time.sleep(0.2)
            cast.tend()
    finally:
        cast.leave()
    rested = time.monotonic()
    ledger = load(url, world)
    found = violations(ledger, resting=True) + asyncio.run(_sealed(url))
    if cast.died:
        found.append(f"children ended by themselves: {cast.died}")
    return Result(ledger, found, kills, cast.died, killed - begun, rested - killed)


def _count(url: URL, what: str) -> int:
    with psycopg.connect(dsn(url)) as connection:
        row = connection.execute(f"select count(*) from {what}").fetchone()  # type: ignore[arg-type]
    return int(row[0]) if row else 0


async def _sealed(url: URL) -> list[str]:
    engine = make_engine(url)
    try:
        while await seal(engine, KEY):
            pass
        verified = await verify(engine, KEY)
    finally:
        await engine.dispose()
    return [f"I13 audit: {problem}" for problem in verified.problems]


def figures(result: Result) -> list[tuple[str, object]]:
    """The table of what happened."""
    ledger = result.ledger
    forward = [row for row in ledger.effects.values() if row["undo_of"] is None]
    unknown = Counter(ledger.effects[key]["effect_class"] for key in ledger.by_effect("effect_unknown"))
    counted = Counter(name.split(":")[0] for name in result.violations)
    happened = Counter(one.key for one in ledger.happened)
    statuses = Counter(row["status"] for row in ledger.requests.values())
    return [
        ("requests", len(ledger.requests)),
        ("  of them", _named(statuses)),
        ("runs", _named(Counter(row["status"] for row in ledger.runs.values()))),
        ("kills", result.kills),
        ("effects", f"{len(forward)} ({_named(Counter(row['effect_class'] for row in forward))})"),
        ("  outcomes", _named(Counter(row["status"] for row in forward))),
        ("  begun again after a death or a lost answer", sum(row["attempts"] > 1 for row in forward)),
        ("undone", sum(row["undo_of"] is not None for row in ledger.effects.values())),
        ("lost", counted["I5 accounted for"] + counted["I5 at rest"] + counted["I6 acknowledged"]),
        ("executed twice", sum(times > 1 for times in happened.values())),
        ("without a valid decision", counted["I1 authority"] + counted["I2 binding"]),
        ("unknown, by class", _named(unknown) or 0),
        ("refused answers on record", len(ledger.events("decision_denied"))),
        ("audit entries, sealed and verified", len(ledger.audit)),
        ("seconds of killing, then to rest", f"{result.killing:.1f}, {result.resting:.1f}"),
        ("violations", len(result.violations)),
    ]


def _named(counter: Counter[str]) -> str:
    return " · ".join(f"{name} {n}" for name, n in sorted(counter.items()))


def show(lines: Iterable[tuple[str, object]]) -> None:
    for name, value in lines:
        print(f"{name:<46}{value}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gatepost-chaos-") as home, fresh_database(server_url(Path(home))) as url:
        asyncio.run(migrate(url))
        world = ChaosWorld(Path(home) / "world.sqlite", asked.seed, HOSTILE)
        result = play(url, world, Plot(**vars(asked)))
    show(figures(result))
    for line in result.violations[:50]:
        print("VIOLATION", line)
    return 1 if result.violations else 0


if __name__ == "__main__":
    sys.exit(main())
