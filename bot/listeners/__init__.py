"""Listeners: parse to a typed value, call one verb, acknowledge. All of them are in this one list."""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any, Final

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.guard.shape import Home
from bot.listeners import (
    batches,
    buttons,
    command,
    errors,
    events,
    grants,
    instead,
    looking,
    reading,
    shortcuts,
    stopping,
    submissions,
    talk,
)
from bot.listeners.services import Background, Mirror, Services
from graph.faults import report

__all__ = ["Background", "Mirror", "Services", "dispatch", "make_app", "register"]

ANSWER_SECONDS: Final = 2.4
_PARTS: Final = (
    talk,
    stopping,
    looking,
    instead,
    reading,
    grants,
    batches,
    buttons,
    shortcuts,
    submissions,
    command,
    events,
    errors,
)
_log = structlog.get_logger(__name__)
_abandoned: set[asyncio.Task[BoltResponse]] = set()


def make_app(services: Services, home: Home, *, bot_user: str = "", bot_id: str = "") -> AsyncApp:
    """Bolt, without any Slack call of its own and without the checks that the guard has made already."""
    logger = logging.getLogger("gatepost.bolt")
    # Bolt writes whole bodies at WARNING and below.
    logger.setLevel(logging.ERROR)
    known = AuthorizeResult(enterprise_id=home.enterprise_id, team_id=home.team_id, bot_user_id=bot_user, bot_id=bot_id)

    async def authorize() -> AuthorizeResult:
        return known

    app = AsyncApp(
        logger=logger,
        name="gatepost",
        process_before_response=True,
        signing_secret="",
        # Listeners speak to Slack through `services.slack` only; this client has no token on purpose.
        client=AsyncWebClient(base_url=services.slack.base_url, retry_handlers=[], logger=logger),
        authorize=authorize,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )
    register(app, services)
    return app


def register(app: AsyncApp, services: Services) -> None:
    """Every listener of the house; each part ends with one that catches what is not ours."""
    for part in _PARTS:
        part.register(app, services)


async def dispatch(
    app: AsyncApp, services: Services, payload: dict[str, Any], headers: Mapping[str, str] | None = None
) -> BoltResponse:
    """Answer a checked payload within 2.4 seconds, whatever the database does: 503 when it is not done by then."""
    started = time.monotonic()
    task = asyncio.create_task(_dispatch(app, payload, headers or {}))
    done, _ = await asyncio.wait({task}, timeout=ANSWER_SECONDS)
    if done:
        response = task.result()
    else:
        # Not awaited: cancelling waits for a database that may not answer.
        task.cancel()
        _abandoned.add(task)
        task.add_done_callback(_abandoned.discard)
        _log.error("interaction took too long", kind=payload.get("type") or "command")
        response = BoltResponse(status=503, body="")
    services.metrics.ack_seconds.labels(str(response.status)).observe(time.monotonic() - started)
    return response


async def _dispatch(app: AsyncApp, payload: dict[str, Any], headers: Mapping[str, str]) -> BoltResponse:
    try:
        # "socket_mode" is Bolt's word for: parsed already. One parse, the one that was checked.
        request = AsyncBoltRequest(body=payload, headers=dict(headers), mode="socket_mode")
    except (TypeError, AttributeError, KeyError, IndexError):
        _log.info("slack request refused", status=400, reason="bolt can't read it")
        return BoltResponse(status=400, body="")
    try:
        return await app.async_dispatch(request)
    except Exception as error:  # the last line before Slack: an answer must go out
        report("interaction failed", error)
        return BoltResponse(status=503, body="")
