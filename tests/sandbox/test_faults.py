"""Trouble on the way to the app, retried events, Socket Mode's one-of-N, and surviving SIGKILL."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from starlette.responses import Response

from bot.sandbox import create_app, running
from bot.sandbox.harness import Harness, until

BUTTON = {
    "type": "button",
    "action_id": "approve",
    "text": {"type": "plain_text", "text": "Approve"},
    "value": "r1",
}
CARD = [{"type": "actions", "elements": [BUTTON]}]


async def click(slack: Harness) -> str | None:
    posted = await slack.post(blocks=CARD)
    alice = slack.person("UALICE")
    outcome = await alice.click(await alice.see("CTIER1", lambda m: m["ts"] == posted["ts"]), "approve")
    return outcome.error


async def test_duplicate_delivery(slack: Harness, stub: Any) -> None:
    await slack.fault("deliver", "duplicate_delivery")
    assert await click(slack) is None
    first, second = stub.payloads("block_actions")
    assert first == second


async def test_late_delivery_comes_after_the_person_gave_up(slack: Harness, stub: Any) -> None:
    await slack.control("settings", ack_seconds=0.05)
    await slack.fault("deliver", "late_delivery", seconds=1)
    assert await click(slack) == "operation_timeout"
    assert stub.got == []
    await slack.control("settings", ack_seconds=3)
    await until(lambda: stub.got)


async def test_reordered_deliveries(slack: Harness, stub: Any) -> None:
    await slack.fault("deliver", "reorder")
    first = asyncio.create_task(click(slack))
    await until(lambda: slack.calls("chat.postMessage"))
    await until(lambda: slack.workspace and slack.workspace.deliver._held)
    assert await click(slack) is None
    await first
    await until(lambda: len(stub.got) == 2)
    stamps = [payload["actions"][0]["action_ts"] for payload in stub.payloads("block_actions")]
    assert stamps[0] > stamps[1]


@pytest.mark.parametrize(
    ("kind", "error", "arrived"),
    [
        ("lost_before", "operation_timeout", 0),
        ("lost_answer", "operation_timeout", 1),
        ("error500", "http_error", 0),
    ],
)
async def test_lost_deliveries(slack: Harness, stub: Any, kind: str, error: str, arrived: int) -> None:
    await slack.fault("deliver", kind, only="block_actions")
    assert await slack.person("UALICE").command("/approvals queue")
    assert await click(slack) == error
    assert len(stub.payloads("block_actions")) == arrived


async def test_events_are_sent_again_with_their_headers(slack: Harness, stub: Any) -> None:
    await slack.control("settings", retry_scale=0.0001)
    stub.answer = lambda _: Response(status_code=500)
    await slack.person("UALICE").open_home()
    await until(lambda: len(stub.got) == 4)
    numbers = [headers.get("x-slack-retry-num") for headers, _ in stub.got]
    reasons = {headers.get("x-slack-retry-reason") for headers, _ in stub.got[1:]}
    assert (numbers, reasons) == ([None, "1", "2", "3"], {"http_error"})
    assert len({body["event_id"] for _, body in stub.got}) == 1


async def test_no_retry_is_honoured(slack: Harness, stub: Any) -> None:
    await slack.control("settings", retry_scale=0)
    stub.answer = lambda _: Response(status_code=500, headers={"X-Slack-No-Retry": "1"})
    await slack.person("UALICE").open_home()
    await until(lambda: slack.deliveries("app_home_opened"))
    stub.answer = lambda _: Response()
    await slack.person("UBOB").open_home()
    await until(lambda: len(stub.got) == 2)
    assert [body["event"]["user"] for _, body in stub.got] == ["UALICE", "UBOB"]


async def test_only_subscribed_events_are_sent(slack: Harness, stub: Any) -> None:
    await slack.control("app", bot_events=["message.im"])
    alice = slack.person("UALICE")
    await alice.open_home()
    await alice.say("CTIER1", "nobody listens")
    await alice.say(await alice.dm(), "hello")
    await until(lambda: stub.got)
    assert [body["event"]["text"] for _, body in stub.got] == ["hello"]


@asynccontextmanager
async def connection(slack: Harness, session: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    opened = await slack.api("apps.connections.open", "xapp-sandbox")
    async with session.ws_connect(opened["url"]) as socket:
        assert (await socket.receive_json())["type"] in ("hello", "disconnect")
        yield socket


async def acked(socket: aiohttp.ClientWebSocketResponse, seen: list[Any]) -> None:
    async for message in socket:
        envelope = json.loads(message.data)
        seen.append(envelope)
        await socket.send_json({"envelope_id": envelope["envelope_id"]})


async def test_each_payload_goes_to_exactly_one_connection(slack: Harness, stub: Any) -> None:
    seen: list[list[Any]] = [[], [], []]
    async with (
        aiohttp.ClientSession() as session,
        connection(slack, session) as one,
        connection(slack, session) as two,
        connection(slack, session) as three,
    ):
        readers = [asyncio.create_task(acked(s, kept)) for s, kept in zip((one, two, three), seen, strict=True)]
        for _ in range(30):
            assert await click(slack) is None
        for reader in readers:
            reader.cancel()
    ids = [envelope["envelope_id"] for kept in seen for envelope in kept]
    assert len(ids) == len(set(ids)) == 30
    assert all(seen)
    assert stub.got == []
    envelope = seen[0][0]
    assert (envelope["type"], envelope["accepts_response_payload"]) == ("interactive", False)


async def test_an_envelope_without_ack_is_an_error_and_an_event_comes_again(slack: Harness) -> None:
    await slack.control("settings", ack_seconds=0.1, retry_scale=0)
    async with aiohttp.ClientSession() as session, connection(slack, session) as socket:
        assert await click(slack) == "operation_timeout"
        assert (await socket.receive_json())["payload"]["type"] == "block_actions"
        await slack.person("UALICE").open_home()
        envelopes = [await socket.receive_json() for _ in range(4)]
    assert [e["retry_attempt"] for e in envelopes] == [0, 1, 2, 3]
    assert envelopes[1]["retry_reason"] == "http_timeout"


async def test_tickets_work_once_and_ten_connections_are_the_most(slack: Harness) -> None:
    async with aiohttp.ClientSession() as session:
        url = (await slack.api("apps.connections.open", "xapp-sandbox"))["url"]
        sockets = [await session.ws_connect(url)]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        for _ in range(10):
            url = (await slack.api("apps.connections.open", "xapp-sandbox"))["url"]
            sockets.append(await session.ws_connect(url))
        refused = await sockets[-1].receive_json()
        assert (refused["type"], refused["reason"]) == ("disconnect", "too_many_websockets")
        for socket in sockets:
            await socket.close()


async def test_an_injected_disconnect(slack: Harness) -> None:
    async with aiohttp.ClientSession() as session, connection(slack, session) as socket:
        assert (await slack.control("disconnect", reason="warning"))["connections"] == 1
        assert (await socket.receive_json())["reason"] == "warning"
        await slack.control("disconnect", close=True)
        assert (await socket.receive_json())["reason"] == "refresh_requested"
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE


async def test_the_page_hears_of_changes(slack: Harness) -> None:
    async with slack.http.stream("GET", f"{slack.url}/ui/api/events") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        posted = await slack.post()
        news = [line async for line in lines_until(lines, "data:")]
    assert json.loads(news[-1].removeprefix("data:")) == {
        "type": "message",
        "channel": "CTIER1",
        "ts": posted["ts"],
    }


async def lines_until(lines: AsyncIterator[str], start: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith(start):
            return


async def test_other_apps_can_be_mounted_and_other_hosts_are_refused(tmp_path: Path) -> None:
    app = create_app(store_path=tmp_path / "slack.db", mounts={"/shop": Response("the shop")})
    async with running(app) as url, httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{url}/shop/")).text == "the shop"
        assert "<html" in (await http.get(url)).text
    with pytest.raises(ValueError, match="loopback"):
        async with running(app, host="0.0.0.0"):
            pass


CHILD = """
import asyncio, sys
from pathlib import Path
from bot.sandbox import create_app, serve
app = create_app(store_path=Path(sys.argv[1]))
asyncio.run(serve(app, on_ready=lambda url: print(url, flush=True)))
"""


@asynccontextmanager
async def process(store: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, Harness]]:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD, str(store)),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdout
    url = (await asyncio.wait_for(child.stdout.readline(), 30)).decode().strip()
    async with httpx.AsyncClient(trust_env=False) as http:
        yield child, Harness(url, http)
    if child.returncode is None:
        child.send_signal(signal.SIGTERM)
    await child.wait()


async def test_everything_answered_survives_sigkill(tmp_path: Path) -> None:
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    async with process(tmp_path / "slack.db") as (child, slack):
        posted = await slack.post(text="keep me", metadata={"event_type": "card", "event_payload": {"id": "r1"}})
        await slack.post("UBOB", text="in the DM")
        await slack.api("chat.postEphemeral", channel="CTIER1", user="UALICE", text="only you")
        await slack.api("views.publish", user_id="UALICE", view=home)
        await slack.control("users/UOUT", deleted=True)
        child.kill()
        await child.wait()
    async with process(tmp_path / "slack.db") as (_, slack):
        kept = (await slack.messages("CTIER1"))[0]
        assert (kept["ts"], kept["metadata"]["event_payload"]) == (posted["ts"], {"id": "r1"})
        alice, bob = slack.person("UALICE"), slack.person("UBOB")
        assert [m["text"] for m in await alice.messages("CTIER1")] == ["keep me", "only you"]
        assert [m["text"] for m in await bob.messages(await bob.dm())] == ["in the DM"]
        assert (await alice.home() or {})["type"] == "home"
        assert (await slack.api("users.info", user="UOUT"))["user"]["deleted"]
        assert float((await slack.post())["ts"]) > float(posted["ts"])
