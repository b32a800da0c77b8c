"""Replies outside the Web API: through a response_url, or in the body of a slash command's ack."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bot.sandbox.content import content, require_something
from bot.sandbox.webapi_chat import author, thread_root
from bot.sandbox.wire import Answer, Json, SlackError
from bot.sandbox.workspace import Workspace

_KNOWN = frozenset(
    {
        *(
            "text",
            "blocks",
            "attachments",
            "response_type",
            "replace_original",
            "delete_original",
            "thread_ts",
        ),
        *("metadata", "mrkdwn", "parse", "link_names", "unfurl_links", "unfurl_media"),
    }
)
_GONE = {"invalid_url", "expired_url", "used_url"}


async def respond(request: Request) -> Response:
    """POST to a response_url."""
    ws: Workspace = request.app.state.workspace
    fault = ws.faults.take("response_url")
    if fault is not None and fault.kind == "ratelimited":
        return PlainTextResponse("ratelimited", 429, {"Retry-After": str(fault.retry_after)})
    raw = await request.body()
    entry: Json = {"time": ws.clock(), "method": "response_url", "args": None, "answer": None, "status": 200}
    ws.calls.add(entry)
    try:
        ticket = ws.tickets.use_response_url(request.url.path)
        body = entry["args"] = _parsed(raw)
        reply(ws, ticket, body)
    except SlackError as error:
        entry |= {"answer": error.body(), "status": 404 if error.code in _GONE else 400}
        return Answer(error.body(), entry["status"])
    return PlainTextResponse("ok")


def reply(ws: Workspace, ticket: Json, body: Json) -> None:
    if unknown := sorted(set(body) - _KNOWN):
        raise SlackError("invalid_arguments", [f"[ERROR] unexpected argument: {name}" for name in unknown])
    if body.get("delete_original"):
        ws.messages.remove(_original(ws, ticket))
        return
    given = content(body)
    require_something(given)
    if body.get("replace_original"):
        if body.get("thread_ts"):
            raise SlackError("invalid_arguments", ["[ERROR] thread_ts does not go with replace_original"])
        original = _original(ws, ticket)
        ws.messages.change(original, **{"blocks": None, "attachments": None, "text": "", **given})
        return
    _new(ws, ticket, body, given)


def _new(ws: Workspace, ticket: Json, body: Json, given: Json) -> None:
    fields: Json = {"text": "", **given, **author(ws)}
    kind = body.get("response_type", "ephemeral")
    if kind not in ("ephemeral", "in_channel"):
        raise SlackError("invalid_arguments", ["[ERROR] response_type must be ephemeral or in_channel"])
    if body.get("thread_ts"):
        if kind != "in_channel":
            raise SlackError("invalid_arguments", ["[ERROR] thread_ts needs response_type in_channel"])
        fields["thread_ts"] = thread_root(ws, ticket["channel"], str(body["thread_ts"]))
    ws.messages.add(ticket["channel"], fields, ephemeral_to=ticket["user"] if kind == "ephemeral" else None)


def command_answer(ws: Workspace, fields: Json, body: str) -> None:
    """The ack body of a slash command: nothing, plain text, or a message as JSON."""
    if not body.strip():
        return
    ticket = {"channel": fields["channel_id"], "user": fields["user_id"], "message_ts": None}
    try:
        parsed: Any = json.loads(body)
    except ValueError:
        parsed = body
    message: Json = parsed if isinstance(parsed, dict) else {"text": str(parsed)}
    if not message:
        return
    if message.get("response_type") == "in_channel":
        said = f"{fields['command']} {fields['text']}".strip()
        ws.messages.add(ticket["channel"], {"user": ticket["user"], "text": said})
    reply(ws, ticket, message)


def _original(ws: Workspace, ticket: Json) -> Json:
    original = ws.messages.get(ticket["channel"], ticket["message_ts"] or "")
    if original is None or original.get("bot_id") != ws.world.bot_id:
        raise SlackError("message_not_found" if original is None else "cant_update_message")
    return original


def _parsed(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except ValueError:
        raise SlackError("invalid_payload") from None
    if not isinstance(body, dict):
        raise SlackError("invalid_payload")
    return body
