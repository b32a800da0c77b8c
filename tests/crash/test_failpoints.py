"""A process dies at every named point, in every kind of life; a fresh one brings each to its right end, once."""

import itertools
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from graph.failpoints import NAMES, arm
from graph.law.canonical import digest
from graph.verbs.sweep import sweep
from tests.support.chaos_checks import violations
from tests.support.chaos_fork import fork, reap
from tests.support.chaos_ledger import load
from tests.support.chaos_plan import simple
from tests.support.chaos_stage import REVIEWERS, Stage, overdue
from tests.support.db import dsn

KILLED = 137
ELSEWHERE = {"card:after_post": "tests/crash/test_failpoint_cards.py, against the sandbox's Slack"}
_keys = (f"life {n}" for n in itertools.count())


@dataclass(frozen=True)
class Life:
    """A run's plan and its reviewers' answers in order; what the world holds at the end, and how the run ended."""

    name: str
    plan: tuple[str, ...]
    answers: tuple[str, ...]
    world: tuple[str, ...]
    status: str = "done"


PAY = Life("pay", ("pay",), ("approve",), ("pay",))
HOLD = Life("hold", ("hold",), ("approve",), ("hold",))
TELL = Life("tell", ("tell",), ("approve",), ("tell",))
UNTOLD = Life("untold", ("tell",), ("approve",), (), "rolled_back")
TWO = Life("two", ("hold", "pay"), ("approve", "approve"), ("hold", "pay"))
EDIT = Life("edit", ("pay",), ("edit",), ("pay",))
EXPIRE = Life("expire", ("pay",), ("expire",), (), "rolled_back")
UNDO = Life(
    "undo",
    ("hold", "pay", "tell"),
    ("approve", "approve", "reject"),
    ("hold", "pay", "undo pay", "undo hold"),
    "rolled_back",
)

DEATHS = [
    *[(f"decide:{when}_commit", life) for when in ("before", "after") for life in (PAY, EDIT, UNDO)],
    ("decide:before_commit@3", UNDO),
    ("decide:after_commit@3", UNDO),
    *[(f"segment:{when}_commit@{nth}", TWO) for when in ("before", "after") for nth in (1, 2, 3)],
    *[(f"segment:{when}_commit@4", UNDO) for when in ("before", "after")],
    ("effect:before_intent", PAY),
    ("effect:before_intent", HOLD),
    ("effect:before_intent", TELL),
    ("effect:before_intent@3", UNDO),
    ("effect:before_intent@4", UNDO),
    ("effect:after_intent", PAY),
    ("effect:after_intent", HOLD),
    ("effect:after_intent", UNTOLD),
    ("effect:after_intent@3", UNDO),
    ("effect:after_intent@4", UNDO),
    ("effect:after_call", PAY),
    ("effect:after_call", HOLD),
    ("effect:after_call", TELL),
    ("effect:after_call@2", TWO),
    ("effect:after_call@3", UNDO),
    ("effect:after_call@4", UNDO),
    ("effect:after_settle", PAY),
    ("effect:after_settle", HOLD),
    ("effect:after_settle", TELL),
    ("effect:after_settle@3", UNDO),
    ("effect:after_settle@4", UNDO),
    ("sweep:before_commit", EXPIRE),
]


async def live(stage: Stage, key: str, life: Life) -> None:
    """The whole life of a run, or what is left of it: every step may have happened before."""
    run_id = await stage.propose(key, simple(*life.plan, order=digest(key)[:8]))
    await stage.settle()
    while rows := [row for row in await stage.pending() if row["run_id"] == run_id]:
        await _answer(stage, rows[0], life)
        await stage.settle()


async def _answer(stage: Stage, row: dict[str, Any], life: Life) -> None:
    user = REVIEWERS[row["tier"]][0]
    if row["action"]["type"] == "reconcile":
        happened = stage.world.find(row["action"]["args"]["effect"]) is not None
        await stage.answer(row, "approve" if happened else "reject", user)
        return
    kind = dict(zip(life.plan, life.answers, strict=True))[row["action"]["type"]]
    if kind == "expire":
        await overdue(stage, row["id"], -0.001)
        await sweep(stage.store)
        return
    edited = {"args": row["action"]["args"] | {"amount": "99.00"}} if kind == "edit" else {}
    await stage.answer(row, kind, user, **edited)


def child(stage: Stage, key: str, life: Life, point: str = "") -> int:
    """The exit code of a process that lives this life, up to the point where it dies."""

    def play() -> None:
        arm(point)
        stage.run(lambda: live(stage, key, life))

    return reap(fork(play))


def leases_run_out(stage: Stage) -> None:
    with psycopg.connect(dsn(stage.url)) as connection:
        connection.execute("update runs set leased_until = now() where leased_until is not null")


@pytest.mark.parametrize(("point", "life"), DEATHS, ids=lambda value: getattr(value, "name", value))
def test_a_death_there_changes_nothing_in_the_end(stage: Stage, point: str, life: Life) -> None:
    key = next(_keys)
    assert child(stage, key, life, point) == KILLED, "the point was not passed"
    assert violations(load(stage.url, stage.world), resting=False) == []
    leases_run_out(stage)
    assert child(stage, key, life) == 0
    ledger = load(stage.url, stage.world)
    assert violations(ledger, resting=True) == []
    (run,) = [run for run in ledger.runs.values() if run["key"] == key]
    mine = {effect["id"] for effect in ledger.effects_of(run["id"])}
    assert tuple(one.name for one in ledger.happened if one.key in mine) == life.world
    assert run["status"] == life.status


@pytest.mark.parametrize("second", ["effect:before_intent", "effect:after_intent", "effect:after_call"])
def test_a_second_death_during_the_recovery(stage: Stage, second: str) -> None:
    key = next(_keys)
    assert child(stage, key, PAY, "segment:before_commit@2") == KILLED
    leases_run_out(stage)
    other = next(_keys)
    assert child(stage, other, HOLD, "effect:after_intent") == KILLED
    leases_run_out(stage)
    assert child(stage, other, HOLD, "effect:after_call") == KILLED
    leases_run_out(stage)
    third = next(_keys)
    assert child(stage, third, TWO, second) == KILLED
    leases_run_out(stage)
    for left, life in ((key, PAY), (other, HOLD), (third, TWO)):
        assert child(stage, left, life) == 0
    assert violations(load(stage.url, stage.world), resting=True) == []


def test_every_named_point_has_its_deaths() -> None:
    tested = {point.partition("@")[0] for point, _ in DEATHS}
    assert tested | set(ELSEWHERE) == set(NAMES)
    assert not tested & set(ELSEWHERE)
