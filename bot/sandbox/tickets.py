"""Things that work for a while or a number of times: trigger ids, response URLs, Socket Mode tickets."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.settings import Settings
from bot.sandbox.store import Store
from bot.sandbox.wire import Json, SlackError

TRIGGERS_KEPT = 10_000
RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 30 * 60


@dataclass
class Trigger:
    user: str
    issued: float
    used: bool = False


class Tickets:
    def __init__(self, store: Store, clock: Callable[[], float], settings: Settings) -> None:
        self._store, self._clock, self._settings = store, clock, settings
        self._triggers: dict[str, Trigger] = {}
        self._sockets: set[str] = set()

    def trigger(self, user: str) -> str:
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = Trigger(user, self._clock())
        if len(self._triggers) > TRIGGERS_KEPT:
            self._triggers.pop(next(iter(self._triggers)))
        return trigger_id

    def use_trigger(self, trigger_id: str) -> str:
        """The user it was issued for. Three seconds, once."""
        trigger = self._triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if self._clock() - trigger.issued > self._settings.trigger_seconds:
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger.user

    def response_url(self, channel: str, user: str, message_ts: str | None = None) -> str:
        """The path of a new response URL; `message_ts` is what replace_original and delete_original mean."""
        path = f"/actions/{secrets.token_hex(12)}"
        self._store.put(
            "response_url",
            path,
            {"channel": channel, "user": user, "message_ts": message_ts, "issued": self._clock(), "uses": 0},
        )
        return path

    def use_response_url(self, path: str) -> Json:
        ticket = self._store.all("response_url").get(path)
        if ticket is None:
            raise SlackError("invalid_url")
        if self._clock() - ticket["issued"] > RESPONSE_URL_SECONDS:
            raise SlackError("expired_url")
        if ticket["uses"] >= RESPONSE_URL_USES:
            raise SlackError("used_url")
        self._store.put("response_url", path, {**ticket, "uses": ticket["uses"] + 1})
        return ticket

    def socket(self) -> str:
        ticket = secrets.token_hex(16)
        self._sockets.add(ticket)
        return ticket

    def use_socket(self, ticket: str) -> bool:
        if ticket not in self._sockets:
            return False
        self._sockets.remove(ticket)
        return True
