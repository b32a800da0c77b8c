"""The queue as people look at it: in the order in which requests are due, a page at a time; and what they decided."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from graph.law.request import Decision, Effect, Request


class Spot(NamedTuple):
    """Where a request stands in the queue: by when it is due, then by id."""

    due_at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which pending requests are looked for: all of it has to hold. `without`: workflows; `not_asked_by`: user ids.

    `type`: a workflow, `workflow.action`, or an action's name; "": any.
    """

    tiers: Collection[int]
    without: Collection[str] = ()
    not_asked_by: Collection[str] = ()
    overdue: bool = False
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A decision that somebody took, on what, and what it led to (of an edit: the effect of what took its place)."""

    request: Request
    decision: Decision
    effect: Effect | None


class Queue(Protocol):
    async def page(
        self, wanted: Wanted, limit: int, beyond: Spot | None = None, *, backwards: bool = False
    ) -> Sequence[Request]:
        """Pending requests, the one due first first, from behind a spot on; `backwards`: those before it, the last
        one first.
        """
        ...

    async def length(self, wanted: Wanted, most: int, before: Spot | None = None) -> int:
        """How many there are (`before` this spot), counted up to `most`."""
        ...

    async def types(self, wanted: Wanted, most: int) -> Sequence[str]:
        """Of which types (`workflow.action`) there are any, by name."""
        ...

    async def decided_by(self, person: str, limit: int) -> Sequence[Made]:
        """What somebody decided last, on whichever of their accounts; newest first."""
        ...
