"""Loads what the card of a batch shows, in the reader's transaction."""

from bot.cards.batch_view import BatchItem, BatchView
from graph.law.request import Status
from graph.verbs.ports import Batch, CardRow, ItemState, Tx


async def load_batch(tx: Tx, batch: Batch, card: CardRow | None = None) -> BatchView:
    """The batch as it is now, with what became of its items; as `card` shows it."""
    items = await tx.batches.items(batch.id)
    decided = [item.request.id for item in items if item.request.status is not Status.PENDING]
    approved = [item.request.id for item in items if item.request.status is Status.APPROVED]
    decisions = await tx.requests.decisions(decided) if decided else {}
    effects = await tx.effects.of_requests(approved) if approved else {}
    waits = any(item.state is ItemState.IN and item.request.status is Status.PENDING for item in items)
    stops = await tx.stops.in_force(batch.workflow) if waits else ()
    users = {decision.by for decision in decisions.values()} | {stop.stopped_by for stop in stops[:1]}
    users |= {item.request.requester for item in items if item.request.requester}
    people = await tx.people.many(users) if users else {}
    return BatchView(
        batch=batch,
        items=tuple(
            BatchItem(item=item, decision=decisions.get(item.request.id), effect=effects.get(item.request.id))
            for item in items
        ),
        now=await tx.now(),
        stop=stops[0] if stops else None,
        stopped_since=await tx.stops.since(batch.workflow) if stops else None,
        rendering=card.wanted if card else 0,
        names={user: person.name for user, person in people.items()},
    )
