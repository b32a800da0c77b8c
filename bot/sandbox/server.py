"""The sandbox as one ASGI application: all routes, and nobody else's machine let in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from bot.sandbox import control, replies, uiapi, webapi, webapi_files
from bot.sandbox.serving import LOOPBACK, running, serve
from bot.sandbox.workspace import Workspace
from bot.sandbox.world import AppConfig, World

__all__ = ["create_app", "running", "serve"]

PAGE = Path(__file__).parent / "page"


def create_app(
    world: World | None = None,
    store_path: Path | None = None,
    *,
    app_config: AppConfig | None = None,
    mounts: Mapping[str, ASGIApp] | None = None,
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """One local Slack; its state lives in `store_path` and is loaded from there if it exists."""
    if store_path is None:
        raise ValueError("the sandbox needs a store_path")
    workspace = Workspace(world or World(), store_path, app_config or AppConfig(), clock)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await workspace.deliver.close()
        workspace.store.close()

    app = Starlette(routes=_routes(mounts or {}), lifespan=lifespan, middleware=[Middleware(LoopbackOnly)])
    app.state.workspace = workspace
    return app


def _routes(mounts: Mapping[str, ASGIApp]) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        Route("/api/{method:path}", webapi.call, methods=["GET", "POST"]),
        Route("/upload/v1/{secret}", webapi_files.upload, methods=["POST"]),
        Route("/files/{file_id}", webapi_files.download, methods=["GET"]),
        Route("/actions/{secret}", replies.respond, methods=["POST"]),
        Route("/archives/{channel}/{message}", _permalink, methods=["GET"]),
        WebSocketRoute("/link/", _link),
        *control.ROUTES,
        *uiapi.ROUTES,
        *(Mount(path, app=mounted) for path, mounted in mounts.items()),
    ]
    return [*routes, Mount("/", app=StaticFiles(directory=PAGE, html=True, check_dir=False))]


async def _permalink(request: Request) -> Response:
    """What chat.getPermalink gives out leads to the page."""
    wanted = {"channel": request.path_params["channel"], "thread": request.query_params.get("thread_ts", "")}
    return RedirectResponse("/#" + urlencode({name: value for name, value in wanted.items() if value}))


async def _link(websocket: WebSocket) -> None:
    workspace: Workspace = websocket.app.state.workspace
    if not workspace.tickets.use_socket(websocket.query_params.get("ticket", "")):
        await websocket.close(4403)
        return
    await workspace.sockets.serve(websocket)


class LoopbackOnly:
    """Refuses what does not come from this machine's own names: other hosts, and other sites' pages."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = sent.get("host", ""), sent.get("origin")
        if not _loopback(f"//{host}") or (origin is not None and not _loopback(origin)):
            if scope["type"] == "http":
                await PlainTextResponse("only from this machine", 403)(scope, receive, send)
            return
        workspace: Workspace = scope["app"].state.workspace
        # Links in payloads lead back to where the sandbox was first reached.
        workspace.base_url = workspace.base_url or f"http://{host}"
        await self.app(scope, receive, send)


def _loopback(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False
