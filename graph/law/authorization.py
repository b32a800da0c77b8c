"""May this person decide this request, now? "Could not find out" is not "no", and still refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from graph.law.facts import at_stake
from graph.law.policy_rows import Reviewer
from graph.law.request import DecisionType, Kind, Request, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One account as the directory's mirror knows it. Two accounts of one human share `person`."""

    workspace_id: str
    user_id: str
    person: str
    name: str
    active: bool
    guest: bool
    external: bool
    bot: bool
    checked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who may do what: user ids of the tier's pool under both policies, and of those who may edit."""

    pool_then: frozenset[str]
    pool_now: frozenset[str]
    editors: frozenset[str] | None
    """None: everybody in the pool may edit."""
    requester_person: str | None
    requester_unknown: bool
    """Somebody of this workspace asked, and who that is could not be looked up."""
    max_age: timedelta
    owners: frozenset[str] = frozenset()
    """Persons who answer for the agent."""
    owners_unknown: bool = False
    """The policy names owners of whom the directory knows nothing yet."""
    team: frozenset[str] | None = None
    """User ids that may see requests of this workflow; None: everybody may."""
    registers: tuple[Mapping[str, Reviewer], ...] = ()
    """User id → entry, of every policy that counts and whose tier takes registered reviewers only."""
    deputies: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """User id → those who are away and in whose place alone they may decide this; they are in the pools."""

    def acting_for(self, user_id: str) -> str | None:
        """In whose place somebody decides who has no right of their own."""
        return min(self.deputies.get(user_id, ()), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The authorizer's answer. `undetermined`: it could not be checked (which refuses as well)."""

    allowed: bool
    reason: str
    undetermined: bool = False


def authorize(
    request: Request, person: Person | None, decision: DecisionType, standing: Standing, now: datetime
) -> Verdict:
    """May `person` take `decision` on `request` at `now`? Every refusal says why in a sentence."""
    if person is None:
        return _refuse("You are not a reviewer of this request.")
    account = account_problem(person)
    if account:
        return _refuse(account)
    if request.requester and person.person == (standing.requester_person or request.requester):
        return _refuse("You asked for this yourself; somebody else has to decide it.")
    if person.person in standing.owners:
        return _refuse("You answer for this agent; somebody else has to decide what it does.")
    if standing.team is not None and person.user_id not in standing.team:
        return _refuse("Requests of this workflow are for its own team.")
    if person.user_id not in standing.pool_now:
        return _refuse(f"You are not a reviewer of tier {request.tier}.")
    if person.user_id not in standing.pool_then:
        return _refuse("You were not a reviewer of this tier when this was asked; another reviewer has to decide.")
    if unfit := _unfit(request, person, standing, now):
        return _refuse(unfit)
    if request.kind is Kind.RECONCILE and decision not in (DecisionType.APPROVE, DecisionType.REJECT):
        return _refuse("Only an answer helps here: it happened, or it did not.")
    if request.kind in (Kind.CHECKPOINT, Kind.REVIEW) and decision not in (DecisionType.APPROVE, DecisionType.REJECT):
        return _refuse("This can be approved or rejected, nothing else.")
    if decision is DecisionType.EDIT and standing.editors is not None and person.user_id not in standing.editors:
        return _refuse("You may approve or reject this, but not change it.")
    if standing.owners_unknown:
        return _undetermined("Who answers for this agent could not be checked yet. Please try again in a minute.")
    if standing.requester_unknown:
        return _undetermined("Who asked for this could not be checked yet. Please try again in a minute.")
    if now - person.checked_at > standing.max_age:
        return _undetermined("Your account could not be checked recently enough. Please try again in a minute.")
    return Verdict(allowed=True, reason=f"reviewer of tier {request.tier}")


def _unfit(request: Request, person: Person, standing: Standing, now: datetime) -> str | None:
    """What the register of reviewers says against this person deciding this, or None."""
    for register in standing.registers:
        entry = register.get(person.user_id)
        if entry is None:
            return f"Tier {request.tier} takes registered reviewers only, and you are not in the register."
        if "*" not in entry.domains and request.workflow not in entry.domains:
            return f"You are registered for {', '.join(entry.domains)}, not for {request.workflow}."
        stake = at_stake(request)
        if entry.limit is not None and stake is not None and stake > entry.limit:
            return f"You may decide up to {entry.limit}; this is {stake}."
        if entry.trained_until is not None and now.date() > entry.trained_until:
            return f"Your training ended on {entry.trained_until}; it has to be renewed before you decide."
    return None


def refusal_of_state(request: Request, version_seen: int | None, digest_prefix: str, now: datetime) -> str | None:
    """Why this request can't be decided as it was seen, or None. Says what happened instead."""
    if request.status is not Status.PENDING:
        return f"This request is already {request.status}."
    if not digest_prefix or not request.digest.startswith(digest_prefix):
        return "The action has changed since you saw it. Please look at the current card."
    if version_seen is not None and version_seen != request.version:
        return f"This request has moved on (now tier {request.tier}). Please use the current card."
    if request.expires_at is None or now >= request.expires_at:
        return "This request has expired; no decision counts any more."
    return None


def account_problem(person: Person) -> str | None:
    """Why this kind of account decides nothing, whoever's it is; or None."""
    if not person.active:
        return "Your account is deactivated."
    if person.bot:
        return "Bots can't decide; this needs a person."
    if person.external:
        return "People from outside this organisation can't decide here."
    if person.guest:
        return "Guests can't decide here."
    return None


def _undetermined(reason: str) -> Verdict:
    return Verdict(allowed=False, undetermined=True, reason=reason)


def _refuse(reason: str) -> Verdict:
    return Verdict(allowed=False, reason=reason)
