"""Any order of events: a Hypothesis state machine on a real PostgreSQL, every invariant checked after every step.

`HYPOTHESIS_PROFILE=long` plays more and longer histories.
"""

import asyncio
import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule
from sqlalchemy import URL

import graph.flow.effects
import graph.flow.execution
import graph.flow.runner
import graph.flow.undoing
import graph.verbs.decide
import graph.verbs.sweep
from graph.failpoints import NAMES, failpoint
from graph.flow.workflow import Refused
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Refusal
from graph.verbs.sweep import sweep
from tests.support.chaos_checks import violations
from tests.support.chaos_ledger import load
from tests.support.chaos_plan import simple
from tests.support.chaos_stage import REVIEWERS, STRANGERS, Stage, overdue
from tests.support.chaos_world import ChaosWorld
from tests.support.db import fresh_database

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
SETTINGS = settings(
    max_examples=300 if LONG else 6,
    stateful_step_count=60 if LONG else 20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
FLOW = (
    graph.flow.effects,
    graph.flow.execution,
    graph.flow.undoing,
    graph.flow.runner,
    graph.verbs.decide,
    graph.verbs.sweep,
)
POINTS = [name for name in NAMES if not name.startswith("card:")]
EVERYBODY = sorted({user for users in REVIEWERS.values() for user in users} | set(STRANGERS))
_keys = (f"machine {n}" for n in itertools.count())


class Killed(BaseException):
    """As near to SIGKILL as one process comes: nothing in the code may catch it and tidy up."""


class Abort:
    """Stands in for `failpoint`: raises at one point, once."""

    def __init__(self) -> None:
        self.point: str | None = None

    def __call__(self, name: str) -> None:
        failpoint(name)
        if name == self.point:
            self.point = None
            raise Killed(name)


class Outside(ChaosWorld):
    """A world whose next call goes wrong as told."""

    next_call: ClassVar[str] = "fine"

    async def do(self, name: str, call: Any, digest: str, *, once: bool) -> dict[str, Any]:
        fate, Outside.next_call = Outside.next_call, "fine"
        if fate == "refused":
            raise Refused("the receiver said no")
        if fate == "not sent":
            raise ConnectionError("nothing was sent")
        if fate == "killed before":
            raise Killed(fate)
        self.act(name, call.key, digest, once=once)
        if fate == "lost":
            raise TimeoutError("the answer was lost")
        if fate == "killed after":
            raise Killed(fate)
        return {"digest": digest}


class Machine(RuleBasedStateMachine):
    """Requests are remembered as people saw them, so that old cards are clicked as well."""

    stage: ClassVar[Stage]
    loop: ClassVar[asyncio.AbstractEventLoop]
    abort: ClassVar[Abort]
    seen = Bundle("seen")

    def play(self, scene: Any) -> Any:
        return self.loop.run_until_complete(scene)

    async def look(self) -> list[tuple[str, str, int, int, dict[str, Any], str]]:
        rows = await self.stage.pending()
        found = []
        for row in rows:
            async with self.stage.store.begin() as tx:
                request = await tx.requests.get(row["id"])
            assert request is not None
            found.append((row["id"], row["digest"], request.version, row["tier"], row["action"]["args"], request.kind))
        return found

    @rule(
        target=seen,
        plan=st.lists(st.sampled_from(["hold", "pay", "tell"]), min_size=1, max_size=3),
        amount=st.sampled_from(["50.00", "420.00", "6000.00", "60000.00"]),
        requester=st.sampled_from([None, "UREQ", "UALICE"]),
        twice=st.booleans(),
    )
    def propose(self, plan: list[str], amount: str, requester: str | None, twice: bool) -> Any:
        key = next(_keys)
        case = simple(*plan, order=key.replace(" ", "-"), amount=amount)
        for _ in range(1 + twice):
            self.play(self.stage.propose(key, case, requester))
        self.play(self.stage.runner.work())
        return multiple(*self.play(self.look()))

    @rule(
        target=seen,
        card=seen,
        kind=st.sampled_from(["approve"] * 4 + ["reject", "respond", "edit", "edit"]),
        user=st.sampled_from(EVERYBODY),
        entitled=st.integers(0, 3),
        amount=st.sampled_from(["9.99", "6000.00", "60000.00"]),
        stale=st.booleans(),
        copies=st.sampled_from([1, 1, 1, 2, 3]),
    )
    def click(self, card: Any, kind: str, user: str, entitled: int, amount: str, stale: bool, copies: int) -> Any:
        request_id, digest, version, tier, args, _ = card
        who = user if entitled == 0 else REVIEWERS[tier][entitled % len(REVIEWERS[tier])]
        more: dict[str, Any] = {"reason": "because"} if kind in ("reject", "respond") else {}
        if kind == "edit" and "amount" in args:
            more = {"args": args | {"amount": amount}, "reason": "changed"}
        elif kind == "edit":
            kind = "approve"
        row = {"id": request_id, "digest": digest[::-1] if stale and entitled == 0 else digest, "tier": tier}
        kind, more = self.honest(args, kind, more)

        async def clicks() -> None:
            await asyncio.gather(*(self.stage.answer(row, kind, who, version=version, **more) for _ in range(copies)))

        self.play(clicks())
        return multiple(*self.play(self.look()))

    def honest(self, args: dict[str, Any], kind: str, more: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """People who are asked whether an effect happened look before they answer."""
        if "effect" not in args:
            return kind, more
        happened = self.stage.world.find(args["effect"]) is not None
        return ("approve", {}) if happened else ("reject", {"reason": "it did not happen"})

    @rule(
        target=seen,
        fate=st.sampled_from(["fine"] * 4 + ["lost", "lost", "refused", "not sent", "killed before", "killed after"]),
        point=st.none() | st.none() | st.sampled_from(POINTS),
    )
    def work(self, fate: str, point: str | None) -> Any:
        """A worker plays what is owed; it may be killed on the way, and its leases then run out."""
        Outside.next_call, self.abort.point = fate, point
        try:
            self.play(self.stage.runner.work())
        except Killed:
            pass
        finally:
            Outside.next_call, self.abort.point = "fine", None
        self.play(self.time_passes())
        return multiple(*self.play(self.look()))

    @rule(card=seen, point=st.sampled_from(["decide:before_commit", "decide:after_commit"]))
    def die_deciding(self, card: Any, point: str) -> None:
        request_id, digest, _, tier, args, _ = card
        kind, more = self.honest(args, "approve", {})
        asked = Answer(
            request_id=request_id, type=DecisionType(kind), user_id=REVIEWERS[tier][0], digest=digest, via="cli", **more
        )
        self.abort.point = point
        try:
            self.play(decide(self.stage.store, asked))
        except (Killed, Refusal):
            pass
        finally:
            self.abort.point = None

    @rule(card=seen, late=st.booleans())
    def expire(self, card: Any, late: bool) -> None:
        """The time is up; with `late`, somebody clicks before the sweep comes round."""
        if "effect" in card[4]:
            return
        self.play(overdue(self.stage, card[0], -0.001))
        if late:
            row = {"id": card[0], "digest": card[1], "tier": card[3]}
            self.play(self.stage.answer(row, "approve", REVIEWERS[card[3]][0]))
        self.play(sweep(self.stage.store))

    @rule()
    def sweep_in_vain(self) -> None:
        self.play(sweep(self.stage.store))

    @precondition(lambda self: True)
    @rule(card=consumes(seen))
    def forget(self, card: Any) -> None:
        """Keeps the heap of old cards small."""

    async def time_passes(self) -> None:
        """Leases and the pauses before another try run out."""
        async with self.stage.engine.begin() as connection:
            await connection.exec_driver_sql(
                "update runs set wake_at = now(), leased_until = null where status = 'ready'"
            )

    @invariant()
    def holds(self) -> None:
        assert violations(load(self.stage.url, self.stage.world), resting=False) == []

    def teardown(self) -> None:
        """Whatever happened: it comes to rest, and then everything adds up."""

        async def rest() -> None:
            rng = random.Random(0)
            for _ in range(200):
                await self.time_passes()
                played = await self.stage.runner.work()
                rows = await self.stage.pending()
                if not played and not rows:
                    return
                for row in rows:
                    kind, more = self.honest(row["action"]["args"], "approve", {})
                    await self.stage.answer(row, kind, rng.choice(REVIEWERS[row["tier"]]), **more)
            raise AssertionError("it does not come to rest")

        self.play(rest())
        assert violations(load(self.stage.url, self.stage.world), resting=True) == []


@pytest.fixture
def machine(
    pg_server: URL, pg_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[type[Machine]]:
    abort = Abort()
    with fresh_database(pg_server, pg_template) as url:
        stage = Stage(url, Outside(tmp_path / "world.sqlite"), lease=30.0, parallel=4)
        stage.prepare()
        for module in FLOW:
            monkeypatch.setattr(module, "failpoint", abort)
        loop = asyncio.new_event_loop()
        Machine.stage, Machine.loop, Machine.abort = stage, loop, abort
        yield Machine
        loop.run_until_complete(stage.engine.dispose())
        loop.close()


@pytest.mark.timeout(3600 if LONG else 180)
def test_every_order_of_events(machine: type[Machine]) -> None:
    case = machine.TestCase()
    case.settings = SETTINGS
    case.runTest()
