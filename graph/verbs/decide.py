"""Decide: one transaction, committed before anybody is told. Whoever loses the race learns who won."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from graph.failpoints import failpoint
from graph.law.action import Bound, bind, check_edit
from graph.law.authorization import Person, authorize, refusal_of_state
from graph.law.canonical import storable
from graph.law.request import (
    Decision,
    DecisionType,
    Effect,
    Kind,
    Nature,
    Outcome,
    Request,
    Status,
)
from graph.law.routing import RouteKind
from graph.law.words import reason_problem
from graph.verbs.authority import approvers, standing
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale, Undetermined
from graph.verbs.frame import impact_of, nature_of, revise
from graph.verbs.outcome import settle, tell_outcome
from graph.verbs.ports import PolicyVersion, Store, Tx, Vote
from graph.verbs.record import recall
from graph.verbs.review import disown

MIN_DIGEST_PREFIX = 6


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What came of the answer. `decision` is None while more people must agree (`missing` of them)."""

    request: Request
    decision: Decision | None
    followup: Request | None = None
    missing: int = 0


async def decide(store: Store, answer: Answer) -> Decided:
    """Authorise and record an answer; raises a `Refusal` that says why nothing was decided."""
    check_words(answer)
    async with store.begin() as tx:
        result = await _decide(tx, answer)
        if isinstance(result, Refusal):
            await _deny(tx, answer, result)
        failpoint("decide:before_commit")
    failpoint("decide:after_commit")
    if isinstance(result, Refusal):
        raise result
    return result


def check_words(answer: Answer) -> None:
    """Refuse what can't be a valid answer, before any row is touched."""
    required = answer.type in (DecisionType.REJECT, DecisionType.RESPOND, DecisionType.EDIT)
    if not storable(answer.request_id):
        raise NotFound("There is no such request.")
    problem = reason_problem(answer.reason, required=required)
    if problem:
        raise Invalid(problem, {"reason": problem})
    if len(answer.digest) < MIN_DIGEST_PREFIX:
        raise Invalid(f"give at least {MIN_DIGEST_PREFIX} characters of the digest of what you decide")
    changes = (answer.args is not None) + (answer.alternative is not None)
    if changes != (answer.type is DecisionType.EDIT):
        raise Invalid("an edit needs changed arguments or an alternative, and nothing else takes them")


async def _decide(tx: Tx, answer: Answer) -> Decided | Refusal:
    request = await tx.requests.lock(answer.request_id)
    if request is None:
        return NotFound("There is no such request.")
    now = await tx.now()
    policy = await tx.policies.current()
    person = await tx.people.get(answer.user_id)
    verdict = authorize(request, person, answer.type, await standing(tx, request, policy), now)
    if not verdict.allowed or person is None:
        return (Undetermined if verdict.undetermined else NotAllowed)(verdict.reason)
    stale = refusal_of_state(request, answer.version, answer.digest, now)
    if stale:
        return Stale(await _who_won(tx, request, answer.user_id) or stale)
    if answer.where and not await tx.cards.known(request.id, *answer.where):
        return Stale("This message is a copy of a card. Please use the original card.")
    match answer.type:
        case DecisionType.EDIT if answer.alternative is not None:
            return await _choose(tx, request, answer, person, policy, now)
        case DecisionType.EDIT:
            return await _edit(tx, request, answer, person, policy, now)
        case DecisionType.APPROVE:
            return await _approve(tx, request, answer, person, policy, now)
        case _:
            return await _finish(tx, request, _decision(request, answer, person, now), policy)


async def _approve(
    tx: Tx, request: Request, answer: Answer, person: Person, policy: PolicyVersion, now: datetime
) -> Decided | Refusal:
    if needs_reason(request) and (problem := reason_problem(answer.reason, required=True)):
        return Invalid(f"Approving at {request.risk} risk: {problem}", {"reason": problem})
    if request.approvals_required > 1:
        vote = Vote(
            request_id=request.id,
            person=person.person,
            user_id=answer.user_id,
            digest=request.digest,
            reason=answer.reason,
            at=now,
        )
        if not await tx.requests.add_vote(vote):
            return Stale("You have approved this already; another person has to agree.")
        voters = [cast.user_id for cast in await tx.requests.votes(request.id, request.digest)]
        # Counted as the mirror knows them now: one human is one vote, and whoever lost the right has none.
        missing = request.approvals_required - len(await approvers(tx, request, voters))
        await tx.audit.record(
            "vote",
            answer.user_id,
            run_id=request.run_id,
            request_id=request.id,
            missing=missing,
            digest=request.digest,
            person=person.person,
            reason=answer.reason or "none required",
        )
        if missing > 0:
            await tx.cards.touch(request.id)
            return Decided(request=request, decision=None, missing=missing)
    return await _finish(tx, request, _decision(request, answer, person, now), policy)


def needs_reason(request: Request) -> bool:
    """Whether approving this request takes a reason."""
    return request.kind is Kind.ACTION and request.risk.needs_reason


async def _finish(tx: Tx, request: Request, decision: Decision, policy: PolicyVersion) -> Decided | Refusal:
    settled = await settle(tx, request, decision, policy)
    if settled is None:
        return Stale("This request expired just now; no decision counts any more.")
    if request.kind is Kind.RECONCILE:
        await _reconcile(tx, request, decision)
    if request.kind is Kind.REVIEW and decision.type is DecisionType.REJECT:
        await disown(tx, request)
    return Decided(request=settled, decision=decision)


async def _reconcile(tx: Tx, request: Request, decision: Decision) -> None:
    """A person has looked: the effect happened (approve) or it did not (anything else)."""
    effect = await tx.effects.get(request.subject_effect or "")
    if effect is None:
        raise RuntimeError(f"request {request.id} asks about an effect that is not in the ledger")
    await settle_by_hand(tx, effect, decision)


async def settle_by_hand(tx: Tx, effect: Effect, decision: Decision) -> None:
    """Write what a person found out about an effect nobody could be sure of."""
    happened = decision.type is DecisionType.APPROVE
    status = Outcome.DONE if happened else Outcome.FAILED
    error = "" if happened else f"a person found that it did not happen: {decision.reason}"
    await tx.effects.settle(effect.id, status, effect.result, error, decision.by)
    await tx.audit.record(
        "effect_reconciled",
        decision.by,
        run_id=effect.run_id,
        request_id=effect.request_id,
        effect=effect.id,
        outcome=status,
        reason=decision.reason or "none required",
    )
    await tell_outcome(tx, effect, status)


async def _edit(
    tx: Tx, request: Request, answer: Answer, person: Person, policy: PolicyVersion, now: datetime
) -> Decided | Refusal:
    args, errors = check_edit(request.form, request.args, dict(answer.args or {}))
    if errors:
        return Invalid("; ".join(f"{name}: {text}" if name else text for name, text in errors.items()), errors)
    bound = bind(request.workflow, request.action_type, args)
    if bound.digest == request.digest:
        unchanged = replace(answer, type=DecisionType.APPROVE, args=None)
        return await _approve(tx, request, unchanged, person, policy, now)
    return await _replace(tx, request, bound, nature_of(request), answer, person, policy, now)


async def _choose(
    tx: Tx, request: Request, answer: Answer, person: Person, policy: PolicyVersion, now: datetime
) -> Decided | Refusal:
    """One of the agent's own alternatives instead: the only change that may change the kind of action."""
    options = request.brief.alternatives
    index = -1 if answer.alternative is None else answer.alternative
    wanted = options[index] if 0 <= index < len(options) else None
    if wanted is None:
        return Invalid(f"There is no such alternative; this request has {len(options)}.")
    if wanted.nature is None:
        return Invalid("That alternative is no action that could be carried out; reject with a reason instead.")
    bound = bind(request.workflow, wanted.type, wanted.args)
    return await _replace(tx, request, bound, wanted.nature, answer, person, policy, now)


async def _replace(
    tx: Tx,
    request: Request,
    bound: Bound,
    nature: Nature,
    answer: Answer,
    person: Person,
    policy: PolicyVersion,
    now: datetime,
) -> Decided | Refusal:
    """End the request as modified; the new one goes where its own route says."""
    # Facts and flags were found for other arguments, and so was the agent's confidence: they would mislead.
    brief = replace(request.brief, alternatives=(), flags=(), facts={}, confidence=None)
    band = impact_of(policy.policy, bound, nature)
    record = await recall(tx, policy.policy, bound, nature, request.run_id, request.requester, band)
    new, routed = revise(request, bound, nature, brief, record, policy, now)
    if routed.kind is RouteKind.REJECT:
        return Invalid("Policy forbids this: " + "; ".join(routed.why))
    edit = replace(_decision(request, answer, person, now), next_request_id=new.id)
    if await settle(tx, request, edit, policy, wake=False) is None:
        return Stale("This request expired just now; no decision counts any more.")
    if not await tx.requests.insert(new):
        raise RuntimeError(f"request {new.id} was opened twice")
    await tx.audit.record(
        "request_opened",
        answer.user_id,
        run_id=new.run_id,
        request_id=new.id,
        digest=new.digest,
        tier=new.tier,
        risk=new.risk,
        parent=request.id,
        why=list(new.route_why),
        policy_version=new.policy_version,
    )
    if not await _suffices(tx, new, person, policy, now):
        await tx.cards.want(new.id, policy.policy.channel(new.workflow, new.tier))
        return Decided(request=replace(request, status=Status.MODIFIED), decision=edit, followup=new)
    approval = _decision(new, replace(answer, type=DecisionType.APPROVE), person, now)
    approved = await settle(tx, new, approval, policy)
    return Decided(request=replace(request, status=Status.MODIFIED), decision=edit, followup=approved or new)


async def _suffices(tx: Tx, new: Request, editor: Person, policy: PolicyVersion, now: datetime) -> bool:
    """Whether the editor alone may approve what the edit made of it."""
    if new.approvals_required > 1:
        return False
    return authorize(new, editor, DecisionType.APPROVE, await standing(tx, new, policy), now).allowed


def _decision(request: Request, answer: Answer, person: Person, now: datetime) -> Decision:
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
    )


async def _who_won(tx: Tx, request: Request, user_id: str) -> str | None:
    decision = await tx.requests.decision(request.id)
    if decision is None:
        return None
    if decision.by == user_id:
        who = "you"
    else:
        person = await tx.people.get(decision.by)
        who = person.name if person else decision.by
    return f"Already {request.status} by {who} at {decision.at:%H:%M} UTC."


async def _deny(tx: Tx, answer: Answer, refusal: Refusal) -> None:
    if isinstance(refusal, NotFound):
        return
    await tx.audit.record(
        "decision_denied",
        answer.user_id,
        request_id=answer.request_id,
        code=refusal.code,
        wanted=answer.type,
        why=str(refusal),
        via=answer.via,
    )
    if isinstance(refusal, Stale):
        # Whoever clicked saw an old rendering: repair it.
        await tx.cards.touch(answer.request_id)
