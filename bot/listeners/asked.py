"""What somebody asked `/approvals` for, and what answers it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.cards.view import Card
from bot.listeners.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`rest` is what stands behind the sub-command; `channel` and `trigger_id` may be empty."""

    user: str
    rest: str
    channel: str = ""
    trigger_id: str = ""


Sub = Callable[[Services, Asked], Awaitable[Card]]
"""A sub-command: its answer is seen by the asker alone."""
