"""Who may do what with a request: under its own policy and the one in force, as the mirror knows people now."""

import re
from collections.abc import Sequence
from typing import Final

from graph.law.authorization import Person, Standing, authorize
from graph.law.request import Decision, DecisionType, Request
from graph.verbs.ports import PolicyVersion, Tx

_SLACK_USER: Final = re.compile(r"[UW][A-Z0-9_]{2,}", re.ASCII)


async def standing(tx: Tx, request: Request, current: PolicyVersion) -> Standing:
    """The rights that apply to this request at this moment."""
    asked = (await tx.policies.version(request.policy_version)).policy
    fresh = await tx.now() - current.policy.directory_max_age
    tier_then, tier_now = asked.tiers.get(request.tier), current.policy.tiers.get(request.tier)
    then = await tx.people.members(tier_then.reviewers if tier_then else (), fresh)
    same = tier_then == tier_now
    now = then if same else await tx.people.members(tier_now.reviewers if tier_now else (), fresh)
    editors = current.policy.roles.may_edit
    requester = await tx.people.get(request.requester) if request.requester else None
    return Standing(
        pool_then=then,
        pool_now=now,
        editors=None if "*" in editors else await tx.people.members(editors, fresh),
        requester_person=requester.person if requester else None,
        requester_unknown=requester is None and bool(_SLACK_USER.fullmatch(request.requester or "")),
        max_age=current.policy.directory_max_age,
    )


async def approvers(tx: Tx, request: Request, users: Sequence[str]) -> dict[str, Person]:
    """Of these users, those whose approval counts now, one account a person: person → account."""
    rights, now = await standing(tx, request, await tx.policies.current()), await tx.now()
    people = await tx.people.many(users)
    return {
        person.person: person
        for person in people.values()
        if authorize(request, person, DecisionType.APPROVE, rights, now).allowed
    }


async def lapsed(tx: Tx, request: Request, decision: Decision) -> str | None:
    """Why a person's approval no longer carries, or None. What can't be checked now was checked when it was given."""
    if decision.person is None:
        return None
    rights, now = await standing(tx, request, await tx.policies.current()), await tx.now()
    votes = await tx.requests.votes(request.id, request.digest) if request.approvals_required > 1 else ()
    users = sorted({decision.by, *(vote.user_id for vote in votes)})
    people = await tx.people.many(users)
    for user in users:
        verdict = authorize(request, people.get(user), DecisionType.APPROVE, rights, now)
        if not verdict.allowed and not verdict.undetermined:
            return "Somebody who approved it may no longer do so."
    return None
