"""The `db_content` cases of attacks.jsonl: somebody changed rows behind Gatepost's back.

What needs rights that the application doesn't use (to switch triggers off) is done with them: the point is what
Gatepost makes of it afterwards.
"""

import asyncio
import json
import pickle
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.types import Command
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError

from bot.cards.review import card
from bot.delivery.view import load_view
from bot.jobs import Every, make_scheduler
from graph.flow.places import config_of
from graph.flow.runner import MAX_ATTEMPTS
from graph.law.request import DecisionType, Kind
from graph.verbs.decide import Answer, decide
from storage.audit import seal, verify
from storage.engine import NoDatabase, make_engine
from storage.migrate import HEAD, behind, migrate
from storage.store import PgStore
from tests.support.clock import Clock
from tests.support.db import fresh_database
from tests.support.slack_attacks import cases
from tests.support.tools import Tools

ELSEWHERE = {
    "DB-15": "tests/integration/test_auditor.py: both directions are found, and what is certain is mended",
    "DB-19": "tests/integration/test_deploys.py: surfaced, set aside, and resumed by a release that has the place",
}
CASES = {case["id"]: case for case in cases("db_content")}
KEY = b"the key of these tests"
REFUND = {"tool": "payments.refund", "args": {"order": "4711", "amount": "420.00", "currency": "EUR"}}


@pytest.fixture
async def tools(store: PgStore, tmp_path: Path) -> Tools:
    return Tools(store, tmp_path)


def test_no_case_is_left_out() -> None:
    here = {f"DB-{name.split('_')[2]}" for name in globals() if name.startswith("test_db_")}
    assert here.isdisjoint(ELSEWHERE)
    assert sorted(here | ELSEWHERE.keys()) == sorted(CASES)


async def tamper(store: PgStore, *statements: str, **values: Any) -> None:
    """Change rows with all rights, triggers and foreign keys switched off."""
    async with store.engine.begin() as connection:
        await connection.execute(text("set local session_replication_role = replica"))
        for statement in statements:
            await connection.execute(text(statement), values)


async def approved(tools: Tools) -> str:
    """The run of a request that was approved and not carried out yet."""
    run_id = await tools.propose(REFUND)
    request = await tools.only()
    answer = Answer(
        request_id=request.id, type=DecisionType.APPROVE, user_id="UALICE", digest=request.digest, via="cli"
    )
    await decide(tools.store, answer)
    return run_id


async def test_db_02_a_pickle_in_a_table_of_jobs_is_never_read(store: PgStore, tmp_path: Path) -> None:
    made = tmp_path / "made"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return made.mkdir, ()

    async with store.engine.begin() as connection:
        await connection.execute(text("create table apscheduler_jobs (id text, next_run_time float, job_state bytea)"))
        values = {"state": pickle.dumps(Bomb())}
        await connection.execute(text("insert into apscheduler_jobs values ('x', 0, :state)"), values)
    ticked = asyncio.Event()

    async def tick() -> None:
        ticked.set()

    scheduler = make_scheduler({"tick": Every(0.05, tick)})
    scheduler.start()
    await asyncio.wait_for(ticked.wait(), 10)
    scheduler.shutdown(wait=False)
    assert not made.exists()


async def test_db_04_a_decision_forged_for_somebody_without_the_right(tools: Tools) -> None:
    run_id = await tools.propose(REFUND)
    request = await tools.only()
    await tamper(
        tools.store,
        "insert into decisions (request_id, workspace_id, type, decided_by, person, digest, via)"
        " values (:request, 'THOME', 'approve', 'UOUT', 'uout@example.com', :digest, 'slack')",
        "update requests set status = 'approved', decided_at = gp_now(), next_step_at = null,"
        " execution_expires_at = gp_now() + interval '1 h' where id = :request",
        "update runs set status = 'ready', wake_at = gp_now() where id = :run",
        request=request.id,
        digest=request.digest,
        run=run_id,
    )
    await tools.settle()
    assert tools.done() == []
    assert [refused["why"] for refused in await tools.audit("effect_refused")] == [
        "Somebody who approved it may no longer do so."
    ]
    assert (await tools.only()).id != request.id, "people are asked again"


async def test_db_05_a_decision_about_another_action(tools: Tools) -> None:
    await approved(tools)
    await tamper(tools.store, f"update decisions set digest = '{'0' * 64}'")
    await tools.settle()
    assert tools.done() == []
    assert (await tools.audit("effect_refused"))[0]["why"] == "The approval was for another action."


async def test_db_06_an_action_edited_after_its_approval(tools: Tools) -> None:
    await approved(tools)
    edit = "update requests set canonical = replace(canonical, '420.00', '9420.00')"
    with pytest.raises(DBAPIError, match="ck_requests_digest_true"):
        await tamper(tools.store, edit)
    await tamper(tools.store, "alter table requests drop constraint ck_requests_digest_true", edit)
    await tools.settle()
    assert tools.done() == []
    assert "this action changed" in (await tools.audit("effect_failed"))[0]["error"]


async def test_db_06_with_its_digest_as_well(tools: Tools) -> None:
    await approved(tools)
    await tamper(
        tools.store,
        "update requests set canonical = replace(canonical, '420.00', '9420.00'),"
        " digest = encode(sha256(convert_to(replace(canonical, '420.00', '9420.00'), 'UTF8')), 'hex')",
    )
    await tools.settle()
    assert tools.done() == []
    assert (await tools.audit("effect_refused"))[0]["why"] == "The approval was for another action."


async def record(store: PgStore, entries: int) -> None:
    """So many sealed entries."""
    async with store.begin() as tx:
        for number in range(entries):
            await tx.audit.record("noted", "UALICE", run_id=f"run_{number}", request_id=f"req_{number}", n=number)
    while await seal(store.engine, KEY):
        pass


async def test_db_07_one_character_changed_in_a_thousand_places(store: PgStore) -> None:
    """The database refuses it; done with all rights, the check names each entry, and no other."""
    trials = CASES["DB-07"]["input"]["trials"]
    await record(store, trials)
    async with store.engine.connect() as connection:
        with pytest.raises(DBAPIError, match="append-only"):
            await connection.execute(text("update audit set actor = 'UEVE'"))
    assert (await verify(store.engine, KEY)).problems == []
    flip, rng = "overlay({0} placing {1} from {2} for 1)", random.Random(7)
    async with store.engine.begin() as connection:
        await connection.execute(text("set local session_replication_role = replica"))
        sealed = (
            await connection.execute(
                text("select seq, audit.* from audit_seals join audit on audit.id = audit_id order by seq")
            )
        ).all()
        chosen = sorted(rng.sample([row.seq for row in sealed], trials // 2))
        for row in sealed:
            if row.seq not in chosen:
                continue
            column = rng.choice(("event", "actor", "run_id", "request_id", "detail", "workspace_id"))
            value = getattr(row, column)
            if value is None:
                column, value = "event", row.event
            place = rng.randrange(len(value)) + 1
            other = "x" if value[place - 1] != "x" else "y"
            change = flip.format(column, ":other", place)
            await connection.execute(
                text(f"update audit set {column} = {change} where id = {row.id}"), {"other": other}
            )
    found = (await verify(store.engine, KEY)).problems
    assert found == [f"entry {seq} was changed or removed" for seq in chosen]
    assert len(chosen) == trials // 2


async def test_db_07_and_in_the_other_half(store: PgStore) -> None:
    """The times and the numbers of entries are covered as well."""
    await record(store, 20)
    await tamper(store, "update audit set at = at + interval '1 microsecond' where id = (select max(id) from audit)")
    assert len((await verify(store.engine, KEY)).problems) == 1


async def test_db_08_an_entry_taken_out(store: PgStore) -> None:
    await record(store, 60)
    await tamper(store, "delete from audit where id = (select audit_id from audit_seals where seq = 30)")
    assert (await verify(store.engine, KEY)).problems == ["entry 30 was changed or removed"]
    await tamper(store, "delete from audit_seals where seq = 30")
    assert (await verify(store.engine, KEY)).problems == [
        "entry 30 is missing (next is 31)",
        "entry 31 does not follow the one before it",
    ]


async def test_db_09_the_newest_entries_cut_off(store: PgStore) -> None:
    """A chain can't see it; who wrote its head down elsewhere does."""
    await record(store, 80)
    seq, head = (await verify(store.engine, KEY)).head
    await tamper(
        store,
        f"delete from audit where id in (select audit_id from audit_seals where seq > {seq - 50})",
        f"delete from audit_seals where seq > {seq - 50}",
    )
    assert (await verify(store.engine, KEY)).problems == []
    assert (await verify(store.engine, KEY, {seq: head})).problems == [
        f"entry {seq}, whose hash was written down, is gone"
    ]
    await record(store, 60)
    assert (await verify(store.engine, KEY, {seq: head})).problems == [
        f"entry {seq} is not the one whose hash was written down"
    ]


async def test_db_10_the_whole_chain_written_anew(store: PgStore) -> None:
    """Without the key it has forged signatures; with the key, what was written down elsewhere speaks."""
    await record(store, 120)
    seq, head = (await verify(store.engine, KEY)).head
    since = CASES["DB-10"]["input"]["seq"]
    anew = (
        f"update audit set actor = 'UEVE' where id = (select audit_id from audit_seals where seq = {since})",
        f"delete from audit_seals where seq >= {since}",
    )
    await tamper(store, *anew)
    await seal(store.engine, b"another key")
    assert any("signed with key" in problem for problem in (await verify(store.engine, KEY)).problems)
    await tamper(
        store, f"update audit_seals set key_id = (select key_id from audit_seals where seq = 1) where seq >= {since}"
    )
    problems = (await verify(store.engine, KEY)).problems
    assert [problem for problem in problems if "forged" in problem] == [
        f"entry {number} has a forged signature" for number in range(since, seq + 1)
    ]
    await tamper(store, f"delete from audit_seals where seq >= {since}")
    await seal(store.engine, KEY)
    assert (await verify(store.engine, KEY)).problems == []
    assert (await verify(store.engine, KEY, {seq: head})).problems


async def test_db_16_claimed_by_a_worker_that_died(tools: Tools) -> None:
    run_id = await approved(tools)
    async with tools.store.begin() as tx:
        assert len(await tx.runs.claim(["tools"], 1, 30.0, run_id)) == 1
    await tools.settle()
    assert tools.done() == [], "its lease still runs"
    await Clock(tools.store.engine).forward(timedelta(seconds=31))
    await tools.settle()
    await tools.settle()
    assert tools.done() == ["payments_refund"]


async def test_db_18_older_tables_are_migrated_once_and_strange_ones_refused(pg_server: URL) -> None:
    """A revision that is none of ours stops the start. A newer one of ours doesn't: migrations only add, and refusing
    would make every deploy a gap, and going back from a bad release impossible until somebody restored a backup.
    """
    with fresh_database(pg_server) as url:
        engine = make_engine(url)
        assert await behind(engine)
        await asyncio.gather(*(migrate(url) for _ in range(3)))
        assert not await behind(engine)
        for version, strange in (("999", True), ("1", True), (f"{int(HEAD) + 1:04}", False)):
            async with engine.begin() as connection:
                await connection.execute(text("update gatepost_migrations set version_num = :v"), {"v": version})
            if strange:
                with pytest.raises(NoDatabase, match="none of Gatepost's"):
                    await behind(engine)
            else:
                assert not await behind(engine)
        await engine.dispose()


async def test_db_20_a_name_that_would_ping_and_mislead(tools: Tools) -> None:
    name = json.loads('"<!channel> \\u202ebob"')
    assert "\\u202ebob" in CASES["DB-20"]["input"]["sql"] or "\u202ebob" in CASES["DB-20"]["input"]["sql"]
    async with tools.store.engine.begin() as connection:
        await connection.execute(text("update people set name = :name where user_id = 'UBOB'"), {"name": name})
    await tools.propose(REFUND)
    request = await tools.only()
    await tools.answer("reject", "UBOB", reason="not this one")
    async with tools.store.begin() as tx:
        decided = await tx.requests.get(request.id)
        assert decided is not None
        shown = card(await load_view(tx, decided))
    assert "\u202e" not in str(shown)
    assert "⟦U+202E⟧bob" in str(shown.blocks)
    assert "<!channel>" not in shown.text
    assert "<!channel>" not in str(_mrkdwn(shown.blocks))


def _mrkdwn(value: Any) -> list[str]:
    """Every text that Slack would parse."""
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [found for item in value.values() for found in _mrkdwn(item)]
    return [found for item in value for found in _mrkdwn(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("counter", [2**31 - 1, -1, -(2**31)])
async def test_db_21_a_run_that_counts_no_further(tools: Tools, counter: int) -> None:
    """One whose attempts are at their end is set aside (below their beginning: tried on); others are played."""
    run_id = await approved(tools)
    await tamper(tools.store, f"update runs set attempts = {counter}")
    await tools.propose(REFUND | {"args": REFUND["args"] | {"order": "4712"}}, key="k2")
    assert [request.args["order"] for request in await tools.pending()] == ["4712"]
    assert (await tools.run(run_id))["status"] == ("quarantined" if counter > 0 else "done")
    assert tools.done() == ([] if counter > 0 else ["payments_refund"])


async def test_db_21_an_effect_that_counts_no_further(tools: Tools) -> None:
    def away(name: str, call: object) -> None:
        raise ConnectionError("away")

    run_id, tools.world.before = await approved(tools), away
    await tools.settle()
    tools.world.before = lambda name, call: None
    await tamper(tools.store, "update effects set attempts = 2147483647")
    clock = Clock(tools.store.engine)
    for _ in range(MAX_ATTEMPTS + 2):
        await clock.forward(timedelta(minutes=6))
        await tools.settle()
    # Not tried again for so long that the approval has lapsed: what came of it is asked of people.
    assert ((await tools.run(run_id))["status"], tools.done()) == ("paused", [])
    assert (await tools.only()).kind is Kind.RECONCILE


async def test_db_22_killed_between_the_gates_writes_and_the_next_checkpoint(
    tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment is committed whole: whoever dies in the middle of it leaves the gate as it was, and it is resumed."""
    run_id, died = await approved(tools), []

    async def dies(*args: object) -> None:
        died.append(True)
        raise ConnectionError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(AsyncPostgresSaver, "aput_writes", dies)
        patched.setattr(AsyncPostgresSaver, "aput", dies)
        await tools.settle()
    assert died
    await Clock(tools.store.engine).forward(timedelta(minutes=1))
    await tools.settle()
    assert tools.done() == ["payments_refund"]
    assert (await tools.run(run_id))["status"] == "done"


async def test_db_22_planted_it_is_no_end(tools: Tools) -> None:
    """Where somebody else's rows make LangGraph say that nothing is left to do, the run is set aside, and told."""
    run_id = await approved(tools)
    async with tools.store.begin() as tx:
        run = await tx.runs.get(run_id)
        assert run is not None
        request = (await tx.requests.of_run(run_id))[-1]
    saver = tools.runner._checkpoints.saver()
    resume = Command(resume={run.interrupt_id: {"request_id": request.id, "status": "approved"}})
    playing = tools.runner.places.playable(saver)
    await playing.ainvoke(resume, config_of(run), context=None, durability="sync", interrupt_before=["execute"])
    saver._puts.clear()  # type: ignore[attr-defined]
    async with tools.store.begin() as tx:
        await saver.flush(tx)
    state = await tools.runner.places.playable(tools.runner._checkpoints.saver()).aget_state(config_of(run))
    assert state.next == ()
    clock = Clock(tools.store.engine)
    for _ in range(MAX_ATTEMPTS + 2):
        await tools.settle()
        await clock.forward(timedelta(minutes=6))
    assert ((await tools.run(run_id))["status"], tools.done()) == ("quarantined", [])
    assert "was set aside" in str(await tools.rows("select payload from owed where kind = 'operators'"))


async def test_db_23_markup_in_stored_text(tools: Tools) -> None:
    """No page of ours shows stored text, and cards hold it as text that nobody parses."""
    markup = "<img src=x onerror=alert(1)>"
    assert markup in CASES["DB-23"]["input"]["sql"]
    await tools.propose(REFUND)
    request = await tools.only()
    await tamper(
        tools.store,
        "update requests set brief = jsonb_set(brief, '{rationale}', to_jsonb(cast(:markup as text)))",
        markup=markup,
    )
    async with tools.store.begin() as tx:
        stored = await tx.requests.get(request.id)
        assert stored is not None
        shown = card(await load_view(tx, stored))
    assert markup in str(shown.blocks)
    assert markup not in str(_mrkdwn(shown.blocks))
    assert markup not in shown.text
