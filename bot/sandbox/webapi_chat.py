"""chat.*: posting, changing and deleting the bot's own messages."""

from __future__ import annotations

from typing import Any

from bot.sandbox.content import UPDATE_TEXT, content, require_something
from bot.sandbox.method import Args, Method, need
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.workspace import Workspace


def author(ws: Workspace) -> Json:
    """The fields that say a message is the bot's."""
    world = ws.world
    return {
        "user": world.bot_user,
        "bot_id": world.bot_id,
        "app_id": world.app_id,
        "team": world.team_id,
        "bot_profile": {
            "id": world.bot_id,
            "app_id": world.app_id,
            "name": world.app_name,
            "deleted": False,
            "team_id": world.team_id,
        },
    }


def thread_root(ws: Workspace, channel: str, ts: str) -> str:
    """The parent's ts; a reply to a reply belongs to the same thread."""
    parent = ws.messages.get(channel, ts)
    if parent is None or "ephemeral_to" in parent:
        raise SlackError("thread_not_found")
    return str(parent.get("thread_ts", ts))


def _post(ws: Workspace, args: Args) -> Json:
    room = ws.rooms.writable(ws.rooms.target(args.text("channel")), public="chat:write.public" in ws.scopes)
    given = content(args)
    require_something(given)
    fields: Json = {"text": "", **given, **author(ws), **_dressed(ws, args)}
    if args.text("thread_ts"):
        fields["thread_ts"] = thread_root(ws, room["id"], args.text("thread_ts"))
        fields |= {"broadcast": True} if args.flag("reply_broadcast") else {}
    message = ws.messages.add(room["id"], fields)
    return {"channel": room["id"], "ts": message["ts"], "message": ws.messages.shown(message, metadata=True)}


def _dressed(ws: Workspace, args: Args) -> Json:
    """Another name or icon than the app's own needs a scope of its own."""
    worn = {name: args[name] for name in ("username", "icon_emoji", "icon_url") if args.text(name)}
    if worn:
        need(ws, "chat:write.customize")
    return worn


def _own(ws: Workspace, args: Args, refusal: str) -> Json:
    room = ws.rooms.find(args.text("channel"))
    if room["is_archived"]:
        raise SlackError("is_inactive")
    message = ws.messages.get(room["id"], args.text("ts"))
    if message is None or "ephemeral_to" in message or message.get("subtype") == "tombstone":
        raise SlackError("message_not_found")
    if message.get("bot_id") != ws.world.bot_id:
        raise SlackError(refusal)
    return message


def _update(ws: Workspace, args: Args) -> Json:
    message = _own(ws, args, "cant_update_message")
    if len(args.text("text")) > UPDATE_TEXT:
        raise SlackError("msg_too_long")
    given = content(args)
    if not given:
        raise SlackError("no_text")
    changes: dict[str, Any] = dict(given)
    if "text" in given and "blocks" not in given:
        changes["blocks"] = None
    # An empty object or list clears; what is not given stays.
    changes |= {name: None for name in ("metadata", "attachments", "blocks") if given.get(name) in ({}, [])}
    if "blocks" in given and "text" not in given:
        changes["text"] = ""
    after = {**message, **changes}
    require_something(after)
    message = ws.messages.change(message, **changes, edited={"user": ws.world.bot_user, "ts": ws.messages.next_ts()})
    channel = message["channel"]
    shown = ws.messages.shown(message, metadata=True)
    return {"channel": channel, "ts": message["ts"], "text": message["text"], "message": shown}


def _delete(ws: Workspace, args: Args) -> Json:
    message = _own(ws, args, "cant_delete_message")
    ws.messages.remove(message)
    return {"channel": message["channel"], "ts": message["ts"]}


def _post_ephemeral(ws: Workspace, args: Args) -> Json:
    room = ws.rooms.writable(ws.rooms.target(args.text("channel")), public="chat:write.public" in ws.scopes)
    if args.text("user") not in ws.people.users:
        raise SlackError("user_not_found")
    if args.text("user") not in room["members"]:
        raise SlackError("user_not_in_channel")
    given = content(args)
    require_something(given)
    fields: Json = {"text": "", **given, **author(ws), **_dressed(ws, args)}
    if args.text("thread_ts"):
        fields["thread_ts"] = thread_root(ws, room["id"], args.text("thread_ts"))
    if ws.people.get(args.text("user"))["deleted"]:
        # Nobody there to see it, and ephemerals are not kept.
        return {"message_ts": ws.messages.next_ts()}
    return {"message_ts": ws.messages.add(room["id"], fields, ephemeral_to=args.text("user"))["ts"]}


def _permalink(ws: Workspace, args: Args) -> Json:
    room = ws.rooms.find(args.text("channel"))
    message = ws.messages.get(room["id"], args.text("message_ts"))
    if message is None or "ephemeral_to" in message:
        raise SlackError("message_not_found")
    link = f"{ws.base_url}/archives/{room['id']}/p{message['ts'].replace('.', '')}"
    if message.get("thread_ts"):
        link += f"?thread_ts={message['thread_ts']}&cid={room['id']}"
    return {"channel": room["id"], "permalink": link}


_CONTENT = ("text", "blocks", "attachments", "markdown_text", "parse", "link_names", "as_user")
_LOOK = ("username", "icon_emoji", "icon_url", "thread_ts")
_POSTING = ("metadata", "mrkdwn", "unfurl_links", "unfurl_media", "reply_broadcast", "container_id")

METHODS = {
    "chat.postMessage": Method(_post, ("channel",), (*_CONTENT, *_LOOK, *_POSTING), "chat:write"),
    "chat.update": Method(
        _update, ("channel", "ts"), (*_CONTENT, "metadata", "reply_broadcast", "file_ids"), "chat:write"
    ),
    "chat.delete": Method(_delete, ("channel", "ts"), ("as_user",), "chat:write"),
    "chat.postEphemeral": Method(_post_ephemeral, ("channel", "user"), (*_CONTENT, *_LOOK), "chat:write"),
    "chat.getPermalink": Method(_permalink, ("channel", "message_ts")),
}
