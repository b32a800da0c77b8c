"""Clicking an element of a message, a modal or the Home tab: which data the click carries."""

from __future__ import annotations

from bot.sandbox import payloads
from bot.sandbox.acts import actor, own_view, shown, visible_message, visible_room
from bot.sandbox.blocks import elements, walk
from bot.sandbox.forms import KEYS, option_of, state, value_of
from bot.sandbox.wire import ActError, Json
from bot.sandbox.workspace import Workspace


async def click(ws: Workspace, user_id: str, body: Json) -> Json:
    return shown(await ws.deliver.interactive(click_payload(ws, user_id, body)))


def click_payload(ws: Workspace, user_id: str, body: Json) -> Json:
    """block_actions for this click on a message or in a view."""
    force = bool(body.get("force"))
    user = actor(ws, user_id, force=force)
    if body.get("view_id"):
        return _click_in_view(ws, user, body)
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
    return payloads.message_click(ws, user, room, message, action, values)


def _click_in_view(ws: Workspace, user: Json, body: Json) -> Json:
    view = own_view(ws, user["id"], str(body["view_id"]))
    action = _action(ws, view["blocks"], body)
    values = state(view["blocks"], view["state"]["values"], _with_choice(body, action))
    view = ws.modals.keep_state(view["id"], values)
    return payloads.view_click(ws, user, view, action)


def _action(ws: Workspace, blocks: list[Json], body: Json) -> Json:
    """The entry of `actions`: the element's own data, and the choice made where there is one."""
    for block in walk(blocks):
        for element in elements(block):
            if (block["block_id"], element["action_id"]) == (body.get("block_id"), body.get("action_id")):
                if block["type"] == "input" and not block.get("dispatch_action"):
                    raise ActError("not_dispatched")
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
