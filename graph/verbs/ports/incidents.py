"""What people report as gone wrong, after it was decided."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Wrong(StrEnum):
    """What went wrong: what was decided, how it was carried out, or something else."""

    DECISION = "decision"
    EXECUTION = "execution"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """`what` in the words of whoever reported it; `person`: who that is, where the directory knows."""

    id: str
    request_id: str
    kind: Wrong
    what: str
    reported_by: str
    person: str | None
    via: str
    at: datetime


class Incidents(Protocol):
    async def add(self, incident: Incident) -> bool:
        """Insert; False when this one was reported before."""
        ...

    async def of_request(self, request_id: str) -> Sequence[Incident]:
        """Oldest first."""
        ...
