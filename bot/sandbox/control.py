"""`/control`: how a test orders trouble, changes the world, and reads what really happened."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.sandbox.hostile import click_raw, payload
from bot.sandbox.wire import ActError, Answer, Json, SlackError
from bot.sandbox.workspace import Workspace
from bot.sandbox.world import AppConfig, Shortcut


def add_fault(ws: Workspace, request: Request, body: Json) -> Json:
    ws.faults.add(body)
    return {}


def clear_faults(ws: Workspace, request: Request, body: Json) -> Json:
    ws.faults.clear()
    return {}


async def set_app(ws: Workspace, request: Request, body: Json) -> Json:
    """Replaces the fields given: interactivity_url, events_url, commands, shortcuts, bot_events.

    With `verify` the events URL must then answer Slack's challenge.
    """
    current, changes = vars(ws.deliver.config), dict(body)
    verify = changes.pop("verify", False)
    if unknown := sorted(set(changes) - set(current)):
        raise SlackError("invalid_arguments", [f"[ERROR] unexpected argument: {name}" for name in unknown])
    if "shortcuts" in changes:
        changes["shortcuts"] = tuple(Shortcut(**shortcut) for shortcut in changes["shortcuts"])
    if changes.get("bot_events") is not None:
        changes["bot_events"] = frozenset(changes["bot_events"])
    ws.deliver.config = AppConfig(**{**current, **changes})
    ws.hub.tell("reset")
    if verify and not await ws.deliver.verify():
        raise SlackError("url_verification_failed")
    return {}


def set_settings(ws: Workspace, request: Request, body: Json) -> Json:
    ws.settings.change(body)
    return {"settings": vars(ws.settings)}


def set_scopes(ws: Workspace, request: Request, body: Json) -> Json:
    """The bot token's scopes from now on."""
    ws.scopes = set(body["scopes"])
    return {"scopes": sorted(ws.scopes)}


def set_user(ws: Workspace, request: Request, body: Json) -> Json:
    """Changes an account (and, with `groups`, its user groups) and sends the events Slack would send."""
    user_id, changes = request.path_params["user"], dict(body)
    groups = changes.pop("groups", None)
    user = ws.people.change(user_id, changes)
    if changes:
        ws.deliver.event({"type": "user_change", "user": user, "event_ts": ws.messages.next_ts()})
    for group in ws.people.set_groups(user_id, groups) if groups is not None else []:
        ws.deliver.event(_group_event(ws, group, user_id))
    ws.hub.tell("reset")
    return {"user": user}


def _group_event(ws: Workspace, group: Json, user_id: str) -> Json:
    added = user_id in group["users"]
    now = int(ws.clock())
    return {
        "type": "subteam_members_changed",
        "subteam_id": group["id"],
        "team_id": ws.world.team_id,
        "date_previous_update": now,
        "date_update": now,
        "added_users": [user_id] if added else [],
        "added_users_count": int(added),
        "removed_users": [] if added else [user_id],
        "removed_users_count": int(not added),
        "event_ts": ws.messages.next_ts(),
    }


def set_channel(ws: Workspace, request: Request, body: Json) -> Json:
    """Changes a channel; `leave` and `join` name a user who goes or comes."""
    channel, changes = request.path_params["channel"], dict(body)
    if user_id := changes.pop("leave", None):
        ws.rooms.leave(channel, user_id)
        event = {"type": "member_left_channel", "user": user_id, "channel": channel, "channel_type": "C"}
        ws.deliver.event({**event, "team": ws.world.team_id, "event_ts": ws.messages.next_ts()})
    if user_id := changes.pop("join", None):
        ws.rooms.join(channel, user_id)
    room = ws.rooms.change(channel, changes) if changes else ws.rooms.rooms[channel]
    if changes.get("is_archived"):
        ws.deliver.event({"type": "channel_archive", "channel": channel, "user": "UADMIN"})
    ws.hub.tell("reset")
    return {"channel": room}


def send_event(ws: Workspace, request: Request, body: Json) -> Json:
    """Any event, as the app would get it."""
    ws.deliver.event({"event_ts": ws.messages.next_ts(), **body["event"]}, body.get("name"))
    return {}


async def disconnect(ws: Workspace, request: Request, body: Json) -> Json:
    reason = body.get("reason", "refresh_requested")
    close, tell = body.get("close"), body.get("tell", True)
    return {"connections": await ws.sockets.disconnect(reason, close=close, tell=tell)}


def reset(ws: Workspace, request: Request, body: Json) -> Json:
    ws.reset()
    return {}


def calls(ws: Workspace, request: Request, body: Json) -> Json:
    found = ws.calls.since(int(request.query_params.get("since", 0)))
    method = request.query_params.get("method")
    return {"calls": [call for call in found if method in (None, call["method"])]}


def deliveries(ws: Workspace, request: Request, body: Json) -> Json:
    return {"deliveries": ws.deliveries.since(int(request.query_params.get("since", 0)))}


def messages(ws: Workspace, request: Request, body: Json) -> Json:
    """Everything in a channel, with metadata, replies and ephemerals."""
    found = ws.messages.in_channel(request.query_params["channel"])
    keys = ("ephemeral_to", "channel")
    shown = [ws.messages.shown(m, metadata=True) | {k: m[k] for k in keys if k in m} for m in found]
    return {"messages": shown}


def state(ws: Workspace, request: Request, body: Json) -> Json:
    connections = [{"sent": connection.sent} for connection in ws.sockets.connections]
    return {"settings": vars(ws.settings), "scopes": sorted(ws.scopes), "connections": connections}


def _endpoint(act: Callable[[Workspace, Request, Json], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            raw = await request.body()
            answer = act(request.app.state.workspace, request, json.loads(raw) if raw else {})
            if isinstance(answer, Awaitable):
                answer = await answer
        except SlackError as error:
            return Answer(error.body(), 400)
        except ActError as error:
            return Answer({"ok": False, "error": error.code}, 400)
        except (KeyError, ValueError, TypeError) as error:
            return Answer({"ok": False, "error": "invalid_arguments", "detail": repr(error)}, 400)
        return Answer({"ok": True, **answer})

    return endpoint


_POST = {
    "/control/faults": add_fault,
    "/control/app": set_app,
    "/control/settings": set_settings,
    "/control/scopes": set_scopes,
    "/control/users/{user}": set_user,
    "/control/channels/{channel}": set_channel,
    "/control/event": send_event,
    "/control/disconnect": disconnect,
    "/control/payload": payload,
    "/control/click_raw": click_raw,
    "/control/reset": reset,
}
_GET = {
    "/control/calls": calls,
    "/control/deliveries": deliveries,
    "/control/messages": messages,
    "/control/state": state,
}
ROUTES: list[BaseRoute] = [
    Route("/control/faults", _endpoint(clear_faults), methods=["DELETE"]),
    *(Route(path, _endpoint(act), methods=["POST"]) for path, act in _POST.items()),
    *(Route(path, _endpoint(act), methods=["GET"]) for path, act in _GET.items()),
]
