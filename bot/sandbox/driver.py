"""A person at the keyboard, for scenario tests: acts through the sandbox's UI API as the page does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from bot.sandbox.blocks import elements, walk
from bot.sandbox.forms import KEYS, stateful
from bot.sandbox.wire import Json, tls

JSON = {"Content-Type": "application/json"}


def ascii_json(body: Json) -> bytes:
    """httpx would send UTF-8, which cannot carry half a surrogate pair."""
    return json.dumps(body).encode()


@dataclass(frozen=True)
class Outcome:
    """What the person sees: it worked, or an error, or errors at fields of the modal."""

    ok: bool
    error: str | None = None
    errors: dict[str, str] = field(default_factory=dict)
    messages: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.ok


class Person:
    """`async with Person(url, "UALICE") as alice: await alice.click(card, "approve")`."""

    def __init__(self, base_url: str, user: str, client: httpx.AsyncClient | None = None) -> None:
        self.user, self.base_url = user, base_url.rstrip("/")
        self._own = client is None
        self._client = client or httpx.AsyncClient(timeout=30, verify=tls(), trust_env=False)

    async def __aenter__(self) -> Person:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._own:
            await self._client.aclose()

    async def conversations(self) -> list[Json]:
        return list(await self._get("conversations"))

    async def messages(self, channel: str, thread_ts: str | None = None) -> list[Json]:
        """Oldest first; without `thread_ts` the channel itself."""
        params = {"channel": channel, **({"thread_ts": thread_ts} if thread_ts else {})}
        return list(await self._get("messages", params))

    async def dm(self) -> str:
        """The id of the conversation with the app."""
        return str(next(c["id"] for c in await self.conversations() if c["kind"] == "im"))

    async def see(
        self, channel: str, wanted: Callable[[Json], bool], *, thread_ts: str | None = None, within: float = 10
    ) -> Json:
        """The newest message that fits, waiting for it to come."""
        deadline = time.monotonic() + within
        while True:
            found = [m for m in await self.messages(channel, thread_ts) if wanted(m)]
            if found:
                return found[-1]
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.user} did not see the message in {channel} within {within} s")
            await asyncio.sleep(0.02)

    async def say(self, channel: str, text: str, thread_ts: str | None = None) -> Outcome:
        body = {"channel": channel, "text": text, "thread_ts": thread_ts}
        return await self._act("message", {k: v for k, v in body.items() if v is not None})

    async def click(
        self,
        where: Json,
        action_id: str,
        value: Any = None,
        *,
        block_id: str | None = None,
        state: Json | None = None,
        force: bool = False,
    ) -> Outcome:
        """Clicks an element of a message or view. `value` is the choice: an option's value, a date, a text."""
        for block in _blocks(where):
            for element in elements(block):
                if element["action_id"] == action_id and block_id in (None, block["block_id"]):
                    body = {"block_id": block["block_id"], "action_id": action_id, "state": state or {}}
                    chosen = {} if value is None else _chosen(element, value)
                    return await self._act("click", {**_place(where), **body, **chosen, "force": force})
        raise AssertionError(f"there is no {action_id!r} to click on")

    async def command(self, text: str, channel: str | None = None, *, force: bool = False) -> Outcome:
        return await self._act("command", {"text": text, "channel": channel, "force": force})

    async def shortcut(self, callback_id: str, message: Json | None = None) -> Outcome:
        """A message shortcut on that message, or a global one."""
        place = _place(message) if message else {}
        return await self._act("shortcut", {"callback_id": callback_id, **place})

    async def open_home(self) -> Outcome:
        return await self._act("home", {})

    async def home(self) -> Json | None:
        """The Home tab as it is now; it may still be the old one right after `open_home`."""
        view: Json | None = (await self._get("home"))["view"]
        return view

    async def views(self) -> list[Json]:
        """The open modals, the top one last."""
        return list(await self._get("view") or [])

    async def submit(self, view: Json, values: Json | None = None, *, force: bool = False) -> Outcome:
        """Values by block_id, or by block_id and action_id: texts, option values, or full state entries."""
        by_block: Json = {}
        for block, element in stateful(view["blocks"]):
            given = (values or {}).get(block["block_id"])
            raw = given.get(element["action_id"]) if isinstance(given, dict) else given
            if raw is not None:
                by_block.setdefault(block["block_id"], {})[element["action_id"]] = _entry(element, raw)
        if unknown := set(values or {}) - set(by_block):
            raise AssertionError(f"there are no such inputs: {sorted(unknown)}")
        return await self._act("view/submit", {"view_id": view["id"], "values": by_block, "force": force})

    async def close(self, view: Json, *, clear: bool = False) -> Outcome:
        return await self._act("view/close", {"view_id": view["id"], "clear": clear})

    async def _get(self, path: str, params: dict[str, str] | None = None) -> Any:
        answer = await self._client.get(f"{self.base_url}/ui/api/as/{self.user}/{path}", params=params)
        if answer.status_code != 200:
            raise AssertionError(f"{self.user} cannot see {path}: {answer.text}")
        return answer.json()

    async def _act(self, path: str, body: Json) -> Outcome:
        answer = await self._client.post(
            f"{self.base_url}/ui/api/as/{self.user}/{path}", content=ascii_json(body), headers=JSON
        )
        seen = answer.json()
        return Outcome(seen["ok"], seen.get("error"), seen.get("errors") or {}, tuple(seen.get("messages") or ()))


def _place(where: Json) -> Json:
    if "ts" in where:
        return {"channel": where["channel"], "message_ts": where["ts"]}
    return {"view_id": where["id"]}


def _blocks(where: Json) -> list[Json]:
    attached = [b for attachment in where.get("attachments", []) for b in attachment.get("blocks", [])]
    return list(walk([*where["blocks"], *attached]))


def _entry(element: Json, raw: Any) -> Json:
    return raw if isinstance(raw, dict) and "type" in raw else {"type": element["type"], **_chosen(element, raw)}


def _chosen(element: Json, raw: Any) -> Json:
    """`raw` under the key this kind of element uses; option values become option objects."""
    if element["type"] == "overflow":
        return {"selected_option": _option(raw)}
    key = KEYS[element["type"]][0] if element["type"] in KEYS else "value"
    if key == "selected_option":
        return {key: _option(raw)}
    return {key: [_option(one) for one in raw]} if key == "selected_options" else {key: raw}


def _option(raw: Any) -> Any:
    return {"value": raw} if isinstance(raw, str) else raw
