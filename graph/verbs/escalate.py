"""Escalate: nobody decided, so the next tier is asked. Tiers only go up; every move says why."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from graph.law.escalation import Timer, Timing, next_step
from graph.law.policy import Policy
from graph.law.request import Kind
from graph.verbs.duty import Attendance, attendance
from graph.verbs.ports import Entry, Move, PolicyVersion, Tx

WENT_UP = "it went up to the next tier"
MOST_MESSAGES = 25
"""So many people are written to directly; the others read the channel."""


@dataclass(eq=False)
class Ladder:
    """The tiers of the policy in force and who is there, looked up once for many requests."""

    tx: Tx
    current: PolicyVersion
    now: datetime
    _there: dict[int, Attendance] = field(default_factory=dict)
    _told: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def policy(self) -> Policy:
        return self.current.policy

    @property
    def top(self) -> int:
        return len(self.policy.tiers)

    async def there(self, tier: int) -> Attendance:
        """Who of this tier can be asked now."""
        if tier not in self._there:
            self._there[tier] = await attendance(self.tx, self.policy, tier, self.now)
        return self._there[tier]

    async def above(self, tier: int) -> int | None:
        """The next tier in which somebody is there; None when there is none."""
        for number in range(tier + 1, self.top + 1):
            if (await self.there(number)).people:
                return number
        return None

    def next_arrival(self, tier: int) -> datetime | None:
        """When somebody comes on duty in this tier or above, where nobody is; of the tiers that were looked up."""
        absent = (there for number, there in self._there.items() if number >= tier and not there.people)
        return min((there.opens_at for there in absent if there.opens_at is not None), default=None)

    def _changes_at(self, timer: Timer) -> datetime | None:
        """When who could be asked about a request changes in a way that matters to it."""
        own = self._there.get(timer.tier)
        if own is None:
            return None
        # As long as its own people have time, nobody else is waited for.
        arrival = None if own.people and self.now < timer.due_at else self.next_arrival(timer.tier)
        return min((at for at in (own.closes_at, arrival) if at is not None), default=None)

    def timing(self, timer: Timer) -> Timing:
        """The times that hold for a request: its tier's, as the policy in force has them, under its own SLA."""
        tier = self.policy.tiers.get(timer.tier)
        if tier is None:
            return Timing(sla=timer.sla, expires=timer.expires_at - timer.asked_at)
        remind = tier.remind if tier.remind is not None and tier.remind < timer.sla else None
        changes = self._changes_at(timer)
        return Timing(sla=timer.sla, expires=tier.expires, remind=remind, repeat=tier.repeat, changes_at=changes)

    async def told_directly(self, tier: int) -> Sequence[str]:
        """User ids of those who get a message of their own when this tier is asked; those on duty first."""
        if tier not in self._told:
            members = await self.tx.people.members(self.policy.tiers[tier].dm)
            people = await self.tx.people.many(members)
            fit = sorted(user for user, person in people.items() if person.active and not person.bot)
            on_duty = (await self.there(tier)).people
            self._told[tier] = tuple(sorted(fit, key=lambda user: user not in on_duty)[:MOST_MESSAGES])
        return self._told[tier]

    def move(self, timer: Timer, tier: int, why: str) -> Move:
        """A request goes up: the new tier has its own time, from now."""
        row = self.policy.tiers[tier]
        closes = self._there[tier].closes_at if tier in self._there else None
        # What came of an effect is asked for as long as it takes.
        expires = timer.expires_at if timer.kind is Kind.RECONCILE else self.now + row.expires
        return Move(
            timer=timer,
            tier=tier,
            approvals=1 if timer.kind is Kind.RECONCILE else max(timer.approvals_required, row.approvals),
            asked_at=self.now,
            sla=row.sla,
            expires_at=expires,
            next_step_at=next_step(replace(row.timing, changes_at=closes), self.now, expires, self.now),
            why=why,
        )


async def go_up(ladder: Ladder, moves: Sequence[Move], actor: str) -> None:
    """Ask the next tiers about requests that are locked: their channels, and directly whom the policy names."""
    tx = ladder.tx
    await tx.requests.go_up_many(moves)
    await tx.audit.record_many(
        [
            Entry(
                event="request_escalated",
                actor=actor,
                run_id=move.timer.run_id,
                request_id=move.timer.id,
                detail={
                    "from_tier": move.timer.tier,
                    "tier": move.tier,
                    "why": move.why,
                    "due_at": move.timer.due_at.isoformat(),
                    "policy_version": ladder.current.version,
                },
            )
            for move in moves
        ]
    )
    await tx.batches.leave([move.timer.id for move in moves], WENT_UP, shown=False)
    # The old card says where it went.
    await tx.cards.touch_many([move.timer.id for move in moves])
    wanted = []
    for move in moves:
        wanted.append((move.timer.id, ladder.policy.channel(move.timer.workflow, move.tier), move.tier))
        wanted += [(move.timer.id, user, move.tier) for user in await ladder.told_directly(move.tier)]
    await tx.cards.want_many(wanted)
