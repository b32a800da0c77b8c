"""The play: from one interesting moment to the next, on the database's clock; in between time is skipped.

At each moment every replica does what is due, several at once and in any order, while replicas are killed, graphs
are deployed under other names, and the database and Slack go away.
"""

import asyncio
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
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import URL

from graph.flow.gateway import build, gate
from tests.sim.clock import Clock, local_clocks
from tests.sim.law import DIGEST_AT, DIGEST_ZONE, POLICY
from tests.sim.outside import SimWorld
from tests.sim.people import People
from tests.sim.replica import Replica
from tests.sim.slack import SimSlack
from tests.support.db import open_store
from tests.support.people import mirror_people
from tests.support.toy import toy

START: Final = datetime(2027, 1, 20, 6, tzinfo=UTC)
"""Ninety days from here, New York (14 March) and Berlin (28 March) put their clocks forward."""
REPLICAS: Final = 3
GRID: Final = 10
"""Seconds between the ticks at which replicas find what has come due."""
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
LATE: Final = timedelta(seconds=60)
LEASE: Final = timedelta(seconds=60)
_ROUNDS: Final = 30
Doing = Callable[[], Awaitable[None] | None]


@dataclass
class Plot:
    """How much is to happen."""

    days: float = 90.0
    runs: int = 1200
    """Proposed; each asks for one to three actions."""
    seed: int = 0


@dataclass
class Outages:
    """When something was away, as (from, until)."""

    workers: list[tuple[datetime, datetime]] = field(default_factory=list)
    """No worker could work: the database away, or no replica up."""
    database: list[tuple[datetime, datetime]] = field(default_factory=list)
    slack: list[tuple[datetime, datetime]] = field(default_factory=list)
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
        self.waits: list[float] = []
        self._heap: list[tuple[datetime, int, Doing]] = []
        self._numbers, self._names = itertools.count(), itertools.count(1)
        self._database_up, self._slack_since, self._web_since = True, START, START
        self._release, self._idle_since = 0, START
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
                await self._enter(f"replica-{name}")
            self._plan()
            end = START + timedelta(days=self.plot.days)
            await self._until(lambda moment: moment >= end)
            await self._settle_down(end)
        finally:
            structlog.reset_defaults()
            for replica in self.replicas.values():
                await replica.leave()

    async def finish(self) -> None:
        await self.clock.close()

    async def _settle_down(self, end: datetime) -> None:
        """No more trouble; the release with every gate's name; on until nothing waits any more."""
        self._heap = [entry for entry in self._heap if getattr(entry[2], "lasts", True)]
        self.slack.lost, self.slack.trouble = 0.0, ""
        await self._power(on=True)
        self._release = 2
        for number in range(REPLICAS):
            await self._leave(f"replica-{number}")
            await self._enter(f"replica-{number}")
        await self._until(lambda moment: moment >= end + timedelta(days=14))
        await self._tick(self._all(), ["work", "sweep", "deliver", "seal"])

    async def _until(self, over: Callable[[datetime], bool]) -> None:
        while (moment := await self._next()) is not None and not over(moment):
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
            if "sweep" in kinds and not self.slack.trouble:
                await self.clock.well(self._slack_since, self._web_since)
            await self._tick(self._some(), kinds)
        else:
            await self._overdue()

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
        since = max([self.clock.now - LATE, *(until for _, until in self.outages.workers[-1:])])
        for row in await self.clock.rows(
            "select id, next_step_at from requests where status = 'pending' and next_step_at < %s",
            since - LATE if since > self.clock.now - LATE else since,
        ):
            self.problems.append(f"overdue: {row['id']} since {row['next_step_at']:%F %T} at {self.clock.now:%F %T}")

    # ── what is planned ──────────────────────────────────────────────────────────────────────────────────────

    def later(self, wait: timedelta, what: Doing) -> None:
        """Call so much later."""
        heapq.heappush(self._heap, (self.clock.now + wait, next(self._numbers), what))

    def _at(self, moment: datetime, what: Doing) -> None:
        heapq.heappush(self._heap, (moment, next(self._numbers), what))

    def _plan(self) -> None:
        self._plan_work()
        for day in range(int(self.plot.days)):
            self._plan_day(START + timedelta(days=day))
        for minutes in range(0, int(self.plot.days * 24 * 60), 12 * 60):
            self._at(START + MINUTE * minutes, lambda: self._all_of(["audit", "seal"]))
        self._plan_digests()
        for hours in range(6, int(self.plot.days * 24), 6):
            self._at(START + HOUR * hours, _trouble(lambda: self._doomed.add(self.rng.choice(sorted(self.replicas)))))
        for days in range(3, int(self.plot.days) + 1, 3):
            begin = START + timedelta(days=days, hours=self.rng.uniform(-20, 2))
            # A day later the name is known again, beside the new one.
            for release, at in ((1, begin), (2, begin + HOUR * 24), (0, begin + HOUR * 40)):
                self._deploy(release, at)

    def _plan_digests(self) -> None:
        """Every replica at its moment, and again at the hours that a change of the clocks skips or repeats."""
        zone = ZoneInfo(DIGEST_ZONE)
        for day in range(int(self.plot.days) + 1):
            morning = datetime.combine((START + timedelta(days=day)).date(), DIGEST_AT, zone)
            for wait in (0, 5) if morning.weekday() == 0 else ():
                self._at((morning + timedelta(seconds=2)).astimezone(UTC) + wait * MINUTE, self._digest)
            for hour in (1, 2, 3):
                if morning.weekday() in (0, 6):
                    self._at(morning.replace(hour=hour, minute=30).astimezone(UTC), self._digest)

    async def _digest(self) -> None:
        await self._all_of(["digest"])

    def _plan_work(self) -> None:
        """Bursts, most of them in the day; the first one at once."""
        runs = 0
        hours = self.plot.days * 24
        moments = [0.0, *sorted(self.rng.uniform(0, hours) for _ in range(self.plot.runs // 8))]
        for hour in moments:
            at = START + HOUR * hour
            for _ in range(self.rng.choice((1, 6, 12, 20))):
                if runs < self.plot.runs:
                    self._at(at, lambda key=f"run {runs}": self.people.propose(key))
                    runs += 1

    def _plan_day(self, day: datetime) -> None:
        for trouble, longest in (("down", 15), ("limited", 10)):
            begin = day + HOUR * self.rng.uniform(0, 23)
            length = MINUTE * (120 if self.rng.random() < 0.04 else self.rng.uniform(2, longest))
            self._at(begin, _trouble(lambda trouble=trouble: self._slack_goes(trouble)))
            self._at(begin + length, _trouble(lambda: self._slack_goes("")))
            if self.rng.random() < 0.3:
                self._at(begin + MINUTE * 3, _trouble(lambda: self._all_of(["reroute"])))
        begin = day + HOUR * self.rng.uniform(0, 23)
        self._at(begin, _trouble(lambda: self._power(on=False)))
        self._at(begin + MINUTE * self.rng.uniform(1, 40), _trouble(lambda: self._power(on=True)))

    def _deploy(self, release: int, at: datetime) -> None:
        """One replica after the other, so that two releases work side by side; sometimes all at once."""
        together = self.rng.random() < 0.3
        for number, wait in enumerate((0, 40, 80)):
            gone = at + timedelta(seconds=0 if together else wait)
            self._at(gone, _trouble(lambda n=number: self._leave(f"replica-{n}")))
            back = timedelta(seconds=self.rng.uniform(5, 30))
            self._at(gone + back, _trouble(lambda n=number, r=release: self._enter(f"replica-{n}", r)))
        self._at(at, _trouble(lambda: self.counts.update(["deploys"])))

    # ── what happens ─────────────────────────────────────────────────────────────────────────────────────────

    async def _enter(self, name: str, release: int | None = None) -> None:
        self._release = self._release if release is None else release
        if name in self.replicas:
            return
        replica = Replica(name, self.url, self.slack, {"toy": toy(self.world)}, _graph(self._release))
        self.replicas[name] = replica
        for wait in (0, 150, 600):
            self.later(timedelta(seconds=wait), lambda: replica.tick(["look"]) if self._up() else None)
        self._note_workers()

    async def _all_of(self, kinds: list[str]) -> None:
        """Each replica does these at once; a minute later, where nobody can."""
        if self._up():
            await self._tick(self._all(), kinds)
        else:
            self.later(MINUTE, lambda: self._all_of(kinds))

    async def _leave(self, name: str) -> None:
        if name in self.replicas:
            await self.replicas.pop(name).leave()
        self._note_workers()

    async def _die(self, replica: Replica, kinds: list[str]) -> None:
        del self.replicas[replica.name]
        self.counts["kills"] += 1
        self.outages.leases.append((self.clock.now, self.clock.now + LEASE))
        await replica.die(self.clock, kinds, self.rng)
        self._note_workers()
        self.later(timedelta(seconds=self.rng.uniform(2, 30)), lambda: self._enter(replica.name))

    async def _power(self, *, on: bool) -> None:
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

    def _slack_goes(self, trouble: str) -> None:
        if bool(self.slack.trouble) == bool(trouble):
            return
        self.slack.trouble = trouble
        if trouble:
            self.counts["Slack outages"] += 1
            self.outages.slack.append((self.clock.now, self.clock.now))
        else:
            self._slack_since = self.clock.now
            began, _ = self.outages.slack.pop()
            self.outages.slack.append((began, self.clock.now))

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


def _trouble(what: Doing) -> Doing:
    """Something that no longer happens once the days are over."""

    def doing() -> Awaitable[None] | None:
        return what()

    doing.lasts = False  # type: ignore[attr-defined]
    return doing


def _tick_after(at: datetime, now: datetime) -> datetime:
    """The first tick of the grid at or after a moment; what is due by now was seen and waits for the next."""
    seconds = at.timestamp()
    ticked = -(-seconds // GRID) * GRID
    if ticked <= now.timestamp():
        ticked = (now.timestamp() // GRID + 1) * GRID
    return datetime.fromtimestamp(ticked, UTC)


def _graph(release: int) -> Any:
    """The gateway as a release has it: 0 as it is, 1 with its gate renamed, 2 knowing both names."""
    if release == 0:
        return build()
    renamed = build("review_gate" if release == 1 else "gate")
    if release == 2:
        renamed.add_node("review_gate", gate)
        renamed.add_conditional_edges("review_gate", lambda state: state["next"], ["execute", "propose", "rollback"])
    return renamed
