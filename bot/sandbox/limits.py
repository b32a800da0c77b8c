"""Slack's rate limits: a minute's allowance per method, and about one message a second per channel."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from bot.sandbox.settings import Settings

_TIERS = {
    1: {"apps.connections.open"},
    2: {"users.list", "usergroups.list", "usergroups.users.list", "conversations.list"},
    3: {
        *("chat.update", "chat.delete", "users.lookupByEmail", "conversations.open", "conversations.info"),
        *("conversations.replies", "conversations.join", "conversations.history"),
    },
}
_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}


class Limits:
    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings, self._clock = settings, clock
        self._calls: dict[str, deque[float]] = {}
        self._channels: dict[str, tuple[float, float]] = {}

    def wait(self, method: str, channel: str) -> int | None:
        """Seconds for Retry-After when this call is one too many, else None (and the call counts)."""
        if not self._settings.rate_limits:
            return None
        if method == "chat.postMessage":
            return self._channel(channel)
        return self._method(method)

    def _channel(self, channel: str) -> int | None:
        now, burst = self._clock(), float(self._settings.message_burst)
        left, at = self._channels.get(channel, (burst, now))
        left = min(burst, left + now - at)
        if left < 1:
            self._channels[channel] = (left, now)
            return 1
        self._channels[channel] = (left - 1, now)
        return None

    def _method(self, method: str) -> int | None:
        tier = next((tier for tier, methods in _TIERS.items() if method in methods), 4)
        now, calls = self._clock(), self._calls.setdefault(method, deque())
        while calls and now - calls[0] >= 60:
            calls.popleft()
        if len(calls) >= _PER_MINUTE[tier]:
            return max(1, int(60 - (now - calls[0])) + 1)
        calls.append(now)
        return None
