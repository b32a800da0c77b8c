"""A guard against floods: everybody may look as often as a person can, and no script can keep others from it.

Kept in this process's memory on purpose: it protects this process and its connections, it is no accounting. With
several web processes everybody has so much at each.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 20
"""So often at once."""
SECONDS: Final = 10.0
"""In this time an empty bucket is full again."""
AT_ONCE: Final = 3
"""So many of one person's questions are answered side by side: the others' connections are for others."""
_KEPT: Final = 10_000


@dataclass(eq=False)
class Flood:
    """A token bucket for everybody; whoever wasn't here for a while has a full one."""

    most: int = MOST
    seconds: float = SECONDS
    clock: Callable[[], float] = time.monotonic
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    """How much was left, and when."""
    _under_way: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def passing(self, user: str) -> Iterator[int]:
        """As `wait`, for what takes a while: it counts as under way until the end of the block."""
        wait = 1 if self._under_way[user] >= AT_ONCE else self.wait(user)
        self._under_way[user] += 1
        try:
            yield wait
        finally:
            self._under_way[user] -= 1
            if not self._under_way[user]:
                del self._under_way[user]

    def wait(self, user: str) -> int:
        """Take one; 0 when there was one, else how many seconds until there is."""
        now, rate = self.clock(), self.most / self.seconds
        left, at = self._left.pop(user, (float(self.most), now))
        left = min(float(self.most), left + (now - at) * rate)
        taken = left >= 1
        self._forget(now)
        self._left[user] = (left - 1 if taken else left, now)
        return 0 if taken else max(1, math.ceil((1 - left) / rate))

    def _forget(self, now: float) -> None:
        """Whose bucket is full again needs none; the one that stood still longest is always the first."""
        while self._left:
            user, (_, at) = next(iter(self._left.items()))
            if now - at < self.seconds and len(self._left) < _KEPT:
                return
            del self._left[user]


def said(seconds: int) -> str:
    """What whoever asks too often is told."""
    return f"That was a lot at once. Please try again in {seconds} s."
