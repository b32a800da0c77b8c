"""Socket Mode: the same payloads over a socket of ours. Acknowledged only when the answer is a 200."""

import asyncio
import json
import logging
from typing import Any

import structlog
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.guard import Home, Malformed, accepts_envelope
from bot.listeners import dispatch
from bot.listeners.services import Services
from bot.slack import Slack, is_loopback

_log = structlog.get_logger(__name__)


class SocketRunner:
    """One connection, kept alive and renewed by the SDK. `slack` carries the xapp token and the base URL."""

    def __init__(self, bolt: AsyncApp, services: Services, home: Home, slack: Slack, app_token: str) -> None:
        self._bolt, self._services, self._home = bolt, services, home
        self._slack, self._token = slack, app_token
        self._client: SocketModeClient | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect; raises `SlackProblem` or aiohttp's error when Slack can't be reached."""
        logger = logging.getLogger("gatepost.socket_mode")
        # The SDK writes every message at DEBUG.
        logger.setLevel(logging.WARNING)
        client = SocketModeClient(
            app_token=self._token, web_client=self._slack.web, logger=logger, auto_reconnect_enabled=True
        )
        if is_loopback(self._slack.base_url):
            client.proxy = None
        client.socket_mode_request_listeners.append(self._received)
        self._client = client
        await client.connect()  # type: ignore[no-untyped-call]

    async def stop(self) -> None:
        """Answer what is being answered, then close."""
        if self._running:
            await asyncio.wait(self._running)
        if self._client is not None:
            await self._client.close()  # type: ignore[no-untyped-call]

    async def connected(self) -> bool:
        """Whether a connection is up at this moment."""
        return self._client is not None and await self._client.is_connected()

    async def _received(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        # The SDK handles one message after another: one slow answer must not hold up the next click.
        task = asyncio.create_task(self._answer(client, request))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        response = await self._dispatched(request)
        if response.status != 200:
            _log.info("envelope not acknowledged", status=response.status)
            return
        answer = SocketModeResponse(envelope_id=request.envelope_id, payload=_payload(response))
        await client.send_socket_mode_response(answer)

    async def _dispatched(self, request: SocketModeRequest) -> BoltResponse:
        payload: Any = request.payload
        try:
            wanted = accepts_envelope(request.type, payload, self._home)
        except Malformed as error:
            _log.info("slack envelope refused", reason=str(error))
            return BoltResponse(status=400, body="")
        if not wanted:
            return BoltResponse(status=200, body="")
        headers = {"x-slack-retry-num": str(request.retry_attempt)} if request.retry_attempt else {}
        return await dispatch(self._bolt, self._services, payload, headers)


def _payload(response: BoltResponse) -> dict[str, Any] | None:
    """The body as Slack wants it in an envelope: an object, or nothing."""
    if not response.body:
        return None
    if str(response.headers.get("content-type", [""])[0]).startswith("application/json"):
        parsed: dict[str, Any] = json.loads(response.body)
        return parsed
    return {"text": response.body}
