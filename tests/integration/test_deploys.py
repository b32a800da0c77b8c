"""Deploys: a release that calls the gate otherwise loses nobody's run, and a wait outlives restarts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, text

from bot.delivery.view import load_view
from graph.flow.gateway import build
from graph.flow.runner import Runner
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import NotFound
from graph.verbs.ports import Store
from graph.verbs.release import release
from graph.verbs.report import queue
from graph.verbs.start import start
from graph.verbs.sweep import sweep
from storage.checkpoints import PgCheckpoints
from storage.store import PgStore
from tests.support.clock import Clock
from tests.support.db import open_store
from tests.support.people import mirror_people
from tests.support.toy import World, toy

RUNS = 20
OTHER_NAME = "gate2"


def deployed(store: PgStore, world: World, gate: str = "gate") -> Runner:
    """A worker of a release that calls its gate so."""
    return Runner(store, PgCheckpoints(store), {"toy": toy(world)}, lease_seconds=5, graph=build(gate))


async def play(runner: Runner) -> None:
    while await runner.work():
        pass


async def answer(store: Store, row: dict[str, Any], user: str = "UALICE") -> None:
    approve = DecisionType.APPROVE
    asked = Answer(
        request_id=row["id"], type=approve, user_id=user, digest=row["digest"], via="cli", reason="looked at it"
    )
    await decide(store, asked)


async def states(store: PgStore) -> dict[str, str]:
    async with store.begin() as tx:
        return {run.id: str(run.status) for run in await tx.runs.recent(100)}


async def rows(store: PgStore, statement: str) -> list[Any]:
    async with store.engine.connect() as connection:
        return list((await connection.execute(text(statement))).all())


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world.sqlite")


@pytest.fixture
async def paused(store: PgStore, world: World) -> list[str]:
    """Twenty runs that wait at `gate`."""
    runs = [
        await start(store, "toy", {"plan": ["pay"], "amount": "20.00"}, key=f"k{n}", requester=None)
        for n in range(RUNS)
    ]
    await play(deployed(store, world))
    return [run.id for run in runs]


async def told_operators(store: PgStore) -> str:
    return " ".join(row.said for row in await rows(store, "select payload->>'text' as said from owed order by id"))


async def test_a_deploy_that_renames_the_gate_surfaces_every_paused_run(
    store: PgStore, world: World, paused: list[str]
) -> None:
    renamed = deployed(store, world, OTHER_NAME)
    assert await renamed.places.look(["toy"]) == RUNS
    assert set((await states(store)).values()) == {"quarantined"}
    said = await told_operators(store)
    assert all(run in said for run in paused)
    assert "execute,gate,propose,rollback" in said
    for row in await queue(store):
        async with store.begin() as tx:
            request = await tx.requests.get(row["id"])
            assert request is not None
            assert "waits for a release" in (await load_view(tx, request)).run_note
    assert len(await rows(store, "select 1 from audit where event = 'run_displaced'")) == RUNS
    assert (await renamed.places.look(["toy"]), world.names()) == (0, [])


async def test_nothing_is_lost_when_the_old_release_comes_back(store: PgStore, world: World, paused: list[str]) -> None:
    """Half is decided before the deploy, a quarter while it is set aside, the rest afterwards; each runs once."""
    asked = await queue(store)
    for row in asked[:10]:
        await answer(store, row)
    renamed = deployed(store, world, OTHER_NAME)
    await play(renamed)
    await renamed.places.look(["toy"])
    assert (set((await states(store)).values()), world.names()) == ({"quarantined"}, [])
    for row in asked[10:15]:
        await answer(store, row)
    assert set((await states(store)).values()) == {"quarantined"}
    await release(store, asked[0]["run_id"], "ops")
    await release(store, asked[12]["run_id"], "ops")
    await release(store, asked[19]["run_id"], "ops")
    found = await states(store)
    assert [found[asked[n]["run_id"]] for n in (0, 12, 19)] == ["ready", "ready", "paused"]
    again = deployed(store, world)
    assert await again.places.look(["toy"]) == 0, "not while a deploy may still be under way"
    await Clock(store.engine).forward(timedelta(minutes=3))
    while await again.places.look(["toy"]):
        pass
    await play(again)
    assert len(world.names()) == 15
    for row in asked[15:]:
        await answer(store, row)
    await play(again)
    assert world.names() == ["pay"] * RUNS
    assert (await states(store)) == dict.fromkeys(paused, "done")
    with pytest.raises(NotFound):
        await release(store, asked[0]["run_id"], "ops")


async def test_a_graph_with_more_places_goes_on_and_is_looked_up_once(
    store: PgStore, world: World, paused: list[str]
) -> None:
    """Another fingerprint is no reason to stop: what counts is whether the run's own place is there."""
    graph = build()
    graph.add_node("another", lambda state: {})
    graph.add_edge("another", "propose")
    wider = Runner(store, PgCheckpoints(store), {"toy": toy(world)}, lease_seconds=5, graph=graph)
    (row, *_) = await queue(store)
    await answer(store, row)
    await play(wider)
    assert world.names() == ["pay"]
    assert await wider.places.look(["toy"]) == RUNS - 1
    assert set(await rows(store, "select graph from runs where status = 'paused'")) == {(wider.places.names,)}
    assert await wider.places.look(["toy"]) == 0


async def test_the_usual_resume_pays_no_look(
    store: PgStore, world: World, paused: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = deployed(store, world)

    async def never(run: object) -> bool:
        raise AssertionError("looked up")

    monkeypatch.setattr(runner.places, "_known", never)
    (row, *_) = await queue(store)
    await answer(store, row)
    await play(runner)
    assert world.names() == ["pay"]


async def test_an_end_at_a_place_nobody_knows_is_no_end(store: PgStore, world: World, paused: list[str]) -> None:
    """Even where the fingerprint lies, an empty `next` is never taken for finished."""
    renamed = deployed(store, world, OTHER_NAME)
    async with store.engine.begin() as connection:
        await connection.execute(text("update runs set graph = :names"), {"names": renamed.places.names})
    (row, *_) = await queue(store)
    await answer(store, row)
    await play(renamed)
    assert (await states(store))[row["run_id"]] == "quarantined"
    await release(store, row["run_id"], "ops")
    await play(deployed(store, world))
    assert world.names() == ["pay"]


async def test_36_hours_three_restarts_and_a_deploy(database: URL, world: World) -> None:
    """Nobody answers for a day and a half; every process is another one than before, and one release is wider."""
    async with open_store(database) as store:
        await mirror_people(store)
        run = await start(store, "toy", {"plan": ["pay"], "amount": "20.00"}, key="long", requester=None)
        await play(deployed(store, world))
    for hours in (12, 24, 36):
        async with open_store(database) as store:
            await Clock(store.engine).forward(timedelta(hours=hours))
            runner = deployed(store, world, OTHER_NAME if hours == 24 else "gate")
            await runner.places.look(["toy"])
            await sweep(store)
            await play(runner)
    async with open_store(database) as store:
        await Clock(store.engine).forward(timedelta(hours=36, minutes=5))
        last = deployed(store, world)
        await last.places.look(["toy"])
        (row,) = await queue(store)
        assert (row["status"], row["tier"]) == ("pending", 3), "it went up in its time, and nobody there decided"
        for user in ("UDIRK", "UEVE"):
            await answer(store, row, user)
        await play(last)
        assert world.names() == ["pay"]
        assert (await states(store))[run.id] == "done"
