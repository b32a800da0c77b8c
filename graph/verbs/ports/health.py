"""How the parts of the installation are: said by whoever sees them, read by who decides on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """How a part (`slack`, `web`, `auditor` …) is. `ok_since`: without a break since then; None: it is ill."""

    name: str
    ok_since: datetime | None
    last_ok_at: datetime | None
    last_problem_at: datetime | None
    problem: str

    def steady(self, since: datetime, now: datetime, fresh: timedelta) -> bool:
        """Whether it was well ever since, and was seen so within `fresh` before now."""
        well = self.ok_since is not None and self.ok_since <= since
        return well and self.last_ok_at is not None and now - self.last_ok_at <= fresh


class Health(Protocol):
    async def well(self, name: str, gap: timedelta) -> None:
        """It was seen to be well; after more than `gap` without a word, only since now."""
        ...

    async def ill(self, name: str, problem: str) -> None:
        """It was seen to be ill: `problem` in words without secrets."""
        ...

    async def all(self) -> Sequence[Condition]: ...
