"""How requests went in a stretch of time, counted: the one source of every number that people are shown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from graph.law.bands import ConfidenceBand


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Requests by how they ended. Each is counted once, in one of the first nine.

    `approved` (unchanged), `edited`, `rejected` and `handled` (taken over) are people's decisions; an edit that its
    editor approved in the same stroke is one decision, an edit. `consented`: nobody objected in time, where the
    policy takes that for a yes. `alone`: the policy let it run. `refused`: the policy did not.

    `went_up`: of those that people were asked about, how many were last asked of a higher tier than at first.
    `tiers`: those by the tier that was last asked. `median_seconds`: from opened to decided, over people's decisions.
    """

    approved: int = 0
    edited: int = 0
    rejected: int = 0
    handled: int = 0
    expired: int = 0
    cancelled: int = 0
    consented: int = 0
    alone: int = 0
    refused: int = 0
    went_up: int = 0
    median_seconds: float | None = None
    tiers: Mapping[int, int] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """People's decisions."""
        return self.approved + self.edited + self.rejected + self.handled

    @property
    def overrides(self) -> int:
        """People's decisions that changed or rejected what the agent proposed."""
        return self.edited + self.rejected

    @property
    def asked(self) -> int:
        """Those that people were asked about, whether or not they answered."""
        return self.people + self.expired + self.cancelled + self.consented

    @property
    def requests(self) -> int:
        return self.asked + self.alone + self.refused

    @property
    def approval_rate(self) -> float | None:
        """approved / people's decisions; None without any."""
        return share(self.approved, self.people)

    @property
    def escalation_share(self) -> float | None:
        """went_up / asked."""
        return share(self.went_up, self.asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A tally of everything (`action` is None), of one action type, or of one confidence band of it."""

    action: str | None
    band: ConfidenceBand | None
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A tally of one tier (`name`: its number) or of one reviewer (`name`: one of their accounts)."""

    name: str
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What one person decided; `reported`: how many of those were reported as wrong later."""

    tally: Tally = field(default_factory=Tally)
    reported: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What agents proposed of one action type (`workflow.action`) and people decided, edits of it left out.

    `unchanged`, `edited`, `rejected` and `handled` (taken over) by what people made of it; `reported`: of those
    approved unchanged, how many were reported as wrong later, for more than how they were carried out.
    """

    action: str
    unchanged: int = 0
    edited: int = 0
    rejected: int = 0
    handled: int = 0
    reported: int = 0

    @property
    def asked(self) -> int:
        return self.unchanged + self.edited + self.rejected + self.handled

    @property
    def right(self) -> int:
        """Those with which people agreed, and still do."""
        return self.unchanged - self.reported


By = Literal["tier", "reviewer"]


def share(part: int, whole: int) -> float | None:
    """part / whole; None of nothing."""
    return part / whole if whole else None


class Figures(Protocol):
    async def between(self, since: datetime, until: datetime, *, without: Collection[str] = ()) -> Sequence[Figure]:
        """Actions decided at or after `since` and before `until`, `without` those of these workflows: the total,
        each action type (`workflow.action`), and each of its bands in which there are any.
        """
        ...

    async def any_before(self, moment: datetime) -> bool:
        """Whether anything at all was decided before this moment."""
        ...

    async def by(self, what: By, since: datetime, until: datetime, *, without: Collection[str] = ()) -> Sequence[Group]:
        """The same, by the tier that was last asked, or by the reviewer who decided; those of nobody left out."""
        ...

    async def of_person(self, person: str, since: datetime, until: datetime) -> Own:
        """What this person decided."""
        ...

    async def proposals(
        self, since: datetime, until: datetime, *, without: Collection[str] = ()
    ) -> Sequence[Proposals]:
        """How people decided what agents proposed, by action type, those asked about most first."""
        ...
