"""Slack fails for minutes, for one channel, for one answer in ten: nothing owed is lost, nothing is shown twice."""

import asyncio
import itertools
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.delivery import Delivery
from bot.ids import APPROVE
from bot.probe import probe
from graph.law.request import DecisionType, Request, Risk
from graph.verbs.decide import Answer, decide
from graph.verbs.reroute import reroute_stranded
from graph.verbs.silence import FRESH
from storage.cards import _NEW
from storage.store import PgStore
from tests.support.clock import Clock
from tests.support.db import DEFAULT_POLICY, one_by_one
from tests.support.people import person
from tests.support.slack import House, house, pending, until

FALLBACK = DEFAULT_POLICY.read_text().replace(
    'channel = "#approvals"\n', 'channel = "#approvals"\nfallback = "#payments-private"\n', 1
)
FALLBACK = FALLBACK.replace("[batches]\nenabled = true", "[batches]\nenabled = false")
OWED = "select (select count(*) from cards where shown < wanted) + (select count(*) from owed where done_at is null)"


class Weather:
    """A door whose time is moved: the database's and Slack's together."""

    def __init__(self, door: House) -> None:
        self.door, self.clock = door, Clock(door.store.engine)

    async def wait(self, seconds: float) -> None:
        await self.clock.forward(timedelta(seconds=seconds))
        self.door.sandbox.clock.ahead += seconds

    async def owed(self) -> int:
        return int((await self.rows(OWED))[0][0])

    async def rows(self, statement: str) -> list[Any]:
        async with self.door.store.engine.connect() as connection:
            return list((await connection.execute(text(statement))).all())

    async def calm(self, step: float = 2.0, most: int = 400) -> None:
        """Deliver, a little later again, until nothing is owed."""
        for _ in range(most):
            await self.door.deliver()
            if not await self.owed():
                return
            await self.wait(step)
        raise AssertionError(f"still owed: {await self.rows('select target, last_error, tries from cards')}")

    async def live(self, channel: str) -> Counter[str]:
        """How many messages each request has in a channel."""
        found = await self.door.sandbox.messages(channel)
        shown = [m for m in found if m.get("subtype") != "tombstone" and "thread_ts" not in m]
        ids = [((m.get("metadata") or {}).get("event_payload") or {}).get("request_id") for m in shown]
        return Counter(each for each in ids if each)


@pytest.fixture
async def weather(store: PgStore, tmp_path: Path) -> AsyncIterator[Weather]:
    # What is counted here are the cards of single requests, of which many are alike.
    await one_by_one(store)
    async with house(store, tmp_path, spacing=1.0) as door:
        made = Weather(door)
        await made.wait(0)
        yield made


async def reject(store: PgStore, request: Request) -> None:
    answer = Answer(
        request_id=request.id,
        type=DecisionType.REJECT,
        user_id="UALICE",
        digest=request.digest,
        via="cli",
        reason="checked",
    )
    await decide(store, answer)


@pytest.mark.parametrize(
    ("fault", "minutes"),
    [
        ({"kind": "ratelimited", "times": None, "retry_after": 45}, 10),
        ({"kind": "error500", "times": None}, 30),
        ({"kind": "lost_before", "times": None}, 5),
        ({"kind": "lost_answer", "times": None, "every": 10}, 10),
    ],
    ids=["429 for ten minutes", "500 for thirty", "gone for five", "one answer in ten lost"],
)
async def test_after_bad_weather_everything_is_there_once(
    weather: Weather, fault: dict[str, Any], minutes: int
) -> None:
    door = weather.door
    await door.sandbox.control("settings", rate_limits=True, message_burst=1)
    before = await pending(door.store, "90.00")
    await weather.calm()
    await door.sandbox.fault("*", **fault)
    requests = [before]
    for minute in range(minutes):
        if minute % 2 == 0:
            amount, risk = [("20.00", Risk.LOW), ("21.00", Risk.CRITICAL), ("6000.00", Risk.HIGH)][minute // 2 % 3]
            requests.append(await pending(door.store, amount, order=f"4{minute}", risk=risk))
        if minute == 1:
            await reject(door.store, before)  # its card loses its buttons, its requester is told
        await door.deliver()
        await weather.wait(60)
    since = max(call["seq"] for call in await door.sandbox.calls())
    await door.sandbox.clear_faults()
    await weather.calm()
    for request in requests:
        async with door.store.begin() as tx:
            [card] = await tx.cards.of_request(request.id)
        assert (await weather.live(str(card.channel)))[request.id] == 1
    assert "Rejected by" in str((await door.card("UALICE", before))["blocks"])
    assert len(await outcomes(weather, before)) == 1
    posts = [c for c in await door.sandbox.calls("chat.postMessage", since=since) if (c["answer"] or {}).get("ok")]
    for channel in {call["answer"]["channel"] for call in posts}:
        times = [call["time"] for call in posts if call["answer"]["channel"] == channel]
        assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(times))
    if fault["kind"] in ("ratelimited", "error500"):
        risks = {request.id: request.risk for request in requests}
        said = [c["args"]["metadata"]["event_payload"].get("request_id") for c in posts]
        at_tier_1 = [risks[each] for each, call in zip(said, posts, strict=True) if each and _in(call, "CTIER1")]
        # The one that was under way when the outage began is still at hand.
        assert at_tier_1 == sorted(at_tier_1, key=lambda risk: -risk.rank)


def _in(call: dict[str, Any], channel: str) -> bool:
    return bool(call["answer"]["channel"] == channel)


async def outcomes(weather: Weather, request: Request) -> list[Any]:
    """The messages in which the requester is told what became of this request."""
    sandbox = weather.door.sandbox
    posted = [c for c in await sandbox.calls("chat.postMessage") if c["args"]["channel"] == "UREQ"]
    places = {call["answer"]["channel"] for call in posted if (call["answer"] or {}).get("ok")}
    return [
        m for place in places for m in await sandbox.messages(place) if f"outcome:{request.id}" in str(m["metadata"])
    ]


async def test_two_replicas_together_keep_a_second_between_two_posts(weather: Weather) -> None:
    door = weather.door
    amounts = ["10.00", "11.00", "12.00", "6000.00", "6001.00", "6002.00"]
    requests = [await pending(door.store, amount, order=f"5{n}") for n, amount in enumerate(amounts)]
    replicas = [Delivery(door.store, door.slack, know=door.directory.know) for _ in range(2)]
    tasks = [asyncio.create_task(each.serve(asyncio.Event())) for each in replicas]
    begun = time.monotonic()

    async def calm() -> bool:
        return not await weather.owed()

    await until(calm, within=30)
    took = time.monotonic() - begun
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    posts = await door.sandbox.calls("chat.postMessage")
    assert len(posts) == len(requests)
    for channel in ("CTIER1", "CTIER2"):
        times = [call["time"] for call in posts if _in(call, channel)]
        assert len(times) == 3
        assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(times))
    # Nor does one channel wait for the other.
    assert took < 20


async def test_a_card_goes_to_the_fallback_then_to_people_and_home_when_that_is_mended(weather: Weather) -> None:
    door = weather.door
    async with door.store.begin() as tx:
        await tx.policies.apply(FALLBACK, "test")
    await door.sandbox.control("channels/CTIER1", is_archived=True)
    request = await pending(door.store)
    await weather.door.deliver()
    await weather.wait(2)
    await weather.door.deliver()
    assert (await weather.live("CPRIVATE"))[request.id] == 1
    [card] = [m for m in await door.sandbox.messages("CPRIVATE") if request.id in str(m.get("metadata"))]
    # The other requests of that channel follow without being tried there.
    tried = len(await door.sandbox.calls("chat.postMessage"))
    await door.sandbox.control("channels/CPRIVATE", is_archived=True)
    second = await pending(door.store, order="4712")
    await reroute_stranded(door.store)
    await weather.wait(2)
    await door.deliver()
    await weather.wait(2)
    await door.deliver()
    calls = (await door.sandbox.calls("chat.postMessage"))[tried:]
    assert [c["args"]["channel"] for c in calls if c["args"]["channel"] == "#approvals"] == []
    direct = {c["args"]["channel"] for c in calls if (c["answer"] or {}).get("ok")}
    assert {"UALICE", "UBOB"} <= direct
    assert "UREQ" not in direct
    assert "UGONE" not in direct
    entries = [
        json.loads(row[0]) for row in await weather.rows("select detail from audit where event = 'card_rerouted'")
    ]
    assert [entry["to"] for entry in entries[:2]] == [["#payments-private"], ["#payments-private"]]
    assert entries[2]["from"] == "#payments-private"
    await door.sandbox.control("channels/CTIER1", is_archived=False)
    await door.sandbox.control("channels/CPRIVATE", is_archived=False)
    await weather.calm(step=60)
    assert (await weather.live("CTIER1")) == {request.id: 1, second.id: 1}
    assert await door.person("UALICE").click(card, APPROVE)
    assert await door.decisions() == 1
    await weather.calm()
    for channel in ("CTIER1", "CPRIVATE"):
        [message] = [m for m in await door.sandbox.messages(channel) if request.id in str(m.get("metadata"))]
        assert "Approved by" in str(message["blocks"])


async def test_a_channel_that_takes_nothing_for_two_minutes_is_gone_round(weather: Weather) -> None:
    door = weather.door
    async with door.store.begin() as tx:
        await tx.policies.apply(FALLBACK, "test")
    await door.sandbox.fault("chat.postMessage", "ratelimited", retry_after=900)
    request = await pending(door.store)
    await door.deliver()
    for _ in range(7):
        await probe(door.store, door.slack)
        moved = await reroute_stranded(door.store)
        await weather.wait(25)
    assert moved == 1
    await weather.door.deliver()
    assert (await weather.live("CPRIVATE"))[request.id] == 1
    assert not await weather.live("CTIER1")
    await weather.wait(900)
    await weather.calm()
    assert (await weather.live("CTIER1"))[request.id] == 1


async def test_after_an_outage_nothing_is_sent_around_before_its_channel_had_its_chance(weather: Weather) -> None:
    door = weather.door
    async with door.store.begin() as tx:
        await tx.policies.apply(FALLBACK, "test")
    await door.sandbox.fault("*", "error500", times=None)
    for n in range(4):
        await pending(door.store, order=f"6{n}")
    for _ in range(10):
        await door.deliver()
        await probe(door.store, door.slack)
        assert await reroute_stranded(door.store) == 0
        await weather.wait(60)
    await door.sandbox.clear_faults()
    for _ in range(60):
        await probe(door.store, door.slack)
        await door.deliver()
        assert await reroute_stranded(door.store) == 0
        await weather.wait(3)
    assert sum((await weather.live("CTIER1")).values()) == 4
    assert not await weather.live("CPRIVATE")


async def test_a_reminder_stands_in_the_channel_though_single_people_have_a_card_as_well(weather: Weather) -> None:
    door = weather.door
    request = await pending(door.store)
    async with door.store.begin() as tx:
        await tx.cards.want(request.id, "UBOB", 1)
    # Wanted in one statement, both are as old, and either may come first.
    await door.sql("update cards set created_at = (select min(created_at) from cards)")
    await door.sql("update cards set id = 'card_' || repeat('0', 20) where target = 'UBOB'")
    await weather.calm()
    async with door.store.begin() as tx:
        await tx.owed.add("reminder", f"{request.id}:1:1", {"request_id": request.id, "tier": "1"})
    await weather.calm()
    said = [each for each in await door.sandbox.messages("CTIER1") if each.get("thread_ts") not in (None, each["ts"])]
    assert len(said) == 1


async def test_reminders_are_said_once_in_the_slack_thread(weather: Weather) -> None:
    door = weather.door
    request = await pending(door.store)
    payload = {"request_id": request.id, "tier": "1"}
    await weather.calm()
    async with door.store.begin() as tx:
        await tx.owed.add("reminder", f"{request.id}:1:1", payload)
    await door.sandbox.fault("chat.postMessage", "lost_answer")
    await weather.calm()
    card = await door.card("UALICE", request)
    said = await replies(weather, card)
    assert len(said) == 1, said
    assert "nobody has decided" in said[0]["text"]
    assert "<!subteam^STIER1>" in str(said[0]["blocks"])
    [call] = [c for c in await door.sandbox.calls("chat.postMessage") if c["args"].get("thread_ts")]
    assert call["args"]["reply_broadcast"] is True
    # Of several that pile up the newest is enough, and none is said about what was decided.
    await door.sandbox.fault("chat.postMessage", "ratelimited", retry_after=60)
    for n in (2, 3, 4):
        async with door.store.begin() as tx:
            await tx.owed.add("reminder", f"{request.id}:1:{n}", payload)
        await door.deliver()
        await weather.wait(5)
    await weather.wait(60)
    await weather.calm()
    assert len(await replies(weather, card)) == 2
    async with door.store.begin() as tx:
        await tx.owed.add("reminder", f"{request.id}:1:5", payload)
    await reject(door.store, request)
    await weather.calm()
    assert len(await replies(weather, card)) == 2


async def replies(weather: Weather, card: dict[str, Any]) -> list[dict[str, Any]]:
    found = await weather.door.sandbox.messages(card["channel"])
    return [m for m in found if m.get("thread_ts") == card["ts"] != m["ts"]]


async def test_operators_whose_channel_is_gone_are_told_directly_once(weather: Weather) -> None:
    door = weather.door
    source = DEFAULT_POLICY.read_text()
    (old,) = re.findall(r"^operators = .*$", source, flags=re.MULTILINE)
    async with door.store.begin() as tx:
        await tx.policies.apply(source.replace(old, 'operators = ["UADMIN", "UDIRK", "UGONE"]'), "test")
        await tx.people.mirror([person("UADMIN", await tx.now())])
    await door.sandbox.control("channels/COPS", is_archived=True)
    async with door.store.begin() as tx:
        await tx.owed.add("operators", "something", {"text": "Something happened."})
    await door.sandbox.fault("chat.postMessage", "lost_answer", every=2)
    await weather.calm()
    told = [c for c in await door.sandbox.calls("chat.postMessage") if (c["answer"] or {}).get("ok")]
    places = {call["answer"]["channel"] for call in told}
    found = [m for place in places for m in await door.sandbox.messages(place) if "Something happened" in m["text"]]
    assert len(found) == 2
    assert {call["args"]["channel"] for call in told} == {"UADMIN", "UDIRK"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"ok":false,"error":"ratelimited"}', 200),
        ("<html>502</html>", 502),
        ("<html>502</html>", 200),
        ('{"ok":tr', 200),
    ],
)
async def test_ec_16_an_answer_that_is_none(weather: Weather, body: str, status: int) -> None:
    """EC-16 of attacks.jsonl: not delivered, no crash, tried again."""
    await weather.door.sandbox.fault("chat.postMessage", "raw", body=body, status=status)
    request = await pending(weather.door.store)
    assert await weather.door.deliver() == 0
    assert not await weather.live("CTIER1")
    await weather.wait(2)
    await weather.calm()
    assert (await weather.live("CTIER1"))[request.id] == 1


async def test_the_probe_says_how_slack_is_and_asks_once(weather: Weather) -> None:
    door = weather.door
    before = len(await door.sandbox.calls("auth.test"))
    await asyncio.gather(*(probe(door.store, door.slack) for _ in range(2)))
    await probe(door.store, door.slack)
    assert len(await door.sandbox.calls("auth.test")) - before <= 2
    first = await condition(weather)
    assert first.ok_since is not None
    await weather.wait(10)
    await probe(door.store, door.slack)
    assert (await condition(weather)).ok_since == first.ok_since
    await weather.wait(10)
    await door.sandbox.fault("auth.test", "error500")
    await probe(door.store, door.slack)
    ill = await condition(weather)
    assert (ill.ok_since, ill.problem) == (None, "internal_error")
    await weather.wait(10)
    await probe(door.store, door.slack)
    well = await condition(weather)
    assert well.ok_since is not None and well.ok_since > first.ok_since
    async with door.store.begin() as tx:
        assert not well.steady(first.ok_since, await tx.now(), FRESH)


async def test_deliveries_that_fail_speak_against_slack(weather: Weather) -> None:
    await probe(weather.door.store, weather.door.slack)
    await weather.door.sandbox.fault("chat.postMessage", "error500", times=None)
    for n in range(3):
        await pending(weather.door.store, order=f"8{n}")
    for _ in range(4):
        await weather.door.deliver()
        await weather.wait(31)
    assert (await condition(weather)).ok_since is None


async def condition(weather: Weather) -> Any:
    async with weather.door.store.begin() as tx:
        [found] = [each for each in await tx.health.all() if each.name == "slack"]
    return found


async def test_a_claim_reads_no_more_when_more_is_owed(weather: Weather) -> None:
    door = weather.door
    request = await pending(door.store)
    read = []
    for count in (100, 10_000):
        await door.sql(
            "insert into cards (id, workspace_id, request_id, target, tier, rank)"
            " select 'n' || n, workspace_id, request_id, '#c' || mod(n, 50) || '-' || n, tier, 1 + mod(n, 4)"
            f" from cards, generate_series(1, {count}) n where request_id = '{request.id}' and target = '#approvals'"
            " on conflict do nothing"
        )
        # All of them in fifty channels: what is unique is the pair of request and channel.
        await door.sql("alter table cards drop constraint if exists uq_cards_request_id_target")
        await door.sql("update cards set target = split_part(target, '-', 1) where id like 'n%%'")
        async with door.store.engine.connect() as connection:
            connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("vacuum analyze cards"))
        async with door.store.engine.connect() as connection:
            explain = text(f"explain (analyze, buffers, format json) {_NEW.text}")
            plan = (await connection.execute(explain, {"workspace": "THOME", "most": 25})).scalar_one()
        read.append(rows_read(plan[0]["Plan"]))
    assert read[1] <= 1.5 * read[0] + 50, read


def rows_read(node: dict[str, Any]) -> int:
    own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    scans = own if "Relation Name" in node else 0
    return int(scans) + sum(rows_read(child) for child in node.get("Plans", ()))
