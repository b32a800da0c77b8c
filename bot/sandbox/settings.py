"""What a test may turn at run time: how long things last, how retries are scaled, whether limits bite."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from bot.sandbox.wire import SlackError


@dataclass
class Settings:
    ack_seconds: float = 3.0
    trigger_seconds: float = 3.0
    retry_scale: float = 1.0
    """Multiplies Slack's waits before an event is sent again: 0 s, 60 s, 300 s."""
    rate_limits: bool = False
    message_burst: int = 5
    """With rate limits on: how many messages a channel takes at once beyond one a second."""

    def change(self, changes: dict[str, Any]) -> None:
        known = {field.name for field in fields(self)}
        if unknown := set(changes) - known:
            raise SlackError("invalid_arguments", [f"[ERROR] unknown setting: {name}" for name in sorted(unknown)])
        for name, value in changes.items():
            setattr(self, name, type(getattr(self, name))(value))
