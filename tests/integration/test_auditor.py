"""The auditor: what should not be so is found, said once an hour, and no heartbeat goes out meanwhile."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from bot.vital import Vital
from bot.watch import beat, watching
from graph.verbs.auditor import NAME, Finding, audit, inspect
from graph.verbs.report import queue
from graph.verbs.start import start
from storage.store import PgStore
from tests.integration.test_deploys import OTHER_NAME, answer, deployed, play
from tests.support.clock import Clock
from tests.support.toy import World


class Ground:
    """A store with runs on it, and somebody who changes rows by hand."""

    def __init__(self, store: PgStore, world: World) -> None:
        self.store, self.world = store, world
        self.runner = deployed(store, world)
        self.clock = Clock(store.engine)

    async def propose(self, *plan: str, key: str = "k1") -> dict[str, Any]:
        """The pending request of a new run, its card on the screen."""
        run = await start(self.store, "toy", {"plan": list(plan), "amount": "20.00"}, key=key, requester=None)
        await play(self.runner)
        await self.deliver()
        (row,) = [row for row in await queue(self.store) if row["run_id"] == run.id]
        return row

    async def deliver(self) -> None:
        """Slack takes everything."""
        await self.sql(
            "update cards set shown = wanted, channel = 'C', ts = id, posted_at = coalesce(posted_at, gp_now())"
        )
        await self.sql("update owed set done_at = gp_now() where done_at is null")

    async def sql(self, statement: str) -> None:
        async with self.store.engine.begin() as connection:
            await connection.execute(text(statement))

    async def rows(self, statement: str) -> list[Any]:
        async with self.store.engine.connect() as connection:
            return list((await connection.execute(text(statement))).all())

    async def found(self) -> dict[str, Finding]:
        async with self.store.begin() as tx:
            return {finding.name: finding for finding in await inspect(tx)}

    async def later(self, minutes: float) -> None:
        await self.clock.forward(timedelta(minutes=minutes))


@pytest.fixture
def ground(store: PgStore, tmp_path: Path) -> Ground:
    return Ground(store, World(tmp_path / "world.sqlite"))


async def test_a_well_installation_is_clean(ground: Ground) -> None:
    """Waiting, decided, done, resumed: nothing of it is a finding, also half an hour later."""
    await ground.propose("pay")
    await answer(ground.store, await ground.propose("pay", key="k2"))
    await play(ground.runner)
    await ground.deliver()
    assert await ground.found() == {}
    await ground.sql("update requests set next_step_at = gp_now() + interval '2 h' where status = 'pending'")
    await ground.later(30)
    assert await ground.found() == {}


async def test_overdue_unless_a_stop_keeps_it(ground: Ground) -> None:
    row = await ground.propose("pay")
    await ground.sql("update requests set next_step_at = gp_now() - interval '59 s'")
    assert await ground.found() == {}
    await ground.sql("update requests set next_step_at = gp_now() - interval '61 s'")
    assert (await ground.found())["overdue"].ids == (row["id"],)
    await ground.sql(
        "insert into stops (workspace_id, workflow, stopped_by, via) values ('THOME', 'toy', 'UEVE', 'cli')"
    )
    stopped = await ground.found()
    assert (set(stopped), stopped["stopped"].grave) == ({"stopped"}, False)


async def test_cards_and_messages_owed_for_too_long(ground: Ground) -> None:
    row = await ground.propose("pay")
    async with ground.store.begin() as tx:
        await tx.cards.touch(row["id"])
        await tx.owed.add("operators", "hello", {"text": "hello"})
    await ground.later(4)
    async with ground.store.begin() as tx:
        await tx.cards.touch(row["id"])
    assert await ground.found() == {}
    await ground.later(1.1)
    found = await ground.found()
    # Wanted again meanwhile, it has still been owed since it was wanted first.
    assert {"cards_owed", "messages_owed"} <= set(found)
    assert found["messages_owed"].ids == ("operators:hello",)


async def test_a_run_that_nobody_carries_on(ground: Ground) -> None:
    row = await ground.propose("pay")
    await answer(ground.store, row)
    await ground.deliver()
    await ground.later(4)
    # Put off again and again is owed all the same.
    await ground.sql("update runs set wake_at = gp_now() + interval '10 s', attempts = 3")
    assert await ground.found() == {}
    await ground.later(1.1)
    assert (await ground.found())["runs_owed"].ids == (row["run_id"],)
    await ground.sql("update runs set leased_until = gp_now() + interval '10 s'")
    assert await ground.found() == {}, "somebody is playing it"


async def test_an_unknown_effect_that_nobody_was_asked_about(ground: Ground) -> None:
    run = (await ground.propose("tell"))["run_id"]

    def lost(name: str, call: object) -> None:
        raise TimeoutError("no answer")

    ground.world.after = lost
    (row,) = await queue(ground.store)
    await answer(ground.store, row)
    await play(ground.runner)
    await ground.later(1.1)
    assert (await ground.found())["unknown_unseen"].count == 1, "asked, but the card was never posted"
    await ground.deliver()
    assert await ground.found() == {}
    await ground.sql(f"delete from cards where request_id in (select id from requests where run_id = '{run}')")
    assert set(await ground.found()) == {"unknown_unseen"}


async def test_orphans_in_both_directions(ground: Ground) -> None:
    """DB-15: a run that waits for nothing, and a request that no run waits for."""
    waits, ended = await ground.propose("pay"), await ground.propose("pay", key="k2")
    await ground.sql(
        "update requests set status = 'cancelled', decided_at = gp_now(), interrupt_id = 'another',"
        f" next_step_at = null where id = '{waits['id']}'"
    )
    await ground.sql(f"update runs set status = 'done' where id = '{ended['run_id']}'")
    found = await ground.found()
    assert found["run_waits_for_nothing"].ids == (waits["run_id"],)
    assert found["nobody_waits"].ids == (ended["id"],)


async def test_a_run_whose_answer_was_not_told_to_it_goes_on(ground: Ground) -> None:
    row = await ground.propose("pay")
    await answer(ground.store, row)
    await ground.sql("update runs set status = 'paused', wake_at = null")
    assert set(await ground.found()) == {"run_waits_for_nothing"}
    await audit(ground.store)
    await play(ground.runner)
    assert ground.world.names() == ["pay"]
    assert await ground.rows("select 1 from audit where event = 'run_carried_on'")


async def test_what_nobody_may_decide_and_what_was_set_aside(ground: Ground) -> None:
    stranded, moved, failed = [await ground.propose("pay", key=f"k{n}") for n in range(3)]
    await ground.sql(f"update requests set reachable = false where id = '{stranded['id']}'")
    await ground.sql(f"update runs set status = 'quarantined', displaced = true where id = '{moved['run_id']}'")
    await ground.sql(f"update runs set status = 'quarantined' where id = '{failed['run_id']}'")
    await ground.sql("update requests set next_step_at = gp_now() + interval '2 h'")
    await ground.later(1.1)
    found = await ground.found()
    assert {name: each.ids for name, each in found.items()} == {
        "undecidable": (stranded["id"],),
        "displaced": (moved["run_id"],),
        "set_aside": (failed["run_id"],),
    }
    async with ground.store.begin() as tx:
        run = await tx.runs.get(failed["run_id"])
        assert run is not None
        await tx.owed.add("operators", f"quarantine:{run.id}:{run.fence}", {"text": "it failed"})
    await ground.deliver()
    assert "set_aside" not in await ground.found(), "operators were told"


async def test_a_pass_is_on_record_and_told_once_an_hour(ground: Ground) -> None:
    said = "select payload->>'text' as said from owed where id like 'operators:auditor:overdue:%' order by id"
    await ground.propose("pay")
    async with ground.store.begin() as tx:
        await ground.later(60 - (await tx.now()).minute)
    for minutes, told in ((0, 1), (5, 1), (30, 1), (30, 2)):
        await ground.later(minutes)
        await ground.sql("update requests set next_step_at = gp_now() - interval '2 min'")
        assert [finding.name for finding in await audit(ground.store) or ()] == ["overdue"]
        assert await audit(ground.store) is None, "a moment ago another worker did it"
        assert len(await ground.rows(said)) == told
        await ground.deliver()
    (first, _) = await ground.rows(said)
    assert "Requests whose next step is overdue: 1, the oldest for 2 min (req_" in first.said
    async with ground.store.begin() as tx:
        (condition,) = await tx.health.all()
    assert (condition.name, condition.ok_since, condition.problem) == (NAME, None, "overdue 1")


class Ear:
    """Somebody outside who counts heartbeats."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def test_a_heartbeat_goes_out_only_when_all_is_well(ground: Ground) -> None:
    ear = Ear()
    async with await asyncio.start_server(ear, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        tick = watching(ground.store, ground.runner, SecretStr(f"http://127.0.0.1:{port}/key"))["audit"].tick
        await tick()
        assert ear.heard == ["GET /key HTTP/1.1"]
        await tick()
        assert len(ear.heard) == 1, "a pass that another worker just made is none"
        await ground.propose("pay")
        await ground.sql("update requests set next_step_at = gp_now() - interval '2 min'")
        await ground.later(1)
        await tick()
        assert len(ear.heard) == 1
    assert not await beat(SecretStr(f"http://127.0.0.1:{port}/key")), "nobody listens: a line in the log, no more"


async def test_a_part_that_falls_silent(ground: Ground) -> None:
    async with ground.store.begin() as tx:
        await tx.health.well("web", gap=timedelta(seconds=30))
        await tx.health.ill("slack", "chat.postMessage: invalid_auth")
    assert (await ground.found())["slack"].what == "slack: chat.postMessage: invalid_auth"
    await ground.later(2.1)
    assert "not heard of since" in (await ground.found())["web"].what


async def test_the_web_process_beats_as_long_as_traffic_reaches_it(ground: Ground) -> None:
    up, stop = [True], asyncio.Event()

    async def connected() -> bool:
        return up[0]

    async def once(vital: Vital) -> None:
        beating = asyncio.create_task(vital.beat(stop))
        await asyncio.sleep(0)
        stop.set()
        await beating
        stop.clear()

    vital = Vital(ground.store, connected)
    await once(vital)
    (row,) = await ground.rows("select name, last_ok_at from health")
    assert row.name == "web"
    up[0] = False
    await ground.later(1)
    await once(vital)
    assert await ground.rows("select name, last_ok_at from health") == [row]


async def test_a_young_process_does_not_complain_about_silence(ground: Ground) -> None:
    async def connected() -> bool:
        return True

    vital = Vital(ground.store, connected)
    assert await vital.ill() == {}
    async with ground.store.begin() as tx:
        await tx.health.well(NAME, gap=timedelta(minutes=2))
    await ground.later(10)
    assert await vital.ill() == {}
    vital._began -= 121
    assert "not heard of since" in (await vital.ill())[NAME]
    await ground.sql("delete from health")
    assert "never looked" in (await vital.ill())[NAME]
    async with ground.store.begin() as tx:
        await tx.health.ill(NAME, "overdue 1")
    assert await Vital(ground.store, connected).ill() == {NAME: "overdue 1"}


async def test_displaced_runs_are_found(ground: Ground) -> None:
    await ground.propose("pay")
    await deployed(ground.store, ground.world, OTHER_NAME).places.look(["toy"])
    assert set(await ground.found()) == {"displaced"}


async def test_the_figures_name_no_id(ground: Ground) -> None:
    row = await ground.propose("pay")
    await ground.sql("insert into stops (workspace_id, workflow, stopped_by, via) values ('THOME', '*', 'UEVE', 'cli')")
    async with ground.store.begin() as tx:
        await tx.health.well("web", gap=timedelta(seconds=30))
        await tx.cards.touch(row["id"])
        figures = await tx.checks.gauges()
    assert (figures.queue[row["tier"]].count, figures.stopped, figures.well) == (1, ("*",), {"web": True})
    assert (figures.owed["cards"].count, figures.owed["resumes"].count, figures.unknown) == (1, 0, 0)
    assert figures.escalation == {}
    async with ground.store.begin() as tx:
        detail = {"due_at": ((await tx.now()) - timedelta(seconds=7)).isoformat(), "tier": 2}
        await tx.audit.record("request_escalated", "clock", request_id=row["id"], **detail)
        await tx.cards.want(row["id"], "C2", 2)
    await ground.sql("update cards set posted_at = gp_now(), channel = 'C2', ts = '2' where target = 'C2'")
    async with ground.store.begin() as tx:
        figures = await tx.checks.gauges()
    assert figures.escalation[0.99] == pytest.approx(7, abs=3)
    assert json.dumps(row["id"]) not in str(figures)
