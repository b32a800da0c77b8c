"""The life of a request on real parts: PostgreSQL, LangGraph, a world that counts."""

from pathlib import Path
from typing import Any

import pytest

from graph.flow.runner import Runner
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.errors import Invalid, NotAllowed, Stale
from graph.verbs.report import queue
from graph.verbs.report import run as report_run
from graph.verbs.start import start
from storage.checkpoints import PgCheckpoints
from storage.store import PgStore
from tests.support.db import trusting
from tests.support.toy import Refused, World, toy


class House:
    """A store, a world and a runner, with the words a test wants to say."""

    def __init__(self, store: PgStore, world: World) -> None:
        self.store, self.world = store, world
        self.runner = Runner(store, PgCheckpoints(store), {"toy": toy(world)}, lease_seconds=5)

    async def propose(self, *plan: str, key: str = "k1", requester: str | None = None, **more: Any) -> str:
        run = await start(self.store, "toy", {"plan": list(plan), **more}, key=key, requester=requester)
        await self.settle()
        return run.id

    async def settle(self) -> None:
        while await self.runner.work():
            pass

    async def pending(self) -> dict[str, Any]:
        (row,) = await queue(self.store)
        return row

    async def answer(self, kind: str, user: str = "UALICE", **more: Any) -> Decided:
        row = await self.pending()
        more.setdefault("reason", "looked at it")
        decided = await decide(
            self.store,
            Answer(
                request_id=row["id"], type=DecisionType(kind), user_id=user, digest=row["digest"], via="cli", **more
            ),
        )
        await self.settle()
        return decided

    async def run(self, run_id: str) -> dict[str, Any]:
        return await report_run(self.store, run_id)


@pytest.fixture
def house(store: PgStore, tmp_path: Path) -> House:
    return House(store, World(tmp_path / "world.sqlite"))


async def test_three_approvals_three_effects(house: House) -> None:
    run_id = await house.propose("hold", "pay", "tell")
    for _ in range(3):
        await house.answer("approve")
    assert house.world.names() == ["hold", "pay", "tell"]
    run = await house.run(run_id)
    assert (run["status"], [effect["outcome"] for effect in run["effects"]]) == ("done", ["done"] * 3)


async def test_rejection_undoes_what_was_done_newest_first(house: House) -> None:
    run_id = await house.propose("hold", "pay", "tell")
    await house.answer("approve")
    await house.answer("approve")
    await house.answer("reject", reason="not this customer")
    assert house.world.names() == ["hold", "pay", "undo pay", "undo hold"]
    assert (await house.run(run_id))["status"] == "rolled_back"


async def test_an_edit_is_a_new_request_that_its_editor_approved(house: House) -> None:
    run_id = await house.propose("pay")
    decided = await house.answer("edit", args={"order": "4711", "amount": "410", "currency": "EUR"}, reason="less")
    assert decided.followup is not None
    run = await house.run(run_id)
    assert [request["status"] for request in run["requests"]] == ["modified", "approved"]
    assert [note for _, _, note in house.world.happened()] == ["410.00"]
    assert run["requests"][0]["digest"] != run["requests"][1]["digest"]


async def test_an_edit_beyond_the_editors_tier_waits_for_that_tier(house: House) -> None:
    await house.propose("pay")
    await house.answer("edit", args={"order": "4711", "amount": "6000.00", "currency": "EUR"}, reason="more")
    assert house.world.names() == []
    assert (await house.pending())["tier"] == 2
    with pytest.raises(NotAllowed):
        await house.answer("approve", "UALICE")
    await house.answer("approve", "UCARA")
    assert [note for _, _, note in house.world.happened()] == ["6000.00"]


@pytest.mark.parametrize("user", ["UOUT", "UGONE", "UGUEST", "UEXT", "UBOTX", "UCARA", "UNOBODY", "UREQ"])
async def test_who_may_not_decide(house: House, user: str) -> None:
    await house.propose("pay", requester="UREQ")
    with pytest.raises(NotAllowed):
        await house.answer("approve", user)
    assert house.world.names() == []


async def test_two_persons_and_two_accounts_of_one(house: House) -> None:
    await house.propose("pay", amount="60000.00")
    assert (await house.answer("approve", "UDIRK")).missing == 1
    with pytest.raises(Stale):
        await house.answer("approve", "UDIRK2")
    assert house.world.names() == []
    await house.answer("approve", "UEVE")
    assert house.world.names() == ["pay"]


async def test_the_world_moved(house: House) -> None:
    await house.propose("pay")
    house.world.still_valid = "The customer withdrew."
    await house.answer("approve")
    assert house.world.names() == []
    row = await house.pending()
    async with house.store.begin() as tx:
        request = await tx.requests.get(row["id"])
    assert request is not None
    assert "The customer withdrew." in request.brief.flags[0]
    house.world.still_valid = None
    await house.answer("approve")
    assert house.world.names() == ["pay"]


async def test_an_opaque_call_without_an_answer_is_unknown_until_a_person_looks(house: House) -> None:
    run_id = await house.propose("tell", "pay")

    def lose(name: str, call: object) -> None:
        raise ConnectionResetError("answer lost")

    house.world.after = lose
    await house.answer("approve")
    house.world.after = lambda name, call: None
    assert [effect["outcome"] for effect in (await house.run(run_id))["effects"]] == ["unknown"]
    assert (await house.pending())["action"]["type"] == "reconcile"
    await house.answer("approve")
    assert (await house.run(run_id))["effects"][0]["outcome"] == "done"
    await house.answer("approve")
    assert house.world.names() == ["tell", "pay"]


@pytest.mark.parametrize(("action", "count"), [("pay", 1), ("hold", 1)])
async def test_lost_answers_are_repeated_or_looked_up(house: House, action: str, count: int) -> None:
    run_id = await house.propose(action)
    lost = []

    def lose_once(name: str, call: object) -> None:
        if not lost:
            lost.append(name)
            raise TimeoutError("answer lost")

    house.world.after = lose_once
    await house.answer("approve")
    async with house.store.engine.begin() as connection:
        await connection.exec_driver_sql("update runs set wake_at = gp_now() where status = 'ready'")
    await house.settle()
    assert house.world.names() == [action] * count
    assert (await house.run(run_id))["status"] == "done"


async def test_a_refusal_is_failed_and_rolls_back(house: House) -> None:
    run_id = await house.propose("hold", "pay")
    await house.answer("approve")

    def refuse(name: str, call: object) -> None:
        if name == "pay":
            raise Refused("card closed")

    house.world.before = refuse
    await house.answer("approve")
    assert house.world.names() == ["hold", "undo hold"]
    outcomes = [effect["outcome"] for effect in (await house.run(run_id))["effects"]]
    assert outcomes == ["compensated", "failed", "done"]


async def test_confident_small_things_run_alone_and_are_on_record(house: House, store: PgStore) -> None:
    async with store.begin() as tx:
        await tx.policies.apply(trusting("toy.pay"), "test")
    run_id = await house.propose("pay", confidence=0.95)
    run = await house.run(run_id)
    assert (run["status"], run["requests"][0]["status"]) == ("done", "approved")
    async with store.begin() as tx:
        decision = await tx.requests.decision(run["requests"][0]["id"])
    assert decision is not None
    assert decision.by == "policy:2"


async def test_second_decision_is_told_who_won(house: House) -> None:
    await house.propose("pay")
    row = await house.pending()
    await house.answer("approve")
    late = Answer(
        request_id=row["id"],
        type=DecisionType.REJECT,
        user_id="UBOB",
        digest=row["digest"],
        via="cli",
        reason="no no",
    )
    with pytest.raises(Stale, match="Already approved by Alice"):
        await decide(house.store, late)


async def test_a_reason_is_needed_to_reject(house: House) -> None:
    await house.propose("pay")
    with pytest.raises(Invalid):
        await house.answer("reject", reason="​​ \t")


async def test_respond_takes_over(house: House) -> None:
    run_id = await house.propose("pay")
    await house.answer("respond", reason="I refunded it by hand.")
    run = await house.run(run_id)
    assert (run["status"], run["requests"][0]["status"], house.world.names()) == ("done", "handled", [])
