"""For tests: a sandbox with its people and its control API in one typed hand, and waiting on conditions."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from bot.sandbox.driver import JSON, Person, ascii_json
from bot.sandbox.server import create_app, running
from bot.sandbox.wire import Json, tls
from bot.sandbox.workspace import Workspace
from bot.sandbox.world import AppConfig, World


@dataclass
class Clock:
    """The wall clock, which a test may push forward."""

    ahead: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass
class Harness:
    """`workspace` and `clock` are there only when the sandbox runs in this process."""

    url: str
    http: httpx.AsyncClient
    workspace: Workspace | None = None
    clock: Clock = field(default_factory=Clock)
    _people: dict[str, Person] = field(default_factory=dict)

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"

    def person(self, user: str) -> Person:
        return self._people.setdefault(user, Person(self.url, user, self.http))

    async def api(self, method: str, token: str = "xoxb-sandbox", **args: Any) -> Json:  # noqa: S107
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.http.post(self.api_url + method, content=ascii_json(args), headers={**JSON, **headers})
        return dict(answer.json())

    async def post(self, channel: str = "CTIER1", **fields: Any) -> Json:
        """A message of the bot's that must succeed."""
        answer = await self.api("chat.postMessage", channel=channel, **{"text": "hello", **fields})
        if not answer["ok"]:
            raise AssertionError(answer)
        return answer

    async def control(self, path: str, **body: Any) -> Json:
        answer = dict((await self.http.post(f"{self.url}/control/{path}", json=body)).json())
        if not answer["ok"]:
            raise AssertionError(answer)
        return answer

    async def fault(self, method: str, kind: str, **more: Any) -> None:
        """`method` is a Web API method, `*`, `response_url` or `deliver`; see faults.py for the kinds."""
        await self.control("faults", method=method, kind=kind, **more)

    async def clear_faults(self) -> None:
        await self.http.delete(f"{self.url}/control/faults")

    async def calls(self, method: str | None = None, since: int = 0) -> list[Json]:
        params = {"since": str(since), **({"method": method} if method else {})}
        return list((await self.http.get(f"{self.url}/control/calls", params=params)).json()["calls"])

    async def deliveries(self, type_: str | None = None, since: int = 0) -> list[Json]:
        found = (await self.http.get(f"{self.url}/control/deliveries", params={"since": since})).json()
        return [entry for entry in found["deliveries"] if type_ in (None, entry["type"])]

    async def messages(self, channel: str) -> list[Json]:
        """Everything in the channel as it is, with metadata, replies and ephemerals."""
        answer = await self.http.get(f"{self.url}/control/messages", params={"channel": channel})
        return list(answer.json()["messages"])


@asynccontextmanager
async def sandbox(
    store_path: Path,
    app_config: AppConfig | None = None,
    *,
    world: World | None = None,
    mounts: Mapping[str, ASGIApp] | None = None,
) -> AsyncIterator[Harness]:
    """A sandbox in this process on a free port for the length of the block."""
    clock = Clock()
    app = create_app(world, store_path, app_config=app_config, mounts=mounts, clock=clock)
    async with running(app) as url, httpx.AsyncClient(timeout=30, verify=tls(), trust_env=False) as http:
        yield Harness(url, http, app.state.workspace, clock)


async def until(condition: Callable[[], Any], within: float = 10) -> Any:
    """Waits until the condition (sync or async) gives something true, and returns that."""
    deadline = time.monotonic() + within
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {within} s")
        await asyncio.sleep(0.01)
