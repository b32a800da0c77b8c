"""The payloads Slack sends, built from what is on the screen."""

from __future__ import annotations

from typing import Any

from bot.sandbox.wire import Json
from bot.sandbox.workspace import Workspace


def _frame(ws: Workspace, type_: str, user: Json) -> Json:
    world = ws.world
    return {
        "type": type_,
        "team": {"id": world.team_id, "domain": world.team_domain},
        "user": {
            "id": user["id"],
            "username": user["name"],
            "name": user["name"],
            "team_id": user["team_id"],
        },
        "api_app_id": world.app_id,
        "token": world.verification_token,
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _channel(room: Json) -> Json:
    name = "directmessage" if room["is_im"] else "privategroup" if room["is_private"] else room["name"]
    return {"id": room["id"], "name": name}


def message_click(ws: Workspace, user: Json, room: Json, message: Json, action: Json, values: Json) -> Json:
    """block_actions from a message. An ephemeral one does not carry the message itself."""
    ephemeral = "ephemeral_to" in message
    container: Json = {
        "type": "message",
        "message_ts": message["ts"],
        "channel_id": room["id"],
        "is_ephemeral": ephemeral,
    }
    if message.get("thread_ts"):
        container["thread_ts"] = message["thread_ts"]
    payload = _frame(ws, "block_actions", user) | {
        "container": container,
        "trigger_id": ws.tickets.trigger(user["id"]),
        "channel": _channel(room),
        "state": {"values": values},
        "response_url": ws.base_url + ws.tickets.response_url(room["id"], user["id"], message["ts"]),
        "actions": [action],
    }
    return payload if ephemeral else payload | {"message": ws.messages.shown(message)}


def view_click(ws: Workspace, user: Json, view: Json, action: Json) -> Json:
    """block_actions from a modal or the Home tab: a view, but neither channel nor response_url."""
    return _frame(ws, "block_actions", user) | {
        "container": {"type": "view", "view_id": view["id"]},
        "trigger_id": ws.tickets.trigger(user["id"]),
        "view": view,
        "actions": [action],
    }


def submission(ws: Workspace, user: Json, view: Json) -> Json:
    trigger = {"trigger_id": ws.tickets.trigger(user["id"])}
    return _frame(ws, "view_submission", user) | trigger | {"view": view, "response_urls": []}


def closed(ws: Workspace, user: Json, view: Json, *, cleared: bool) -> Json:
    return _frame(ws, "view_closed", user) | {"view": view, "is_cleared": cleared}


def message_shortcut(ws: Workspace, user: Json, room: Json, message: Json, callback_id: str) -> Json:
    return _frame(ws, "message_action", user) | {
        "action_ts": ws.messages.next_ts(),
        "callback_id": callback_id,
        "trigger_id": ws.tickets.trigger(user["id"]),
        "response_url": ws.base_url + ws.tickets.response_url(room["id"], user["id"], message["ts"]),
        "channel": _channel(room),
        "message_ts": message["ts"],
        "message": ws.messages.shown(message),
    }


def global_shortcut(ws: Workspace, user: Json, callback_id: str) -> Json:
    return _frame(ws, "shortcut", user) | {
        "action_ts": ws.messages.next_ts(),
        "callback_id": callback_id,
        "trigger_id": ws.tickets.trigger(user["id"]),
    }


def slash_command(ws: Workspace, user: Json, room: Json, command: str, text: str) -> dict[str, Any]:
    """The form fields of a slash command."""
    world = ws.world
    channel = _channel(room)
    return {
        "token": world.verification_token,
        "team_id": world.team_id,
        "team_domain": world.team_domain,
        "channel_id": channel["id"],
        "channel_name": channel["name"],
        "user_id": user["id"],
        "user_name": user["name"],
        "command": command,
        "text": text,
        "api_app_id": world.app_id,
        "is_enterprise_install": "false",
        "response_url": ws.base_url + ws.tickets.response_url(room["id"], user["id"]),
        "trigger_id": ws.tickets.trigger(user["id"]),
    }


def home_opened(ws: Workspace, user: Json) -> Json:
    view = ws.modals.home(user["id"])
    event: Json = {
        "type": "app_home_opened",
        "user": user["id"],
        "channel": ws.rooms.dm(user["id"])["id"],
        "tab": "home",
        "event_ts": ws.messages.next_ts(),
    }
    return event | ({"view": view} if view else {})
