"""What happens when people, the world or rows change in the middle. Every case once went wrong somewhere."""

import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from graph.flow.runner import MAX_ATTEMPTS
from graph.flow.workflow import Unreached
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import NotAllowed, NotFound, Undetermined
from graph.verbs.release import release
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.integration.test_flow import House
from tests.support.toy import World


@pytest.fixture
def house(store: PgStore, tmp_path: Path) -> House:
    return House(store, World(tmp_path / "world.sqlite"))


async def sql(store: PgStore, statement: str, **values: Any) -> None:
    async with store.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def due_again(house: House) -> None:
    """Whatever waits for a later attempt is due now."""
    await sql(house.store, "update runs set wake_at = gp_now() where status = 'ready'")
    await house.settle()


async def outcomes(house: House, run_id: str) -> list[str]:
    return [effect["outcome"] for effect in (await house.run(run_id))["effects"]]


def lose(name: str, call: object) -> None:
    raise TimeoutError("answer lost")


async def test_a_new_address_does_not_make_a_second_person(house: House) -> None:
    await house.propose("pay", amount="60000.00")
    assert (await house.answer("approve", "UEVE")).missing == 1
    await sql(house.store, "update people set person = 'eve.new@example.com' where user_id = 'UEVE'")
    with pytest.raises(Exception, match="approved this already"):
        await house.answer("approve", "UEVE")
    assert house.world.names() == []


async def test_the_vote_of_somebody_who_left_does_not_count(house: House) -> None:
    await house.propose("pay", amount="60000.00")
    await house.answer("approve", "UDIRK")
    await sql(house.store, "update people set active = false where user_id = 'UDIRK'")
    assert (await house.answer("approve", "UEVE")).missing == 1
    assert house.world.names() == []


async def test_who_lost_the_right_after_approving_approved_nothing(house: House) -> None:
    await house.propose("pay")
    row = await house.pending()
    answer = Answer(request_id=row["id"], type=DecisionType.APPROVE, user_id="UALICE", digest=row["digest"], via="cli")
    await decide(house.store, answer)
    await sql(house.store, "update groups set members = array_remove(members, 'UALICE')")
    await house.settle()
    assert house.world.names() == []
    assert (await house.pending())["id"] != row["id"]


async def test_a_later_attempt_asks_the_world_again(house: House) -> None:
    run_id = await house.propose("pay")
    house.world.before = lose
    await house.answer("approve")
    house.world.before = lambda name, call: None
    house.world.still_valid = "The customer withdrew."
    await due_again(house)
    assert house.world.names() == []
    assert await outcomes(house, run_id) == ["unknown"]
    assert (await house.pending())["action"]["type"] == "reconcile"


async def test_what_can_be_looked_up_goes_back_to_a_gate_instead(house: House) -> None:
    run_id = await house.propose("hold")
    house.world.before = lose
    await house.answer("approve")
    house.world.before = lambda name, call: None
    house.world.still_valid = "The customer withdrew."
    await due_again(house)
    assert house.world.names() == []
    assert await outcomes(house, run_id) == ["failed"]
    assert (await house.pending())["action"]["type"] == "hold"


async def test_a_later_attempt_needs_the_execution_window(house: House) -> None:
    run_id = await house.propose("hold")
    house.world.before = lose
    await house.answer("approve")
    house.world.before = lambda name, call: None
    await sql(house.store, "update requests set execution_expires_at = gp_now() - interval '1 second'")
    await due_again(house)
    assert house.world.names() == []
    assert await outcomes(house, run_id) == ["failed"]


async def test_never_reached_is_tried_again_and_not_failed(house: House) -> None:
    run_id = await house.propose("pay")

    def away(name: str, call: object) -> None:
        raise Unreached("connection refused")

    house.world.before = away
    await house.answer("approve")
    assert await outcomes(house, run_id) == ["intent"]
    house.world.before = lambda name, call: None
    await due_again(house)
    assert house.world.names() == ["pay"]


@pytest.mark.parametrize("kind", ["respond", "edit"])
async def test_only_yes_or_no_answers_whether_it_happened(house: House, kind: str) -> None:
    run_id = await house.propose("tell")
    house.world.after = lose
    await house.answer("approve")
    extra: dict[str, Any] = {"args": {"what": "x"}} if kind == "edit" else {"reason": "I have looked"}
    with pytest.raises(NotAllowed, match="it happened, or it did not"):
        await house.answer(kind, **extra)
    assert await outcomes(house, run_id) == ["unknown"]


async def test_a_reconcile_that_nobody_answers_is_asked_again(house: House) -> None:
    await house.propose("tell")
    house.world.after = lose
    await house.answer("approve")
    asked = await house.pending()
    await sql(
        house.store,
        "update requests set expires_at = gp_now() - interval '1 s', next_step_at = gp_now() where status = 'pending'",
    )
    assert await sweep(house.store) == 1
    await house.settle()
    again = await house.pending()
    assert (again["action"]["type"], again["id"] != asked["id"]) == ("reconcile", True)


async def test_an_undo_that_a_person_could_not_confirm_is_no_clean_rollback(house: House) -> None:
    from tests.support.toy import Refused

    run_id = await house.propose("hold", "pay")
    await house.answer("approve")

    def no_undo(name: str, call: object) -> None:
        if name.startswith("undo"):
            raise Refused("too late")

    house.world.before = no_undo
    await house.answer("reject", reason="not this one")
    await house.answer("reject", reason="it still stands")
    run = await house.run(run_id)
    assert run["status"] == "failed"
    assert "not undone: hold" in run["outcome"]


async def test_a_requester_who_is_not_known_yet_blocks_approval(house: House) -> None:
    await house.propose("pay", requester="UNEW")
    with pytest.raises(Undetermined):
        await house.answer("approve")
    assert house.world.names() == []


async def test_a_row_from_a_newer_release_holds_up_nobody(house: House) -> None:
    await house.propose("pay", key="new")
    await sql(house.store, """update requests set form = form || '{"shine": 1}', brief = brief || '{"glow": 2}'""")
    assert (await house.pending())["status"] == "pending"


async def test_a_broken_row_does_not_stop_the_sweep(house: House) -> None:
    await house.propose("pay", key="broken")
    await house.propose("pay", key="whole")
    await sql(house.store, "update requests set form = '[]' where run_id = (select min(id) from runs)")
    await sql(house.store, "update requests set expires_at = gp_now(), next_step_at = gp_now()")
    assert await sweep(house.store) == 1
    async with house.store.engine.connect() as connection:
        found = (await connection.execute(text("select status from requests order by status"))).scalars().all()
    assert found == ["expired", "pending"]


async def test_a_run_that_kills_its_worker_is_set_aside_and_can_be_released(house: House) -> None:
    run_id = await house.propose("pay")
    await sql(house.store, "update runs set status = 'ready', wake_at = gp_now(), attempts = :n", n=MAX_ATTEMPTS)
    await house.settle()
    run = await house.run(run_id)
    assert run["status"] == "quarantined"
    await release(house.store, run_id, "test")
    assert (await house.run(run_id))["status"] == "paused", "its request still waits for a person"
    with pytest.raises(NotFound):
        await release(house.store, run_id, "test")


async def test_an_outage_of_the_world_is_nobodys_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await house.propose("pay")

    async def away(self: object, args: object) -> str | None:
        raise ConnectionError("shop is down")

    monkeypatch.setattr("tests.support.toy.Pay.still_valid", away, raising=False)
    await house.answer("approve")
    async with house.store.begin() as tx:
        run = await tx.runs.get(run_id)
    assert run is not None
    assert (run.status, run.attempts, house.world.names()) == ("ready", 0, [])
    monkeypatch.undo()
    await due_again(house)
    assert house.world.names() == ["pay"]


async def test_nobody_serves_this_workflow(house: House) -> None:
    await house.propose("pay")
    await sql(house.store, "update runs set status = 'ready', workflow = 'gone', wake_at = gp_now() - interval '1 h'")
    await sweep(house.store)
    async with house.store.engine.connect() as connection:
        told = (await connection.execute(text("select payload->>'text' from owed where kind = 'operators'"))).scalar()
    assert told is not None
    assert "gone" in told


def test_dates_survive_their_row() -> None:
    """Arguments are read back from JSON, where a strict model takes a date as text."""
    from graph.flow.execution import args_of
    from graph.flow.workflow import Action, Args
    from graph.law.action import bind

    class Day(Args):
        day: datetime.date

    class Book(Action[Day]):
        name = "book"
        args = Day

    args = {"day": "2026-11-21"}
    row = SimpleNamespace(workflow="toy", action_type="book", args=args, digest=bind("toy", "book", args).digest)
    found = args_of(Book(), row)  # type: ignore[arg-type]
    assert found.day == datetime.date(2026, 11, 21)
