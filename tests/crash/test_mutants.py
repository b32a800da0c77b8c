"""Test the tests: mutants of the real code, each in a child of its own; an invariant or the database catches each."""

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

import graph.flow.effects as effects
import graph.flow.execution as segment
import graph.flow.undoing as undoing
import graph.verbs.authority as authority
import graph.verbs.decide as deciding
from graph.failpoints import arm
from graph.flow.lease import Lease
from graph.law.authorization import Verdict
from storage.audit import PgAudit
from storage.effects import PgEffects
from storage.owed import PgOwed
from storage.requests import PgRequests
from storage.runs import PgRuns
from storage.schema import NOW, requests, runs
from tests.crash.test_zombies import LIVES, stop_at
from tests.support.chaos_checks import violations
from tests.support.chaos_fork import await_stop, fork, reap
from tests.support.chaos_ledger import load
from tests.support.chaos_plan import Pay, simple
from tests.support.chaos_stage import REVIEWERS, Stage
from tests.support.chaos_world import Faults
from tests.support.db import dsn

REFUSED_BY_DATABASE = 42
Mutate = Callable[[], None]
_keys = (f"mutant {n}" for n in itertools.count())


def patch(owner: Any, name: str, value: Any) -> None:
    """For good: this process is a child and ends soon."""
    setattr(owner, name, value)


# The mutants


def decide_without_lock_or_condition() -> None:
    async def flip(self: PgRequests, request: Any, status: Any, window: Any, clock: Any = None) -> bool:
        values = {"next_step_at": None, "decided_at": NOW, "status": status, "execution_expires_at": window}
        statement = update(requests).where(requests.c.id == request.id).values(**values)
        return await self._session.count(statement) == 1

    patch(PgRequests, "lock", PgRequests.get)
    patch(PgRequests, "decide", flip)


def decide_without_looking_at_the_state() -> None:
    patch(deciding, "refusal_of_state", lambda *_: None)
    patch(PgRequests, "decide", lambda self, request, status, window, clock=None: _true())


def anybody_decides() -> None:
    for module in (deciding, authority):
        patch(module, "authorize", lambda *_: Verdict(allowed=True, reason="mutant"))


def forget_intents() -> None:
    get = PgEffects.get

    async def forgetful(self: PgEffects, effect_id: str) -> Any:
        found = await get(self, effect_id)
        return None if found and found.status == "intent" else found

    patch(PgEffects, "get", forgetful)


def repeat_opaque_calls() -> None:
    async def carry_out(store: Any, lease: Any, deed: Any, *, fresh: bool) -> Any:
        return await effects._attempt(store, lease, deed), ""

    patch(segment, "carry_out", carry_out)


def never_look_up() -> None:
    async def look_up(store: Any, lease: Any, deed: Any) -> None:
        return None

    patch(effects, "_look_up", look_up)


def no_fence() -> None:
    async def fenced(self: PgRuns, run: Any, **values: Any) -> None:
        await self._session.count(update(runs).where(runs.c.id == run.id).values(**values))

    patch(PgRuns, "_fenced", fenced)
    patch(Lease, "remaining", lambda self: 60.0)


def no_digest_check() -> None:
    patch(undoing, "bind", lambda *_: SimpleNamespace(digest=_Any()))
    perform = Pay.perform

    async def more(self: Pay, args: Any, call: Any) -> Any:
        return await perform(self, args.model_copy(update={"amount": args.amount * 2}), call)

    patch(Pay, "perform", more)


def keep_unknown_quiet() -> None:
    async def tell(*_: Any) -> None:
        return None

    patch(effects, "tell_outcome", tell)


def undo_oldest_first() -> None:
    of_run = PgEffects.of_run

    async def backwards(self: PgEffects, run_id: str) -> Any:
        return list(reversed(await of_run(self, run_id)))

    patch(PgEffects, "of_run", backwards)


def count_accounts_for_persons() -> None:
    add = PgRequests.add_vote

    async def by_account(self: PgRequests, vote: Any) -> bool:
        return await add(self, replace(vote, person=vote.user_id))

    async def accounts(tx: Any, request: Any, users: Any) -> dict[str, None]:
        return dict.fromkeys(users)

    patch(PgRequests, "add_vote", by_account)
    patch(deciding, "approvers", accounts)


def wake_nobody() -> None:
    patch(PgRuns, "wake_many", lambda self, run_ids: _true())


def audit_nothing() -> None:
    patch(PgAudit, "record_many", lambda self, *_, **__: _true())


def owe_nothing() -> None:
    patch(PgOwed, "_add", lambda self, *_, **__: _true())


async def _true() -> bool:
    return True


class _Any(str):
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


# The scenes in which they are caught


def child(stage: Stage, mutate: Mutate | None, scene: Callable[[], Any], point: str = "") -> int:
    def play() -> None:
        arm(point)
        if mutate:
            mutate()
        try:
            stage.run(scene)
        except IntegrityError:
            os._exit(REFUSED_BY_DATABASE)

    code = reap(fork(play))
    with psycopg.connect(dsn(stage.url)) as connection:
        connection.execute("update runs set leased_until = now() where leased_until is not null")
    return code


async def row_of(stage: Stage, run_id: str) -> dict[str, Any] | None:
    return next((row for row in await stage.pending() if row["run_id"] == run_id), None)


async def drive(stage: Stage, run_id: str, answers: str = "", users: tuple[str, ...] = ()) -> None:
    """Play a run to its end: answers by action (`tell:reject`), the rest approved."""
    kinds = dict(pair.split(":") for pair in answers.split())
    for _ in range(12):
        await stage.runner.work(run_id)
        row = await row_of(stage, run_id)
        if row is None:
            return
        kind = kinds.get(row["action"]["type"], "approve")
        if row["action"]["type"] == "reconcile":
            kind = "approve" if stage.world.find(row["action"]["args"]["effect"]) else "reject"
        for user in users or REVIEWERS[row["tier"]][:1]:
            await stage.answer(row, kind, user)


def both_at_once(stage: Stage, run_id: str, mutate: Mutate) -> int:
    async def scene() -> None:
        await stage.runner.work(run_id)
        row = await row_of(stage, run_id)
        assert row is not None
        await asyncio.gather(stage.answer(row, "approve", "UALICE"), stage.answer(row, "reject", "UBOB"))

    return child(stage, mutate, scene)


def dies_after_the_call(stage: Stage, run_id: str, mutate: Mutate) -> int:
    assert child(stage, None, lambda: drive(stage, run_id), "effect:after_call") == 137
    return child(stage, mutate, lambda: drive(stage, run_id))


def straight(stage: Stage, run_id: str, mutate: Mutate) -> int:
    return child(stage, mutate, lambda: drive(stage, run_id))


def rejected_at_last(stage: Stage, run_id: str, mutate: Mutate) -> int:
    return child(stage, mutate, lambda: drive(stage, run_id, "tell:reject"))


def by_the_requester(stage: Stage, run_id: str, mutate: Mutate) -> int:
    return child(stage, mutate, lambda: drive(stage, run_id, users=("UREQ",)))


def one_person_twice(stage: Stage, run_id: str, mutate: Mutate) -> int:
    return child(stage, mutate, lambda: drive(stage, run_id, users=("UDIRK", "UDIRK2")))


def lost_answer(stage: Stage, run_id: str, mutate: Mutate) -> int:
    stage.world.faults = Faults(lose=1.0)
    try:
        return child(stage, mutate, lambda: drive(stage, run_id))
    finally:
        stage.world.faults = Faults()


def zombie(stage: Stage, run_id: str, mutate: Mutate) -> int:
    async def open_and_approve() -> None:
        await stage.runner.work(run_id)
        row = await row_of(stage, run_id)
        assert row is not None
        await stage.answer(row, "approve", "UALICE")

    assert child(stage, None, open_and_approve) == 0

    def play() -> None:
        mutate()
        stop_at("effect:after_intent")
        stage.run(lambda: stage.runner.work(run_id))

    stopped = fork(play)
    assert await_stop(stopped)
    time.sleep(1.05)
    for _ in range(LIVES):  # more than one only where a busy machine keeps a worker from renewing its lease
        assert child(stage, None, lambda: drive(stage, run_id)) == 0
        if load(stage.url, stage.world).runs[run_id]["status"] != "ready":
            break
    os.kill(stopped, signal.SIGCONT)
    return reap(stopped)


MUTANTS: list[tuple[Mutate, Callable[[Stage, str, Mutate], int], tuple[str, ...], str]] = [
    (decide_without_lock_or_condition, both_at_once, ("pay",), "database"),
    (decide_without_looking_at_the_state, both_at_once, ("pay",), "database"),
    (anybody_decides, by_the_requester, ("pay",), "I1"),
    (forget_intents, dies_after_the_call, ("pay",), "I5"),
    (repeat_opaque_calls, dies_after_the_call, ("tell",), "I4"),
    (never_look_up, dies_after_the_call, ("hold",), "I4"),
    (no_fence, zombie, ("tell",), "I10"),
    (no_digest_check, straight, ("pay",), "I2"),
    (keep_unknown_quiet, lost_answer, ("tell",), "I10"),
    (undo_oldest_first, rejected_at_last, ("hold", "pay", "tell"), "I11"),
    (count_accounts_for_persons, one_person_twice, ("pay",), "I7"),
    (wake_nobody, straight, ("pay",), "I5"),
    (audit_nothing, straight, ("pay",), "I13"),
    (owe_nothing, lost_answer, ("tell",), "I10"),
]


@pytest.mark.parametrize(("mutate", "scene", "plan", "by"), MUTANTS, ids=[row[0].__name__ for row in MUTANTS])
def test_the_mutant_is_caught(
    stage: Stage, mutate: Mutate, scene: Callable[[Stage, str, Mutate], int], plan: tuple[str, ...], by: str
) -> None:
    key = next(_keys)
    amount = "60000.00" if scene is one_person_twice else "420.00"
    case = simple(*plan, order=key.replace(" ", "-"), amount=amount)
    run_id = stage.run(lambda: stage.propose(key, case, "UREQ" if scene is by_the_requester else None))
    before = set(violations(load(stage.url, stage.world), resting=True))
    code = scene(stage, run_id, mutate)
    found = set(violations(load(stage.url, stage.world), resting=True)) - before
    if by == "database":
        assert code == REFUSED_BY_DATABASE
        return
    assert {line.split()[0].rstrip(":") for line in found} >= {by}, (code, found)


@pytest.mark.parametrize(("scene", "plan"), sorted({(row[1], row[2]) for row in MUTANTS}, key=str))
def test_without_a_mutant_the_same_scene_is_clean(
    stage: Stage, scene: Callable[[Stage, str, Mutate], int], plan: tuple[str, ...]
) -> None:
    key = next(_keys)
    amount = "60000.00" if scene is one_person_twice else "420.00"
    case = simple(*plan, order=key.replace(" ", "-"), amount=amount)
    run_id = stage.run(lambda: stage.propose(key, case, "UREQ" if scene is by_the_requester else None))
    before = set(violations(load(stage.url, stage.world), resting=False))
    assert scene(stage, run_id, lambda: None) == 0
    assert set(violations(load(stage.url, stage.world), resting=False)) <= before


def test_the_database_itself_refuses(stage: Stage) -> None:
    """The last line: terminal statuses, bound actions, effects without approval, the audit."""
    run_id = stage.run(lambda: stage.propose(next(_keys), simple("pay", order="last-line")))
    stage.run(lambda: stage.runner.work(run_id))
    row = stage.run(lambda: row_of(stage, run_id))
    assert row is not None
    tampered = (
        "update requests set canonical = replace(canonical, '420', '999'),"
        " digest = encode(sha256(convert_to(replace(canonical, '420', '999'), 'UTF8')), 'hex') where id = %(id)s",
        "update requests set canonical = canonical || ' ' where id = %(id)s",
        "insert into effects (id, workspace_id, run_id, request_id, action_type, effect_class, digest, status, fence)"
        " select 'eff_x', workspace_id, run_id, id, action_type, effect_class, digest, 'intent', 1"
        " from requests where id = %(id)s",
        "update audit set detail = '{}' where request_id = %(id)s",
        "delete from audit where request_id = %(id)s",
    )
    stage.run(lambda: stage.answer(row, "reject", "UALICE"))
    for statement in (*tampered, "update requests set status = 'approved' where id = %(id)s"):
        with psycopg.connect(dsn(stage.url)) as connection, pytest.raises(psycopg.Error):
            connection.execute(statement, {"id": row["id"]})  # type: ignore[arg-type]
