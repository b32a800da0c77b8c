"""`/ui/api`: acting as any person, for the browser page and for scenario tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from bot.sandbox import acts, clicks, people, submitting
from bot.sandbox.wire import ActError, Answer, Json
from bot.sandbox.workspace import Workspace

MESSAGES = 500
HEARTBEAT = 15.0
Act = Callable[[Workspace, str, Json], Awaitable[Json]]


def bootstrap(ws: Workspace, request: Request) -> Json:
    world = ws.world
    rooms = [room for room in ws.rooms.rooms.values() if not room["is_im"]]
    return {
        "team": {"id": world.team_id, "name": world.team_name, "domain": world.team_domain},
        "app": {
            "id": world.app_id,
            "name": world.app_name,
            "bot_user": world.bot_user,
            "bot_id": world.bot_id,
        },
        "users": [_user(user) for user in ws.people.users.values()],
        "channels": [_conversation(room) for room in rooms],
        "groups": [{name: group[name] for name in ("id", "handle", "name")} for group in ws.people.groups.values()],
        "commands": sorted(ws.deliver.config.commands),
    }


def _user(user: Json) -> Json:
    shown = {name: user[name] for name in ("id", "name", "real_name", "tz", "color")}
    profile = user["profile"]
    return shown | {
        "display_name": profile["display_name"],
        "title": profile["title"],
        "kind": people.kind(user),
    }


def _conversation(room: Json) -> Json:
    kind = "im" if room["is_im"] else "private" if room["is_private"] else "channel"
    shown: Json = {"id": room["id"], "name": room["name"], "kind": kind, "archived": room["is_archived"]}
    if room["is_im"]:
        return shown | {"user": room["user"]}
    return shown | {"ext_shared": room["is_ext_shared"], "topic": room["topic"]["value"]}


def conversations(ws: Workspace, request: Request) -> list[Json]:
    user_id = request.path_params["user"]
    acts.actor(ws, user_id, force=True)
    return [_listed(ws, user_id, room) for room in ws.rooms.seen_by(user_id)]


def _listed(ws: Workspace, user_id: str, room: Json) -> Json:
    read = ws.store.all("read").get(f"{user_id}:{room['id']}", {"ts": "0"})["ts"]
    fresh = _visible(user_id, ws.messages.since(room["id"], read))
    unread = sum(1 for m in fresh if m["user"] != user_id)
    listed = _conversation(room) | {"unread": unread, "member": user_id in room["members"]}
    # In a person's list the DM with the app goes by the app's name.
    return listed | {"name": ws.world.app_name, "user": ws.world.bot_user} if room["is_im"] else listed


def _visible(user_id: str, found: list[Json]) -> list[Json]:
    return [m for m in found if m.get("ephemeral_to", user_id) == user_id]


def messages(ws: Workspace, request: Request) -> list[Json]:
    user_id, query = request.path_params["user"], request.query_params
    acts.actor(ws, user_id, force=True)
    room = acts.visible_room(ws, user_id, query.get("channel", ""))
    everything = _visible(user_id, ws.messages.in_channel(room["id"]))
    found = everything
    if thread := query.get("thread_ts"):
        found = [m for m in found if thread in (m["ts"], m.get("thread_ts"))]
    else:
        found = [m for m in found if m.get("thread_ts", m["ts"]) == m["ts"] or m.get("broadcast")]
    found = found[-int(query.get("limit", MESSAGES)) :]
    if everything and not thread:
        # Whoever looks at the channel has seen that its threads have news.
        ws.store.put("read", f"{user_id}:{room['id']}", {"ts": everything[-1]["ts"]})
    return [_message(ws, m) for m in found]


def _message(ws: Workspace, message: Json) -> Json:
    bot = message.get("bot_id") is not None
    author = ws.people.users.get(message["user"], {})
    shown: Json = {
        "ts": message["ts"],
        "channel": message["channel"],
        "user": message["user"],
        "bot": bot,
        "username": message.get("username") or author.get("real_name", message["user"]),
        "text": message["text"],
        "blocks": message.get("blocks", []),
        "attachments": message.get("attachments", []),
        "thread_ts": message.get("thread_ts"),
        "reply_count": len(ws.messages.replies(message["channel"], message["ts"])),
        "ephemeral": "ephemeral_to" in message,
        # Slack does not mark a bot's own changes as edited.
        "edited": "edited" in message and not bot,
    }
    if message.get("subtype") == "tombstone":
        shown["deleted"] = True
    return shown | {name: message[name] for name in ("files", "icon_emoji", "icon_url") if name in message}


def view(ws: Workspace, request: Request) -> list[Json] | None:
    acts.actor(ws, request.path_params["user"], force=True)
    return ws.modals.stack(request.path_params["user"]) or None


def home(ws: Workspace, request: Request) -> Json:
    acts.actor(ws, request.path_params["user"], force=True)
    return {"view": ws.modals.home(request.path_params["user"])}


def shortcuts(ws: Workspace, request: Request) -> list[Json]:
    return [{"callback_id": s.callback_id, "name": s.name, "type": s.type} for s in ws.deliver.config.shortcuts]


async def events(request: Request) -> Response:
    ws: Workspace = request.app.state.workspace
    queue = ws.hub.listen()

    async def stream() -> AsyncIterator[str]:
        try:
            yield ": here\n\n"
            while True:
                try:
                    news = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if news is None:
                    return
                yield f"data: {json.dumps(news)}\n\n"
        finally:
            ws.hub.leave(queue)

    return StreamingResponse(stream(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


async def _write(ws: Workspace, user_id: str, body: Json) -> Json:
    return acts.write(ws, user_id, body)


async def _open_home(ws: Workspace, user_id: str, body: Json) -> Json:
    return acts.open_home(ws, user_id)


def _reading(read: Callable[[Workspace, Request], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return Answer(read(request.app.state.workspace, request))
        except ActError as error:
            return Answer({"ok": False, "error": error.code}, 404)

    return endpoint


def _acting(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            raw = await request.body()
            body = json.loads(raw) if raw else {}
            if not isinstance(body, dict):
                raise ActError("not_an_object")
            answer = await act(request.app.state.workspace, request.path_params["user"], body)
        except ActError as error:
            answer = {"ok": False, "error": error.code}
        except ValueError:
            answer = {"ok": False, "error": "not_json"}
        return Answer(answer)

    return endpoint


_AS = "/ui/api/as/{user}"
_READS = {
    "/ui/api/bootstrap": bootstrap,
    "/ui/api/shortcuts": shortcuts,
    f"{_AS}/conversations": conversations,
    f"{_AS}/messages": messages,
    f"{_AS}/view": view,
    f"{_AS}/home": home,
}
_ACTS: dict[str, Act] = {
    f"{_AS}/message": _write,
    f"{_AS}/click": clicks.click,
    f"{_AS}/command": acts.command,
    f"{_AS}/shortcut": acts.shortcut,
    f"{_AS}/view/submit": submitting.submit,
    f"{_AS}/view/close": submitting.close,
    f"{_AS}/home": _open_home,
}
ROUTES: list[BaseRoute] = [
    Route("/ui/api/events", events, methods=["GET"]),
    *(Route(path, _reading(read), methods=["GET"]) for path, read in _READS.items()),
    *(Route(path, _acting(act), methods=["POST"]) for path, act in _ACTS.items()),
]
