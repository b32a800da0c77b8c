"""Accounts and user groups: Slack's user objects, what kind of account each is, and who is in which group."""

from __future__ import annotations

import copy
from typing import Any

from bot.sandbox.store import Store
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.world import Group, Person, World

EPOCH = 1_700_000_000
_OFFSETS = {"Europe/Berlin": 3600, "Europe/Rome": 3600, "America/New_York": -18000}


class People:
    def __init__(self, store: Store, world: World) -> None:
        self._store, self._world = store, world
        self.users = store.all("user")
        self.groups = store.all("group")

    def seed(self) -> None:
        world = self._world
        bot = Person(world.bot_user, world.bot_name, world.app_name, bot=True, tz="Etc/UTC", color="1264a3")
        for person in (*world.people, bot):
            self._store.put("user", person.id, _user(person, world))
        for group in world.groups:
            self._store.put("group", group.id, _group(group, world))

    def get(self, user_id: str) -> Json:
        user = self.users.get(user_id)
        if user is None:
            raise SlackError("user_not_found")
        return user

    def shown(self, user: Json, *, email: bool) -> Json:
        """The object as the API shows it: without the address unless the scope allows it."""
        shown = copy.deepcopy(user)
        if not email:
            shown["profile"].pop("email", None)
        return shown

    def by_email(self, email: str) -> Json:
        for user in self.users.values():
            if user["profile"].get("email", "").lower() == email.lower() and not user["deleted"]:
                return user
        raise SlackError("users_not_found")

    def change(self, user_id: str, fields: dict[str, Any]) -> Json:
        """Test hook: fields of the object or of its profile, e.g. deleted, is_restricted, title."""
        user = copy.deepcopy(self.get(user_id))
        for name, value in fields.items():
            target = user if name in user or name.startswith("is_") else user["profile"]
            target[name] = value
        self._store.put("user", user_id, user)
        return user

    def set_groups(self, user_id: str, group_ids: list[str]) -> list[Json]:
        """Puts the user into exactly these groups; returns the groups that changed."""
        changed = []
        for group in list(self.groups.values()):
            wanted, listed = group["id"] in group_ids, user_id in group["users"]
            if wanted != listed:
                users = [u for u in group["users"] if u != user_id] + ([user_id] if wanted else [])
                self._store.put("group", group["id"], {**group, "users": users, "user_count": len(users)})
                changed.append(self.groups[group["id"]])
        return changed


def kind(user: Json) -> str:
    """How the page names an account; the order decides where several apply."""
    if user["deleted"]:
        return "deactivated"
    if user.get("is_bot"):
        return "bot"
    if user.get("is_stranger"):
        return "external"
    if user.get("is_ultra_restricted"):
        return "single_channel_guest"
    return "guest" if user.get("is_restricted") else "member"


def _user(person: Person, world: World) -> Json:
    first, _, last = person.real_name.partition(" ")
    profile: Json = {
        "title": person.title,
        "real_name": person.real_name,
        "real_name_normalized": person.real_name,
        "display_name": person.shown,
        "display_name_normalized": person.shown,
        "first_name": first,
        "last_name": last,
        "team": person.team,
    }
    if person.bot:
        own = person.id == world.bot_user
        profile |= {
            "api_app_id": world.app_id if own else "AOTHER",
            "bot_id": world.bot_id if own else "BOTHER",
        }
    else:
        domain = "gatepost.example" if person.team == world.team_id else "partner.example"
        profile["email"] = person.email or f"{person.name}@{domain}"
    user: Json = {
        "id": person.id,
        "team_id": person.team,
        "name": person.name,
        "deleted": person.deleted,
        "color": person.color,
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": _OFFSETS.get(person.tz, 0),
        "profile": profile,
        "is_admin": person.admin,
        "is_owner": person.admin,
        "is_primary_owner": False,
        "is_restricted": person.restricted,
        "is_ultra_restricted": person.ultra_restricted,
        "is_bot": person.bot,
        "is_app_user": False,
        "updated": EPOCH,
        "is_email_confirmed": not person.bot,
    }
    if person.stranger:
        user["is_stranger"] = True
    return user


def _group(group: Group, world: World) -> Json:
    return {
        "id": group.id,
        "team_id": world.team_id,
        "is_usergroup": True,
        "is_subteam": True,
        "name": group.name,
        "description": "",
        "handle": group.handle,
        "is_external": False,
        "date_create": EPOCH,
        "date_update": EPOCH,
        "date_delete": 0,
        "auto_type": None,
        "auto_provision": False,
        "enterprise_subteam_id": "",
        "created_by": "UADMIN",
        "updated_by": "UADMIN",
        "deleted_by": None,
        "prefs": {"channels": [], "groups": []},
        "users": list(group.users),
        "user_count": len(group.users),
    }
