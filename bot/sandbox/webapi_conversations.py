"""conversations.*: listing rooms, reading history, opening DMs."""

from __future__ import annotations

from bot.sandbox.method import Args, Method, need, page
from bot.sandbox.rooms import kind
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.workspace import Workspace

_READ = {
    "public_channel": "channels:read",
    "private_channel": "groups:read",
    "im": "im:read",
    "mpim": "mpim:read",
}
_HISTORY = {"public_channel": "channels:history", "private_channel": "groups:history", "im": "im:history"}


def _room(ws: Workspace, args: Args, scopes: dict[str, str]) -> Json:
    room = ws.rooms.find(args.text("channel"))
    need(ws, scopes[kind(room)])
    return room


def _list(ws: Workspace, args: Args) -> Json:
    types = (args.text("types") or "public_channel").replace(" ", "").split(",")
    for type_ in types:
        if type_ not in _READ:
            raise SlackError("invalid_types")
        need(ws, _READ[type_])
    rooms = [room for room in ws.rooms.rooms.values() if kind(room) in types and _known(ws, room)]
    if args.flag("exclude_archived"):
        rooms = [room for room in rooms if not room["is_archived"]]
    found, cursor = page(rooms, args)
    channels = [ws.rooms.shown(room, count=True) for room in found]
    return {"channels": channels, "response_metadata": {"next_cursor": cursor}}


def _known(ws: Workspace, room: Json) -> bool:
    return not room["is_private"] or ws.world.bot_user in room["members"]


def _info(ws: Workspace, args: Args) -> Json:
    room = _room(ws, args, _READ)
    return {"channel": ws.rooms.shown(room, count=args.flag("include_num_members"))}


def _members(ws: Workspace, args: Args) -> Json:
    members, cursor = page(_room(ws, args, _READ)["members"], args)
    return {"members": members, "response_metadata": {"next_cursor": cursor}}


def _open(ws: Workspace, args: Args) -> Json:
    if channel := args.text("channel"):
        room = ws.rooms.find(channel)
        if not room["is_im"]:
            raise SlackError("method_not_supported_for_channel_type")
        return _opened(ws, room, args, known=True)
    users = [user for user in args.text("users").replace(" ", "").split(",") if user]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        need(ws, "mpim:write")
        raise SlackError("not_enough_users")
    known = "D" + users[0].removeprefix("U") in ws.rooms.rooms
    return _opened(ws, ws.rooms.open_dm(users[0]), args, known=known)


def _opened(ws: Workspace, room: Json, args: Args, *, known: bool) -> Json:
    channel = ws.rooms.shown(room) if args.flag("return_im") else {"id": room["id"]}
    return {"channel": channel, **({"no_op": True, "already_open": True} if known else {})}


def _join(ws: Workspace, args: Args) -> Json:
    room = ws.rooms.find(args.text("channel"))
    if room["is_archived"]:
        raise SlackError("is_archived")
    if kind(room) != "public_channel":
        raise SlackError("method_not_supported_for_channel_type")
    already = ws.world.bot_user in room["members"]
    answer: Json = {"channel": ws.rooms.shown(ws.rooms.join(room["id"], ws.world.bot_user))}
    if already:
        answer |= {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    return answer


def _readable(ws: Workspace, args: Args) -> Json:
    room = _room(ws, args, _HISTORY)
    if ws.world.bot_user not in room["members"]:
        raise SlackError("not_in_channel")
    return room


def _between(messages: list[Json], args: Args) -> list[Json]:
    """The messages from `oldest` to `latest`; the ends themselves only with `inclusive`."""
    oldest, latest = args.text("oldest") or "0", args.text("latest") or "9999999999.999999"
    try:
        low, high = float(oldest), float(latest)
    except ValueError:
        raise SlackError("invalid_ts_oldest" if not _number(oldest) else "invalid_ts_latest") from None
    inside = [m for m in messages if low < float(m["ts"]) < high]
    if args.flag("inclusive"):
        inside = [m for m in messages if low <= float(m["ts"]) <= high]
    return inside


def _number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()


def _page(ws: Workspace, messages: list[Json], args: Args) -> Json:
    found, cursor = page(messages, args, most=999)
    with_metadata = args.flag("include_all_metadata") and "metadata.message:read" in ws.scopes
    answer: Json = {
        "messages": [ws.messages.shown(m, metadata=with_metadata) for m in found],
        "has_more": bool(cursor),
    }
    return answer | ({"response_metadata": {"next_cursor": cursor}} if cursor else {})


def _history(ws: Workspace, args: Args) -> Json:
    room = _readable(ws, args)
    newest_first = _between(ws.messages.history(room["id"]), args)[::-1]
    return {**_page(ws, newest_first, args), "pin_count": 0}


def _replies(ws: Workspace, args: Args) -> Json:
    room = _readable(ws, args)
    message = ws.messages.get(room["id"], args.text("ts"))
    if message is None or "ephemeral_to" in message:
        raise SlackError("thread_not_found")
    root = ws.messages.get(room["id"], str(message.get("thread_ts", message["ts"])))
    replies = ws.messages.replies(room["id"], root["ts"]) if root else [message]
    found = _between(replies, args)
    return _page(ws, [*([root] if root else []), *found], args)


_PAGING = ("cursor", "limit")
_RANGE = (*_PAGING, "oldest", "latest", "inclusive", "include_all_metadata")

METHODS = {
    "conversations.list": Method(_list, (), (*_PAGING, "types", "exclude_archived")),
    "conversations.info": Method(_info, ("channel",), ("include_locale", "include_num_members")),
    "conversations.members": Method(_members, ("channel",), _PAGING),
    "conversations.open": Method(_open, (), ("channel", "users", "return_im", "prevent_creation"), "im:write"),
    "conversations.join": Method(_join, ("channel",), (), "channels:join"),
    "conversations.history": Method(_history, ("channel",), _RANGE),
    "conversations.replies": Method(_replies, ("channel", "ts"), _RANGE),
}
