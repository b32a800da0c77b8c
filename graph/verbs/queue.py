"""Looking at the queue: what somebody may see of what waits, what they could decide of it, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from graph.law.authorization import authorize
from graph.law.looking import Filter
from graph.law.request import DecisionType, Request
from graph.verbs.authority import owners
from graph.verbs.bench import Bench
from graph.verbs.ports import Spot, Tx, Wanted
from graph.verbs.sight import hidden, tiers_seen

COUNTED: Final = 10_000
"""Nobody is told more exactly how many wait than up to here."""
LOOKED_AT: Final = 300
"""So many at most are gone through for one page of what somebody may decide."""
_TYPES: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Requests in the order in which they are due. `before`: how many stand before the first; `total`: how many there
    are, counted up to one more than `COUNTED`; `about`: whether this person may decide them was not looked at for all.

    `previous` and `next`: from where on the pages beside this one begin; None: there are none.
    """

    requests: Sequence[Request] = ()
    before: int = 0
    total: int = 0
    about: bool = False
    previous: Spot | None = None
    next: Spot | None = None
    types: Sequence[str] = field(default=())
    """Where nothing is of the type that was asked for: the types of what waits."""


@dataclass(frozen=True, slots=True)
class Turn:
    """From which spot on to read, and in which direction."""

    spot: Spot
    back: bool = False


async def look(tx: Tx, user_id: str, asked: Filter, most: int, turn: Turn | None = None) -> Page:
    """A page of at most `most` requests; the first one if not said otherwise, or where there is nothing any more."""
    wanted = await _wanted(tx, user_id, asked)
    if not wanted.tiers:
        return Page()
    judge = _Judge(Bench(tx), user_id) if asked.mine else None
    found, more = await _read(tx, wanted, judge, most, turn)
    if turn is None:
        return await _first(tx, wanted, found, more, about=asked.mine)
    if more is None and (turn.back or not found):
        return await look(tx, user_id, asked, most)
    found = found[::-1] if turn.back else found
    first, last = (spot(found[0]), spot(found[-1])) if found else (turn.spot, turn.spot)
    return Page(
        requests=found,
        before=await tx.queue.length(wanted, COUNTED + 1, first),
        total=await tx.queue.length(wanted, COUNTED + 1),
        about=asked.mine,
        previous=more if turn.back else first,
        next=last if turn.back else more,
    )


def spot(request: Request) -> Spot:
    """Where a request stands."""
    return Spot(request.due_at, request.id)


async def _first(tx: Tx, wanted: Wanted, found: Sequence[Request], more: Spot | None, *, about: bool) -> Page:
    if more is None:
        types = await tx.queue.types(replace(wanted, type=""), _TYPES) if wanted.type and not found else ()
        return Page(requests=found, total=len(found), types=types)
    return Page(requests=found, total=await tx.queue.length(wanted, COUNTED + 1), about=about, next=more)


@dataclass(eq=False)
class _Judge:
    """Whether one person's approval would count."""

    bench: Bench
    user_id: str

    async def may_decide(self, request: Request) -> bool:
        person, rights = await self.bench.person(self.user_id), await self.bench.rights(request)
        return authorize(request, person, DecisionType.APPROVE, rights, await self.bench.tx.now()).allowed


async def _read(
    tx: Tx, wanted: Wanted, judge: _Judge | None, most: int, turn: Turn | None
) -> tuple[list[Request], Spot | None]:
    """A page's requests, in the order of reading, and from where on there are more: what was looked at last."""
    found: list[Request] = []
    at, back = (turn.spot, turn.back) if turn else (None, False)
    looked = 0
    while looked < LOOKED_AT:
        # One more than fits tells whether there are more.
        limit = most - len(found) + 1
        chunk = await tx.queue.page(wanted, limit, at, backwards=back)
        for request in chunk:
            if len(found) == most:
                return found, at
            at, looked = spot(request), looked + 1
            if judge is None or await judge.may_decide(request):
                found.append(request)
        if len(chunk) < limit:
            return found, None
    return found, at


async def _wanted(tx: Tx, user_id: str, asked: Filter) -> Wanted:
    """What this person may see of what they ask for; of what is theirs to decide, nearly that already."""
    tiers, without = await tiers_seen(tx, user_id), await hidden(tx, user_id)
    if asked.tier is not None:
        tiers = [tier for tier in tiers if tier == asked.tier]
    wanted = Wanted(tiers=tiers, without=without, overdue=asked.overdue, type=asked.type)
    return await _deciding(tx, user_id, wanted) if asked.mine else wanted


async def _deciding(tx: Tx, user_id: str, wanted: Wanted) -> Wanted:
    """Without what this person could surely not decide: other tiers', their own requests, their own agents'."""
    policy = (await tx.policies.current()).policy
    person = await tx.people.get(user_id)
    if person is None:
        return replace(wanted, tiers=())
    stands_in = any(absence.deputy_id == user_id for absence in await tx.duty.absences())
    tiers = [
        tier for tier in wanted.tiers if stands_in or user_id in await tx.people.members(policy.tiers[tier].reviewers)
    ]
    answers_for = [name for name, named in policy.owners.items() if person.person in await owners(tx, named)]
    accounts = (await tx.people.accounts([person.person])).get(person.person, frozenset())
    return replace(wanted, tiers=tiers, without={*wanted.without, *answers_for}, not_asked_by={user_id, *accounts})
