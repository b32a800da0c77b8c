"""Channels and direct messages: who is in them, who sees them, and how the API names and shows them."""

from __future__ import annotations

from bot.sandbox.people import EPOCH, People
from bot.sandbox.store import Store
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.world import Room, World


class Rooms:
    def __init__(self, store: Store, world: World, people: People) -> None:
        self._store, self._world, self._people = store, world, people
        self.rooms = store.all("room")

    def seed(self) -> None:
        for room in self._world.rooms:
            self._store.put("room", room.id, _room(room, self._world))

    def find(self, channel: str) -> Json:
        """By id only, as most methods want it; what the bot must not know of does not exist."""
        room = self.rooms.get(channel)
        if room is None or (room["is_private"] and self._world.bot_user not in room["members"]):
            raise SlackError("channel_not_found")
        return room

    def target(self, channel: str) -> Json:
        """What chat.postMessage accepts: an id, `#name` or `name`, or a user id, which opens the DM."""
        if channel in self._people.users:
            return self.open_dm(channel, missing="channel_not_found")
        name = channel.removeprefix("#")
        for room in self.rooms.values():
            if room["name"] and room["name"] == name:
                return self.find(room["id"])
        return self.find(channel)

    def open_dm(self, user_id: str, *, missing: str = "user_not_found") -> Json:
        user = self._people.users.get(user_id)
        if user is None:
            raise SlackError(missing)
        if user["is_bot"]:
            raise SlackError("cannot_dm_bot")
        if user.get("is_stranger"):
            raise SlackError("channel_not_found")
        if user["deleted"]:
            raise SlackError("user_disabled" if missing == "user_not_found" else missing)
        return self.dm(user_id)

    def dm(self, user_id: str) -> Json:
        """The conversation between this person and the app, made on first use."""
        channel = "D" + user_id.removeprefix("U")
        if channel not in self.rooms:
            self._store.put("room", channel, _dm(channel, user_id, self._world))
        return self.rooms[channel]

    def writable(self, room: Json, *, public: bool) -> Json:
        """The room if the bot may post there; `public` is the scope chat:write.public."""
        if room["is_archived"]:
            raise SlackError("is_archived")
        if self._world.bot_user not in room["members"] and not (public and not room["is_private"]):
            raise SlackError("not_in_channel")
        return room

    def sees(self, user_id: str, room: Json) -> bool:
        """Members see a room; full members of the team may also look into any public channel."""
        if user_id in room["members"]:
            return True
        user = self._people.users.get(user_id)
        if user is None or room["is_private"] or room["is_im"]:
            return False
        return user["team_id"] == self._world.team_id and not user["is_restricted"]

    def seen_by(self, user_id: str) -> list[Json]:
        self.dm(user_id)
        return [room for room in self.rooms.values() if self.sees(user_id, room)]

    def join(self, channel: str, user_id: str) -> Json:
        room = self.find(channel)
        if user_id not in room["members"]:
            self._store.put("room", channel, {**room, "members": [*room["members"], user_id]})
        return self.rooms[channel]

    def leave(self, channel: str, user_id: str) -> None:
        room = self.rooms[channel]
        members = [member for member in room["members"] if member != user_id]
        self._store.put("room", channel, {**room, "members": members})

    def change(self, channel: str, fields: Json) -> Json:
        """Test hook, e.g. `is_archived`."""
        self._store.put("room", channel, {**self.find(channel), **fields})
        return self.rooms[channel]

    def shown(self, room: Json, *, count: bool = False) -> Json:
        """The channel object of the API; DMs have a much smaller one."""
        hidden = {"members", "name"} if room["is_im"] else {"members"}
        shown = {k: v for k, v in room.items() if k not in hidden}
        if not room["is_im"]:
            shown["is_member"] = self._world.bot_user in room["members"]
        if count:
            shown["num_members"] = len(room["members"])
        return shown


def kind(room: Json) -> str:
    """`public_channel`, `private_channel` or `im`, as conversations.list names them."""
    if room["is_im"]:
        return "im"
    return "private_channel" if room["is_private"] else "public_channel"


def _room(room: Room, world: World) -> Json:
    members = [*room.members, *([world.bot_user] if room.bot else [])]
    shared = [world.team_id, *(["TPARTNER"] if room.ext_shared else [])]
    return {
        "id": room.id,
        "name": room.name,
        "is_channel": not room.private,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": room.private,
        "created": EPOCH,
        "is_archived": room.archived,
        "is_general": False,
        "unlinked": 0,
        "name_normalized": room.name,
        "is_shared": room.ext_shared,
        "is_org_shared": False,
        "is_ext_shared": room.ext_shared,
        "is_pending_ext_shared": False,
        "pending_shared": [],
        "shared_team_ids": shared,
        "context_team_id": world.team_id,
        "updated": EPOCH * 1000,
        "creator": "UADMIN",
        "topic": {"value": room.topic, "creator": "UADMIN", "last_set": EPOCH},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "previous_names": [],
        "members": members,
    }


def _dm(channel: str, user_id: str, world: World) -> Json:
    return {
        "id": channel,
        "name": "",
        "created": EPOCH,
        "is_archived": False,
        "is_im": True,
        "is_private": True,
        "is_org_shared": False,
        "is_ext_shared": False,
        "user": user_id,
        "context_team_id": world.team_id,
        "updated": EPOCH * 1000,
        "members": [user_id, world.bot_user],
    }
