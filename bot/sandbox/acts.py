"""What a person does in Slack: write, type a command, open the Home tab, use a shortcut; and what they may see."""

from __future__ import annotations

from bot.sandbox import payloads, people
from bot.sandbox.deliver import Ack
from bot.sandbox.replies import command_answer
from bot.sandbox.wire import ActError, Json, SlackError
from bot.sandbox.workspace import Workspace

_EVENT_CHANNELS = {"im": "im", "private": "groups", "public": "channels"}


def actor(ws: Workspace, user_id: str, *, force: bool = False) -> Json:
    """The account, if it can use Slack's client at all; `force` is for hostile payloads in tests."""
    user = ws.people.users.get(user_id)
    if user is None:
        raise ActError("user_not_found")
    if not force and people.kind(user) in ("deactivated", "bot"):
        raise ActError(f"user_is_{people.kind(user)}")
    return user


def visible_room(ws: Workspace, user_id: str, channel: str, *, force: bool = False) -> Json:
    if channel == ws.rooms.dm(user_id)["id"]:
        return ws.rooms.rooms[channel]
    room = ws.rooms.rooms.get(channel)
    if room is None or not (force or ws.rooms.sees(user_id, room)):
        raise ActError("channel_not_found")
    return room


def visible_message(ws: Workspace, user_id: str, room: Json, ts: str, *, force: bool = False) -> Json:
    message = ws.messages.get(room["id"], ts)
    if message is None or not (force or message.get("ephemeral_to", user_id) == user_id):
        raise ActError("message_not_found")
    return message


def shown(ack: Ack) -> Json:
    """What the person sees of an ack: nothing, or an error mark."""
    return {"ok": True} if ack.error is None else {"ok": False, "error": ack.error, "status": ack.status}


def write(ws: Workspace, user_id: str, body: Json) -> Json:
    actor(ws, user_id)
    room = visible_room(ws, user_id, str(body.get("channel")))
    if room["is_archived"] or user_id not in room["members"]:
        raise ActError("is_archived" if room["is_archived"] else "not_in_channel")
    text = str(body.get("text", ""))
    if not text.strip():
        raise ActError("no_text")
    fields: Json = {"user": user_id, "team": ws.people.users[user_id]["team_id"], "text": text}
    if thread_ts := body.get("thread_ts"):
        parent = visible_message(ws, user_id, room, str(thread_ts))
        fields["thread_ts"] = parent.get("thread_ts", parent["ts"])
    message = ws.messages.add(room["id"], fields)
    _announce(ws, room, message)
    return {"ok": True, "ts": message["ts"]}


def _announce(ws: Workspace, room: Json, message: Json) -> None:
    if ws.world.bot_user not in room["members"]:
        return
    kind = "im" if room["is_im"] else "private" if room["is_private"] else "public"
    where = {"im": "im", "private": "group", "public": "channel"}[kind]
    common = {"channel": room["id"], "event_ts": message["ts"]}
    event = ws.messages.shown(message) | common | {"channel_type": where}
    shared = bool(room["is_ext_shared"])
    ws.deliver.event(event, f"message.{_EVENT_CHANNELS[kind]}", ext_shared=shared)
    if f"<@{ws.world.bot_user}>" in message["text"] and kind != "im":
        mention = {**ws.messages.shown(message), **common, "type": "app_mention"}
        ws.deliver.event(mention, ext_shared=shared)


def own_view(ws: Workspace, user_id: str, view_id: str) -> Json:
    """A modal that this person has open, or their Home tab."""
    if ws.modals.owner(view_id) != user_id:
        raise ActError("view_not_found")
    return ws.modals.views[view_id]


async def command(ws: Workspace, user_id: str, body: Json) -> Json:
    user = actor(ws, user_id, force=bool(body.get("force")))
    if people.kind(user) == "external" and not body.get("force"):
        raise ActError("restricted_action")
    channel = str(body.get("channel") or ws.rooms.dm(user_id)["id"])
    room = visible_room(ws, user_id, channel, force=bool(body.get("force")))
    name, _, text = str(body.get("text", "")).strip().partition(" ")
    if name not in ws.deliver.config.commands:
        raise ActError("unknown_command")
    fields = payloads.slash_command(ws, user, room, name, text.strip())
    ack = await ws.deliver.command(fields)
    if ack.error is None:
        try:
            command_answer(ws, fields, ack.body)
        except SlackError as error:
            return {
                "ok": False,
                "error": "invalid_command_response",
                "messages": [error.code, *error.messages],
            }
    return shown(ack)


async def shortcut(ws: Workspace, user_id: str, body: Json) -> Json:
    user = actor(ws, user_id, force=bool(body.get("force")))
    callback_id = str(body.get("callback_id"))
    known = next((s for s in ws.deliver.config.shortcuts if s.callback_id == callback_id), None)
    if known is None:
        raise ActError("unknown_shortcut")
    if known.type == "global":
        return shown(await ws.deliver.interactive(payloads.global_shortcut(ws, user, callback_id)))
    room = visible_room(ws, user_id, str(body.get("channel")))
    message = visible_message(ws, user_id, room, str(body.get("message_ts")))
    payload = payloads.message_shortcut(ws, user, room, message, callback_id)
    return shown(await ws.deliver.interactive(payload))


def open_home(ws: Workspace, user_id: str) -> Json:
    user = actor(ws, user_id)
    if people.kind(user) == "external":
        raise ActError("restricted_action")
    ws.deliver.event(payloads.home_opened(ws, user))
    return {"ok": True}
