"""Duty: is anybody there to be asked? Which people of a tier can answer now, and when somebody will."""

from dataclasses import dataclass
from datetime import datetime

from graph.law.policy import Policy
from graph.verbs.ports import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """`people`: user ids of those of the tier who could answer now. Without any, `why` says why in words and
    `opens_at` when the next of them is on duty (None: nobody knows).
    """

    people: frozenset[str]
    why: str = ""
    opens_at: datetime | None = None


async def attendance(tx: Tx, policy: Policy, tier: int, now: datetime) -> Attendance:
    """Who of a tier can be asked at `now`, as the mirror knows them."""
    members = await tx.people.members(policy.tiers[tier].reviewers)
    known = await tx.people.many(members)
    # An account that nobody has looked up yet may be anybody: only what is known speaks against being asked.
    absent = {user for user, person in known.items() if not person.active or person.bot}
    there = frozenset(members - absent)
    return Attendance(people=there, why="" if there else "nobody of this tier is known")
