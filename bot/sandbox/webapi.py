"""`/api/<method>`: who calls, what they may, which trouble was ordered; then the method, then the record of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from bot.sandbox import webapi_chat, webapi_conversations, webapi_files, webapi_people, webapi_views
from bot.sandbox.faults import Fault
from bot.sandbox.method import Args, Method, need
from bot.sandbox.wire import Answer, Json, SlackError
from bot.sandbox.workspace import Workspace


def _auth_test(ws: Workspace, args: Args) -> Json:
    world = ws.world
    return {
        "url": f"https://{world.team_domain}.slack.com/",
        "team": world.team_name,
        "user": world.bot_name,
        "team_id": world.team_id,
        "user_id": world.bot_user,
        "bot_id": world.bot_id,
        "is_enterprise_install": False,
    }


def _api_test(ws: Workspace, args: Args) -> Json:
    if args.text("error"):
        raise SlackError(args.text("error"), args=dict(args))
    return {"args": dict(args)}


def _connections_open(ws: Workspace, args: Args) -> Json:
    host = ws.base_url.removeprefix("http://")
    return {"url": f"ws://{host}/link/?ticket={ws.tickets.socket()}&app_id={ws.world.app_id}"}


METHODS: dict[str, Method] = {
    "auth.test": Method(_auth_test),
    "api.test": Method(_api_test, caller="none", open_ended=True),
    "apps.connections.open": Method(_connections_open, caller="app"),
    **webapi_chat.METHODS,
    **webapi_conversations.METHODS,
    **webapi_people.METHODS,
    **webapi_views.METHODS,
    **webapi_files.METHODS,
}


class Dropped(Response):
    """Breaks the connection in the middle of the answer: the caller can't know what happened."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


async def call(request: Request) -> Response:
    ws: Workspace = request.app.state.workspace
    name = request.path_params["method"]
    fault = ws.faults.take(name)
    try:
        args = await read_args(request)
    except SlackError as error:
        return Answer(error.body())
    entry = ws.calls.add({"time": ws.clock(), "method": name, "args": _public(args), "answer": None, "status": None})
    response, answer = await _answer(ws, name, args, _token(request, args), fault)
    entry |= {"answer": answer, "status": response.status_code, "fault": fault.kind if fault else None}
    return response


async def _answer(
    ws: Workspace, name: str, args: Args, token: str, fault: Fault | None
) -> tuple[Response, Json | None]:
    wait = ws.limits.wait(name, args.text("channel"))
    if fault is not None and fault.kind == "ratelimited":
        wait = fault.retry_after
    if wait is not None:
        body = {"ok": False, "error": "ratelimited"}
        return Answer(body, 429, {"Retry-After": str(wait)}), body
    if fault is not None and fault.kind == "error500":
        return Answer({"ok": False, "error": "internal_error"}, 500), None
    if fault is not None and fault.kind == "raw":
        return Response(fault.body, fault.status, media_type="text/html"), None
    if fault is not None and fault.kind == "lost_before":
        return Dropped(), None
    answer = perform(ws, name, args, token)
    if fault is not None and fault.kind == "lost_answer":
        return Dropped(), answer
    if fault is not None and fault.kind == "slow":
        # Performed first: what a caller that gives up has to reckon with.
        await asyncio.sleep(fault.seconds)
    return Answer(answer, headers={"X-OAuth-Scopes": ",".join(sorted(ws.scopes))}), answer


def perform(ws: Workspace, name: str, args: Args, token: str) -> Json:
    try:
        method = METHODS.get(name)
        if method is None:
            raise SlackError("unknown_method", req_method=name)
        _authenticate(ws, method, token)
        if method.scope is not None:
            need(ws, method.scope)
        method.check(args)
        return {"ok": True, **method.handler(ws, args)}
    except SlackError as error:
        return error.body()


def _authenticate(ws: Workspace, method: Method, token: str) -> None:
    if method.caller == "none":
        return
    if not token:
        raise SlackError("not_authed")
    if token not in (ws.world.bot_token, ws.world.app_token):
        raise SlackError("invalid_auth")
    if token != (ws.world.app_token if method.caller == "app" else ws.world.bot_token):
        raise SlackError("not_allowed_token_type")


async def read_args(request: Request) -> Args:
    """Arguments from query, form or JSON body; a null in JSON is an argument not given."""
    args: dict[str, Any] = dict(request.query_params)
    body = await request.body()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if content_type == "application/json" and body:
        try:
            parsed = json.loads(body)
        except ValueError:
            raise SlackError("invalid_json") from None
        if not isinstance(parsed, dict):
            raise SlackError("json_not_object")
        args |= parsed
    elif content_type == "application/x-www-form-urlencoded":
        args |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    elif body:
        raise SlackError("invalid_post_type")
    return Args({name: value for name, value in args.items() if value is not None})


def _token(request: Request, args: Args) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else args.text("token")


def _public(args: Args) -> Json:
    return {name: value for name, value in args.items() if name != "token"}
