"""What the auditor looks for: rows that should not be as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Check(StrEnum):
    """One question to the rows each; the auditor has the words for people."""

    OVERDUE = "overdue"
    """A pending request whose next step has passed, with no stop that keeps it."""
    CARDS_OWED = "cards_owed"
    MESSAGES_OWED = "messages_owed"
    RUNS_OWED = "runs_owed"
    UNKNOWN_UNSEEN = "unknown_unseen"
    """An effect that nobody knows the outcome of, and no question about it is in front of people."""
    RUN_WAITS_FOR_NOTHING = "run_waits_for_nothing"
    """A paused run without a pending request."""
    NOBODY_WAITS = "nobody_waits"
    """A pending request whose run doesn't wait for it."""
    UNDECIDABLE = "undecidable"
    """A pending request that nobody may decide under the policy in force."""
    DISPLACED = "displaced"
    """A run that waits at a place which the release that looked doesn't have."""
    SET_ASIDE = "set_aside"
    """A run that failed too often, and operators haven't been told."""
    STOPPED = "stopped"
    """A stop in force."""
    HASTY = "hasty"
    """A person who approved one thing after the other, faster than anybody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How many rows a check found, since when the oldest of them, and some of their ids, oldest first."""

    check: Check
    count: int
    oldest: datetime | None
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much waits, and for how many seconds the oldest of it has."""

    count: int
    oldest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """Figures of this moment: names and numbers only.

    `queue`: pending requests by tier; `owed` by kind; `well`: the parts of the installation; `escalation`: by quantile,
    seconds from a tier's deadline to the next tier's card, in the last hour; `hasty`: people who approve faster than
    anybody reads.
    """

    queue: Mapping[int, Backlog]
    owed: Mapping[str, Backlog]
    unknown: int
    stopped: tuple[str, ...]
    well: Mapping[str, bool]
    escalation: Mapping[float, float]
    hasty: int = 0


class Checks(Protocol):
    async def find(self, check: Check, seconds: float = 0.0) -> Found | None:
        """What has been so for at least so many seconds; None: nothing."""
        ...

    async def gauges(self) -> Gauges: ...
