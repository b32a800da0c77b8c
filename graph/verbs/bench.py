"""What many answers in one transaction share: looked up once for all of them, and never kept beyond it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from graph.law.authorization import Person, Standing
from graph.law.escalation import frozen_clock
from graph.law.facts import at_stake
from graph.law.request import Request
from graph.law.stopping import Stop
from graph.verbs.authority import standing
from graph.verbs.outcome import Aftermath
from graph.verbs.ports import PolicyVersion, Tx


@dataclass(eq=False)
class Bench:
    """The policy in force, the person who answers, the rights that apply, what is stopped: of one transaction.

    `held`: requests that this transaction has locked, as they are. `later` gathers what follows from the decisions.
    """

    tx: Tx
    held: Mapping[str, Request] = field(default_factory=dict)
    later: Aftermath | None = None
    _policy: PolicyVersion | None = None
    _people: dict[str, Person | None] = field(default_factory=dict)
    _rights: dict[object, Standing] = field(default_factory=dict)
    _stops: dict[str, tuple[Stop | None, datetime | None]] = field(default_factory=dict)

    async def policy(self) -> PolicyVersion:
        if self._policy is None:
            self._policy = await self.tx.policies.current()
        return self._policy

    async def person(self, user_id: str) -> Person | None:
        if user_id not in self._people:
            self._people[user_id] = await self.tx.people.get(user_id)
        return self._people[user_id]

    async def rights(self, request: Request) -> Standing:
        """As `standing`; requests that have everything in common on which rights depend share one."""
        policy = await self.policy()
        asked = (await self.tx.policies.version(request.policy_version)).policy
        limited = any(tier.registered for known in (asked, policy.policy) for tier in known.tiers.values())
        # Registers set limits, and a deputy may do what the one who is away could.
        stake = at_stake(request) if limited else None
        shared = (request.workflow, request.tier, request.risk, request.policy_version, request.requester, stake)
        if shared not in self._rights:
            self._rights[shared] = await standing(self.tx, request, policy)
        return self._rights[shared]

    async def standstill(self, request: Request) -> tuple[Stop | None, datetime]:
        """As `graph.verbs.stop.standstill`."""
        if request.workflow not in self._stops:
            covering = await self.tx.stops.in_force(request.workflow)
            since = await self.tx.stops.since(request.workflow) if covering else None
            self._stops[request.workflow] = (covering[0] if covering else None), since
        stop, since = self._stops[request.workflow]
        return stop, frozen_clock(await self.tx.now(), request.held_at, since)
