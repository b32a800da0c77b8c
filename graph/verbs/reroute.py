"""Reroute: a channel that can't be reached must not hide a request. Its card is shown in the tier's fallback channel,
and where there is none or that fails too, to the tier's people directly. The first one stays owed.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from graph.faults import report
from graph.law.policy import Policy
from graph.law.request import Request, Status
from graph.verbs.authority import standing
from graph.verbs.escalate import Ladder
from graph.verbs.ports import CardRow, ItemState, Store, Tx

LATE: Final = timedelta(minutes=2)
BATCH: Final = 50
MOST_PEOPLE: Final = 10


async def reroute_stranded(store: Store) -> int:
    """Show elsewhere what has waited for its channel too long; returns how many cards."""
    async with store.begin() as tx:
        stranded = await tx.cards.stranded(LATE.total_seconds(), BATCH)
    moved = 0
    for card in stranded:
        try:
            moved += await reroute(store, card, "its channel takes no messages")
        except Exception as problem:  # the others wait as well
            report(f"card {card.id} could not be rerouted", problem)
    return moved


async def reroute(store: Store, card: CardRow, why: str) -> bool:
    """Other cards stand in for this one; once, and only while the request waits for this tier."""
    async with store.begin() as tx:
        # The request before its cards, as deciding takes them; of a batch one that waits stands for all.
        request = await tx.requests.lock(await _about(tx, card))
        if not await tx.cards.reroute(card.id) or request is None:
            return False
        if request.status is not Status.PENDING or card.tier not in (0, request.tier):
            return False
        targets = await _elsewhere(tx, request, card)
        if card.batch_id is not None:
            await tx.batches.want(card.batch_id, targets)
        else:
            await tx.cards.want_many([(request.id, target, request.tier) for target in targets])
        await tx.audit.record(
            "card_rerouted",
            "clock",
            run_id=request.run_id,
            request_id=request.id,
            tier=request.tier,
            why=why,
            **{"from": card.target, "to": list(targets)},
        )
        if not targets:
            text = f"Request {request.id} can't be shown to anybody of tier {request.tier}: {card.target}, {why}."
            await tx.owed.add("operators", f"unshown:{card.id}", {"text": text, "run_id": request.run_id})
        return True


async def _about(tx: Tx, card: CardRow) -> str:
    """The id of the request that a card is about, of a batch's the first that still waits."""
    items = await tx.batches.items(card.batch_id) if card.batch_id is not None else ()
    inside = (item.request for item in items if item.state is ItemState.IN)
    return next((request.id for request in inside if request.status is Status.PENDING), card.request_id)


async def _elsewhere(tx: Tx, request: Request, card: CardRow) -> Sequence[str]:
    """The tier's fallback channel, unless a card went there already; else people who may decide."""
    current = await tx.policies.current()
    batched = card.batch_id is not None
    others = await (tx.batches.cards(card.batch_id or "") if batched else tx.cards.of_request(request.id))
    shown = {other.target for other in others}
    fallback = _fallback(current.policy, request)
    if fallback is not None and fallback not in shown:
        return (fallback,)
    rights = await standing(tx, request, current, any_age=True)
    able = rights.pool_then & rights.pool_now
    if rights.team is not None:
        able &= rights.team
    if await tx.people.get(card.target) is not None:
        return ()  # it was for one person only, and the others have theirs
    people = await tx.people.many(able)
    fit = sorted(user for user, person in people.items() if person.active and not person.bot)
    there = (await Ladder(tx, current, await tx.now()).there(request.tier)).people if fit else frozenset()
    asked_for = [user for user in fit if user != request.requester]
    return tuple(sorted(asked_for, key=lambda user: user not in there)[:MOST_PEOPLE])


def _fallback(policy: Policy, request: Request) -> str | None:
    """A team's own channel is nobody else's: what belongs there isn't shown in a channel that others read."""
    tier = policy.tiers.get(request.tier)
    if tier is None or policy.channel(request.workflow, request.tier) != tier.channel:
        return None
    return tier.fallback
