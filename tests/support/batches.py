"""Similar requests, and the batch that they are in."""

from typing import Any

from bot.cards.batch_view import BatchView
from bot.delivery import shown_whole
from bot.delivery.batches import load_batch
from graph.law.request import DecisionType, Form, Request, Status
from graph.verbs.batch import BatchAnswer, Shown
from graph.verbs.gather import gather
from graph.verbs.ports import ItemState, Store
from storage.store import PgStore
from tests.support.slack import pending

CONFIRM = Form(
    title="Send an order confirmation",
    question="Send the confirmation of order {order} over {amount} {currency}?",
    schema={
        "type": "object",
        "properties": {
            "order": {"type": "string", "title": "Order", "editable": False},
            "amount": {"type": "string", "title": "Amount", "format": "money"},
            "currency": {"enum": ["EUR", "USD"], "title": "Currency"},
            "template": {"type": "string", "title": "Template"},
        },
    },
    value_field="amount",
    currency_field="currency",
    target_field="order",
)


def args_of(number: int, **more: Any) -> dict[str, Any]:
    """The arguments of the n-th of many similar ones."""
    amount = f"{40 + number % 30}.50"
    return {"order": f"{5000 + number}", "amount": amount, "currency": "EUR", "template": "standard", **more}


async def confirmations(store: Store, number: int, *, first: int = 0, **more: Any) -> list[Request]:
    """So many similar requests, each of a run of its own."""
    more = {"form": CONFIRM, **more}
    return [await pending(store, args=args_of(n), **more) for n in range(first, first + number)]


async def gathered(store: Store) -> list[BatchView]:
    """Every batch there is, after gathering once more."""
    await gather(store, shown_whole)
    return await batches(store)


async def batches(store: Store) -> list[BatchView]:
    """Every batch there is, oldest first."""
    assert isinstance(store, PgStore)
    async with store.engine.connect() as connection:
        rows = await connection.exec_driver_sql("select id from batches order by created_at, id")
        ids = [row[0] for row in rows]
    async with store.begin() as tx:
        found = await tx.batches.many(ids)
        return sorted([await load_batch(tx, batch) for batch in found], key=lambda view: view.batch.created_at)


def inside(view: BatchView) -> set[str]:
    """Ids of what is in."""
    return {each.request.id for each in view.items if each.item.state is ItemState.IN}


def shown(view: BatchView, where: tuple[str, str] | None = None) -> Shown:
    """What its card shows now."""
    ref = view.ref()
    return Shown(batch_id=ref.batch_id, upto=ref.upto, waiting=ref.waiting, digest=ref.digest, where=where)


def approve_all(view: BatchView, user: str = "UALICE", **more: Any) -> BatchAnswer:
    return BatchAnswer(shown=shown(view), type=DecisionType.APPROVE, user_id=user, via="slack", **more)


async def statuses(store: Store, requests: list[Request]) -> list[Status]:
    """The statuses of these requests now, in their order."""
    async with store.begin() as tx:
        found = {each.id: each.status for each in await tx.requests.many([request.id for request in requests])}
    return [found[request.id] for request in requests]
