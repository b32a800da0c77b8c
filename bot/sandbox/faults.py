"""Injected trouble: what a test has asked for, and the record of all calls and deliveries to check it by."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wire import Json, SlackError

DELIVER = "deliver"
CALL_KINDS = frozenset({"ratelimited", "error500", "lost_answer", "lost_before", "slow", "raw"})
DELIVER_KINDS = frozenset(
    {"error500", "lost_answer", "lost_before", "slow", "duplicate_delivery", "late_delivery", "reorder"}
)


@dataclass
class Fault:
    """`times` None means until cleared; `only` narrows deliveries to one kind or payload type.

    `every`: only each so manieth call is hit. `raw` answers `body` with `status`, and does nothing else.
    """

    method: str
    kind: str
    times: int | None = 1
    retry_after: int = 1
    seconds: float = 1.0
    only: str | None = None
    every: int = 1
    body: str = ""
    status: int = 200
    _passed: int = 0

    def hits(self, method: str, labels: tuple[str, ...]) -> bool:
        named = self.method == method or (self.method == "*" and method != DELIVER)
        if not named or self.times == 0 or not (self.only is None or self.only in labels):
            return False
        self._passed += 1
        return self._passed % self.every == 0


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fields: dict[str, Any]) -> None:
        try:
            fault = Fault(**fields)
        except TypeError as error:
            raise SlackError("invalid_arguments", [f"[ERROR] {error}"]) from error
        if fault.kind not in (DELIVER_KINDS if fault.method == DELIVER else CALL_KINDS):
            raise SlackError("invalid_arguments", [f"[ERROR] unknown kind for {fault.method}: {fault.kind}"])
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def take(self, method: str, *labels: str) -> Fault | None:
        """The first fault that applies now; it is used up by being taken."""
        for fault in self._faults:
            if fault.hits(method, labels):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


class Log:
    """The last entries of one kind, numbered so that a test can ask for what came after."""

    def __init__(self, most: int = 10_000) -> None:
        self._entries: deque[Json] = deque(maxlen=most)
        self._seq = 0

    def add(self, entry: Json) -> Json:
        self._seq += 1
        entry["seq"] = self._seq
        self._entries.append(entry)
        return entry

    def since(self, seq: int) -> list[Json]:
        return [entry for entry in self._entries if entry["seq"] > seq]

    def clear(self) -> None:
        self._entries.clear()
