"""Change: an edit or a choice ends a request as modified and opens the next, which goes where its own route says."""

from dataclasses import replace
from datetime import datetime

from graph.law.action import Bound, bind, check_edit
from graph.law.authorization import Person, Standing, authorize
from graph.law.policy import Policy
from graph.law.record import AGENT_FLAG, BEFORE
from graph.law.request import Brief, DecisionType, Nature, Request, Status
from graph.law.routing import RouteKind
from graph.law.words import reason_problem
from graph.verbs.answer import Answer, Decided, decision_of, needs_reason
from graph.verbs.authority import standing
from graph.verbs.errors import Invalid, Refusal, Stale
from graph.verbs.frame import impact_of, nature_of, own_flags, revise
from graph.verbs.opening import ask, opening
from graph.verbs.outcome import settle
from graph.verbs.ports import PolicyVersion, Tx
from graph.verbs.record import recall
from graph.verbs.stepup import required, verify


async def change(
    tx: Tx, request: Request, answer: Answer, person: Person, policy: PolicyVersion, now: datetime
) -> Decided | Refusal | None:
    """Replace the request by what the editor wants instead; None when that is what was asked anyway."""
    if answer.alternative is not None:
        return await _choose(tx, request, answer, person, policy, now)
    args, errors = check_edit(request.form, request.args, dict(answer.args or {}))
    if errors:
        return Invalid("; ".join(f"{name}: {text}" if name else text for name, text in errors.items()), errors)
    bound = bind(request.workflow, request.action_type, args)
    if bound.digest == request.digest:
        return None
    # What was found about the action may have changed with it, and only a worker can find out: until then it stands.
    before = tuple(flag if flag.startswith((AGENT_FLAG, BEFORE)) else f"{BEFORE}{flag}" for flag in own_flags(request))
    brief = replace(request.brief, alternatives=(), flags=before, confidence=None)
    return await _replace(tx, request, bound, nature_of(request), brief, answer, person, policy, now)


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
    same = wanted.type == request.action_type
    flags = tuple(flag for flag in own_flags(request) if flag.startswith(AGENT_FLAG))
    facts = request.brief.facts if same else {}
    brief = replace(request.brief, alternatives=(), flags=flags, facts=facts, confidence=None)
    return await _replace(tx, request, bound, wanted.nature, brief, answer, person, policy, now)


async def _replace(
    tx: Tx,
    request: Request,
    bound: Bound,
    nature: Nature,
    brief: Brief,
    answer: Answer,
    person: Person,
    policy: PolicyVersion,
    now: datetime,
) -> Decided | Refusal:
    """End the request as modified; the new one goes where its own route says."""
    band = impact_of(policy.policy, bound, nature)
    record = await recall(tx, policy.policy, bound, nature, request.run_id, request.requester, band)
    new, routed = revise(request, bound, nature, brief, record, policy, now)
    if routed.kind is RouteKind.REJECT:
        return Invalid("Policy forbids this: " + "; ".join(routed.why))
    if needs_reason(new) and (problem := reason_problem(answer.reason, required=True)):
        return Invalid(f"This comes to {new.risk} risk: {problem}", {"reason": problem})
    # Approving at the tier that sees it takes a code, so an edit that approves does as well.
    if refused := await verify(tx, request, answer, policy.policy):
        return refused
    edit = replace(decision_of(request, answer, person, now), next_request_id=new.id)
    if await settle(tx, request, edit, policy, wake=False, clock=request.held_at) is None:
        return Stale("This request expired just now; no decision counts any more.")
    opened = await opening(tx, new, policy)
    new = opened.request
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
        **opened.said,
    )
    rights = await standing(tx, new, policy)
    if not _suffices(new, person, rights, now) or await _unproven(tx, request, new, policy.policy):
        await ask(tx, opened)
        followup = await tx.requests.get(new.id)
        return Decided(request=replace(request, status=Status.MODIFIED), decision=edit, followup=followup)
    approving = replace(answer, type=DecisionType.APPROVE, acting_for=rights.acting_for(person.user_id))
    approval = decision_of(new, approving, person, now)
    approved = await settle(tx, new, approval, policy)
    return Decided(request=replace(request, status=Status.MODIFIED), decision=edit, followup=approved or new)


async def _unproven(tx: Tx, before: Request, new: Request, current: Policy) -> bool:
    """Whether what the edit made takes a code that nobody was asked for."""
    given = new.tier <= before.tier and await required(tx, before, current)
    return not given and await required(tx, new, current)


def _suffices(new: Request, editor: Person, rights: Standing, now: datetime) -> bool:
    """Whether the editor alone may approve what the edit made of it."""
    return new.approvals_required <= 1 and authorize(new, editor, DecisionType.APPROVE, rights, now).allowed
