"""What a grant decides: used for a request when it is framed, looked at again before the action begins."""

from dataclasses import replace
from datetime import datetime

from graph.law.authorization import Verdict, authorize
from graph.law.facts import from_json
from graph.law.grants import Grant, covers, granted_by
from graph.law.request import Decision, DecisionType, Request
from graph.verbs.authority import standing
from graph.verbs.ports import PolicyVersion, Tx


async def applicable(tx: Tx, request: Request, policy: PolicyVersion) -> Grant | None:
    """The grant of its run, locked, that stands in for the person this request would ask; None: ask them."""
    facts, now = from_json(request.judged, request.args), await tx.now()
    for found in await tx.grants.of_action(request.run_id, request.action_type):
        grant = await tx.grants.get(found.id, lock=True)
        if grant is None or not covers(grant, policy.policy, facts, now):
            continue
        if not await tx.stops.in_force(request.workflow) and (await _verdict(tx, grant, request)).allowed:
            return grant
    return None


async def said(tx: Tx, grant: Grant) -> str:
    """`allowed for the rest of the run by Alice until 2027-03-01 14:00 UTC: the pilot went well`."""
    person = await tx.people.get(grant.given_by)
    who, until = person.name if person else grant.given_by, f"{grant.expires_at:%Y-%m-%d %H:%M} UTC"
    return f"allowed for the rest of the run by {who} until {until}: {grant.reason}"


async def count(tx: Tx, grant: Grant, request: Request) -> None:
    """Count the use of a locked grant for a request that is stored; whose permission it was goes on record."""
    await tx.grants.use(grant, request.id)
    await tx.audit.record(
        "grant_used",
        f"agent:{request.workflow}",
        run_id=request.run_id,
        request_id=request.id,
        grant=grant.id,
        given_by=grant.given_by,
        person=grant.person,
        digest=request.digest,
        use=grant.used + 1,
        of=grant.times,
    )
    # The card with which it was given says how many are left.
    await tx.cards.touch(grant.request_id)


async def withdrawn(tx: Tx, request: Request, decision: Decision, now: datetime) -> str | None:
    """Why what a grant decided may not begin any more, or None. Held until this commits: nobody takes it back."""
    grant = await tx.grants.get(granted_by(decision.by) or "", lock=True)
    if grant is None:
        return "The permission that allowed it is not on record."
    if grant.revoked_at is not None:
        return "The permission that allowed it was taken back."
    if now >= grant.expires_at:
        return "The permission that allowed it has ended."
    verdict = await _verdict(tx, grant, request)
    if not verdict.allowed and not verdict.undetermined:
        return "Whoever allowed it may no longer do so."
    return None


async def _verdict(tx: Tx, grant: Grant, request: Request) -> Verdict:
    """Whether whoever gave it could approve this now, at the tier at which they gave it."""
    asked = replace(request, tier=grant.tier)
    rights = await standing(tx, asked, await tx.policies.current())
    return authorize(asked, await tx.people.get(grant.given_by), DecisionType.APPROVE, rights, await tx.now())
