"""Two at once, a thousand times in the whole hunt: one terminal decision, the loser told, at most one effect."""

import asyncio
import multiprocessing
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from graph.law.request import DecisionType
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.errors import Busy, Refusal
from graph.verbs.sweep import sweep
from storage.engine import make_engine
from storage.store import PgStore
from tests.support.chaos_checks import violations
from tests.support.chaos_fork import fork, reap
from tests.support.chaos_ledger import Ledger, load
from tests.support.chaos_plan import simple
from tests.support.chaos_seed import Ask, seed_pending
from tests.support.chaos_stage import Stage, overdue
from tests.support.db import WORKSPACE
from tests.support.hunting import trials

# With the 600 against the clock in `test_time_races.py` and the 100 on whole runs below, twelve hundred in all.
TRIALS = trials(100, 24)
RACES = ("approve/approve", "approve/reject", "approve/expire", "edit/approve", "duplicates")
RUNS_IN_ONE_PROCESS, RUNS_IN_TWO = trials(50, 12), trials(50, 16)
AT_ONCE = 6

Attempt = Callable[[], Awaitable[Any]]


def answer(store: PgStore, ask: Ask, kind: str, user: str) -> Attempt:
    more: dict[str, Any] = {"reason": "because"} if kind == "reject" else {}
    if kind == "edit":
        more = {"reason": "less", "args": ask.args | {"amount": "9.99"}}

    async def attempt() -> Any:
        asked = Answer(request_id=ask.id, type=DecisionType(kind), user_id=user, digest=ask.digest, via="slack", **more)
        while True:
            try:
                return await decide(store, asked)
            except Busy:
                continue  # Slack showed an error, and the person clicks again
            except Refusal as refusal:
                return refusal

    return attempt


def attempts(race: str, stores: list[PgStore], stage: Stage, ask: Ask, rng: random.Random) -> list[Attempt]:
    one, two, three = rng.sample(stores, 3)
    match race:
        case "approve/approve":
            return [answer(one, ask, "approve", "UALICE"), answer(two, ask, "approve", "UBOB")]
        case "approve/reject":
            return [answer(one, ask, "approve", "UALICE"), answer(two, ask, "reject", "UBOB")]
        case "edit/approve":
            return [answer(one, ask, "edit", "UALICE"), answer(two, ask, "approve", "UBOB")]
        case "duplicates":
            return [answer(store, ask, "approve", "UALICE") for store in (one, two, three)]
    delay = rng.uniform(0, 0.03)

    async def expire() -> None:
        await overdue(stage, ask.id, delay)
        for _ in range(4):
            await sweep(two)
            await asyncio.sleep(0.01)

    async def late() -> Any:
        await asyncio.sleep(delay * rng.uniform(0.2, 1.2))
        return await answer(one, ask, "approve", "UALICE")()

    return [expire, late]


@pytest.fixture
def stores(stage: Stage) -> list[PgStore]:
    """As many separate processes would have: each with its own engine."""
    return [PgStore(make_engine(stage.url, pool_size=AT_ONCE * 2), WORKSPACE) for _ in range(3)]


@pytest.mark.parametrize("race", RACES)
def test_one_wins_and_the_others_are_told(stage: Stage, stores: list[PgStore], race: str) -> None:
    # Each of its own order: what people reject three times a day is not put to them again.
    stage.run(lambda: stage.propose(f"template {race}", simple("pay", order=f"4711 {race}")))
    stage.run(stage.settle)
    (template,) = [row for row in stage.run(stage.pending) if row["action"]["args"]["order"].startswith("4711")]
    asks = seed_pending(stage.url, template["id"], TRIALS, race.replace("/", " "))
    rng, results = random.Random(race), []

    async def trial(ask: Ask) -> None:
        tries = attempts(race, stores, stage, ask, rng)
        rng.shuffle(tries)
        results.append((ask, await asyncio.gather(*(attempt() for attempt in tries))))

    async def play() -> None:
        try:
            for at in range(0, TRIALS, AT_ONCE):
                await asyncio.gather(*(trial(ask) for ask in asks[at : at + AT_ONCE]))
        finally:
            for store in stores:
                await store.engine.dispose()

    stage.run(play)
    stage.run(lambda: stage.answer(template, "reject", "UALICE"))
    stage.run(stage.settle)
    ledger = load(stage.url, stage.world)
    assert violations(ledger, resting=False) == []
    ends: Counter[str] = Counter()
    for ask, told in results:
        ends[_one_winner(ledger, ask.id, told)] += 1
    print(race, dict(ends))
    if race in ("approve/reject", "approve/expire", "edit/approve"):
        assert len(ends) == 2, "one side always won: this raced nothing"


def _one_winner(ledger: Ledger, request_id: str, told: list[Any]) -> str:
    decision, request = ledger.decisions[request_id], ledger.requests[request_id]
    won = [one for one in told if isinstance(one, Decided)]
    lost = [one for one in told if isinstance(one, Refusal)]
    assert len(won) == (decision["type"] != "expire")
    for refusal in lost:
        assert refusal.code == "stale"
        assert str(refusal).startswith(f"Already {request['status']} by ") or "expired" in str(refusal)
    run = ledger.runs[request["run_id"]]
    assert (run["status"], run["fence"]) == ("ready", 1), "woken, and by nobody else"
    return str(request["status"])


def finish(stage: Stage) -> None:
    """Two workers at once play everything that was woken."""

    def play() -> None:
        stage.run(stage.settle)

    assert [reap(pid) for pid in [fork(play), fork(play)]] == [0, 0]
    assert violations(load(stage.url, stage.world), resting=False) == []


def open_runs(stage: Stage, label: str, count: int) -> list[Ask]:
    async def propose() -> None:
        for n in range(count):
            await stage.propose(f"{label} {n}", simple("pay", "hold", order=f"{label}{n}"))
        await stage.settle()

    stage.run(propose)
    rows = stage.run(stage.pending)
    return [
        Ask(row["id"], row["digest"], row["action"]["args"])
        for row in rows
        if str(row["action"]["args"]["order"]).startswith(label)
    ]


def test_whole_runs_with_answers_and_workers_at_once(stage: Stage, stores: list[PgStore]) -> None:
    """In one process: answers in duplicate, while a runner already plays what they wake."""
    asks = open_runs(stage, "one", RUNS_IN_ONE_PROCESS)
    assert len(asks) == RUNS_IN_ONE_PROCESS

    async def play() -> None:
        try:
            for at in range(0, len(asks), AT_ONCE):
                tries = [
                    answer(store, ask, kind, user)()
                    for ask in asks[at : at + AT_ONCE]
                    for store, kind, user in zip(
                        stores, ("approve", "reject", "approve"), ("UALICE", "UBOB", "UALICE"), strict=True
                    )
                ]
                random.Random(at).shuffle(tries)
                await asyncio.gather(*tries, stage.runner.work(), stage.runner.work())
        finally:
            for store in stores:
                await store.engine.dispose()

    stage.run(play)
    finish(stage)


def test_two_processes_behind_a_barrier(stage: Stage) -> None:
    asks = open_runs(stage, "two", RUNS_IN_TWO)
    assert len(asks) == RUNS_IN_TWO
    barrier = multiprocessing.get_context("fork").Barrier(2)
    pids = []
    for kind, user in (("approve", "UALICE"), ("reject", "UBOB")):

        async def answers(kind: str = kind, user: str = user) -> None:
            async with stage.store.begin() as tx:  # connected before the barrier falls
                await tx.now()
            dice = random.Random(kind)
            for ask in asks:
                barrier.wait(30)  # blocks the whole process, which has nothing else to do
                await asyncio.sleep(dice.uniform(0, 0.01))
                await answer(stage.store, ask, kind, user)()

        pids.append(fork(lambda scene=answers: stage.run(scene)))
    assert [reap(pid) for pid in pids] == [0, 0]
    ledger = load(stage.url, stage.world)
    statuses = Counter(ledger.requests[ask.id]["status"] for ask in asks)
    print("two processes", dict(statuses))
    assert sum(statuses.values()) == RUNS_IN_TWO
    assert statuses["approved"] and statuses["rejected"], "one side always won: this raced nothing"
    assert statuses["approved"] + statuses["rejected"] == RUNS_IN_TWO
    assert all(len(ledger.by_request("decision_denied").get(ask.id, [])) == 1 for ask in asks)
    finish(stage)
