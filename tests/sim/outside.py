"""The outside of the simulation: every call is remembered with its key and the simulated time; answers get lost."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from graph.flow.workflow import Call
from tests.support.toy import Refused, World


@dataclass(frozen=True, slots=True)
class Happened:
    at: datetime
    name: str
    key: str


class SimWorld(World):
    """The receiver of all effects, in memory: replicas die here as objects, the receiver lives on."""

    def __init__(self, rng: random.Random, now: Callable[[], datetime]) -> None:
        self._rng, self._now = rng, now
        self.still_valid = None
        self.effects: list[Happened] = []
        self._keys: dict[str, dict[str, Any]] = {}

    def do(self, name: str, call: Call, note: str, *, once: bool) -> dict[str, Any]:
        """Happen; now and then refuse, or lose the answer. A known key is answered without happening again."""
        if self._rng.random() < 0.01 and not name.startswith("undo"):
            raise Refused("the receiver said no")
        if not (once and call.key in self._keys):
            self.effects.append(Happened(self._now(), name, call.key))
            self._keys[call.key] = {"note": note}
        if self._rng.random() < 0.02:
            raise TimeoutError("the answer was lost")
        return self._keys[call.key]

    def find(self, name: str, key: str) -> dict[str, Any] | None:
        return self._keys.get(key)
