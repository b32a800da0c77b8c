"""users.* and usergroups.*: who there is and in which group."""

from __future__ import annotations

from bot.sandbox.method import Args, Method, page
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.workspace import Workspace


def _shown(ws: Workspace, user: Json, args: Args) -> Json:
    shown = ws.people.shown(user, email="users:read.email" in ws.scopes)
    return {**shown, "locale": "en-GB"} if args.flag("include_locale") else shown


def _info(ws: Workspace, args: Args) -> Json:
    return {"user": _shown(ws, ws.people.get(args.text("user")), args)}


def _list(ws: Workspace, args: Args) -> Json:
    users, cursor = page(list(ws.people.users.values()), args, default=200)
    members = [_shown(ws, user, args) for user in users]
    return {"members": members, "cache_ts": int(ws.clock()), "response_metadata": {"next_cursor": cursor}}


def _by_email(ws: Workspace, args: Args) -> Json:
    return {"user": _shown(ws, ws.people.by_email(args.text("email")), args)}


def _groups(ws: Workspace, args: Args) -> Json:
    groups = [dict(group) for group in ws.people.groups.values()]
    for group in groups:
        if not args.flag("include_users"):
            group.pop("users")
        if not args.flag("include_count"):
            group.pop("user_count")
    if not args.flag("include_disabled"):
        groups = [group for group in groups if not group["date_delete"]]
    return {"usergroups": groups}


def _group_users(ws: Workspace, args: Args) -> Json:
    group = ws.people.groups.get(args.text("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": group["users"]}


METHODS = {
    "users.info": Method(_info, ("user",), ("include_locale",), "users:read"),
    "users.list": Method(_list, (), ("cursor", "limit", "include_locale"), "users:read"),
    "users.lookupByEmail": Method(_by_email, ("email",), (), "users:read.email"),
    "usergroups.list": Method(_groups, (), ("include_count", "include_disabled", "include_users"), "usergroups:read"),
    "usergroups.users.list": Method(_group_users, ("usergroup",), ("include_disabled",), "usergroups:read"),
}
