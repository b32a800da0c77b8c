"""A Bolt app as Slack's documentation teaches it runs unchanged against the sandbox, over HTTP and Socket Mode."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.harness import Harness, until

CARD = [
    {"type": "header", "text": {"type": "plain_text", "text": "Refund 420.00 EUR?"}},
    {
        "type": "actions",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "r1",
            },
            {
                "type": "button",
                "action_id": "modify",
                "text": {"type": "plain_text", "text": "Modify…"},
                "value": "r1",
            },
        ],
    },
]
MODAL = {
    "type": "modal",
    "callback_id": "modify_modal",
    "title": {"type": "plain_text", "text": "Modify"},
    "submit": {"type": "plain_text", "text": "Save"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "amount",
            "label": {"type": "plain_text", "text": "Amount"},
            "element": {"type": "number_input", "action_id": "value", "is_decimal_allowed": True},
        }
    ],
}


def stock_app(api_url: str) -> AsyncApp:
    client = AsyncWebClient(token="xoxb-sandbox", base_url=api_url)
    app = AsyncApp(client=client, signing_secret="sandbox-signing-secret")

    @app.command("/approvals")
    async def queue(ack: Any, respond: Any, command: Any) -> None:
        await ack()
        await respond(f"You asked for {command['text']}")

    @app.action("approve")
    async def approve(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.chat_update(
            channel=body["channel"]["id"], ts=body["message"]["ts"], text=f"Approved by <@{body['user']['id']}>"
        )

    @app.action("modify")
    async def modify(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.views_open(
            trigger_id=body["trigger_id"], view={**MODAL, "private_metadata": body["message"]["ts"]}
        )

    @app.view("modify_modal")
    async def modified(ack: Any, view: Any, client: Any) -> None:
        amount = float(view["state"]["values"]["amount"]["value"]["value"])
        if amount > 420:
            await ack(response_action="errors", errors={"amount": "At most 420.00"})
            return
        await ack()
        await client.chat_update(channel="CTIER1", ts=view["private_metadata"], text=f"Modified to {amount}")

    @app.view_closed("modify_modal")
    async def abandoned(ack: Any, body: Any, client: Any) -> None:
        await ack()
        await client.chat_postEphemeral(channel="CTIER1", user=body["user"]["id"], text="Nothing changed")

    @app.event("app_home_opened")
    async def home(event: Any, client: Any) -> None:
        section = {"type": "section", "text": {"type": "mrkdwn", "text": f"Hello <@{event['user']}>"}}
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [section]})

    @app.event("message")
    async def message(event: Any, say: Any) -> None:
        await say(f"You said {event['text']}")

    @app.shortcut("about")
    async def about(ack: Any, shortcut: Any, respond: Any) -> None:
        await ack()
        await respond(f"About {shortcut['message_ts']}")

    return app


@pytest.fixture(params=["http", "socket"])
async def mode(request: Any, slack: Harness, serve_app: Callable[[Any], Any]) -> AsyncIterator[str]:
    app = stock_app(slack.api_url)
    await slack.control("app", shortcuts=[{"callback_id": "about", "name": "About", "type": "message"}])
    if request.param == "http":
        handler = AsyncSlackRequestHandler(app)

        async def endpoint(incoming: Request) -> Response:
            return await handler.handle(incoming)

        async with serve_app(Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])) as url:
            url = f"{url}/slack/events"
            await slack.control("app", interactivity_url=url, events_url=url, commands={"/approvals": url})
            await slack.control("app", verify=True)
            yield "http"
        return
    await slack.control("app", commands={"/approvals": "over the socket"})
    own = AsyncWebClient(token="xapp-sandbox", base_url=slack.api_url)
    socket = AsyncSocketModeHandler(app, app_token="xapp-sandbox", web_client=own)
    await socket.connect_async()
    assert slack.workspace
    await until(lambda: slack.workspace and slack.workspace.sockets.connections)
    yield "socket"
    await socket.close_async()


async def test_it_runs_unchanged(slack: Harness, mode: str) -> None:
    alice, bob = slack.person("UALICE"), slack.person("UBOB")

    assert await alice.command("/approvals queue", "CTIER1")
    told = await alice.see("CTIER1", lambda m: m["ephemeral"])
    assert told["text"] == "You asked for queue"

    posted = await slack.post(text="Refund?", blocks=CARD)
    card = await alice.see("CTIER1", lambda m: m["ts"] == posted["ts"])
    assert await alice.click(card, "modify")
    view = (await until(alice.views))[-1]
    refused = await alice.submit(view, {"amount": "500"})
    assert refused.errors == {"amount": "At most 420.00"}
    assert await alice.views()
    assert await alice.submit(view, {"amount": "410.5"})
    assert await alice.views() == []
    await alice.see("CTIER1", lambda m: m["text"] == "Modified to 410.5")

    second = await slack.post(text="Refund?", blocks=CARD)
    assert await bob.click(await bob.see("CTIER1", lambda m: m["ts"] == second["ts"]), "approve")
    done = await bob.see("CTIER1", lambda m: m["text"] == "Approved by <@UBOB>")
    assert done["blocks"] == []
    assert await bob.shortcut("about", done)
    await bob.see("CTIER1", lambda m: m["ephemeral"] and m["text"] == f"About {done['ts']}")

    assert await bob.open_home()
    home = await until(bob.home)
    assert home["blocks"][0]["text"]["text"] == "Hello <@UBOB>"

    assert await bob.say(await bob.dm(), "hello")
    await bob.see(await bob.dm(), lambda m: m["text"] == "You said hello" and m["bot"])

    third = await slack.post(text="Refund?", blocks=CARD)
    assert await bob.click(await bob.see("CTIER1", lambda m: m["ts"] == third["ts"]), "modify")
    assert await bob.close((await until(bob.views))[-1])
    await bob.see("CTIER1", lambda m: m["text"] == "Nothing changed")

    via = {delivery["via"] for delivery in await slack.deliveries()}
    assert via == {mode}
    assert all(delivery["error"] is None for delivery in await slack.deliveries() if delivery["done"])


@pytest.mark.parametrize("mode", ["socket"], indirect=True)
async def test_it_comes_back_after_a_disconnect(slack: Harness, mode: str) -> None:
    sockets = slack.workspace.sockets if slack.workspace else None
    assert sockets
    before = sockets.connections[0]
    await slack.control("disconnect", reason="refresh_requested")
    await until(lambda: sockets.connections and sockets.connections[0] is not before, within=30)
    posted = await slack.post(text="Refund?", blocks=CARD)
    alice = slack.person("UALICE")
    card = await alice.see("CTIER1", lambda m: m["ts"] == posted["ts"])
    # The client may open more than one connection before it settles.
    await until(lambda: alice.click(card, "approve"), within=30)
    await alice.see("CTIER1", lambda m: m["text"] == "Approved by <@UALICE>")
