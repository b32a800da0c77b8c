"""Submitting and closing modals, and what the app's answer does to the stack."""

from __future__ import annotations

from typing import Any

from bot.sandbox import payloads
from bot.sandbox.acts import actor, own_view, shown
from bot.sandbox.deliver import Ack
from bot.sandbox.forms import problems, state
from bot.sandbox.wire import ActError, Json, SlackError
from bot.sandbox.workspace import Workspace


async def submit(ws: Workspace, user_id: str, body: Json) -> Json:
    view = _filled(ws, user_id, body)
    if not body.get("force") and (errors := problems(view["blocks"], view["state"]["values"])):
        return {"ok": False, "errors": errors}
    payload = payloads.submission(ws, ws.people.get(user_id), view)
    ack = await ws.deliver.interactive(payload, wants_answer=True)
    return shown(ack) if ack.error is not None else _answered(ws, user_id, view, ack)


def submission_payload(ws: Workspace, user_id: str, body: Json) -> Json:
    """view_submission for this modal as filled in, whatever the client would say to it."""
    view = _filled(ws, user_id, {**body, "force": True})
    return payloads.submission(ws, ws.people.get(user_id), view)


def _filled(ws: Workspace, user_id: str, body: Json) -> Json:
    actor(ws, user_id, force=bool(body.get("force")))
    view = _top(ws, user_id, str(body.get("view_id")))
    if view["submit"] is None and not body.get("force"):
        raise ActError("not_submittable")
    values = state(view["blocks"], view["state"]["values"], body.get("values") or {})
    return ws.modals.keep_state(view["id"], values)


def _top(ws: Workspace, user_id: str, view_id: str) -> Json:
    view = own_view(ws, user_id, view_id)
    stack = ws.modals.stack(user_id)
    if not stack or stack[-1]["id"] != view_id:
        raise ActError("view_not_on_top")
    return view


def _answered(ws: Workspace, user_id: str, view: Json, ack: Ack) -> Json:
    """Only an empty body closes the modal; what Slack can't read leaves it open with an error."""
    if not ack.body.strip():
        ws.modals.close(user_id, view["id"])
        return {"ok": True}
    answer = ack.json
    if answer == {}:
        ws.modals.close(user_id, view["id"])
        return {"ok": True}
    try:
        return _act(ws, user_id, view, answer or {})
    except SlackError as error:
        return {"ok": False, "error": "invalid_response", "messages": [error.code, *error.messages]}


def _act(ws: Workspace, user_id: str, view: Json, answer: Json) -> Json:
    action = answer.get("response_action")
    if action == "clear":
        ws.modals.clear(user_id)
    elif action == "update":
        ws.modals.update(view["id"], None, answer.get("view") or {}, None)
    elif action == "push":
        ws.modals.push(user_id, answer.get("view") or {})
    elif action == "errors":
        return {"ok": False, "errors": _field_errors(view, answer.get("errors"))}
    else:
        raise SlackError("invalid_response_action", [f"[ERROR] unexpected body: {str(answer)[:200]}"])
    return {"ok": True}


def _field_errors(view: Json, errors: Any) -> dict[str, str]:
    inputs = {block["block_id"] for block in view["blocks"] if block["type"] == "input"}
    if not isinstance(errors, dict) or not errors:
        raise SlackError("invalid_errors", ["[ERROR] errors must name at least one block"])
    if strangers := sorted(set(errors) - inputs):
        raise SlackError("invalid_errors", [f"[ERROR] not an input block: {name}" for name in strangers])
    return {str(block_id): str(text) for block_id, text in errors.items()}


async def close(ws: Workspace, user_id: str, body: Json) -> Json:
    """The X or Cancel; with `clear` the whole stack goes. The app hears of it only if it asked to."""
    user = actor(ws, user_id)
    view = own_view(ws, user_id, str(body.get("view_id")))
    if view["type"] == "home":
        raise ActError("view_not_found")
    cleared = bool(body.get("clear")) or view["clear_on_close"]
    if cleared:
        ws.modals.clear(user_id)
    else:
        ws.modals.close(user_id, view["id"])
    if view["notify_on_close"]:
        await ws.deliver.interactive(payloads.closed(ws, user, view, cleared=cleared))
    return {"ok": True}
