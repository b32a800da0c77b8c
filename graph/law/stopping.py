"""The stop switch: what a stop covers, what may still be decided meanwhile, and what it says."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from graph.law.request import DecisionType, Kind

ALL: Final = "*"
"""Stands for every workflow."""
_ABOUT_TO_HAPPEN: Final = (Kind.ACTION, Kind.CHECKPOINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One pull of the emergency brake, in force while nobody has lifted it. `person`: the human behind the account."""

    id: int
    workflow: str
    stopped_by: str
    person: str | None
    reason: str
    via: str
    at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str

    def said(self, name: str = "") -> str:
        """`Stopped by Eve since 21 Nov 14:02 UTC: incident 12`; `name`: who did it, where the directory knows."""
        return f"Stopped by {name or self.stopped_by} since {self.at.astimezone(UTC):%d %b %H:%M} UTC: {self.reason}"


def scope(workflow: str) -> str:
    """`all workflows`, or the one."""
    return "all workflows" if workflow == ALL else workflow


def forbids(kind: Kind, decision: DecisionType) -> bool:
    """Whether a stop keeps people from deciding so: nothing may be set off, and anything may be turned down.

    What already happened can be answered: nobody should have to say no because only no can be said.
    """
    return kind in _ABOUT_TO_HAPPEN and decision is not DecisionType.REJECT
