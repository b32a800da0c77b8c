"""Who may look: reviewers of the request's tier or a higher one, operators, and the person it is for."""

from graph.law.authorization import Person
from graph.law.request import Request
from graph.verbs.ports import Tx


async def may_see(tx: Tx, user_id: str, request: Request) -> bool:
    """Whether this account may look into this request. Guests and people from outside never may."""
    person = await tx.people.get(user_id)
    if not _in_house(person):
        return user_id == request.requester and person is None
    if user_id == request.requester:
        return True
    return user_id in await _lookers(tx, request.tier)


async def tiers_seen(tx: Tx, user_id: str) -> list[int]:
    """The tiers whose requests this person may see."""
    if not _in_house(await tx.people.get(user_id)):
        return []
    tiers = (await tx.policies.current()).policy.tiers
    return [tier for tier in sorted(tiers) if user_id in await _lookers(tx, tier)]


async def _lookers(tx: Tx, tier: int) -> frozenset[str]:
    policy = (await tx.policies.current()).policy
    entries = [entry for number, level in policy.tiers.items() if number >= tier for entry in level.reviewers]
    return await tx.people.members([*entries, *policy.roles.operators])


def _in_house(person: Person | None) -> bool:
    return person is not None and person.active and not (person.guest or person.external or person.bot)
