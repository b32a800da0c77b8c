"""The web process: Slack's traffic behind the guard, and what a load balancer or Prometheus asks."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.guard import SLACK_PATH, Guard, Home, Signing, payload_of
from bot.listeners import Services, dispatch
from bot.listeners.metrics import Metrics
from graph.faults import report
from graph.verbs.ports import Gauges

READY_SECONDS: Final = 1.0
FIGURES_SECONDS: Final = 5.0
_SLACK_HEADERS: Final = ("x-slack-retry-num", "x-slack-retry-reason")
_log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[bool]]
Ill = Callable[[], Awaitable[Mapping[str, str]]]
Measure = Callable[[], Awaitable[Gauges]]
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def make_web(
    bolt: AsyncApp | None,
    services: Services,
    *,
    home: Home,
    signing: Signing | None,
    checks: Mapping[str, Check] | None = None,
    ill: Ill | None = None,
    measure: Measure | None = None,
    lifespan: Lifespan | None = None,
) -> Starlette:
    """The ASGI app. Without `signing` (Socket Mode) the Slack path doesn't exist; `checks` decide `/readyz`, and what
    `ill` names is what `/healthz` complains about.
    """
    figures = _Figures(services.metrics, measure)

    async def slack(request: Request) -> Response:
        if bolt is None:
            return Response(status_code=404)
        headers = {name: request.headers[name] for name in _SLACK_HEADERS if name in request.headers}
        return _response(await dispatch(bolt, services, payload_of(request.scope), headers))

    async def readyz(request: Request) -> Response:
        found = await _checked(checks or {})
        return JSONResponse(found, 200 if all(found.values()) else 503)

    async def healthz(request: Request) -> Response:
        found = await _ill(ill)
        return JSONResponse({"ill": found}, 503) if found else PlainTextResponse("ok")

    async def metrics(request: Request) -> Response:
        await figures.refresh()
        return Response(services.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    routes = [
        Route("/livez", _livez, methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
    guarded = []
    if signing is not None:
        routes.append(Route(SLACK_PATH, slack, methods=["POST"]))
        guarded.append(Middleware(Guard, signing=signing, home=home))
    return Starlette(routes=routes, middleware=guarded, lifespan=_lasting(services, lifespan))


def _lasting(services: Services, inner: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if inner is None:
            yield
        else:
            async with inner(app):
                yield
        await services.background.drain()

    return lifespan


async def _livez(request: Request) -> Response:
    return PlainTextResponse("ok")


async def _ill(ill: Ill | None) -> dict[str, str]:
    """What is not well, by name; whoever can't be asked within a second isn't either."""
    if ill is None:
        return {}
    try:
        async with asyncio.timeout(READY_SECONDS):
            return dict(await ill())
    except Exception as error:
        report("health not known", error)
        return {"database": "does not answer"}


async def _checked(checks: Mapping[str, Check]) -> dict[str, bool]:
    """Each check's answer within a second; what fails or hangs is not ready."""
    answers = await asyncio.gather(*(_holds(name, check) for name, check in checks.items()))
    return dict(zip(checks, answers, strict=True))


async def _holds(name: str, check: Check) -> bool:
    task = asyncio.ensure_future(check())
    done, _ = await asyncio.wait({task}, timeout=READY_SECONDS)
    if not done:
        task.cancel()
        return False
    error = task.exception()
    if error is not None:
        _log.warning("not ready", check=name, error=type(error).__name__)
        return False
    return task.result()


class _Figures:
    """What is read from the database for a scrape, at most once in five seconds and for one."""

    def __init__(self, metrics: Metrics, measure: Measure | None) -> None:
        self._metrics, self._measure = metrics, measure
        self._alone = asyncio.Lock()
        self._fresh_until = 0.0

    async def refresh(self) -> None:
        if self._measure is None:
            return
        async with self._alone:
            if time.monotonic() < self._fresh_until:
                return
            self._fresh_until = time.monotonic() + FIGURES_SECONDS
            try:
                async with asyncio.timeout(READY_SECONDS):
                    self._metrics.show(await self._measure())
            except Exception as error:  # the other figures are still worth having
                report("figures not taken", error)


def _response(answer: BoltResponse) -> Response:
    return Response(answer.body, answer.status, headers=answer.first_headers_without_set_cookie())
