"""Claim: "I am looking at it". It keeps nobody from deciding, and ends by itself."""

from datetime import datetime

from graph.law.request import Request
from graph.verbs.approach import Approach, decider, name_of, waiting
from graph.verbs.errors import Stale
from graph.verbs.ports import Store, Tx


async def claim(store: Store, approach: Approach) -> datetime:
    """Let everybody see who is looking at it; returns until when. Raises a `Refusal`."""
    async with store.begin() as tx:
        request = await waiting(tx, approach)
        await decider(tx, request, approach.user_id)
        now = await tx.now()
        other = request.looked_at_by(now)
        if other and not await _same_person(tx, other, approach.user_id):
            name, ends = await name_of(tx, other), f"{request.claimed_until:%H:%M} UTC"
            raise Stale(f"{name} is looking at it until {ends}. You can still decide it.")
        until = now + (await tx.policies.current()).policy.claim
        await tx.talk.claim(request.id, approach.user_id, until)
        await tx.batches.leave([request.id], "somebody is looking at it")
        await _record(tx, "request_claimed", request, approach, until=until.isoformat())
        return until


async def unclaim(store: Store, approach: Approach) -> None:
    """Let it go before the time is over. Raises a `Refusal`."""
    async with store.begin() as tx:
        request = await waiting(tx, approach)
        looking = request.looked_at_by(await tx.now())
        if looking is None:
            raise Stale("Nobody is marked as looking at it.")
        if not await _same_person(tx, looking, approach.user_id):
            raise Stale(f"{await name_of(tx, looking)} is looking at it, not you. You can still decide it.")
        await tx.talk.let_go(request.id)
        await _record(tx, "request_unclaimed", request, approach)


async def _record(tx: Tx, event: str, request: Request, approach: Approach, **detail: str) -> None:
    await tx.audit.record(
        event,
        approach.user_id,
        run_id=request.run_id,
        request_id=request.id,
        tier=request.tier,
        via=approach.via,
        door=approach.door,
        **detail,
    )
    await tx.cards.touch(request.id)


async def _same_person(tx: Tx, one: str, other: str) -> bool:
    """Whether two accounts are one human's."""
    known = await tx.people.many([one, other])
    persons = {known[user].person if user in known else user for user in (one, other)}
    return len(persons) == 1
