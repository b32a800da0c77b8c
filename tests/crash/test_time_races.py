"""People against the clock, many times over: whoever commits first has decided, and nobody decides twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from graph.law.request import DecisionType
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.errors import Busy, NotAllowed, Refusal, Stale
from graph.verbs.sweep import sweep
from storage.engine import make_engine
from storage.store import PgStore
from tests.support.chaos_checks import violations
from tests.support.chaos_ledger import load
from tests.support.chaos_plan import POLICY, simple
from tests.support.chaos_seed import Ask, seed_pending
from tests.support.chaos_stage import Stage
from tests.support.db import WORKSPACE
from tests.support.hunting import trials

TRIALS, AT_ONCE = trials(200, 40), 8
BOTH = POLICY.replace('reviewers = ["@tier-1-reviewers"]', 'reviewers = ["@tier-1-reviewers", "UDIRK"]')
SILENT = f'{POLICY}\n[[timeouts]]\naction = "chaos.pay"\nthen = "approve"\nbasis = "nobody ever objects"\n'
HOUR = timedelta(hours=1)


@asynccontextmanager
async def replicas(stage: Stage) -> AsyncIterator[list[PgStore]]:
    """As separate processes would have: each with its own engine."""
    stores = [PgStore(make_engine(stage.url, pool_size=2 * AT_ONCE), WORKSPACE) for _ in range(3)]
    try:
        yield stores
    finally:
        for store in stores:
            await store.engine.dispose()


def seeded(stage: Stage, label: str, policy: str) -> list[Ask]:
    """As many pending requests as there are trials, under this policy, shown in their channel."""

    async def apply() -> None:
        async with stage.store.begin() as tx:
            await tx.policies.apply(policy, "test")
        await stage.propose(f"template {label}", simple("pay", order=f"4711 {label}"))
        await stage.settle()

    stage.run(apply)
    waiting = stage.run(stage.pending)
    (template,) = [row for row in waiting if row["action"]["args"]["order"].startswith(f"4711 {label}")]
    asks = seed_pending(stage.url, template["id"], TRIALS, label)
    stage.run(lambda: _looked_at(stage))
    return asks


async def _looked_at(stage: Stage) -> None:
    """Under the policy in force, all that is pending: what a new one changes is another test's business."""
    async with stage.engine.begin() as connection:
        await connection.execute(text("update requests set checked_policy = (select max(version) from policies)"))


async def due_in(store: PgStore, ask: Ask, seconds: float) -> None:
    """Its SLA runs out so many seconds from now; its card was there from the beginning."""
    async with store.engine.begin() as connection:
        values = {"id": ask.id, "s": seconds}
        await connection.execute(
            text(
                "update requests set next_step_at = clock_timestamp() + :s * interval '1 second', asked_at ="
                " clock_timestamp() + :s * interval '1 second' - sla_seconds * interval '1 second' where id = :id"
            ),
            values,
        )
        await connection.execute(
            text("update cards set posted_at = (select asked_at from requests where id = :id) where request_id = :id"),
            values,
        )


def approve(store: PgStore, ask: Ask, user: str, version: int | None = 1) -> Callable[[], Awaitable[Any]]:
    async def attempt() -> Any:
        asked = Answer(
            request_id=ask.id, type=DecisionType.APPROVE, user_id=user, digest=ask.digest, via="slack", version=version
        )
        while True:
            try:
                return await decide(store, asked)
            except Busy:
                continue  # Slack showed an error, and the person clicks again
            except Refusal as refusal:
                return refusal

    return attempt


async def sweeping(store: PgStore) -> None:
    """As ticks that come close together, until one of them has something to do."""
    for _ in range(4):
        if await sweep(store):
            return
        await asyncio.sleep(0.01)


def race(stage: Stage, asks: Sequence[Ask], trial: Callable[[list[PgStore], Ask], Awaitable[None]]) -> None:
    async def play() -> None:
        async with replicas(stage) as stores:
            for at in range(0, len(asks), AT_ONCE):
                await asyncio.gather(*(trial(stores, ask) for ask in asks[at : at + AT_ONCE]))
                # Whoever was not due yet while the others were stepped.
                await asyncio.sleep(0.1)
                await sweep(stores[0])

    stage.run(play)


def ends(stage: Stage, asks: Sequence[Ask]) -> dict[str, tuple[str, int]]:
    """Request id → its status and tier."""
    ledger = load(stage.url, stage.world)
    assert violations(ledger, resting=False) == []
    return {ask.id: (str(ledger.requests[ask.id]["status"]), int(ledger.requests[ask.id]["tier"])) for ask in asks}


@pytest.mark.parametrize(
    ("label", "policy", "user", "told"),
    [
        ("a click between the deadline and the sweep", POLICY, "UALICE", (NotAllowed, Stale)),
        ("authorised before it went up, landing after", BOTH, "UDIRK", (Stale,)),
    ],
)
def test_an_approval_against_the_next_tier(
    stage: Stage, label: str, policy: str, user: str, told: tuple[type[Refusal], ...]
) -> None:
    asks, rng = seeded(stage, label, policy), random.Random(label)
    said: dict[str, Any] = {}

    async def trial(stores: list[PgStore], ask: Ask) -> None:
        delay = rng.uniform(0.0, 0.04)
        await due_in(stores[0], ask, delay)

        async def click() -> None:
            await asyncio.sleep(delay + rng.uniform(-0.02, 0.06))
            said[ask.id] = await approve(stores[1], ask, user)()

        await asyncio.gather(sweeping(stores[0]), sweeping(stores[2]), click())

    race(stage, asks, trial)
    tally: Counter[str] = Counter()
    for request_id, (status, tier) in ends(stage, asks).items():
        answer = said[request_id]
        if isinstance(answer, Decided):
            assert (status, tier) == ("approved", 1), "it was approved for the tier that was asked"
        else:
            assert isinstance(answer, told), answer
            assert (status, tier) == ("pending", 2), "the next tier decides"
        tally[status] += 1
    print(label, dict(tally))
    assert len(tally) == 2, "one side always won: this raced nothing"


def test_consent_by_silence_against_an_outage(stage: Stage) -> None:
    asks, rng = seeded(stage, "silence", SILENT), random.Random("silence")
    down: dict[str, Any] = {}

    async def trial(stores: list[PgStore], ask: Ask) -> None:
        async with stores[1].begin() as tx:
            await tx.health.well("web", HOUR)
            await tx.health.well("slack", HOUR)
        await since_long(stores[1])
        delay = rng.uniform(0.0, 0.03)
        await due_in(stores[0], ask, delay)

        async def outage() -> None:
            await asyncio.sleep(max(0.0, delay + rng.uniform(-0.01, 0.12)))
            async with stores[1].begin() as tx:
                await tx.health.ill("slack", "down")
            async with stores[1].engine.connect() as connection:
                down[ask.id] = (await connection.execute(text("select clock_timestamp()"))).scalar_one()

        await asyncio.gather(sweeping(stores[0]), sweeping(stores[2]), outage())

    async def one_by_one() -> None:
        # There is one Slack: its outage would be everybody's.
        async with replicas(stage) as stores:
            for ask in asks:
                await trial(stores, ask)
                await sweep(stores[0])

    stage.run(one_by_one)
    ledger = load(stage.url, stage.world)
    found = ends(stage, asks)
    assert set(found.values()) == {("approved", 1), ("pending", 2)}, "one side always won: this raced nothing"
    for request_id, (status, _) in found.items():
        if status == "approved":
            decision = ledger.decisions[request_id]
            assert (decision["decided_by"], decision["type"]) == ("clock", "approve")
            assert decision["at"] <= down[request_id], "nobody could have objected"
    print("silence", dict(Counter(status for status, _ in found.values())))


async def since_long(store: PgStore) -> None:
    """Both have been up for a day."""
    async with store.engine.begin() as connection:
        await connection.execute(
            text("update health set ok_since = gp_now() - interval '1 day', last_ok_at = gp_now()")
        )
