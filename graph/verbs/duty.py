"""Duty: is anybody there to be asked? Which people of a tier can answer now, until when, and when somebody will."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from graph.law.authorization import account_problem
from graph.law.duty import Absence, Staff, on_duty
from graph.law.policy import ON_CALL, Policy
from graph.verbs.ports import PolicyVersion, Tx

LOOKED_UP_WITHIN: Final = timedelta(minutes=15)
"""The directory asks Slack every few minutes; what it doesn't know by then, nobody is."""
_THIS_WEEK: Final = timedelta(days=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendance:
    """`people`: user ids of those of the tier who could answer now, until `closes_at`. Without any, `why` says why
    in words and `opens_at` when the next of them is on duty (None: nobody knows).
    """

    people: frozenset[str]
    why: str = ""
    opens_at: datetime | None = None
    closes_at: datetime | None = None


async def attendance(tx: Tx, policy: Policy, tier: int, now: datetime) -> Attendance:
    """Who of a tier can be asked at `now`, as the mirror and the calendars know them."""
    row, staff = policy.tiers[tier], await _staff(tx, policy, tier)
    there = staff.there(now)
    if there:
        return Attendance(people=there, closes_at=staff.closes(now))
    opens = staff.opens(now)
    until = f" until {_local(opens, now, row.timezone)}" if opens is not None else ""
    if not staff.people and not staff.shifts:
        why = f"nobody of tier {tier} is {'on call' if _calendars(row.reviewers) else 'known'}"
    elif not on_duty(staff.schedule, now):
        why = f"tier {tier} is off duty{until}"
    elif not staff.rostered(now):
        why = f"nobody of tier {tier} is on call{until}"
    else:
        why = f"everybody of tier {tier} is away{until}"
    return Attendance(people=there, why=why, opens_at=opens)


async def _staff(tx: Tx, policy: Policy, tier: int) -> Staff:
    row = policy.tiers[tier]
    calendars = _calendars(row.reviewers)
    members = await tx.people.members([entry for entry in row.reviewers if not entry.startswith(ON_CALL)])
    shifts = await tx.duty.shifts(calendars) if calendars else ()
    turn = members | {shift.user_id for shift in shifts}
    absences = await standing_in(tx, policy, tier, turn)
    known = await tx.people.many(turn | {absence.deputy_id for absence in absences if absence.deputy_id})
    # An account that nobody has looked up yet may be anybody: only what is known speaks against being asked.
    unfit = {user for user, person in known.items() if account_problem(person)}
    return Staff(
        schedule=row.schedule,
        people=members - unfit,
        shifts=tuple(shift for shift in shifts if shift.user_id not in unfit),
        absences=tuple(replace(one, deputy_id=None) if one.deputy_id in unfit else one for one in absences),
    )


async def standing_in(tx: Tx, policy: Policy, tier: int, pool: frozenset[str]) -> Sequence[Absence]:
    """Who of a tier's pool is away. A deputy who doesn't review this tier or a higher one is none."""
    away = [absence for absence in await tx.duty.absences() if absence.user_id in pool]
    if not any(absence.deputy_id for absence in away):
        return away
    able = await seniors(tx, policy, tier)
    return [absence if absence.deputy_id in able else replace(absence, deputy_id=None) for absence in away]


async def seniors(tx: Tx, policy: Policy, tier: int, fresh: datetime | None = None) -> frozenset[str]:
    """Who reviews this tier or a higher one."""
    rows = (row for number, row in policy.tiers.items() if number >= tier)
    return await tx.people.members([entry for row in rows for entry in row.reviewers], fresh)


async def too_early(tx: Tx, current: PolicyVersion, tier: int) -> bool:
    """Whether the policy is so new that nobody may have looked up yet whom it names in this tier and above."""
    rows = (row for number, row in current.policy.tiers.items() if number >= tier)
    named = [entry for row in rows for entry in row.reviewers]
    age = await tx.now() - (await tx.policies.text(current.version)).at
    return age < LOOKED_UP_WITHIN and bool(await tx.people.strangers(named))


def _calendars(entries: Sequence[str]) -> list[str]:
    return [entry.removeprefix(ON_CALL) for entry in entries if entry.startswith(ON_CALL)]


def _local(at: datetime, now: datetime, zone: str) -> str:
    """`Mon 09:00 CET`, with the date when it isn't this week's."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a %H:%M %Z}" if at - now < _THIS_WEEK else f"{local.day} {local:%b %H:%M %Z}"
