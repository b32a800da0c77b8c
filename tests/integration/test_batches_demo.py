"""The demo's 48 orders, from one call to the door through real runs to a shop that really did 47 of them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx

from bot.cards.batch import batch_card, results
from bot.demo_door import DemoDoor
from bot.house import House
from graph.flow.runner import Runner
from graph.law.request import Status
from graph.verbs.batch import decide_batch
from graph.workflows.orders import workflow
from storage.checkpoints import PgCheckpoints
from storage.store import PgStore
from tests.support.batches import approve_all, batches, gathered, statuses
from tests.support.payments import shop_at
from tests.support.shop import running_shop

CASE = len(workflow.demo_cases) - 1


async def settle(runner: Runner) -> None:
    while await runner.work():
        pass


async def propose(door: DemoDoor, **body: Any) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door.app), base_url="http://demo") as http:
        return await http.post("/propose", json={"workflow": "orders", "case": CASE, **body})


async def test_one_call_makes_forty_seven_similar_requests_and_an_odd_one(store: PgStore, tmp_path: Path) -> None:
    door = DemoDoor("UREQ")
    assert (await propose(door)).status_code == 503
    settings = SimpleNamespace(gatepost_workflows=("orders",))
    await door.open(cast(House, SimpleNamespace(settings=settings, store=store)))
    assert (await propose(door, times=0)).status_code == 400
    assert (await propose(door, times=101)).status_code == 400
    runner = Runner(store, PgCheckpoints(store), {"orders": workflow}, lease_seconds=30)
    with running_shop(tmp_path / "shop.db") as shop, shop_at(shop):
        answer = (await propose(door)).json()
        assert (answer["ok"], len(set(answer["runs"])), answer["run"]) == (True, 48, answer["runs"][0])
        await settle(runner)
        [view] = await gathered(store)
        assert [(each.request.args["days"], each.item.why) for each in view.kept_out()] == [
            (45, "days 45, the others: 2")
        ]
        assert batch_card(view).text.startswith("47 × Acknowledge an order?")
        asked = [each.request for each in view.waiting()]
        assert len({request.args["order"] for request in asked}) == 47
        assert len((await decide_batch(store, approve_all(view))).decided) == 47
        await settle(runner)
        [view] = await batches(store)
        assert results(view)[:2] == ["✅ 47 approved by Alice", "47 done"]
        assert await statuses(store, [view.kept_out()[0].request]) == [Status.PENDING]
        async with httpx.AsyncClient(trust_env=False) as http:
            deeds = (await http.get(f"{shop}/deeds")).json()["deeds"]
        assert sorted(deed["subject"] for deed in deeds) == sorted(request.args["order"] for request in asked)


async def test_fewer_are_started_when_fewer_are_asked_for(store: PgStore) -> None:
    door = DemoDoor("UREQ")
    settings = SimpleNamespace(gatepost_workflows=("orders",))
    await door.open(cast(House, SimpleNamespace(settings=settings, store=store)))
    assert len((await propose(door, times=3)).json()["runs"]) == 3
