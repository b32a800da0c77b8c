"""Deliveries to the app: signed HTTP or Socket Mode, three seconds to acknowledge, injected trouble.

An interaction is never sent again; the person sees an error instead. An event is, three times.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx

from bot.sandbox.faults import DELIVER, Fault, Faults, Log
from bot.sandbox.settings import Settings
from bot.sandbox.signing import headers
from bot.sandbox.socketmode import Lost, Sockets
from bot.sandbox.wire import Json, tls
from bot.sandbox.world import AppConfig, World

RETRY_WAITS = (0.0, 60.0, 300.0)
REORDER_PATIENCE = 30.0
RAW_SECONDS = 30.0
# A kept connection to an app that was killed would look like the app refusing its next request.
_FRESH = httpx.Limits(max_keepalive_connections=0)
_FORM, _JSON = "application/x-www-form-urlencoded", "application/json"
_SOCKET_TYPE = {"interactive": "interactive", "command": "slash_commands", "event": "events_api"}
_RETRY_REASON = {"operation_timeout": "http_timeout", "http_error": "http_error"}

T = TypeVar("T")


@dataclass(frozen=True)
class Ack:
    """What the app answered; `error` is None exactly when it was a 2xx in time."""

    error: str | None = None
    status: int | None = None
    body: str = ""
    no_retry: bool = False
    ms: float = 0.0

    @property
    def json(self) -> Json | None:
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return None
        return parsed if isinstance(parsed, dict) else None


@dataclass(frozen=True)
class Parcel:
    kind: str
    payload: Json
    url: str | None
    wants_answer: bool = False
    retry: tuple[int, str] | None = None
    sent_at: float = field(default_factory=time.time)

    def encoded(self) -> tuple[bytes, str]:
        if self.kind == "event":
            return json.dumps(self.payload).encode(), _JSON
        if self.kind == "command":
            return urlencode(self.payload).encode(), _FORM
        return urlencode({"payload": json.dumps(self.payload)}).encode(), _FORM


class Deliverer:
    def __init__(
        self,
        world: World,
        config: AppConfig,
        settings: Settings,
        faults: Faults,
        log: Log,
        sockets: Sockets,
        clock: Callable[[], float],
    ) -> None:
        self.config = config
        self._world, self._settings, self._faults, self._log = world, settings, faults, log
        self._sockets, self._clock = sockets, clock
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._held: list[asyncio.Event] = []

    @property
    def holding(self) -> int:
        """How many deliveries are held back for a later one to overtake them."""
        return len(self._held)

    async def interactive(self, payload: Json, *, wants_answer: bool = False) -> Ack:
        return await self._send(Parcel("interactive", payload, self.config.interactivity_url, wants_answer))

    async def command(self, fields: Json) -> Ack:
        url = self.config.commands.get(fields["command"])
        return await self._send(Parcel("command", fields, url, wants_answer=True))

    def event(self, event: Json, name: str | None = None, *, ext_shared: bool = False) -> None:
        """Queues an event if the app subscribed to it; `name` where the subscription is finer than the type."""
        wanted = self.config.bot_events
        if wanted is None or (name or event["type"]) in wanted:
            self.later(self._event(self._wrapped(event, ext_shared)))

    async def verify(self) -> bool:
        """Does the events URL answer Slack's challenge, as it must before Slack saves it?"""
        challenge = secrets.token_hex(16)
        payload = {
            "token": self._world.verification_token,
            "challenge": challenge,
            "type": "url_verification",
        }
        ack = await self._attempt(Parcel("event", payload, self.config.events_url))
        answered = (ack.json or {}).get("challenge", ack.body.strip())
        return ack.error is None and answered == challenge

    async def raw(self, url: str, body: bytes, sent_headers: dict[bytes, bytes]) -> Ack:
        """Sends exactly these bytes and headers, for hostile payloads."""
        entry = self._log.add({"time": self._clock(), "kind": "raw", "type": "raw", "via": "http", "url": url})
        entry |= {"payload": body.decode(errors="replace"), "done": False}
        return await self._timed(self._post(url, body, sent_headers), entry, RAW_SECONDS)

    def later(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs beside the request that caused it, and is kept alive until it is done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        if self._client is not None:
            await self._client.aclose()

    async def _event(self, payload: Json) -> None:
        ack = await self._send(Parcel("event", payload, self.config.events_url))
        for number, wait in enumerate(RETRY_WAITS, start=1):
            if ack.error is None or ack.no_retry or ack.error == "dispatch_failed":
                return
            await asyncio.sleep(wait * self._settings.retry_scale)
            reason = _RETRY_REASON.get(ack.error, "connection_failed")
            ack = await self._send(Parcel("event", payload, self.config.events_url, retry=(number, reason)))

    async def _send(self, parcel: Parcel) -> Ack:
        fault = self._faults.take(DELIVER, parcel.kind, _type(parcel))
        if fault is not None:
            return await self._troubled(parcel, fault)
        ack = await self._attempt(parcel)
        if self._held:
            self._held.pop(0).set()
        return ack

    async def _troubled(self, parcel: Parcel, fault: Fault) -> Ack:
        if fault.kind == "lost_before":
            return self._note(parcel, "lost", Ack("operation_timeout"))
        if fault.kind == "error500":
            return self._note(parcel, "lost", Ack("http_error", 500))
        if fault.kind == "lost_answer":
            await self._attempt(parcel)
            return Ack("operation_timeout")
        if fault.kind == "duplicate_delivery":
            first, _ = await asyncio.gather(self._attempt(parcel), self._attempt(parcel))
            return first
        held = asyncio.Event()
        if fault.kind == "reorder":
            self._held.append(held)
        patience = REORDER_PATIENCE if fault.kind == "reorder" else fault.seconds
        return await self._late(parcel, held, patience)

    async def _late(self, parcel: Parcel, release: asyncio.Event, patience: float) -> Ack:
        """Delivers after the release or the patience; the person only waits as long as Slack waits."""

        async def deliver() -> Ack:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(release.wait(), patience)
            return await self._attempt(parcel)

        task = self.later(deliver())
        done, _ = await asyncio.wait({task}, timeout=self._settings.ack_seconds)
        return task.result() if done else Ack("operation_timeout")

    async def _attempt(self, parcel: Parcel) -> Ack:
        entry = self._entry(parcel, "socket" if self._sockets.connections else "http")
        return await self._timed(self._transport(parcel), entry, self._settings.ack_seconds)

    async def _timed(self, attempt: Coroutine[Any, Any, Ack], entry: Json, seconds: float) -> Ack:
        """The answer within these seconds, written into the log entry."""
        started = time.monotonic()
        try:
            ack = await asyncio.wait_for(attempt, seconds)
        except TimeoutError:
            ack = Ack("operation_timeout")
        ack = replace(ack, ms=round((time.monotonic() - started) * 1000, 1))
        entry |= {"ms": ack.ms, "status": ack.status, "ack": ack.body, "error": ack.error, "done": True}
        return ack

    async def _transport(self, parcel: Parcel) -> Ack:
        if self._sockets.connections:
            type_ = _SOCKET_TYPE[parcel.kind]
            try:
                answer = await self._sockets.send(type_, parcel.payload, parcel.wants_answer, parcel.retry)
            except Lost:
                return Ack("connection_failed")
            given = answer.get("payload")
            return Ack(None, 200, "" if not given else given if isinstance(given, str) else json.dumps(given))
        if parcel.url is None:
            return Ack("dispatch_failed")
        body, content_type = parcel.encoded()
        sent = headers(self._world.signing_secret, int(parcel.sent_at), body, content_type)
        if parcel.retry is not None:
            sent |= {"X-Slack-Retry-Num": str(parcel.retry[0]), "X-Slack-Retry-Reason": parcel.retry[1]}
        return await self._post(parcel.url, body, sent)

    async def _post(self, url: str, body: bytes, sent_headers: dict[str, str] | dict[bytes, bytes]) -> Ack:
        if self._client is None:
            # Our own clock decides when it is too late; the client itself must not give up earlier.
            self._client = httpx.AsyncClient(timeout=None, limits=_FRESH, verify=tls(), trust_env=False)  # noqa: S113
        try:
            answer = await self._client.post(url, content=body, headers=sent_headers)
        except httpx.HTTPError:
            return Ack("connection_failed")
        no_retry = answer.headers.get("x-slack-no-retry") == "1"
        return Ack(None if answer.is_success else "http_error", answer.status_code, answer.text, no_retry)

    def _note(self, parcel: Parcel, via: str, ack: Ack) -> Ack:
        self._entry(parcel, via).update(ms=0.0, status=ack.status, ack="", error=ack.error, done=True)
        return ack

    def _entry(self, parcel: Parcel, via: str) -> Json:
        entry = {
            "time": self._clock(),
            "kind": parcel.kind,
            "type": _type(parcel),
            "via": via,
            "url": parcel.url,
        }
        return self._log.add({**entry, "retry": parcel.retry, "payload": parcel.payload, "done": False})

    def _wrapped(self, event: Json, ext_shared: bool) -> Json:
        world = self._world
        who = {"enterprise_id": None, "team_id": world.team_id, "user_id": world.bot_user}
        return {
            "token": world.verification_token,
            "team_id": world.team_id,
            "api_app_id": world.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": "Ev" + secrets.token_hex(5).upper(),
            "event_time": int(self._clock()),
            "authorizations": [{**who, "is_bot": True, "is_enterprise_install": False}],
            "is_ext_shared_channel": ext_shared,
            "event_context": secrets.token_hex(16),
        }


def _type(parcel: Parcel) -> str:
    """The payload's own type: block_actions, view_submission, app_home_opened, /approvals, …"""
    if parcel.kind == "command":
        return str(parcel.payload["command"])
    return str(parcel.payload.get("event", parcel.payload)["type"])
