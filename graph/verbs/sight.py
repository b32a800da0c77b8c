"""Who may look: reviewers of the request's tier or a higher one, operators, auditors, and the person it is for.

Where the policy names a team for a workflow, only that team does, and auditors.
"""

from graph.law.authorization import Person
from graph.law.request import Request
from graph.verbs import authority
from graph.verbs.ports import Tx


async def may_see(tx: Tx, user_id: str, request: Request) -> bool:
    """Whether this account may look into this request. Guests and people from outside never may."""
    person = await tx.people.get(user_id)
    if not _in_house(person):
        return user_id == request.requester and person is None
    if user_id == request.requester:
        return True
    return user_id in await _lookers(tx, request.tier) and await authority.may_see(tx, user_id, request.workflow)


async def tiers_seen(tx: Tx, user_id: str) -> list[int]:
    """The tiers whose requests this person may see."""
    if not _in_house(await tx.people.get(user_id)):
        return []
    policy = (await tx.policies.current()).policy
    tiers = sorted(policy.tiers)
    if user_id in await tx.people.members([*policy.roles.operators, *policy.roles.auditors]):
        return tiers
    for top in reversed(tiers):
        # Whoever reviews a tier sees those below it as well.
        if user_id in await tx.people.members(policy.tiers[top].reviewers):
            return [tier for tier in tiers if tier <= top]
    return []


async def hidden(tx: Tx, user_id: str) -> frozenset[str]:
    """The workflows whose requests are for a team that this person is not in."""
    policy = (await tx.policies.current()).policy
    guarded = sorted({workflow for row in policy.teams for workflow in row.workflows})
    return frozenset([workflow for workflow in guarded if not await authority.may_see(tx, user_id, workflow)])


async def _lookers(tx: Tx, tier: int) -> frozenset[str]:
    policy = (await tx.policies.current()).policy
    entries = [entry for number, level in policy.tiers.items() if number >= tier for entry in level.reviewers]
    return await tx.people.members([*entries, *policy.roles.operators, *policy.roles.auditors])


def _in_house(person: Person | None) -> bool:
    return person is not None and person.active and not (person.guest or person.external or person.bot)
