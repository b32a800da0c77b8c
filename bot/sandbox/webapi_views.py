"""views.*: opening, pushing, updating modals and publishing the Home tab."""

from __future__ import annotations

from typing import Any

from bot.sandbox.blocks import check_view
from bot.sandbox.method import Args, Method
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.workspace import Workspace


def _view(args: Args, surface: str) -> Json:
    """The view, refused before the trigger is spent on it."""
    view: Any = args.parsed("view")
    if errors := check_view(view, surface):
        raise SlackError("invalid_arguments", errors)
    return dict(view)


def _user(ws: Workspace, args: Args) -> str:
    pointer = args.text("trigger_id") or args.text("interactivity_pointer")
    if not pointer:
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: trigger_id"])
    return ws.tickets.use_trigger(pointer)


def _open(ws: Workspace, args: Args) -> Json:
    view = _view(args, "modal")
    return {"view": ws.modals.open(_user(ws, args), view)}


def _push(ws: Workspace, args: Args) -> Json:
    view = _view(args, "modal")
    user = _user(ws, args)
    if not ws.modals.stack(user):
        raise SlackError("not_found")
    return {"view": ws.modals.push(user, view)}


def _update(ws: Workspace, args: Args) -> Json:
    if not (args.text("view_id") or args.text("external_id")):
        raise SlackError("invalid_arguments", ["[ERROR] missing required field: view_id or external_id"])
    view = args.parsed("view")
    updated = ws.modals.update(args.text("view_id") or None, args.text("external_id") or None, view, args.get("hash"))
    return {"view": updated}


def _publish(ws: Workspace, args: Args) -> Json:
    user = args.text("user_id")
    account = ws.people.users.get(user)
    if account is None or account["is_bot"] or account["deleted"]:
        raise SlackError("invalid_arguments", ["[ERROR] user_id is not a member of the workspace"])
    if account.get("is_stranger"):
        raise SlackError("not_enabled")
    return {"view": ws.modals.publish(user, _view(args, "home"), args.get("hash"))}


METHODS = {
    "views.open": Method(_open, ("view",), ("trigger_id", "interactivity_pointer")),
    "views.push": Method(_push, ("view",), ("trigger_id", "interactivity_pointer")),
    "views.update": Method(_update, ("view",), ("view_id", "external_id", "hash")),
    "views.publish": Method(_publish, ("user_id", "view"), ("hash",)),
}
