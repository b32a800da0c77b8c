"""Away: a reviewer is away until a moment, and may name who stands in. That gives nobody a right they don't hold at
that tier or above on their own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from graph.law.authorization import Person, account_problem
from graph.law.duty import Absence
from graph.law.policy import ON_CALL, Policy
from graph.law.until import parse_until
from graph.verbs.duty import attendance, seniors
from graph.verbs.errors import Invalid, NotAllowed, Refusal
from graph.verbs.ports import Store, Tx

_NAMED: Final = 3
_NO_REVIEWER: Final = "You review nothing here, so nobody misses you: there is nothing to do."


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """Somebody's absence, with names. `zone`: that of the tier they review, in which days were read."""

    absence: Absence
    name: str
    deputy: str
    zone: str

    def until(self) -> str:
        """`Mon 30 Nov 2026, 09:00 CET`."""
        return _local(self.absence.ends_at, self.zone)


async def leave(store: Store, user_id: str, until: str, deputy: str | None, via: str, door: str = "") -> Away:
    """Be away until then; raises a `Refusal` that says what to do instead. Replaces what was said before."""
    async with store.begin() as tx:
        done = await _leave(tx, user_id, until, deputy, via, door)
        if isinstance(done, Refusal) and not isinstance(done, Invalid):
            await tx.audit.record("away_denied", user_id, deputy=deputy, why=str(done), via=via, door=door)
    if isinstance(done, Refusal):
        raise done
    return done


async def come_back(store: Store, user_id: str, via: str, door: str = "") -> bool:
    """Be there again; False when they were."""
    async with store.begin() as tx:
        was = await tx.duty.back(user_id)
        if was:
            await tx.audit.record("away_ended", user_id, via=via, door=door)
    return was


async def absent(store: Store, user_id: str | None = None) -> list[Away]:
    """Who is away now, of all or of one person."""
    async with store.begin() as tx:
        policy, found = (await tx.policies.current()).policy, await tx.duty.absences()
        mine = [absence for absence in found if user_id in (None, absence.user_id)]
        users = {user for absence in mine for user in (absence.user_id, absence.deputy_id) if user}
        people = await tx.people.many(users)
        return [
            Away(
                absence=absence,
                name=_name(people.get(absence.user_id), absence.user_id),
                deputy=_name(people.get(absence.deputy_id or ""), absence.deputy_id or ""),
                zone=_zone(policy, await _reviews(tx, policy, absence.user_id)),
            )
            for absence in mine
        ]


async def _leave(tx: Tx, user_id: str, words: str, deputy: str | None, via: str, door: str) -> Away | Refusal:
    person, now = await tx.people.get(user_id), await tx.now()
    policy = (await tx.policies.current()).policy
    tiers = await _reviews(tx, policy, user_id)
    if person is None or not tiers:
        return NotAllowed(_NO_REVIEWER)
    if problem := account_problem(person):
        return NotAllowed(problem)
    try:
        until = parse_until(words, now, ZoneInfo(_zone(policy, tiers)))
    except ValueError as error:
        return Invalid(f"{str(error)[:1].upper()}{str(error)[1:]}.")
    stands_in = await tx.people.get(deputy) if deputy else None
    if deputy and (why := await _unfit(tx, policy, tiers, person, stands_in)):
        return NotAllowed(f"{why} {await _instead(tx, policy, tiers, person)}")
    absence = Absence(user_id=user_id, deputy_id=deputy, starts_at=now, ends_at=until)
    await tx.duty.leave(absence)
    await tx.audit.record("away", user_id, until=until.isoformat(), deputy=deputy, via=via, door=door)
    await _tell(tx, policy, tiers, now)
    zone = _zone(policy, tiers)
    if stands_in:
        text = f"{person.name} is away until {_local(until, zone)} and named you: you stand in for them."
        await tx.owed.add("ephemeral", f"away:{user_id}:{now.timestamp()}", {"user": stands_in.user_id, "text": text})
    return Away(absence=absence, name=person.name, deputy=stands_in.name if stands_in else "", zone=zone)


async def _unfit(tx: Tx, policy: Policy, tiers: list[int], person: Person, deputy: Person | None) -> str | None:
    """Why this account can't stand in for that person, or None."""
    if deputy is None:
        return "That account is not known here."
    if account_problem(deputy):
        return "Only an active account of this organisation, no guest and no bot, can stand in for you."
    if deputy.person == person.person:
        return "You can't stand in for yourself."
    if deputy.user_id not in await seniors(tx, policy, min(tiers)):
        return f"{deputy.name} reviews neither what you review nor anything above it, and standing in gives no rights."
    if any(absence.user_id == deputy.user_id for absence in await tx.duty.absences()):
        return f"{deputy.name} is away as well."
    return None


async def _instead(tx: Tx, policy: Policy, tiers: list[int], person: Person) -> str:
    """Whom to name: of the same tier first."""
    found: list[str] = []
    for tier in range(min(tiers), len(policy.tiers) + 1):
        people = await tx.people.many(await tx.people.members(policy.tiers[tier].reviewers))
        for _, other in sorted(people.items()):
            if other.name not in found and await _unfit(tx, policy, tiers, person, other) is None:
                found.append(other.name)
        if len(found) >= _NAMED:
            break
    return f"Name {' or '.join(found[:_NAMED])} instead." if found else "Nobody else could; say it without a name."


async def _tell(tx: Tx, policy: Policy, tiers: list[int], now: datetime) -> None:
    """Where nobody is left, what waits is looked at now."""
    empty = [tier for tier in tiers if not (await attendance(tx, policy, tier, now)).people]
    if empty:
        await tx.duty.look_again(empty)


async def _reviews(tx: Tx, policy: Policy, user_id: str) -> list[int]:
    """The tiers that somebody reviews, or will when they are on call; the lowest first."""
    turns = {f"{ON_CALL}{shift.source}" for shift in await tx.duty.shifts() if shift.user_id == user_id}
    return [
        number
        for number, row in sorted(policy.tiers.items())
        if turns & set(row.reviewers) or user_id in await tx.people.members(row.reviewers)
    ]


def _zone(policy: Policy, tiers: list[int]) -> str:
    return policy.tiers[min(tiers)].timezone if tiers else "UTC"


def _local(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M %Z}"


def _name(person: Person | None, user_id: str) -> str:
    return person.name if person else user_id
