"""What the views of many cards share, read once for all of them in the reader's transaction."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graph.law.duty import Absence
from graph.law.policy import Policy
from graph.law.request import Request, Status
from graph.law.stopping import Stop
from graph.verbs.duty import standing_in
from graph.verbs.ports import KeptOut, Question, Run, Tx


@dataclass(eq=False)
class Shelf:
    """Read for these requests; what one of them needs besides is fetched when it is asked for, once."""

    policy: Policy
    away: bool
    """Whether anybody is away at all."""
    runs: dict[str, Run]
    questions: dict[str, list[Question]]
    batched: dict[str, int] = field(default_factory=dict)
    """Of how many similar requests a request is one."""
    kept_out: Mapping[str, KeptOut] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _nameless: set[str] = field(default_factory=set)
    _stops: dict[str, Sequence[Stop]] = field(default_factory=dict)

    @classmethod
    async def of(cls, tx: Tx, requests: Sequence[Request]) -> "Shelf":
        questions: dict[str, list[Question]] = {}
        for question in await tx.talk.of_requests({request.id for request in requests}):
            questions.setdefault(question.request_id, []).append(question)
        runs = await tx.runs.many({request.run_id for request in requests})
        policy = (await tx.policies.current()).policy
        shelf = cls(policy, bool(await tx.duty.absences()), {run.id: run for run in runs}, questions)
        await shelf.names(tx, (request.requester for request in requests))
        waiting = [request.id for request in requests if request.status is Status.PENDING]
        shelf.kept_out = await tx.batches.kept_out(waiting)
        shelf.batched = await batched(tx, waiting)
        return shelf

    async def stops(self, tx: Tx, workflow: str) -> Sequence[Stop]:
        if workflow not in self._stops:
            self._stops[workflow] = await tx.stops.in_force(workflow)
        return self._stops[workflow]

    async def names(self, tx: Tx, users: Iterable[str | None]) -> dict[str, str]:
        wanted = {user for user in users if user}
        if missing := sorted(wanted - self._names.keys() - self._nameless):
            found = {user: person.name for user, person in (await tx.people.many(missing)).items()}
            self._names |= found
            self._nameless |= set(missing) - found.keys()
        return {user: self._names[user] for user in wanted if user in self._names}

    async def deputies(self, tx: Tx, request: Request) -> tuple[Absence, ...]:
        """Who of the tier that is asked is away with somebody in their place; each pair once."""
        if not self.away or request.tier not in self.policy.tiers:
            return ()
        pool = await tx.people.members(self.policy.tiers[request.tier].reviewers)
        found = await standing_in(tx, self.policy, request.tier, pool - {request.requester or ""})
        return tuple({(one.deputy_id, one.ends_at): one for one in found if one.deputy_id}.values())


async def batched(tx: Tx, request_ids: Collection[str]) -> dict[str, int]:
    """Of how many similar requests each of these is one, by request id; of those that are in a batch."""
    found = await tx.batches.of(request_ids)
    sizes = {batch.id: await tx.batches.size(batch.id) for batch in found.values()}
    return {request_id: sizes[batch.id] for request_id, batch in found.items()}
