"""What a person does in Slack: write, click, type a command, open the Home tab, use a shortcut."""

from __future__ import annotations

from bot.sandbox import payloads, people
from bot.sandbox.blocks import elements, walk
from bot.sandbox.deliver import Ack
from bot.sandbox.forms import KEYS, option_of, state, value_of
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
    ws.deliver.event(event, f"message.{_EVENT_CHANNELS[kind]}")
    if f"<@{ws.world.bot_user}>" in message["text"] and kind != "im":
        ws.deliver.event({**ws.messages.shown(message), **common, "type": "app_mention"})


async def click(ws: Workspace, user_id: str, body: Json) -> Json:
    user = actor(ws, user_id, force=bool(body.get("force")))
    if body.get("view_id"):
        return await _click_in_view(ws, user, body)
    force = bool(body.get("force"))
    room = visible_room(ws, user_id, str(body.get("channel")), force=force)
    if room["is_archived"] and not force:
        raise ActError("is_archived")
    message = visible_message(ws, user_id, room, str(body.get("message_ts")), force=force)
    blocks = [
        *message.get("blocks", []),
        *(b for a in message.get("attachments", []) for b in a.get("blocks", [])),
    ]
    action = _action(ws, blocks, body)
    values = state(blocks, {}, _with_choice(body, action))
    payload = payloads.message_click(ws, user, room, message, action, values)
    return shown(await ws.deliver.interactive(payload))


async def _click_in_view(ws: Workspace, user: Json, body: Json) -> Json:
    view = own_view(ws, user["id"], str(body["view_id"]))
    action = _action(ws, view["blocks"], body)
    values = state(view["blocks"], view["state"]["values"], _with_choice(body, action))
    view = ws.modals.keep_state(view["id"], values)
    return shown(await ws.deliver.interactive(payloads.view_click(ws, user, view, action)))


def own_view(ws: Workspace, user_id: str, view_id: str) -> Json:
    """A modal that this person has open, or their Home tab."""
    if ws.modals.owner(view_id) != user_id:
        raise ActError("view_not_found")
    return ws.modals.views[view_id]


def _action(ws: Workspace, blocks: list[Json], body: Json) -> Json:
    """The entry of `actions`: the element's own data, and the choice made where there is one."""
    for block in walk(blocks):
        for element in elements(block):
            if (block["block_id"], element["action_id"]) == (body.get("block_id"), body.get("action_id")):
                chosen = _choice(element, body)
                ids = {
                    "type": element["type"],
                    "block_id": block["block_id"],
                    "action_id": element["action_id"],
                }
                return {**ids, **chosen, "action_ts": ws.messages.next_ts()}
    raise ActError("no_such_element")


def _choice(element: Json, body: Json) -> Json:
    kind = element["type"]
    if kind in KEYS:
        return value_of(element, body)
    if kind == "overflow":
        return {"selected_option": option_of(element, body.get("selected_option"))}
    if kind == "feedback_buttons":
        offered = (element["positive_button"]["value"], element["negative_button"]["value"])
        if body.get("value") not in offered:
            raise ActError("no_such_option")
        return {"value": body["value"]}
    # A button says what the app wrote on it, whatever the caller claims; only force can lie.
    chosen: Json = {name: element[name] for name in ("text", "value", "style") if name in element}
    return {**chosen, "value": body["value"]} if body.get("force") and "value" in body else chosen


def _with_choice(body: Json, action: Json) -> Json:
    """The inputs' values with the one just chosen among them."""
    given: Json = {block_id: dict(actions) for block_id, actions in (body.get("state") or {}).items()}
    if action["type"] in KEYS:
        given.setdefault(action["block_id"], {})[action["action_id"]] = action
    return given


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
