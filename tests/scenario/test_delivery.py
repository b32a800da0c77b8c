"""Cards reach the screen once, whatever Slack does: lost answers, 429, errors, channels without the bot."""

import asyncio
import time

import pytest

from bot.delivery import Delivery
from bot.ids import APPROVE
from bot.slack import Gone, NotInChannel, RateLimited, Refused, Slack, Transient
from graph.law.request import Request
from tests.support.db import one_by_one
from tests.support.slack import House, pending


async def cards_of(door: House, request: Request, channel: str = "CTIER1") -> list[dict]:
    found = await door.sandbox.messages(channel)
    return [m for m in found if request.id in str(m.get("metadata"))]


async def settle(door: House, seconds: float = 5.0) -> None:
    """Tick until nothing is owed."""
    deadline = time.monotonic() + seconds
    query = (
        "select (select count(*) from cards where shown < wanted) + (select count(*) from owed where done_at is null)"
    )
    while time.monotonic() < deadline:
        await door.deliver()
        async with door.store.engine.connect() as connection:
            if not (await connection.exec_driver_sql(query)).scalar_one():
                return
        await asyncio.sleep(0.1)
    raise AssertionError("still owed")


async def test_a_lost_answer_makes_no_second_card(door: House) -> None:
    await door.sandbox.fault("chat.postMessage", "lost_answer")
    request = await pending(door.store)
    await settle(door)
    assert len(await cards_of(door, request)) == 1
    assert await door.person("UALICE").click(await door.card("UALICE", request), APPROVE)
    assert await door.decisions() == 1


async def test_an_answer_lost_before_slack_acted_posts_it_later(door: House) -> None:
    await door.sandbox.fault("chat.postMessage", "lost_before")
    request = await pending(door.store)
    await settle(door)
    assert len(await cards_of(door, request)) == 1


async def test_of_two_cards_of_one_attempt_the_older_stays(door: House) -> None:
    await door.sandbox.control("scopes", scopes=["chat:write", "im:write", "users:read"])
    await door.sandbox.fault("chat.postMessage", "lost_answer", times=2)
    request = await pending(door.store)
    await door.deliver()
    async with door.store.engine.begin() as connection:
        await connection.exec_driver_sql("update cards set not_before = gp_now()")
        await connection.exec_driver_sql("delete from paces")
    await door.deliver()
    assert len(await cards_of(door, request)) == 2
    world = door.sandbox.workspace
    assert world is not None
    await door.sandbox.control("scopes", scopes=sorted(world.world.scopes))
    await settle(door)
    [left] = [m for m in await cards_of(door, request) if m.get("subtype") != "tombstone"]
    async with door.store.begin() as tx:
        [row] = await tx.cards.of_request(request.id)
    assert row.ts == left["ts"]


async def test_retry_after_is_honoured_and_other_channels_go_on(door: House) -> None:
    await door.sandbox.fault("chat.postMessage", "ratelimited", retry_after=2)
    first = await pending(door.store)
    started = time.monotonic()
    await door.deliver()
    other = await pending(door.store, "6000.00")
    await door.deliver()
    assert len(await cards_of(door, other, "CTIER2")) == 1
    assert not await cards_of(door, first)
    before = len(await door.sandbox.calls("conversations.history"))
    await settle(door)
    assert time.monotonic() - started >= 2.0
    assert len(await cards_of(door, first)) == 1
    # A 429 surely posted nothing: nobody has to look for it.
    assert len(await door.sandbox.calls("conversations.history")) == before


async def test_a_second_lies_between_two_cards_in_one_channel(door: House) -> None:
    await one_by_one(door.store)
    await door.sandbox.control("settings", rate_limits=True, message_burst=2)
    door.delivery = Delivery(door.store, door.slack, spacing=1.0)
    requests = [await pending(door.store, f"{amount}.00") for amount in (10, 11, 12)]
    await settle(door, 8.0)
    posts = await door.sandbox.calls("chat.postMessage")
    assert [call["status"] for call in posts] == [200, 200, 200]
    assert posts[-1]["time"] - posts[0]["time"] >= 1.9
    for request in requests:
        assert len(await cards_of(door, request)) == 1


async def test_two_replicas_post_each_card_once(door: House) -> None:
    await one_by_one(door.store)
    requests = [await pending(door.store, f"{amount}.00") for amount in range(10, 22)]
    other = Delivery(door.store, door.slack, spacing=0.0)
    await asyncio.gather(*(each.deliver_once() for each in (door.delivery, other, door.delivery, other)))
    await settle(door)
    for request in requests:
        assert len(await cards_of(door, request)) == 1


async def test_a_channel_without_the_bot_is_told_to_the_operators(door: House) -> None:
    await door.sandbox.control("channels/CTIER1", leave="UGATEPOST")
    request = await pending(door.store)
    await door.deliver()
    await door.deliver()
    told = [m["text"] for m in await door.sandbox.messages("COPS")]
    assert len(told) == 1 and request.id in told[0] and "Invite Gatepost" in told[0]
    await door.sandbox.control("channels/CTIER1", join="UGATEPOST")
    await door.sql("update cards set not_before = gp_now()")
    await door.sql("delete from paces")
    await settle(door)
    assert len(await cards_of(door, request)) == 1


async def test_a_deleted_pending_card_comes_back(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await door.slack.write("chat.delete", channel=card["channel"], ts=card["ts"])
    async with door.store.begin() as tx:
        await tx.cards.touch(request.id)
    await settle(door)
    fresh = await door.card("UALICE", request)
    assert fresh["ts"] != card["ts"]
    assert await door.person("UALICE").click(fresh, APPROVE)
    assert await door.decisions() == 1


async def test_server_errors_are_tried_again(door: House) -> None:
    request = await door.propose()
    await door.sandbox.fault("chat.update", "error500", times=2)
    assert await door.person("UALICE").click(await door.card("UALICE", request), APPROVE)
    await settle(door, 8.0)
    assert "Approved by" in str((await door.card("UALICE", request))["blocks"])


async def test_cards_carry_ids_only_and_unfurl_nothing(door: House) -> None:
    request = await door.propose()
    [call] = await door.sandbox.calls("chat.postMessage")
    assert call["args"]["unfurl_links"] is False and call["args"]["unfurl_media"] is False
    payload = call["args"]["metadata"]["event_payload"]
    assert set(payload) == {"card_id", "request_id", "key"} and payload["request_id"] == request.id


async def test_errors_of_slack_become_types(door: House) -> None:
    slack, fault = door.slack, door.sandbox.fault
    with pytest.raises(NotInChannel):
        await slack.write("chat.postMessage", channel="CRANDOM", text="x")
    with pytest.raises(Gone):
        await slack.write("chat.postMessage", channel="CNOWHERE", text="x")
    with pytest.raises(Refused, match="no_text"):
        await slack.write("chat.postMessage", channel="CTIER1", text="")
    await fault("chat.postMessage", "ratelimited", retry_after=7)
    with pytest.raises(RateLimited) as limited:
        await slack.write("chat.postMessage", channel="CTIER1", text="x")
    assert limited.value.retry_after == 7
    for kind in ("error500", "lost_answer"):
        await fault("chat.postMessage", kind)
        with pytest.raises(Transient):
            await slack.write("chat.postMessage", channel="CTIER1", text="x")
    nowhere = Slack("xoxb-sandbox", "http://127.0.0.1:9/api")
    with pytest.raises(Transient):
        await nowhere.read("auth.test")
    await nowhere.close()
