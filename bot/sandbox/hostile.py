"""For attacks: the payload a click would carry, and sending anything at all, signed well, badly or not."""

from __future__ import annotations

import json
import time
from urllib.parse import urlencode

from starlette.requests import Request

from bot.sandbox.acts import actor, visible_room
from bot.sandbox.clicks import click_payload
from bot.sandbox.payloads import slash_command
from bot.sandbox.signing import sign
from bot.sandbox.submitting import submission_payload
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.workspace import Workspace

_FORM = "application/x-www-form-urlencoded"


def payload(ws: Workspace, request: Request, body: Json) -> Json:
    """What Slack would send for this act (`kind`: click, submit or command), without sending it.

    The rest of the body is that of the UI API; the account may be any, as with `force`.
    """
    user, act = str(body["user"]), {**body, "force": True}
    if body["kind"] == "click":
        return {"payload": click_payload(ws, user, act)}
    if body["kind"] == "submit":
        return {"payload": submission_payload(ws, user, act)}
    room = visible_room(ws, user, str(body["channel"]), force=True)
    command, _, text = str(body["text"]).partition(" ")
    return {"payload": slash_command(ws, actor(ws, user, force=True), room, command, text)}


async def click_raw(ws: Workspace, request: Request, body: Json) -> Json:
    """Sends `payload` (as an interaction), `form`, `body` (text) or `body_hex` to the app over HTTP.

    `timestamp` (any text), `age` (seconds), `secret`, `sign` (false: none), `signature` (any text),
    `content_type`, `headers` (null drops one) and `url` say how.
    """
    url = body.get("url") or ws.deliver.config.interactivity_url
    if url is None:
        raise SlackError("invalid_arguments", ["[ERROR] no url"])
    raw = _raw(body)
    ack = await ws.deliver.raw(url, raw, _headers(ws, body, raw))
    return {"status": ack.status, "body": ack.body, "error": ack.error, "ms": ack.ms}


def _headers(ws: Workspace, body: Json, raw: bytes) -> dict[bytes, bytes]:
    timestamp = str(body["timestamp"]) if "timestamp" in body else str(int(time.time() - body.get("age", 0)))
    headers = {"content-type": body.get("content_type", _FORM), "x-slack-request-timestamp": timestamp}
    if body.get("sign", True):
        signed = sign(body.get("secret", ws.world.signing_secret), timestamp, raw)
        headers["x-slack-signature"] = body.get("signature", signed)
    headers |= {name.lower(): value for name, value in body.get("headers", {}).items()}
    # As bytes: hostile values need not be ASCII.
    return {name.encode(): value.encode() for name, value in headers.items() if value is not None}


def _raw(body: Json) -> bytes:
    if "body_hex" in body:
        return bytes.fromhex(body["body_hex"])
    if "body" in body:
        return str(body["body"]).encode("utf-8", "surrogatepass")
    form = body["form"] if "form" in body else {"payload": json.dumps(body.get("payload"))}
    return urlencode(form).encode()
