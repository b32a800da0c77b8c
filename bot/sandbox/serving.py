"""Running the sandbox under uvicorn: on loopback only, on any free port, with its real address reported."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from bot.sandbox.workspace import Workspace

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def _listen(host: str, port: int) -> socket.socket:
    if host not in LOOPBACK:
        raise ValueError(f"the sandbox listens on loopback only, not on {host!r}")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


def _quiet(record: logging.LogRecord) -> bool:
    """An answer broken off on purpose (webapi.Dropped) is no news."""
    return "without completing response" not in record.getMessage()


class _Server(uvicorn.Server):
    """uvicorn's, which also says when it accepts connections, and stops without waiting for a tick."""

    def __init__(self, config: uvicorn.Config, workspace: Workspace) -> None:
        super().__init__(config)
        self._workspace = workspace
        self.ready, self.stopping = asyncio.Event(), asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 0.5)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Event streams never end by themselves.
        self._workspace.hub.close()
        await super().shutdown(sockets)

    def stop(self) -> None:
        self.should_exit = True
        self.stopping.set()


async def _ready(server: _Server, task: asyncio.Task[None]) -> None:
    waiting = asyncio.create_task(server.ready.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    if not server.started:
        waiting.cancel()
        await task
        raise RuntimeError("the sandbox did not start")


def _server(app: Starlette, listener: socket.socket, host: str) -> tuple[_Server, str]:
    port = listener.getsockname()[1]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    app.state.workspace.base_url = url
    logging.getLogger("uvicorn.error").addFilter(_quiet)
    config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1)
    return _Server(config, app.state.workspace), url


@asynccontextmanager
async def running(app: Starlette, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Runs the app in this event loop for the length of the block; gives its base URL."""
    listener = _listen(host, port)
    server, url = _server(app, listener, host)
    # Signals belong to whoever runs the loop.
    task = asyncio.create_task(server._serve([listener]))
    try:
        await _ready(server, task)
        yield url
    finally:
        server.stop()
        await task
        listener.close()


async def serve(
    app: Starlette, *, host: str = "127.0.0.1", port: int = 0, on_ready: Callable[[str], None] | None = None
) -> None:
    """Runs until SIGINT or SIGTERM; `on_ready` hears the base URL once connections are accepted."""
    listener = _listen(host, port)
    server, url = _server(app, listener, host)
    task = asyncio.create_task(server.serve([listener]))
    await _ready(server, task)
    if on_ready is not None:
        on_ready(url)
    await task
