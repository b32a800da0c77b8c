"""Gather: similar requests that wait in one channel come onto one card. What differs from the others stays alone.

Nothing waits to be gathered: what is alone is posted as ever, and joins the others when there are enough of them.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from graph.faults import report
from graph.law.batching import likeness, sort_out
from graph.law.policy import Policy
from graph.law.request import Request, Status
from graph.verbs.ports import Batch, ItemState, Store, Tx, Unseen

LOOKED_AT: Final = 500
"""So many cards are looked at in one transaction."""
ROUNDS: Final = 20
COMPARED: Final = 200
"""So many similar requests are compared with each other at a time."""

Fits = Callable[[Request], bool]


async def gather(store: Store, fits: Fits) -> int:
    """Bring similar requests together; returns how many joined a batch.

    `fits` says whether an ordinary card shows all of a request, and nothing about it that is unusual.
    """
    joined = 0
    for _ in range(ROUNDS):
        looked, found = await _round(store, fits)
        joined += found
        if looked < LOOKED_AT:
            break
    return joined


async def _round(store: Store, fits: Fits) -> tuple[int, int]:
    """How many cards were looked at, and how many requests joined a batch."""
    async with store.begin() as tx:
        await tx.batches.news()
        unseen = await tx.batches.unseen(LOOKED_AT)
    if not unseen:
        return 0, 0
    try:
        async with store.begin() as tx:
            # Somebody else who gathers may be through with them by now.
            unseen = await tx.batches.unseen(LOOKED_AT) if await tx.batches.turn() else ()
            joined = await _look(tx, unseen, fits)
            return len(unseen), joined
    except Exception as problem:  # what can't be gathered is posted as ever
        report("similar requests could not be gathered; each keeps its own card", problem)
    async with store.begin() as tx:
        await tx.batches.seen({card.card_id: "" for card in unseen})
    return 0, 0


async def _look(tx: Tx, unseen: Sequence[Unseen], fits: Fits) -> int:
    policy = (await tx.policies.current()).policy
    requests = {each.id: each for each in await tx.requests.many({card.request_id for card in unseen})}
    batched = await tx.batches.of(list(requests))
    marks, groups = dict[str, str](), set[tuple[str, str]]()
    for card in unseen:
        request, batch = requests[card.request_id], batched.get(card.request_id)
        if batch is not None and batch.tier == card.tier:
            # A card for a person, say: there, too, the batch's stands for it.
            await tx.batches.fold(batch, [card.card_id])
            continue
        key = _key(card, request, policy, fits)
        marks[card.card_id] = key
        if key:
            groups.add((card.target, key))
    await tx.batches.seen(marks)
    return sum([await _gather(tx, target, key, policy) for target, key in sorted(groups)])


def _key(card: Unseen, request: Request, policy: Policy, fits: Fits) -> str:
    """What a request has in common with those it can share a card with; "" where it can't."""
    if not policy.batches.enabled or request.status is not Status.PENDING or card.tier != request.tier:
        return ""
    if request.tier not in policy.tiers or card.target != policy.channel(request.workflow, request.tier):
        return ""
    key = likeness(request, policy)
    return key if key and fits(request) else ""


async def _gather(tx: Tx, target: str, key: str, policy: Policy) -> int:
    """Put those that share this into batches, as many as it takes."""
    joined = 0
    while True:
        waiting = await tx.batches.alike(target, key, COMPARED)
        # Since its card was looked at somebody may have turned to it, or it may have gone up.
        fresh = [request for request in waiting if likeness(request, policy) == key]
        found = await _fill(tx, target, key, policy, fresh) if fresh else 0
        joined += found
        if not found or len(waiting) < COMPARED:
            return joined


async def _fill(tx: Tx, target: str, key: str, policy: Policy, fresh: Sequence[Request]) -> int:
    """Add to the batch that is open, and start others for the rest; returns how many found a place."""
    rules, batch = policy.batches, await tx.batches.open(target, key)
    inside = await _waiting_in(tx, batch) if batch else []
    if batch and not inside:
        await tx.batches.close(batch.id)
        batch = None
    found = sort_out([*inside, *fresh], policy.unusual.times)
    known = {request.id for request in inside}
    kept = [request for request in found.kept if request.id not in known]
    told, size, placed = batch, len(inside), 0
    while kept and (batch is not None or len(kept) >= rules.least):
        if batch is None:
            batch, size = await tx.batches.start(kept[0], target, key), 0
            told = told or batch
        joining, kept = kept[: max(0, rules.most - size)], kept[max(0, rules.most - size) :]
        await tx.batches.join(batch, joining)
        placed, size = placed + len(joining), size + len(joining)
        if size >= rules.most:
            await tx.batches.close(batch.id)
            batch = None
    if told is not None:
        await tx.batches.keep_out(told, await _undecided(tx, found.odd, known))
    return placed


async def _undecided(tx: Tx, odd: Mapping[str, str], inside: Collection[str]) -> dict[str, str]:
    """Without those in the batch on which somebody is deciding this very moment."""
    held = [request_id for request_id in sorted(inside) if request_id in odd]
    free = {request_id for request_id in held if await tx.requests.lock_timer(request_id, due=False) is not None}
    return {request_id: why for request_id, why in odd.items() if request_id not in inside or request_id in free}


async def _waiting_in(tx: Tx, batch: Batch) -> list[Request]:
    """The batch's requests that still wait."""
    items = await tx.batches.items(batch.id)
    return [item.request for item in items if item.state is ItemState.IN and item.request.status is Status.PENDING]
