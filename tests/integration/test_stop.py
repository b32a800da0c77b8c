"""The stop switch on real parts: nothing begins behind it, clocks stand still, people let things go on."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import URL, text

from graph.flow.runner import Runner
from graph.law.request import Kind, Request
from graph.verbs.errors import Busy, Invalid, NotAllowed, NotFound, Stale, Stopped, Undetermined
from graph.verbs.escalate import Ladder
from graph.verbs.hold import unhold
from graph.verbs.report import queue, show
from graph.verbs.start import start
from graph.verbs.stop import Lifted, Order, Pulled, lift, stop
from graph.verbs.sweep import sweep
from storage.checkpoints import PgCheckpoints
from storage.engine import make_engine
from storage.store import PgStore
from tests.integration.test_law import DEFAULT, SAMPLED, House
from tests.support.clock import Clock
from tests.support.db import WORKSPACE
from tests.support.lawful import NAME, lawful, pay
from tests.support.slack import pending, until

MINUTES = timedelta(minutes=1)
HOUR = timedelta(hours=1)


class Stopping(House):
    """The house with a brake and a clock that is moved by hand."""

    def __init__(self, store: PgStore) -> None:
        super().__init__(store)
        self.clock = Clock(store.engine)

    async def stop(self, workflow: str = "all", user: str = "UEVE", reason: str = "incident 12") -> Pulled:
        return await stop(self.store, Order(workflow=workflow, user_id=user, reason=reason, via="cli"))

    async def lift(self, workflow: str = "all", user: str = "UDIRK", reason: str = "all is well") -> Lifted:
        return await lift(self.store, Order(workflow=workflow, user_id=user, reason=reason, via="cli"))

    async def get(self, request: Request) -> Request:
        async with self.store.begin() as tx:
            found = await tx.requests.get(request.id)
        assert found is not None
        return found

    async def sql(self, statement: str) -> Any:
        async with self.store.engine.begin() as connection:
            result = await connection.execute(text(statement))
            return result.all() if result.returns_rows else None

    async def audit(self, event: str) -> list[tuple[str, str]]:
        rows = await self.sql(f"select actor, detail from audit where event = '{event}' order by id")
        return [(row.actor, row.detail) for row in rows]

    async def due_again(self) -> None:
        await self.sql("update runs set wake_at = gp_now() where status = 'ready'")
        await self.sql("update runs set leased_until = gp_now() where reversing")
        await self.settle()


@pytest.fixture
def house(store: PgStore) -> Stopping:
    return Stopping(store)


# Nothing begins


async def test_what_was_approved_and_not_begun_waits_for_a_person(house: Stopping) -> None:
    run = await house.propose(pay("90.00"), key="a")
    await house.answer("approve", go=False)
    pulled = await house.stop()
    assert (pulled.begun, pulled.waiting) == (0, 0)
    await house.settle()
    assert house.ledger.names() == []
    again = await house.one()
    assert again.brief.flags[0].startswith("Approved before, but not carried out: Stopped by Eve since ")
    assert again.brief.flags[0].endswith("UTC: incident 12")
    with pytest.raises(
        Stopped, match=r"Stopped by Eve since \d\d \w+ \d\d:\d\d UTC: incident 12. Until .* only rejecting"
    ):
        await house.answer("approve")
    await house.lift()
    await house.settle()
    assert house.ledger.names() == [], "nobody has released it yet"
    await house.answer("approve")
    assert house.ledger.names() == ["pay"]
    assert (await house.run(run))["status"] == "done"


async def test_approved_before_a_stop_that_is_over_still_waits_for_a_person(house: Stopping) -> None:
    await house.propose(pay("90.00"), key="a")
    await house.answer("approve", go=False)
    await house.stop(NAME)
    await house.lift(NAME)
    await house.settle()
    assert house.ledger.names() == []
    await house.answer("approve")
    assert house.ledger.names() == ["pay"]


async def test_what_may_run_alone_asks_while_it_is_stopped_and_not_before_or_after(house: Stopping) -> None:
    await house.policy(SAMPLED.replace("sample = 1.0", "sample = 0.0"))
    await house.propose(pay("20.00"), key="before")
    await house.stop()
    await house.propose(pay("20.00", customer="C-18"), key="meanwhile")
    assert house.ledger.names() == ["pay"]
    assert (await house.one()).args["customer"] == "C-18"
    await house.lift()
    await house.propose(pay("20.00", customer="C-19"), key="after")
    assert house.ledger.names() == ["pay", "pay"]


async def test_another_workflow_goes_on(house: Stopping) -> None:
    await pending(house.store)
    await house.propose(pay("90.00"), key="a")
    await house.stop("payments")
    mine = next(request for request in await house.pending() if request.workflow == NAME)
    other = next(request for request in await house.pending() if request.workflow != NAME)
    await house.answer("approve", request=mine)
    assert house.ledger.names() == ["pay"]
    with pytest.raises(Stopped):
        await house.answer("approve", request=other, go=False)


async def test_an_effect_that_had_begun_finishes_and_is_reported(house: Stopping) -> None:
    run = await house.propose(pay("90.00"), key="a")
    do, pressed = house.ledger.do, asyncio.Event()
    stopping: list[asyncio.Task[Pulled]] = []

    def slowly(name: str, args: Any, call: Any) -> Any:
        if not pressed.is_set():
            pressed.set()
            stopping.append(asyncio.ensure_future(house.stop()))
            raise TimeoutError("the answer was lost")
        assert stopping[0].done(), "the stop came first, and the second attempt after it"
        return do(name, args, call)

    house.ledger.do = slowly  # type: ignore[method-assign]
    await house.answer("approve", go=False)
    work = asyncio.ensure_future(house.settle())
    await pressed.wait()
    assert (await asyncio.wait_for(asyncio.shield(asyncio.gather(*stopping)), 20))[0].begun == 1
    await work
    await house.due_again()
    assert house.ledger.names() == ["pay"]
    [effect] = (await house.run(run))["effects"]
    assert effect["outcome"] == "done"
    assert await house.audit("effect_done")


async def test_an_undo_waits_for_the_stop_unless_the_policy_lets_it_go_on(house: Stopping) -> None:
    for key, compensations, undone in (("a", "false", 0), ("b", "true", 1)):
        await house.policy(f"{DEFAULT}\n[stop]\ncompensations = {compensations}\n")
        house.ledger.happened.clear()
        await house.propose(pay("40.00", f"C-{key}"), pay("50.00", f"C-{key}"), key=key)
        await house.answer("approve")
        await house.stop()
        await house.answer("reject", request=(await house.pending())[-1])
        await house.due_again()
        assert house.ledger.names().count("undo pay") == undone
        await house.lift()
        await house.due_again()
        assert house.ledger.names() == ["pay", "undo pay"]


async def test_undoing_what_ran_alone_waits_too(house: Stopping) -> None:
    await house.policy(SAMPLED)
    run = await house.propose(pay("20.00"), key="a")
    review = await house.one()
    assert review.kind is Kind.REVIEW
    await house.stop()
    await house.answer("reject", request=review)
    await house.due_again()
    assert house.ledger.names() == ["pay"]
    assert "Stopped by Eve" in (await house.run(run))["last_error"]
    await house.lift()
    await house.due_again()
    assert house.ledger.names() == ["pay", "undo pay"]


@pytest.mark.timeout(300)
async def test_nothing_begins_behind_a_stop_whoever_approves_and_wherever_it_runs(
    house: Stopping, database: URL
) -> None:
    """A hundred approvals and three runners, one in a process of its own, while somebody pulls the brake.

    What is compared is the order of commits: a trigger looks, at the very end of every INTENT's transaction and
    after a pause in which a stop could slip in, whether a stop has committed.
    """
    await house.sql(WATCH)
    for number in range(100):
        await start(house.store, NAME, {"plan": [pay("20.00", f"C-{number}")]}, key=str(number), requester=None)
    await house.settle()
    asked = await house.pending()
    assert len(asked) == 100
    async with _elsewhere(database, house) as over:
        allowed = asyncio.Semaphore(6)

        async def approve(request: Request) -> bool:
            async with allowed:
                try:
                    await house.answer("approve", request=request, go=False)
                    return True
                except Stopped:
                    return False

        approving = [asyncio.ensure_future(approve(request)) for request in asked]
        await until(partial(house.sql, "select 1 from effects having count(*) >= 15"), 60)
        await _committing(house, 2)
        pulled = await house.stop()
        approved = sum(await asyncio.gather(*approving))
        # Everything that was approved has been played: done, or asked again.
        await until(partial(house.sql, "select 1 from runs having count(*) filter (where status = 'ready') = 0"), 120)
        over.set()
    seen = await house.sql("select stopped, count(*) from watched group by stopped")
    begun = (await house.sql("select count(*) from effects"))[0][0]
    assert [(row.stopped, row.count) for row in seen] == [(False, begun)], "no INTENT committed behind the stop"
    late = await house.sql(
        f"select count(*) from effects where intent_at >= (select at from stops where id = {pulled.stop.id})"
    )
    assert late[0][0] == 0
    assert 15 <= begun < approved <= 100, "the stop came in the middle, and caught some that were approved"
    again = [request for request in await house.pending() if request.parent_id]
    assert len(again) == approved - begun
    assert all("incident 12" in request.brief.flags[0] for request in again)
    await house.lift()
    await sweep(house.store)
    await house.settle()
    assert (await house.sql("select count(*) from effects"))[0][0] == begun, "a person has to release what was caught"


async def test_a_stop_in_the_middle_of_a_commit_waits_for_it(house: Stopping) -> None:
    await house.sql(WATCH)
    await house.propose(pay("90.00"), key="a")
    await house.answer("approve", go=False)
    work = asyncio.ensure_future(house.settle())
    await _committing(house, 1)
    assert (await house.stop()).begun == 1
    await work
    assert [row.stopped for row in await house.sql("select stopped from watched")] == [False]
    assert house.ledger.names() == ["pay"], "what had begun finishes"


async def _committing(house: Stopping, least: int) -> None:
    """Wait until so many transactions are in the middle of their commit, which the trigger makes slow."""
    query = "select 1 from pg_stat_activity where state = 'active' and query = 'COMMIT'"
    await until(partial(house.sql, f"{query} having count(*) >= {least}"), 30)


WATCH = """
create table watched (effect text, stopped boolean);
create function watch() returns trigger language plpgsql as $$
begin
    perform pg_sleep(0.5);
    insert into watched select new.id, exists (select from stops where lifted_at is null);
    return null;
end $$;
create constraint trigger watching after insert on effects deferrable initially deferred
    for each row execute function watch();
"""
WORKER = """
import asyncio, sys
from graph.flow.runner import Runner
from storage.checkpoints import PgCheckpoints
from storage.engine import make_engine, parse_url
from storage.store import PgStore
from tests.support.lawful import NAME, Ledger, lawful

async def work():
    store = PgStore(make_engine(parse_url(sys.argv[1])), sys.argv[2])
    runner = Runner(store, PgCheckpoints(store), {NAME: lawful(Ledger())}, parallel=4)
    print("up", flush=True)
    await runner.serve(asyncio.Event(), asyncio.Event())

asyncio.run(work())
"""


@asynccontextmanager
async def _elsewhere(database: URL, house: Stopping) -> AsyncIterator[asyncio.Event]:
    """Two runners on connections of their own, and one in another process."""
    over, engine = asyncio.Event(), make_engine(database)
    store = PgStore(engine, WORKSPACE)
    runners = [Runner(store, PgCheckpoints(store), {NAME: lawful(house.ledger)}, parallel=3) for _ in range(2)]
    where = database.render_as_string(hide_password=False)
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", WORKER, where, WORKSPACE, stdout=PIPE)
    try:
        assert other.stdout is not None
        assert await asyncio.wait_for(other.stdout.readline(), 60) == b"up\n"
        serving = [asyncio.ensure_future(runner.serve(over, asyncio.Event())) for runner in runners]
        yield over
        await asyncio.gather(*serving)
    finally:
        other.kill()
        await other.wait()
        await engine.dispose()


async def test_a_stop_waits_for_an_intent_that_is_being_written_and_no_longer(house: Stopping) -> None:
    async with house.store.begin() as tx:
        await tx.stops.pass_by()
        stopping = asyncio.ensure_future(house.stop())
        await _waiting_for_a_lock(house)
        assert not stopping.done()
        before = await tx.now()
    pulled = await asyncio.wait_for(stopping, 10)
    assert pulled.stop.at > before, "its time is that of the lock, not that of its first query"


async def _waiting_for_a_lock(house: Stopping) -> None:
    await until(partial(house.sql, "select 1 from pg_locks where locktype = 'advisory' and not granted"))


async def test_being_held_up_by_a_stop_is_no_failed_attempt(house: Stopping) -> None:
    run = await house.propose(pay("90.00"), key="a")
    await house.answer("approve", go=False)
    async with house.store.begin() as tx:
        await tx.stops.shut(5)
        await house.runner.work()
    report = await house.run(run)
    assert (report["status"], report["last_error"]) == ("ready", "others held the same rows for too long")
    assert (await house.sql("select attempts from runs"))[0][0] == 0
    await house.due_again()
    assert house.ledger.names() == ["pay"]


async def test_a_lock_that_is_not_free_in_time_is_busy_for_everybody(house: Stopping) -> None:
    request = await pending(house.store)
    async with house.store.begin() as tx:
        await tx.requests.lock(request.id)
        with pytest.raises(Busy):
            await house.answer("approve", request=request, go=False)
    await house.answer("approve", request=request, go=False)


# Time


async def test_clocks_stand_still_and_go_on_from_where_they_stood(house: Stopping) -> None:
    request = await pending(house.store)
    await house.clock.forward(5 * MINUTES)
    await house.stop("all")
    await house.clock.forward(100 * HOUR)
    during = await pending(house.store, order="4712")
    await house.clock.forward(20 * HOUR)
    await sweep(house.store)
    assert await house.get(request) == request, "not a step was taken"
    await house.lift()
    await _moved(house, request, 120 * HOUR)
    await _moved(house, during, 20 * HOUR)
    await sweep(house.store)
    assert (await house.get(request)).status == "pending"


async def _moved(house: Stopping, before: Request, by: timedelta) -> None:
    """All its times are later by so much, but for the seconds that the test itself takes."""
    after = await house.get(before)
    for name in ("asked_at", "expires_at", "next_step_at"):
        was: datetime = getattr(before, name) or before.since
        shift = getattr(after, name) - was
        assert abs(shift - by) < timedelta(seconds=20), (name, shift, by)


async def test_of_two_stops_the_last_one_lifted_counts_all_of_the_time(house: Stopping) -> None:
    first = await pending(house.store)
    await house.propose(pay("90.00"), key="a")
    other = next(request for request in await house.pending() if request.workflow == NAME)
    await house.clock.forward(5 * MINUTES)
    await house.stop("payments")
    await house.clock.forward(5 * MINUTES)
    await house.stop("all")
    await house.clock.forward(5 * MINUTES)
    later = await pending(house.store, order="4712")
    await house.clock.forward(5 * MINUTES)
    await house.lift("payments")
    await _moved(house, first, timedelta())
    await house.clock.forward(5 * MINUTES)
    await house.stop("payments")
    await house.clock.forward(5 * MINUTES)
    lifted = await house.lift("all")
    assert [each.workflow for each in lifted.still] == ["payments"]
    await _moved(house, first, timedelta())
    await _moved(house, other, 20 * MINUTES)
    await house.clock.forward(5 * MINUTES)
    await house.lift("payments")
    await _moved(house, first, 30 * MINUTES)
    await _moved(house, later, 20 * MINUTES)
    await _moved(house, other, 20 * MINUTES)


@pytest.mark.parametrize("seed", range(6))
async def test_time_that_stood_still_is_added_once_whatever_the_order(house: Stopping, seed: int) -> None:
    """Stops that overlap and questions that hold the clock, in any order, against a count minute by minute."""
    rng = random.Random(seed)
    scopes = {"all": False, "payments": False, NAME: False}
    asked: dict[str, Request] = {}
    held: dict[str, bool] = {}
    still: dict[str, int] = {}
    await house.policy(f"{DEFAULT}\n[stop]\nanother_resumes = false\n")
    await start(house.store, NAME, {"plan": []}, key="known", requester=None)
    await start(house.store, "payments", {}, key="known", requester=None)
    for _ in range(30):
        match rng.choice(("stop", "lift", "hold", "unhold", "ask")):
            case "stop" if closed := [name for name, on in scopes.items() if not on]:
                scopes[name := rng.choice(closed)] = True
                await house.stop(name)
            case "lift" if opened := [name for name, on in scopes.items() if on]:
                scopes[name := rng.choice(opened)] = False
                await house.lift(name)
            case "hold" if free := [key for key, on in held.items() if not on]:
                held[key := rng.choice(free)] = True
                async with house.store.begin() as tx:
                    await tx.talk.hold(key, await tx.now() + HOUR)
            case "unhold" if busy := [key for key, on in held.items() if on]:
                held[key := rng.choice(busy)] = False
                await _unhold(house, key)
            case "ask":
                request = await pending(house.store, order=str(len(asked)))
                asked[request.id], held[request.id], still[request.id] = request, False, 0
        by = rng.randint(1, 9)
        await house.clock.forward(by * MINUTES)
        for key in asked:
            still[key] += by if held[key] or scopes["all"] or scopes["payments"] else 0
    for name in [name for name, on in scopes.items() if on]:
        await house.lift(name)
    for key in [key for key, on in held.items() if on]:
        await _unhold(house, key)
    assert any(still.values())
    for key, request in asked.items():
        after = await house.get(request)
        for name in ("asked_at", "expires_at"):
            shift = (getattr(after, name) - (getattr(request, name) or request.since)) / MINUTES
            assert abs(shift - still[key]) < 0.5, (name, shift, still[key])


async def _unhold(house: Stopping, request_id: str) -> None:
    async with house.store.begin() as tx:
        timer, now = await tx.requests.lock_timer(request_id, due=False), await tx.now()
        assert timer is not None
        await unhold(tx, timer, Ladder(tx, await tx.policies.current(), now).timing(timer), now)


async def test_rejecting_works_even_when_its_time_would_have_run_out_meanwhile(house: Stopping) -> None:
    request = await pending(house.store)
    await house.stop("payments")
    await house.clock.forward(100 * HOUR)
    for kind, more in (("approve", {}), ("edit", {"args": {**request.args, "amount": "1.00"}}), ("respond", {})):
        with pytest.raises(Stopped):
            await house.answer(kind, request=request, go=False, **more)
    assert len(await house.audit("decision_denied")) == 3
    await house.answer("reject", request=request, go=False)
    assert (await house.get(request)).status == "rejected"


async def test_what_expired_before_the_stop_stays_expired(house: Stopping) -> None:
    request = await pending(house.store)
    await house.clock.forward(100 * HOUR)
    await house.stop("payments")
    with pytest.raises(Stale, match="expired"):
        await house.answer("reject", request=request, go=False)


async def test_a_question_that_is_open_keeps_a_request_from_expiring(house: Stopping) -> None:
    request = await pending(house.store)
    async with house.store.begin() as tx:
        await tx.talk.hold(request.id, await tx.now() + 200 * HOUR)
    await house.clock.forward(100 * HOUR)
    await house.answer("approve", request=request, go=False)
    assert (await house.get(request)).status == "approved"


async def test_what_happened_already_can_be_answered_while_it_is_stopped(house: Stopping) -> None:
    await house.policy(SAMPLED)
    await house.propose(pay("20.00"), key="a")
    await house.stop()
    await house.answer("approve", request=await house.one())
    assert await house.pending() == []


# Who may


@pytest.mark.parametrize("user", ["UALICE", "UOUT", "UGONE", "UNOBODY", "UGUEST", "UBOTX", "UEXT"])
async def test_who_may_not_stop_is_told_and_recorded(house: Stopping, user: str) -> None:
    with pytest.raises(NotAllowed):
        await house.stop("all", user, reason="")
    [(actor, detail)] = await house.audit("stop_denied")
    assert actor == user and '"wanted": "stop"' in detail
    assert await house.sql("select * from stops") == []


async def test_where_the_policy_names_nobody_any_reviewer_may_stop_and_go_on(house: Stopping) -> None:
    nobody = DEFAULT.replace('stop = ["@tier-2-reviewers", "@tier-3-managers"]', "").replace(
        'resume = ["@tier-3-managers"]', ""
    )
    await house.policy(nobody)
    await house.stop("all", "UALICE")
    for user in ("UGUEST", "UGONE", "UOUT"):
        with pytest.raises(NotAllowed):
            await house.lift("all", user)
    await house.lift("all", "UBOB")


async def test_another_person_lets_it_go_on_and_needs_the_right(house: Stopping) -> None:
    await house.stop("all", "UDIRK")
    for user in ("UDIRK", "UDIRK2"):
        with pytest.raises(NotAllowed, match="another person"):
            await house.lift("all", user)
    with pytest.raises(NotAllowed, match="may not let stopped workflows go on"):
        await house.lift("all", "UCARA")
    await house.sql("update people set checked_at = gp_now() - interval '30 days'")
    with pytest.raises(Undetermined):
        await house.lift("all", "UEVE")
    await house.sql("update people set checked_at = gp_now()")
    await house.lift("all", "UEVE")
    assert len(await house.audit("stop_denied")) == 4
    [(actor, detail)] = await house.audit("stop_off")
    assert actor == "UEVE" and '"stopped_by": "UDIRK"' in detail


async def test_the_same_person_may_where_the_policy_says_so(house: Stopping) -> None:
    await house.policy(f"{DEFAULT}\n[stop]\nanother_resumes = false\n")
    await house.stop("all", "UEVE")
    await house.lift("all", "UEVE")


async def test_the_brake_works_on_a_directory_of_last_month(house: Stopping) -> None:
    await house.sql("update people set checked_at = gp_now() - interval '30 days'")
    await house.sql("update groups set checked_at = gp_now() - interval '30 days'")
    await house.stop()
    [(actor, detail)] = await house.audit("stop_on")
    assert actor == "UEVE" and '"reason": "incident 12"' in detail and '"via": "cli"' in detail


async def test_what_is_meant_has_to_be_said(house: Stopping) -> None:
    await pending(house.store)
    with pytest.raises(Invalid, match=r"no workflow “paymets”. Say all, or one of: payments"):
        await house.stop("paymets")
    with pytest.raises(Invalid, match="say why"):
        await house.stop("payments", reason=" ")
    with pytest.raises(NotFound, match="Nothing is stopped"):
        await house.lift("all")
    await house.stop("payments")
    with pytest.raises(Stale, match="Payments: Stopped by Eve since"):
        await house.stop("payments", "UCARA")
    with pytest.raises(NotFound, match=r"“all” is not what was stopped\. Stopped: payments"):
        await house.lift("all")
    await house.stop("ALL")
    with pytest.raises(Invalid, match="Say which: payments, all"):
        await house.lift("")
    await house.lift("all")
    await house.lift("")


# Being told


async def test_operators_and_the_channels_concerned_are_told_and_reports_say_so(house: Stopping) -> None:
    await pending(house.store, "6000.00")
    request = await pending(house.store)
    pulled = await house.stop("payments")
    assert pulled.waiting == 2
    async with house.store.begin() as tx:
        owed = [row for row in await tx.owed.claim(100, 1) if row.kind in ("operators", "channel")]
    assert sorted(row.payload.get("channel", "operators") for row in owed) == [
        "#approvals",
        "#approvals-tier-2",
        "operators",
    ]
    assert all("Eve has stopped payments: incident 12" in row.payload["text"] for row in owed)
    seen = (await show(house.store, request.id))["stopped"]
    assert seen["by"] == "UEVE" and seen["reason"] == "incident 12" and seen["workflow"] == "payments"
    assert all(row["stopped"] == seen for row in await queue(house.store))
    before = await _wanted(house)
    await sweep(house.store)
    await sweep(house.store)
    assert await _wanted(house) == before + 2, "each card shows it, once"
    await house.lift("payments")
    await sweep(house.store)
    assert await _wanted(house) == before + 4
    assert (await show(house.store, request.id))["stopped"] is None


async def _wanted(house: Stopping) -> int:
    return int((await house.sql("select sum(wanted) from cards"))[0][0])
