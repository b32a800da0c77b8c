"""A worker that was stopped past its lease and continued: what it still wants to write is refused; one effect."""

import itertools
import os
import random
import signal
import time

import pytest

import graph.flow.effects
import graph.flow.execution
import graph.flow.runner
import graph.flow.undoing
from tests.support.chaos_checks import violations
from tests.support.chaos_fork import await_stop, fork, reap
from tests.support.chaos_ledger import load
from tests.support.chaos_plan import simple
from tests.support.chaos_stage import Stage
from tests.support.chaos_world import Faults

POINTS = (
    "effect:before_intent",
    "effect:after_intent",
    "effect:after_call",
    "effect:after_settle",
    "segment:before_commit",
)
ACTIONS = ("pay", "hold", "tell")
LIVES = 4
_keys = (f"zombie {n}" for n in itertools.count())


def stop_at(point: str) -> None:
    """In a child: stop this process the first time it passes the point."""
    passed = []

    def stop(name: str) -> None:
        if name == point and not passed:
            passed.append(name)
            os.kill(os.getpid(), signal.SIGSTOP)

    for module in (graph.flow.effects, graph.flow.execution, graph.flow.undoing, graph.flow.runner):
        module.failpoint = stop  # type: ignore[attr-defined]


def approved(stage: Stage, key: str, action: str) -> str:
    """The id of a run that is owed the execution of one approved action."""

    async def scene() -> str:
        run_id = await stage.propose(key, simple(action, order=key.replace(" ", "-")))
        await stage.settle()
        (row,) = [row for row in await stage.pending() if row["run_id"] == run_id]
        assert await stage.answer(row, "approve", "UALICE")
        return run_id

    return str(stage.run(scene))


def let_others_finish(stage: Stage) -> None:
    """Past the zombie's lease, another worker takes over and a person answers what it asks; and yet another, where a
    busy machine kept that one from renewing its own lease in time.
    """

    async def scene() -> None:
        await stage.settle()
        for row in await stage.pending():
            happened = stage.world.find(row["action"]["args"]["effect"]) is not None
            await stage.answer(row, "approve" if happened else "reject", "UALICE")
        await stage.settle()

    for _ in range(LIVES):
        time.sleep(1.05)
        assert reap(fork(lambda: stage.run(scene))) == 0
        if all(run["status"] != "ready" for run in load(stage.url, stage.world).runs.values()):
            return


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("point", POINTS)
def test_a_zombie_writes_nothing(stage: Stage, point: str, action: str) -> None:
    run_id = approved(stage, next(_keys), action)

    def play() -> None:
        stop_at(point)
        stage.run(lambda: stage.runner.work(run_id))

    zombie = fork(play)
    assert await_stop(zombie), "the point was not passed"
    let_others_finish(stage)
    before = load(stage.url, stage.world)
    os.kill(zombie, signal.SIGCONT)
    assert reap(zombie) == 0
    after = load(stage.url, stage.world)
    assert violations(after, resting=True) == []
    assert (after.runs, after.effects, after.audit) == (before.runs, before.effects, before.audit)
    assert len(after.happened) == len(before.happened)
    expected = 0 if (action, point) == ("tell", "effect:after_intent") else 1
    mine = {effect["id"] for effect in after.effects_of(run_id)}
    assert sum(one.key in mine for one in after.happened) == expected


def test_stopped_anywhere(stage: Stage) -> None:
    """Stops at random moments, slow calls included; `hold` is left out, whose receiver can't tell a late
    call from a second one (`graph/flow/effects.py` says what is promised there)."""
    rng = random.Random(7)
    stage.world.faults = Faults(slow=1.0)
    try:
        for _ in range(5):
            run_id = approved(stage, next(_keys), "pay")
            zombie = fork(lambda run=run_id: stage.run(lambda: stage.runner.work(run)))
            time.sleep(rng.uniform(0.0, 0.2))
            os.kill(zombie, signal.SIGSTOP)
            let_others_finish(stage)
            os.kill(zombie, signal.SIGCONT)
            reap(zombie)
            # Stopped inside a transaction it kept its run locked; now that it is gone, others get through.
            let_others_finish(stage)
            ledger = load(stage.url, stage.world)
            mine = {effect["id"] for effect in ledger.effects_of(run_id)}
            assert sum(one.key in mine for one in ledger.happened) == 1
            assert violations(ledger, resting=True) == []
    finally:
        stage.world.faults = Faults()
