"""The check before anything parses: size, signature over the raw bytes, then shape. Refusals have an empty body."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.guard.parse import FORM_TYPE, MAX_DEPTH, depth_of, parse
from bot.guard.shape import ENVELOPES, Home, Malformed, check
from bot.guard.signature import BadSignature, Signing

__all__ = ["SLACK_PATH", "BadSignature", "Guard", "Home", "Malformed", "Signing", "accepts_envelope", "payload_of"]

MAX_BODY: Final = 1024 * 1024
BODY_SECONDS: Final = 2.0
SLACK_PATH: Final = "/slack/events"
_PAYLOAD: Final = "gatepost.slack_payload"
_log = structlog.get_logger(__name__)


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Guard:
    """Pure ASGI in front of the Slack path; everything else passes. What gets through carries its payload."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        signing: Signing,
        home: Home,
        path: str = SLACK_PATH,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._app, self._signing, self._home, self._path, self._clock = app, signing, home, path, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != self._path:
            await self._app(scope, receive, send)
            return
        try:
            body = await _read(scope, receive)
            payload = self._payload(scope, body)
        except _Refused as refused:
            _log.info("slack request refused", status=refused.status, reason=str(refused))
            await _answer(send, refused.status)
            return
        if payload is None:
            await _answer(send, 200)
            return
        await self._app({**scope, _PAYLOAD: payload}, _replayed(body, receive), send)

    def _payload(self, scope: Scope, body: bytes) -> dict[str, Any] | None:
        """The checked payload; None for what is answered with 200 and has no effect."""
        content_type = _header(scope, b"content-type")
        if content_type.startswith(FORM_TYPE) and b"ssl_check=1" in body.split(b"&"):
            # Slack sends this unsigned; nothing of it is read further.
            return None
        try:
            self._signing.verify(scope["headers"], body, self._clock())
        except BadSignature as error:
            raise _Refused(401, str(error)) from None
        try:
            kind, payload = parse(content_type, body)
            return payload if check(kind, payload, self._home) else None
        except Malformed as error:
            raise _Refused(400, str(error)) from None


def payload_of(scope: Scope) -> dict[str, Any]:
    """The payload that the guard verified and checked; nothing else may reach Bolt."""
    payload: dict[str, Any] = scope[_PAYLOAD]
    return payload


def accepts_envelope(envelope_type: str, payload: object, home: Home) -> bool:
    """The same check for Socket Mode: False for what has no effect; raises `Malformed`."""
    if envelope_type not in ENVELOPES:
        return False
    if depth_of(payload) > MAX_DEPTH:
        raise Malformed("nested too deeply")
    return check(ENVELOPES[envelope_type], payload, home)


async def _read(scope: Scope, receive: Receive) -> bytes:
    """The raw body, bounded in size and in time, never inflated."""
    if scope["method"] != "POST":
        raise _Refused(405, "method")
    if _header(scope, b"content-encoding") not in ("", "identity"):
        raise _Refused(415, "content encoding")
    declared = _header(scope, b"content-length")
    if declared.isdigit() and (len(declared) > 9 or int(declared) > MAX_BODY):
        raise _Refused(413, "too large")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _chunks(receive)
    except TimeoutError:
        raise _Refused(408, "body came too slowly") from None


async def _chunks(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Refused(400, "disconnected")
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            raise _Refused(413, "too large")
        if not message.get("more_body", False):
            return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The same bytes for whoever reads next, then what the server still has to say."""
    first = True

    async def replay() -> Any:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return replay


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key.lower() == name:
            return str(value.decode("latin-1")).strip().lower()
    return ""


async def _answer(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})
