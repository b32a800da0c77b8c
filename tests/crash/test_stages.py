"""Loans and rollouts, rejected at every stage, while processes die on the way there and on the way back.

The shop is a process of its own, which nobody kills: its list is what really happened.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg
import pytest
import uvicorn
from sqlalchemy import URL

from bot.sandbox.shop import create_shop
from graph.failpoints import arm
from graph.law.request import Request
from graph.verbs.errors import Stale
from storage.engine import make_engine
from storage.store import PgStore
from tests.support.chaos_fork import fork, kill, reap
from tests.support.chaos_stage import silence
from tests.support.db import DEFAULT_POLICY, WORKSPACE, dsn, fresh_database
from tests.support.domains import REVIEWERS, SUBJECT, WORKFLOWS, Domains, names, shop_list
from tests.support.hunting import LONG
from tests.support.payments import shop_at
from tests.support.people import mirror_people
from tests.support.shop import listening, url_of

KILLED: Final = 137
POINTS: Final = ("effect:before_intent", "effect:after_intent", "effect:after_call", "effect:after_settle")
STEPS: Final = {
    "loan": ("accept_documents", "underwrite", "clear_compliance", "pay_out"),
    "rollout": ("publish_plan", "reserve_resources", "roll_out_wave", "roll_out_wave", "roll_out_wave"),
}
FEWEST_KILLS, PATIENCE_SECONDS = 20, 120.0


@dataclass(frozen=True)
class Life:
    """A run in which people approve `stage` steps and reject whatever comes then."""

    workflow: str
    stage: int
    number: int

    @property
    def key(self) -> str:
        return f"{self.workflow} {self.stage} {self.number}"

    def input(self) -> dict[str, Any]:
        """The first demo case about things of its own, so that no other life counts together with it."""
        told = dict(WORKFLOWS[self.workflow].demo_cases[0].input)
        own = {
            name: f"{told[name]}{self.stage}{self.number}"
            for name in ("application", "applicant", "account", "rollout")
            if name in told
        }
        return told | own

    def subject(self) -> str:
        return str(self.input()[SUBJECT[self.workflow]])

    def happens(self) -> list[str]:
        """What the shop's list says in the end."""
        steps = list(STEPS[self.workflow])
        done = steps[: self.stage]
        return done if done == steps else [*done, *(f"undo: {name}" for name in reversed(done))]


DYING: Final = [Life("loan", 3, 1), Life("rollout", 3 if LONG else 1, 1)]


class Troupe:
    """What every child plays with, warmed before the fork; each child has connections of its own."""

    def __init__(self, url: URL, shop: str) -> None:
        self.url = url
        self.engine = make_engine(url)
        self.domains = Domains(PgStore(self.engine, WORKSPACE), shop, lease=1.0)

    def run(self, scene: Callable[[], Awaitable[Any]]) -> Any:
        async def play() -> Any:
            try:
                return await scene()
            finally:
                await self.engine.dispose()

        return asyncio.run(play())

    async def prepare(self) -> None:
        """Policy, parts and people; then a run of each workflow there and back, so that all code is warm."""
        async with self.domains.store.begin() as tx:
            await tx.policies.apply(DEFAULT_POLICY.read_text(), "test")
        await self.domains.offer()
        await mirror_people(self.domains.store)
        for workflow in STEPS:
            await self.live(Life(workflow, 2, 0))

    async def live(self, life: Life) -> None:
        """The whole life, or what is left of it: every step may have happened before."""
        run_id = await self.domains.propose(life.workflow, life.input(), life.key)
        while gate := await self.domains.waiting(run_id):
            await self.answer(life, gate)
            await self.domains.settle()

    async def answer(self, life: Life, gate: Request) -> None:
        """As the plan says; what was said before, by somebody who died since, is not said again."""
        further = len(await self.domains.executed(gate.run_id)) < life.stage
        for user in REVIEWERS[gate.tier][: gate.approvals_required if further else 1]:
            with suppress(Stale):
                await self.domains.say(gate, "approve" if further else "reject", user)

    def child(self, life: Life, point: str = "") -> int:
        """The exit code of a process that lives this life, up to the point where it dies."""

        def play() -> None:
            arm(point)
            self.run(lambda: self.live(life))

        return reap(fork(play))

    def leases_run_out(self) -> None:
        with psycopg.connect(dsn(self.url)) as connection:
            connection.execute("update runs set leased_until = now() where leased_until is not null")

    def runs(self) -> dict[str, tuple[str, str, str]]:
        """By key: id, status, last error."""
        with psycopg.connect(dsn(self.url)) as connection:
            rows = connection.execute("select key, id, status, last_error from runs").fetchall()
        return {key: (run_id, status, error) for key, run_id, status, error in rows}

    def check(self, life: Life) -> None:
        """Each effect at most once, each undo once, newest first, nothing lost."""
        run_id, status, error = self.runs()[life.key]
        happened = shop_list(self.domains.url, life.subject())
        assert names(happened) == life.happens()
        assert len(set(happened)) == len(happened)
        assert happened == self.run(lambda: self.domains.ledger(run_id))
        whole = life.stage == len(STEPS[life.workflow])
        assert (status, error) == ("done" if whole else "rolled_back", "")


@pytest.fixture(scope="module")
def troupe(pg_server: URL, pg_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Troupe]:
    silence()
    path: Path = tmp_path_factory.mktemp("shop") / "shop.db"
    sock = listening()
    server = uvicorn.Server(uvicorn.Config(create_shop(path), log_level="critical", access_log=False))
    keeper = fork(lambda: server.run(sockets=[sock]))
    try:
        httpx.get(f"{url_of(sock)}/health", timeout=20, trust_env=False).raise_for_status()
        with fresh_database(pg_server, pg_template) as url, shop_at(url_of(sock)):
            made = Troupe(url, url_of(sock))
            made.run(made.prepare)
            yield made
    finally:
        kill(keeper)
        sock.close()


@pytest.mark.parametrize("life", DYING, ids=lambda life: life.workflow)
def test_a_death_at_every_point_of_every_effect_and_of_every_undo(troupe: Troupe, life: Life) -> None:
    """Each process goes a little further than the one before and dies: four times at each effect and each undo."""
    for _ in life.happens():
        for point in POINTS:
            assert troupe.child(life, point) == KILLED, f"{point} was not passed"
            so_far = shop_list(troupe.domains.url, life.subject())
            assert names(so_far) == life.happens()[: len(so_far)]
            troupe.leases_run_out()
    assert troupe.child(life) == 0
    troupe.check(life)


@pytest.mark.parametrize("nth", [2, 4, 5])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_death_around_every_pause_and_the_end(troupe: Troupe, when: str, nth: int) -> None:
    life = Life("loan", 3, 2 * nth + (when == "after"))
    assert troupe.child(life, f"segment:{when}_commit@{nth}") == KILLED
    troupe.leases_run_out()
    assert troupe.child(life) == 0
    troupe.check(life)


def test_rejected_at_every_stage_while_anybody_may_be_killed(troupe: Troupe) -> None:
    lives = [Life(workflow, stage, 50) for workflow, steps in STEPS.items() for stage in range(len(steps) + 1)]
    dice, kills, until = random.Random(11), 0, time.monotonic() + PATIENCE_SECONDS

    async def worker() -> None:
        while True:
            if not await troupe.domains.runner.work():
                await asyncio.sleep(0.01)

    async def people() -> None:
        runs = {life: await troupe.domains.propose(life.workflow, life.input(), life.key) for life in lives}
        while True:
            for life, run_id in runs.items():
                if gate := await troupe.domains.waiting(run_id):
                    await troupe.answer(life, gate)
            await asyncio.sleep(0.02)

    roles: list[Callable[[], Awaitable[None]]] = [worker, worker, people]
    cast = [(role, fork(lambda role=role: troupe.run(role))) for role in roles]
    try:
        while time.monotonic() < until:
            time.sleep(dice.uniform(0.05, 0.4))
            known = troupe.runs()
            if all(life.key in known and known[life.key][1] not in ("ready", "paused") for life in lives):
                break
            role, pid = cast.pop(dice.randrange(len(cast)))
            kill(pid)  # its leases run out by themselves: hurried, a run would be set aside as one that kills workers
            kills += 1
            cast.append((role, fork(lambda role=role: troupe.run(role))))
    finally:
        for _, pid in cast:
            kill(pid)
    assert kills >= FEWEST_KILLS
    for life in lives:
        troupe.check(life)
