"""Grant: approve a request and allow more of the same for the rest of its run; take that back."""

import hashlib
from dataclasses import dataclass

from graph.law.authorization import account_problem
from graph.law.grants import Grant, bounded, fixed, offer, scope_problems
from graph.law.policy import Policy
from graph.law.request import Decision, Request
from graph.verbs.answer import Answer
from graph.verbs.authority import team
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale
from graph.verbs.ports import PolicyVersion, Store, Tx
from graph.verbs.stop import refusal as stopping_refused

MOST_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What somebody wants to take back, as it arrived at a door."""

    grant_id: str
    user_id: str
    via: str
    reason: str = ""
    door: str = ""


def problem(request: Request, answer: Answer, policy: PolicyVersion) -> Refusal | None:
    """Why this may not be allowed for the rest of the run, whoever approves it; None: it may, or nobody wants it."""
    if answer.grant is None:
        return None
    row = offer(policy.policy, request)
    if row is None:
        return NotAllowed("Policy does not let anybody allow this for the rest of the run. Approve it as it is.")
    wrong = scope_problems(policy.policy, row, request, answer.grant)
    return Invalid(" ".join(wrong.values()), wrong) if wrong else None


async def give(tx: Tx, request: Request, answer: Answer, decision: Decision, policy: Policy) -> None:
    """Keep what was allowed beside an approval that has just been written."""
    scope, row = answer.grant, offer(policy, request)
    if scope is None or row is None or decision.person is None:
        return
    grant = Grant(
        id="gra_" + hashlib.sha256(f"{request.id}/grant".encode()).hexdigest()[:20],
        run_id=request.run_id,
        request_id=request.id,
        workflow=request.workflow,
        action_type=request.action_type,
        tier=request.tier,
        any_target=scope.any_target,
        target=request.target,
        up_to=scope.up_to,
        currency=request.currency,
        times=scope.times,
        rules=tuple(match.rule for match in request.matched),
        reasons=tuple(map(str, request.reasons)),
        reason=answer.reason,
        earlier=int(request.judged.get("record", {}).get("lately", 0)),
        confidence=request.confidence,
        fixed=fixed(row, request, scope),
        bounded=bounded(request, scope),
        given_by=answer.user_id,
        person=decision.person,
        given_at=decision.at,
        expires_at=decision.at + scope.length,
    )
    await tx.grants.add(grant)
    await tx.audit.record(
        "grant_given",
        answer.user_id,
        run_id=request.run_id,
        request_id=request.id,
        grant=grant.id,
        action=f"{request.workflow}.{request.action_type}",
        digest=request.digest,
        person=decision.person,
        target="any" if grant.any_target else grant.target,
        up_to=None if grant.up_to is None else f"{grant.up_to} {grant.currency or ''}".strip(),
        times=grant.times,
        until=grant.expires_at.isoformat(),
        reason=grant.reason,
        acting_for=decision.acting_for,
        via=answer.via,
    )


async def revoke(store: Store, wish: Revocation) -> Grant:
    """Take a grant back; what it decided and has not begun asks a person again. Raises a `Refusal`."""
    async with store.begin() as tx:
        result = await _revoke(tx, wish)
        if isinstance(result, NotAllowed):
            about = {"grant": wish.grant_id, "why": str(result), "code": result.code, "via": wish.via}
            await tx.audit.record("grant_denied", wish.user_id, **about, door=wish.door)
    if isinstance(result, Refusal):
        raise result
    return result


async def listed(store: Store, *, all: bool = False) -> list[tuple[Grant, str]]:
    """What is allowed now (or ever was), the newest first, each with the name of who allowed it."""
    async with store.begin() as tx:
        now, found = await tx.now(), await tx.grants.newest(MOST_LISTED, all=all)
        people = await tx.people.many({grant.given_by for grant in found})
    names = {user: person.name for user, person in people.items()}
    return [(grant, names.get(grant.given_by, grant.given_by)) for grant in found if all or grant.in_force(now)]


async def _revoke(tx: Tx, wish: Revocation) -> Grant | Refusal:
    grant = await tx.grants.get(wish.grant_id, lock=True)
    if grant is None:
        return NotFound("There is no such permission.")
    if refused := await _refused(tx, grant, wish.user_id):
        return refused
    if not grant.in_force(await tx.now()):
        # Whoever clicked saw an old rendering: repair it.
        await tx.cards.touch(grant.request_id)
        return Stale("It was taken back already." if grant.revoked_at else "It has ended already.")
    await tx.grants.revoke(grant.id, wish.user_id)
    await tx.audit.record(
        "grant_revoked",
        wish.user_id,
        run_id=grant.run_id,
        request_id=grant.request_id,
        grant=grant.id,
        given_by=grant.given_by,
        used=grant.used,
        reason=wish.reason or "none required",
        via=wish.via,
        door=wish.door,
    )
    await tx.cards.touch(grant.request_id)
    return grant


async def _refused(tx: Tx, grant: Grant, user_id: str) -> NotAllowed | None:
    """Why this person may not take it back: it only makes people be asked again, so the mirror's age is no matter."""
    person, policy = await tx.people.get(user_id), (await tx.policies.current()).policy
    if person is None:
        return NotAllowed("Gatepost does not know you.")
    if unfit := account_problem(person):
        return NotAllowed(unfit)
    if person.person == grant.person or await stopping_refused(tx, user_id, "stop") is None:
        return None
    own = await team(tx, policy, grant.workflow)
    tier = policy.tiers[min(grant.tier, len(policy.tiers))]
    if user_id in await tx.people.members(tier.reviewers) and (own is None or user_id in own):
        return None
    return NotAllowed(f"Only reviewers of tier {grant.tier} can take this back.")
