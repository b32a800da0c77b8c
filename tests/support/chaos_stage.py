"""What every child of the kill harness plays on: a store, a hostile world and a runner, made and warmed before
the fork. The warm-up closes its connections, so no child ever shares one.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from sqlalchemy import URL

from graph.flow.runner import Runner
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Busy, Refusal
from graph.verbs.report import queue
from graph.verbs.start import start
from graph.verbs.sweep import sweep
from storage.checkpoints import PgCheckpoints
from storage.engine import make_engine
from storage.store import PgStore
from tests.support.chaos_plan import NAME, POLICY, chaos, plan, simple
from tests.support.chaos_world import ChaosWorld
from tests.support.db import WORKSPACE
from tests.support.people import mirror_people

Row = dict[str, Any]
REVIEWERS = {1: ("UALICE", "UBOB"), 2: ("UCARA", "UDIRK", "UEVE"), 3: ("UDIRK", "UDIRK2", "UEVE")}
STRANGERS = ("UREQ", "UGONE", "UGUEST", "UEXT", "UBOTX", "UOUT", "UNOBODY")


class Stage:
    """Made in the parent, used by one child at a time."""

    def __init__(self, url: URL, world: ChaosWorld, *, lease: float = 1.5, parallel: int = 8) -> None:
        self.url, self.world = url, world
        self.engine = make_engine(url)
        self.store = PgStore(self.engine, WORKSPACE)
        self.runner = Runner(
            self.store, PgCheckpoints(self.store), {NAME: chaos(world)}, lease_seconds=lease, parallel=parallel
        )

    def run(self, scene: Callable[[], Awaitable[Any]]) -> Any:
        """Play a scene in this process on connections of its own, all closed at its end."""

        async def play() -> Any:
            try:
                return await scene()
            finally:
                await self.engine.dispose()

        return asyncio.run(play())

    def prepare(self) -> None:
        """Policy and people; then some runs to their ends, so that every code path is warm when children fork."""
        silence()
        self.run(self._prepare)

    async def _prepare(self) -> None:
        async with self.store.begin() as tx:
            await tx.policies.apply(POLICY, "test")
        await mirror_people(self.store)
        faults, rng = self.world.faults, random.Random(0)
        self.world.faults = type(faults)()
        await self.propose("warm", simple("hold", "pay", "tell"))
        await self.propose("warm too", simple("pay", "hold", "tell"))
        while await self.settle() or await queue(self.store):
            for row in await queue(self.store):
                reject = row["action"]["type"] == "tell"
                await self.answer(row, "reject" if reject else "approve", rng.choice(REVIEWERS[row["tier"]]))
        await sweep(self.store)
        self.world.faults = faults

    async def settle(self) -> int:
        """Play what can be played at once."""
        played = 0
        while n := await self.runner.work():
            played += n
        return played

    async def propose(self, key: str, case: Row, requester: str | None = None) -> str:
        run = await start(self.store, NAME, case, key=key, requester=requester)
        self.world.tell("proposed", key, run.id)
        return run.id

    async def answer(self, row: Row, kind: str, user: str, **more: Any) -> bool:
        """Decide as a door would, and remember what the person was told."""
        more.setdefault("reason", "looked at the order" if kind in ("approve", "edit") else "not this customer")
        asked = Answer(
            request_id=row["id"], type=DecisionType(kind), user_id=user, digest=row["digest"], via="cli", **more
        )
        try:
            decided = await decide(self.store, asked)
        except Refusal as refusal:
            if refusal.code != "invalid":
                self.world.tell("refused", row["id"], refusal.code, user)
            return False
        except Busy:  # a worker holds the row for too long: a person is told to try again
            return False
        told = "vote" if decided.decision is None else decided.decision.type
        self.world.tell("decided", row["id"], str(told), user)
        return True

    async def pending(self) -> list[Row]:
        return await queue(self.store, 1000)


def silence() -> None:
    """Only what matters: warnings of the runner are expected by the hundred here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))


async def worker(stage: Stage) -> None:
    """A worker process: plays what is owed until it is killed."""
    while True:
        if not await stage.runner.work():
            await asyncio.sleep(0.01)


async def people(stage: Stage, rng: random.Random, goal: Callable[[], Awaitable[bool]], patience: float) -> None:
    """Everybody at Slack: proposals while the goal isn't met, and answers of every kind, often several at once."""
    while True:
        if await goal():
            await _propose(stage, rng)
        rows = await stage.pending()
        rng.shuffle(rows)
        await asyncio.gather(*(_decide(stage, rng, row) for row in rows[:4]))
        await sweep(stage.store)
        if not rows:
            await asyncio.sleep(patience)


async def _propose(stage: Stage, rng: random.Random) -> None:
    async with reading(stage) as one:
        n = await one("select count(*) from runs")
    for at in range(n, n + 3):
        # The input hangs on the key, as with a caller who retries; two callers may hit the same key.
        dice = random.Random(f"{stage.world.seed}/{at}")
        who = dice.choice((None, "UREQ", "UREQ", "UALICE"))
        await stage.propose(f"r{at}", plan(dice, f"o{at}"), who)


async def _decide(stage: Stage, rng: random.Random, row: Row) -> None:
    users = REVIEWERS[row["tier"]]
    if row["action"]["type"] == "reconcile":
        happened = stage.world.find(row["action"]["args"]["effect"]) is not None
        answers = [("approve" if happened else "reject", rng.choice(users), {}) for _ in range(rng.choice((1, 1, 2)))]
    elif rng.random() < 0.03:
        await overdue(stage, row["id"], 0.005)
        answers = [("approve", rng.choice(users), {})]
    else:
        answers = [_mood(rng, row, users) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    with contextlib.suppress(TimeoutError):
        await asyncio.gather(*(stage.answer(row, kind, user, **more) for kind, user, more in answers))


def _mood(rng: random.Random, row: Row, users: tuple[str, ...]) -> tuple[str, str, Row]:
    user = rng.choice(STRANGERS) if rng.random() < 0.05 else rng.choice(users)
    kind = rng.choices(("approve", "reject", "edit", "respond"), (80, 6, 10, 4))[0]
    amount = rng.choice(("9.99", "410.00", "6000.00"))
    more: Row = {"args": row["action"]["args"] | {"amount": amount}, "reason": "less"} if kind == "edit" else {}
    if rng.random() < 0.1:
        more["version"] = rng.choice((1, 2))
    return kind, user, more


async def overdue(stage: Stage, request_id: str, seconds: float) -> None:
    """Move a pending request's expiry to a moment from now."""
    async with stage.engine.begin() as connection:
        await connection.exec_driver_sql(
            "update requests set expires_at = clock_timestamp() + %(s)s * interval '1 second',"
            " next_step_at = clock_timestamp() where id = %(id)s and status = 'pending'",
            {"s": seconds, "id": request_id},
        )


@asynccontextmanager
async def reading(stage: Stage) -> AsyncIterator[Callable[[str], Awaitable[Any]]]:
    """Ask the database for one value at a time."""
    async with stage.engine.connect() as connection:

        async def one(statement: str) -> Any:
            return (await connection.exec_driver_sql(statement)).scalar()

        yield one
