"""What a card shows, as one value: the request, what became of it, and the moment of looking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bot.words import Json, clip, one_line
from graph.law.duty import Absence
from graph.law.escalation import frozen_clock
from graph.law.grants import Grant, granted_by
from graph.law.request import Decision, DecisionType, Effect, Request, Status, urgency
from graph.law.stopping import Stop, forbids
from graph.verbs.ports import Incident, Question


class Card(NamedTuple):
    """A message: `text` is what a screen reader reads out, `blocks` what is seen."""

    text: str
    blocks: list[Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class CardView:
    """All that a card says. `votes` are (user id, at); `names` maps user ids to display names.

    `effect` is what the decision led to: of an edited request, the effect of the one that took its place; of a
    review, what people look at, and `undo` what undoes it. `before` is the request that this one was edited from,
    `changed_by` the user id of who did.
    """

    request: Request
    now: datetime
    decision: Decision | None = None
    decided_name: str = ""
    effect: Effect | None = None
    undo: Effect | None = None
    before: Request | None = None
    changed_by: str = ""
    votes: tuple[tuple[str, datetime], ...] = ()
    run_status: str = ""
    run_note: str = ""
    followup: Request | None = None
    followup_url: str = ""
    went_to: str = ""
    """On the card of a lower tier: the channel whose card counts now."""
    usual_seconds: int | None = None
    """How long people usually take for an action like this."""
    question: Question | None = None
    """What was asked last; `unanswered`: how many questions nobody has answered."""
    unanswered: int = 0
    stop: Stop | None = None
    """What covers it, while it waits; `stopped_since`: since when without a break, by whichever stops."""
    stopped_since: datetime | None = None
    standing_in: tuple[Absence, ...] = ()
    """Who of those asked is away, with a deputy."""
    afterwards: str = ""
    """What becomes of it if its tier doesn't answer: `tier 2 is asked`."""
    rendering: int = 0
    """Which rendering of its card this is."""
    batched: int = 0
    """Of how many similar requests it is one, where their batch's card stands for this one."""
    step_up: bool = False
    """Whether approving takes a one-time code."""
    grantable: bool = False
    """Whether policy lets a reviewer allow this for the rest of the run."""
    grant: Grant | None = None
    """What was allowed for the rest of the run when it was approved."""
    incident: Incident | None = None
    """What somebody reported as gone wrong with it, the newest."""
    names: Mapping[str, str] = field(default_factory=dict)

    def due_at(self) -> datetime:
        return due_at(self.request)

    def urgency(self) -> str:
        return urgency(self.request.since, self.due_at(), self.clock())

    def open(self) -> bool:
        """Whether a decision still counts."""
        expires = self.request.expires_at
        return self.request.status is Status.PENDING and (expires is None or self.clock() < expires)

    def clock(self) -> datetime:
        """The request's own time: it stands still while a question is open, and while it is stopped."""
        return frozen_clock(self.now, self.request.held_at, self.stopped_since)

    def approvable(self) -> bool:
        """Whether anything but rejecting works: not while a stop keeps it from being set off."""
        return self.stop is None or not forbids(self.request.kind, DecisionType.APPROVE)

    def looking(self) -> tuple[str, datetime] | None:
        """Who is looking at it, and until when."""
        user, until = self.request.looked_at_by(self.now), self.request.claimed_until
        return (self.name(user), until) if user and until else None

    def name(self, user: str) -> str:
        return name_of(user, self.names)

    def decider(self) -> str:
        """Who decided, in words; never a mention, which would ping."""
        by = self.decision.by if self.decision else ""
        who = clip(one_line(self.decided_name), 80)[0] if self.decided_name.strip() else self.name(by)
        away = self.decision.acting_for if self.decision else None
        return f"{who} (for {self.name(away)})" if away else who


def due_at(request: Request) -> datetime:
    """When a decision was promised."""
    return request.due_at


def name_of(user: str, names: Mapping[str, str]) -> str:
    """A person, the policy, a grant or the clock as a card calls them."""
    if user == "clock":
        return "the clock"
    if user.startswith("policy:"):
        return f"policy version {clip(one_line(user[7:]), 20)[0]}"
    if granted_by(user) is not None:
        return "what was allowed for this run"
    known = names.get(user, "").strip()
    return clip(one_line(known or user or "somebody"), 80)[0]
