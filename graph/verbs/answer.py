"""A person's answer as it arrived at a door, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from graph.law.authorization import Person
from graph.law.grants import Scope
from graph.law.request import Decision, DecisionType, Kind, Request
from graph.law.routing import RouteKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A person's answer as it arrived at a door.

    `digest` is a prefix of what they saw; `version` the request version they saw (None: not known);
    `where` the (channel, ts) of the message that was clicked, if it was one.
    """

    request_id: str
    type: DecisionType
    user_id: str
    digest: str
    via: str
    version: int | None = None
    reason: str = ""
    args: Mapping[str, Any] | None = None
    alternative: int | None = None
    """Which of the agent's alternatives is wanted instead (from 0): a kind of edit."""
    where: tuple[str, str] | None = None
    door: str = ""
    """What else the door knows of who is there, for the record: the account at the terminal, say."""
    acting_for: str | None = None
    """In whose place alone they may decide; `decide` finds out, whatever a door says."""
    grant: Scope | None = None
    """What an approval allows for the rest of the run besides."""
    code: str = field(default="", repr=False)
    """The one-time code, where approving takes one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What came of the answer. `decision` is None while more people must agree (`missing` of them)."""

    request: Request
    decision: Decision | None
    followup: Request | None = None
    missing: int = 0


def decision_of(request: Request, answer: Answer, person: Person, now: datetime) -> Decision:
    return Decision(
        request_id=request.id,
        door=answer.door,
        type=answer.type,
        by=answer.user_id,
        person=person.person,
        reason=answer.reason,
        digest=request.digest,
        at=now,
        via=answer.via,
        acting_for=answer.acting_for,
    )


def needs_reason(request: Request) -> bool:
    """Whether approving this request takes a reason: at high risk, and against the agent's own doubts."""
    return request.kind is Kind.ACTION and (request.risk.needs_reason or request.route == RouteKind.TAKEOVER)
