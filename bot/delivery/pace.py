"""How fast Slack may be spoken to: a second between two posts in a channel, and pauses that Slack asks for."""

import time
from collections.abc import Callable
from typing import Final

SPACING_SECONDS: Final = 1.1
"""Slack counts when messages arrive; a tenth is for those that travel unequally long."""
_FORGOTTEN_AFTER: Final = 300.0


class Pace:
    """In this process only: other replicas have their own, and Slack's 429 is the judge of all of them."""

    def __init__(self, spacing: float = SPACING_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing, self._clock = spacing, clock
        self._next: dict[str, float] = {}
        self._slots: dict[str, tuple[str, float]] = {}
        self._paused: dict[str, float] = {}

    def turn(self, item: str, channel: str) -> float:
        """Seconds until this item may post in the channel; 0: now. Who waits keeps the turn they were given."""
        now = self._clock()
        if item not in self._slots:
            at = max(now, self._next.get(channel, 0.0), self._paused.get(channel, 0.0))
            self._next[channel] = at + self._spacing
            self._slots[item] = (channel, at)
            self._forget(now)
        wait = self._slots[item][1] - now
        if wait <= 0:
            del self._slots[item]
            return 0.0
        return wait

    def paused(self, what: str) -> float:
        """Seconds for which a channel or a method has to be left alone."""
        return max(0.0, self._paused.get(what, 0.0) - self._clock())

    def pause(self, what: str, seconds: float) -> None:
        """Leave a channel or a method alone; the turns that were given out there are void."""
        until = self._clock() + seconds
        self._paused[what] = max(until, self._paused.get(what, 0.0))
        self._next.pop(what, None)
        self._slots = {item: slot for item, slot in self._slots.items() if slot[0] != what}

    def _forget(self, now: float) -> None:
        """Turns that nobody came for: another replica did that work."""
        self._slots = {item: slot for item, slot in self._slots.items() if slot[1] > now - _FORGOTTEN_AFTER}
