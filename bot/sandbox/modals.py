"""Views: a stack of at most three modals per person, one Home tab each, and the hash that bars stale writes."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable

from bot.sandbox.blocks import check_view, fill_ids
from bot.sandbox.hub import Hub
from bot.sandbox.store import Store
from bot.sandbox.wire import Json, SlackError
from bot.sandbox.world import World

STACK_LIMIT = 3
_COPIED = ("type", "callback_id", "title", "submit", "close", "private_metadata", "external_id")


class Modals:
    def __init__(self, store: Store, hub: Hub, world: World, clock: Callable[[], float]) -> None:
        self._store, self._hub, self._world, self._clock = store, hub, world, clock
        self.views = store.all("view")
        self.stacks = store.all("stack")
        self.homes = store.all("home")

    def stack(self, user: str) -> list[Json]:
        return [self.views[view_id] for view_id in self.stacks.get(user, {}).get("ids", [])]

    def owner(self, view_id: str) -> str | None:
        for user, stack in self.stacks.items():
            if view_id in stack["ids"]:
                return user
        return next((user for user, home in self.homes.items() if home["id"] == view_id), None)

    def open(self, user: str, view: Json) -> Json:
        """A new modal takes the place of whatever the person had open."""
        self._check(view, "modal")
        with self._store.batch():
            self._drop(user, 0)
            return self._put_on_top(user, view)

    def push(self, user: str, view: Json) -> Json:
        self._check(view, "modal")
        if len(self.stack(user)) >= STACK_LIMIT:
            raise SlackError("push_limit_reached")
        return self._put_on_top(user, view)

    def update(self, view_id: str | None, external_id: str | None, view: Json, hash_: str | None) -> Json:
        current = self.find(view_id, external_id)
        if hash_ is not None and hash_ != current["hash"]:
            raise SlackError("hash_conflict")
        self._check(view, current["type"], known=current["id"])
        return self._replace(current, view)

    def find(self, view_id: str | None, external_id: str | None) -> Json:
        for view in self.views.values():
            if view["id"] == view_id or (external_id and view.get("external_id") == external_id):
                return view
        raise SlackError("not_found")

    def publish(self, user: str, view: Json, hash_: str | None) -> Json:
        """The Home tab. It keeps its id for ever and gets a new hash with every publish."""
        self._check(view, "home")
        home = self.homes.get(user)
        if home is not None:
            current = self.views[home["id"]]
            if hash_ is not None and hash_ != current["hash"]:
                raise SlackError("hash_conflict")
            return self._replace(current, view)
        built = self._build(view, "V" + secrets.token_hex(5).upper(), None, None)
        with self._store.batch():
            self._store.put("view", built["id"], built)
            self._store.put("home", user, {"id": built["id"]})
        self._hub.tell("home", user=user)
        return built

    def home(self, user: str) -> Json | None:
        home = self.homes.get(user)
        return self.views[home["id"]] if home else None

    def close(self, user: str, view_id: str) -> None:
        """Closing a view also closes what lies above it."""
        ids = self.stacks.get(user, {}).get("ids", [])
        if view_id in ids:
            with self._store.batch():
                self._drop(user, ids.index(view_id))

    def clear(self, user: str) -> None:
        with self._store.batch():
            self._drop(user, 0)

    def keep_state(self, view_id: str, values: Json) -> Json:
        """Remembers what the person filled in, so that an update can show it again."""
        view = {**self.views[view_id], "state": {"values": values}}
        self._store.put("view", view_id, view)
        return view

    def _check(self, view: Json, surface: str, known: str | None = None) -> None:
        if errors := check_view(view, surface):
            raise SlackError("invalid_arguments", errors)
        external_id = view.get("external_id")
        if external_id and any(v.get("external_id") == external_id and v["id"] != known for v in self.views.values()):
            raise SlackError("duplicate_external_id")

    def _put_on_top(self, user: str, view: Json) -> Json:
        stack = self.stack(user)
        view_id = "V" + secrets.token_hex(5).upper()
        built = self._build(view, view_id, *((stack[0]["id"], stack[-1]["id"]) if stack else (view_id, None)))
        self._store.put("view", view_id, built)
        self._store.put("stack", user, {"ids": [*(v["id"] for v in stack), view_id]})
        self._hub.tell("view", user=user)
        return built

    def _replace(self, current: Json, view: Json) -> Json:
        built = self._build(view, current["id"], current["root_view_id"], current["previous_view_id"])
        built["state"] = {"values": _kept_state(current["state"]["values"], built["blocks"])}
        self._store.put("view", built["id"], built)
        self._hub.tell("home" if built["type"] == "home" else "view", user=self.owner(built["id"]))
        return built

    def _build(self, view: Json, view_id: str, root: str | None, previous: str | None) -> Json:
        built: Json = {name: copy.deepcopy(view.get(name)) for name in _COPIED}
        built |= {name: view.get(name) or "" for name in ("callback_id", "private_metadata", "external_id")}
        return built | {
            "id": view_id,
            "team_id": self._world.team_id,
            "blocks": fill_ids(view["blocks"]),
            "state": {"values": {}},
            "hash": f"{int(self._clock())}.{secrets.token_hex(4)}",
            "clear_on_close": bool(view.get("clear_on_close")),
            "notify_on_close": bool(view.get("notify_on_close")),
            "root_view_id": root or view_id,
            "previous_view_id": previous,
            "app_id": self._world.app_id,
            "app_installed_team_id": self._world.team_id,
            "bot_id": self._world.bot_id,
        }

    def _drop(self, user: str, keep: int) -> None:
        ids = self.stacks.get(user, {}).get("ids", [])
        for view_id in ids[keep:]:
            self._store.drop("view", view_id)
        self._store.put("stack", user, {"ids": ids[:keep]})
        self._hub.tell("view", user=user)


def _kept_state(values: Json, blocks: list[Json]) -> Json:
    """Input survives an update where block_id and action_id stay the same."""
    ids = {block["block_id"] for block in blocks}
    return {block_id: actions for block_id, actions in values.items() if block_id in ids}
