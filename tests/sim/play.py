"""The play: from one interesting moment to the next, on the database's clock; in between time is skipped.

At each moment every replica does what is due, several at once and in any order, while replicas are killed, graphs
are deployed under other names, and the database and Slack go away.
"""

import asyncio
import functools
import heapq
import itertools
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import URL

from tests.sim.clock import Clock, local_clocks
from tests.sim.law import POLICY, channel_of
from tests.sim.outside import SimWorld
from tests.sim.people import People
from tests.sim.plan import MINUTE, START, Doing, Plot, plan
from tests.sim.replica import Replica, gateway
from tests.sim.slack import SimSlack
from tests.support.db import open_store
from tests.support.people import mirror_people
from tests.support.toy import toy

REPLICAS: Final = 3
GRID: Final = 10
"""Seconds between the ticks at which replicas find what has come due."""
LATE: Final = timedelta(seconds=60)
LEASE: Final = timedelta(seconds=60)
PROBE: Final = timedelta(seconds=10)
_TOO_MANY: Final = 100
_ROUNDS: Final = 30
_PATIENT: Final = 40


@dataclass
class Outages:
    """When something was away, as (from, until)."""

    workers: list[tuple[datetime, datetime]] = field(default_factory=list)
    """No worker could work: the database away, or no replica up."""
    database: list[tuple[datetime, datetime]] = field(default_factory=list)
    slack: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Slack took nothing; `down`: and nobody could click."""
    down: list[tuple[datetime, datetime]] = field(default_factory=list)
    leases: list[tuple[datetime, datetime]] = field(default_factory=list)
    """While a killed replica still holds what it had claimed."""


class Play:
    """One simulation on a migrated database."""

    def __init__(self, url: URL, plot: Plot) -> None:
        self.url, self.plot, self.rng = url, plot, random.Random(plot.seed)
        self.clock = Clock(url, START)
        self.slack = SimSlack(random.Random(plot.seed + 1), self._now, lost=0.1)
        self.world = SimWorld(random.Random(plot.seed + 2), self._now)
        self.people = People(self.rng, self.slack, self._now, self.later, self._door)
        self.replicas: dict[str, Replica] = {}
        self.counts: Counter[str] = Counter()
        self.outages = Outages()
        self.problems: list[str] = []
        """What was wrong while it went on."""
        self.errors: Counter[str] = Counter()
        self._heap: list[tuple[datetime, int, Doing]] = []
        self._numbers = itertools.count()
        self._database_up, self._slack_since, self._web_since = True, START, START
        self._release = 0
        self._workers_away: datetime | None = START
        self._doomed: set[str] = set()
        self._said = time.monotonic()

    # ── the course of things ─────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """All of it: the days, then as long as people and deadlines need until nothing waits."""
        self._listen()
        with local_clocks(self._now):
            await self._run()

    async def _run(self) -> None:
        try:
            async with open_store(self.url, policy=POLICY) as store:
                await mirror_people(store)
            await self.clock.start()
            await self.clock.rows("update people set checked_at = %s returning 1", START)
            await self.clock.rows("update groups set checked_at = %s returning 1", START)
            for name in range(REPLICAS):
                await self.enter(f"replica-{name}")
            plan(self)
            end = START + timedelta(days=self.plot.days)
            await self._until(lambda moment: moment >= end)
            await self._settle_down(end)
        finally:
            structlog.reset_defaults()

    async def finish(self) -> None:
        for replica in self._all():
            await replica.leave()
        await self.clock.close()

    async def _settle_down(self, end: datetime) -> None:
        """No more trouble; the release with every gate's name; on until nothing waits any more."""
        self._heap = [entry for entry in self._heap if getattr(entry[2], "lasts", True)]
        heapq.heapify(self._heap)
        self.slack.lost, self.slack.trouble = 0.0, ""
        await self.power(on=True)
        self._release = 2
        for number in range(REPLICAS):
            await self.leave(f"replica-{number}")
            await self.enter(f"replica-{number}")
        # Deadlines have ended all but what waits for as long as it takes; somebody clears that up.
        await self._until(lambda moment: moment >= end + timedelta(days=10))
        for request in await self.clock.rows("select id from requests where status = 'pending' order by id"):
            self.later(MINUTE, functools.partial(self.people.answer, request["id"]))
        await self._until(lambda moment: moment >= end + timedelta(days=14))
        await self._tick(self._all(), ["work", "sweep", "deliver", "seal"])

    async def _until(self, over: Callable[[datetime], bool]) -> None:
        while (moment := await self._next()) is not None and not over(moment) and len(self.problems) < _TOO_MANY:
            self._say()
            await self._move(moment)
            while self._heap and self._heap[0][0] <= self.clock.now:
                done = heapq.heappop(self._heap)[2]()
                if done is not None:
                    await done
            await self._work_off()
            self.people.look()

    def _say(self) -> None:
        """How far it is, every ten seconds of ours."""
        if time.monotonic() - self._said > 10:
            self._said = time.monotonic()
            day = (self.clock.now - START) / timedelta(days=1)
            print(f"day {day:6.2f}  {dict(self.counts)}  {len(self.people.started)} runs", file=sys.stderr, flush=True)

    async def _next(self) -> datetime | None:
        """The next moment: what somebody planned, or what the rows ask for at the replicas' next tick."""
        moments = [self._heap[0][0]] if self._heap else []
        if self._up():
            due = await self.clock.next()
            moments += [_tick_after(at, self.clock.now) for at in due.values()]
        return max(self.clock.now, min(moments)) if moments else None

    async def _move(self, moment: datetime) -> None:
        if self._database_up:
            await self.clock.to(moment, slack_up=not self.slack.trouble)
        else:
            self.clock.now = max(self.clock.now, moment)
        self.counts["moments"] += 1
        self.counts["moments without Slack"] += bool(self.slack.trouble)

    async def _work_off(self) -> None:
        """Until nothing is due at this moment."""
        for _ in range(_ROUNDS):
            if not self._up():
                return
            kinds = [kind for kind, at in (await self.clock.next()).items() if at <= self.clock.now]
            if not kinds:
                break
            if "sweep" in kinds:
                await self._health()
            await self._tick(self._some(), kinds)
        else:
            await self._overdue()

    async def _health(self) -> None:
        """What the probes say, every ten seconds: whoever can't be asked is ill from the next one on."""
        down = self.slack.trouble == "down"
        if not down or self.clock.now - self.outages.down[-1][0] >= PROBE:
            await self.clock.health(slack=None if down else self._slack_since, web=self._web_since)

    async def _tick(self, replicas: list[Replica], kinds: list[str], *meanwhile: Awaitable[None]) -> None:
        """These replicas at once, in any order; who is to be killed is killed in the middle of it."""
        dying = [name for name in self._doomed if name in self.replicas]
        self._doomed.clear()
        work = [replica.tick(self.rng.sample(kinds, len(kinds))) for replica in replicas if replica.name not in dying]
        deaths = [self._die(self.replicas[name], kinds) for name in dying]
        self.counts["ticks"] += len(work)
        before = sum(replica.failed for replica in replicas)
        await asyncio.gather(*work, *deaths, *meanwhile)
        self.counts["ticks failed"] += sum(replica.failed for replica in replicas) - before

    async def _overdue(self) -> None:
        """What is due and is not done although everybody is up."""
        late = self.clock.now - LATE
        if any(until > late for _, until in self.outages.workers):
            return
        for row in await self.clock.rows(
            "select id, next_step_at from requests where status = 'pending' and next_step_at < %s", late
        ):
            self.problems.append(f"overdue: {row['id']} since {row['next_step_at']:%F %T} at {self.clock.now:%F %T}")

    async def quiet(self, tries: int = 0) -> None:
        """Once nothing is owed: one card with buttons in the channel of the tier that is asked, none anywhere else."""
        owed = "deliver" in await self.clock.next() if self._up() and not self.slack.trouble else True
        if owed:
            if tries < _PATIENT:
                self.later(MINUTE * 3, functools.partial(self.quiet, tries + 1))
            return
        await self._overdue()
        self.counts["looks at all cards"] += 1
        rows = await self.clock.rows("select id, tier from requests where status = 'pending'")
        pending = {row["id"]: row["tier"] for row in rows}
        for request in self.slack.cards:
            live = [message.channel for message in self.slack.live(request)]
            if len(live) != len(set(live)) or (live and request not in pending):
                self.problems.append(f"cards: {request} can be answered in {live} at {self.clock.now:%F %T}")
            elif request in pending and channel_of(pending[request]) not in live:
                self.problems.append(f"cards: {request} waits and has no card at {self.clock.now:%F %T}")

    # ── what is planned ──────────────────────────────────────────────────────────────────────────────────────

    def later(self, wait: timedelta, what: Doing) -> None:
        """Call so much later."""
        heapq.heappush(self._heap, (self.clock.now + wait, next(self._numbers), what))

    def at(self, moment: datetime, what: Doing) -> None:
        """Call at this moment."""
        heapq.heappush(self._heap, (moment, next(self._numbers), what))

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────

    async def enter(self, name: str, release: int | None = None) -> None:
        self._release = self._release if release is None else release
        if name in self.replicas:
            return
        replica = Replica(name, self.url, self.slack, {"toy": toy(self.world)}, gateway(self._release))
        self.replicas[name] = replica
        for wait in (0, 150, 600):
            self.later(timedelta(seconds=wait), functools.partial(self._look, replica))
        self._note_workers()

    async def all_of(self, kinds: list[str]) -> None:
        """Each replica does these at once; a minute later, where nobody can."""
        if self._up():
            await self._tick(self._all(), kinds)
        else:
            self.later(MINUTE, lambda: self.all_of(kinds))

    async def _look(self, replica: Replica) -> None:
        """Are the places where runs wait in this replica's graph? Every minute in real life."""
        if not self._database_up:
            self.later(MINUTE, functools.partial(self._look, replica))
        elif replica is self.replicas.get(replica.name):
            await replica.tick(["look"])

    async def leave(self, name: str) -> None:
        if name in self.replicas:
            await self.replicas.pop(name).leave()
        self._note_workers()

    def doom(self) -> None:
        """One of them will be killed in the middle of its next tick."""
        self._doomed.update(self.rng.sample(sorted(self.replicas), min(1, len(self.replicas))))

    async def _die(self, replica: Replica, kinds: list[str]) -> None:
        del self.replicas[replica.name]
        self.counts["kills"] += 1
        self.outages.leases.append((self.clock.now, self.clock.now + LEASE))
        await replica.die(self.clock, kinds, self.rng)
        self._note_workers()
        self.later(timedelta(seconds=self.rng.uniform(2, 30)), lambda: self.enter(replica.name))

    async def power(self, *, on: bool) -> None:
        """The database goes away in the middle of whatever is going on, or is there again."""
        if on == self._database_up:
            return
        self._database_up = on
        if not on:
            self.counts["database outages"] += 1
            self.outages.database.append((self.clock.now, self.clock.now))
            await self._tick(self._all(), ["work", "sweep", "deliver"], self._pull())
            # While it is away every tick fails, and nothing else happens.
            await self._tick(self._all(), ["work", "sweep", "deliver"])
        else:
            await self.clock.power(on=True)
            began, _ = self.outages.database.pop()
            self.outages.database.append((began, self.clock.now))
            self._web_since = self.clock.now
            await self.clock.to(self.clock.now, slack_up=not self.slack.trouble)
        self._note_workers()

    async def _pull(self) -> None:
        for _ in range(self.rng.randint(0, 60)):
            await asyncio.sleep(0)
        await self.clock.power(on=False)

    def slack_goes(self, trouble: str) -> None:
        if bool(self.slack.trouble) == bool(trouble):
            return
        ended, self.slack.trouble = self.slack.trouble, trouble
        if trouble:
            self.counts["Slack outages"] += 1
        for kind in {"down": (self.outages.slack, self.outages.down)}.get(trouble or ended, (self.outages.slack,)):
            began = self.clock.now if trouble else kind.pop()[0]
            kind.append((began, self.clock.now))
        if ended == "down":
            self._slack_since = self.clock.now

    def _note_workers(self) -> None:
        if self._up() and self._workers_away is not None:
            self.outages.workers.append((self._workers_away, self.clock.now))
            self._workers_away = None
        elif not self._up() and self._workers_away is None:
            self._workers_away = self.clock.now

    # ── who is there ─────────────────────────────────────────────────────────────────────────────────────────

    def _up(self) -> bool:
        return self._database_up and bool(self.replicas)

    def _all(self) -> list[Replica]:
        return list(self.replicas.values())

    def _some(self) -> list[Replica]:
        """One, two or all of them."""
        present = self._all()
        return self.rng.sample(present, min(len(present), self.rng.choices((1, 2, 3), (7, 2, 1))[0]))

    def _door(self) -> Any:
        return self.rng.choice(self._all()).store if self.replicas else None

    def _now(self) -> datetime:
        return self.clock.now

    def _listen(self) -> None:
        """Errors that a worker would log are counted by their kinds: an outage explains only some."""

        def heard(_: Any, __: str, line: Any) -> Any:
            if "errors" in line:
                self.errors[f"{line['errors'][0]} in {line['where'][-1] if line.get('where') else '?'}"] += 1
            raise structlog.DropEvent

        structlog.configure(processors=[heard], wrapper_class=structlog.make_filtering_bound_logger(40))


def _tick_after(at: datetime, now: datetime) -> datetime:
    """The first tick of the grid at or after a moment; what is due by now was seen and waits for the next."""
    seconds = at.timestamp()
    ticked = -(-seconds // GRID) * GRID
    if ticked <= now.timestamp():
        ticked = (now.timestamp() // GRID + 1) * GRID
    return datetime.fromtimestamp(ticked, UTC)
