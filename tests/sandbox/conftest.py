"""A sandbox on a free port for each test, and an app that answers as it is told and keeps what it was sent."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox.harness import Harness, sandbox, until

Json = dict[str, Any]


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[Harness]:
    async with sandbox(tmp_path / "slack.db") as harness:
        yield harness


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server._serve([listener]))
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
def serve_app() -> Callable[[Any], Any]:
    """Runs an ASGI app beside the sandbox: `async with serve_app(app) as url`."""
    return serving


@dataclass
class StubApp:
    """`answer` decides the response to a delivery; `got` keeps (headers, parsed body) in order."""

    url: str = ""
    got: list[tuple[Json, Json]] = field(default_factory=list)
    answer: Callable[[Json], Awaitable[Response] | Response] = lambda _: Response(status_code=200)

    def payloads(self, type_: str) -> list[Json]:
        return [body for _, body in self.got if type_ in (body.get("type"), body.get("event", {}).get("type"))]

    async def receive(self, request: Request) -> Response:
        raw = await request.body()
        stamp = request.headers["x-slack-request-timestamp"]
        mac = hmac.new(b"sandbox-signing-secret", f"v0:{stamp}:".encode() + raw, hashlib.sha256)
        assert request.headers["x-slack-signature"] == "v0=" + mac.hexdigest()
        body = _parsed(raw, request.headers["content-type"])
        self.got.append((dict(request.headers), body))
        answer = self.answer(body)
        return answer if isinstance(answer, Response) else await answer


def _parsed(raw: bytes, content_type: str) -> Json:
    if content_type.startswith("application/json"):
        return dict(json.loads(raw))
    form = {name: values[0] for name, values in parse_qs(raw.decode(), keep_blank_values=True).items()}
    return dict(json.loads(form["payload"])) if "payload" in form else form


@pytest.fixture
async def stub(slack: Harness) -> AsyncIterator[StubApp]:
    """An app configured in the sandbox for everything."""
    app = StubApp()
    async with serving(Starlette(routes=[Route("/slack/events", app.receive, methods=["POST"])])) as url:
        app.url = f"{url}/slack/events"
        await slack.control(
            "app",
            interactivity_url=app.url,
            events_url=app.url,
            commands={"/approvals": app.url},
            shortcuts=[
                {"callback_id": "about", "name": "About this", "type": "message"},
                {"callback_id": "new", "name": "New run", "type": "global"},
            ],
        )
        yield app
