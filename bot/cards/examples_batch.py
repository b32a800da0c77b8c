"""The card of a batch in every state: for the golden tests and the gallery."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bot.cards.batch import batch_card, reminded
from bot.cards.batch_view import BatchItem, BatchView
from bot.cards.examples_stop import STOP
from bot.cards.reminder import reminder_of
from bot.cards.review import card
from bot.cards.samples import ASKED_AT, HOSTILE, MONEY, NAMES, decision, effect, request
from bot.cards.view import Card, CardView
from graph.law.request import (
    Brief,
    Decision,
    DecisionType,
    Effect,
    Form,
    Outcome,
    Request,
    Risk,
    Status,
    request_id,
)
from graph.verbs.ports import Batch, Item, ItemState

NOW: Final = ASKED_AT + timedelta(minutes=3)
CONFIRM: Final = Form(
    title="Send an order confirmation",
    question="Confirm order {order} over {amount} {currency} to {customer}?",
    schema={
        "properties": {
            "order": {"type": "string", "title": "Order"},
            "amount": {**MONEY, "title": "Amount"},
            "currency": {"type": "string", "title": "Currency"},
            "customer": {"type": "string", "title": "Customer"},
            "template": {"type": "string", "title": "Template"},
        }
    },
    value_field="amount",
    currency_field="currency",
    target_field="order",
)
WENT_UP: Final = "it went up to the next tier"
UNLIKE: Final = "amount 1,302.00, 3.1× the others' median (42.00); template urgent, the others: standard"


def batched() -> dict[str, Card]:
    """Name → rendering of every state, and of what else is said about a batch."""
    seen = batch_views()
    own = CardView(request=_confirmation(1), now=NOW, names=NAMES, batched=47)
    return {
        **{name: batch_card(view) for name, view in seen.items()},
        "batched_single": card(own),
        "batch_reminder": reminder_of(reminded(seen["batch_pending"]), ["STIER1"], ["UBOB"]),
    }


def batch_views() -> dict[str, BatchView]:
    """All states of the card."""
    waiting = items(47)
    odd = replace(waiting[0], item=_item(_confirmation(99, amount="1302.00"), 0, ItemState.ODD, UNLIKE))
    yes, no = (
        decision(kind, reason=why) for kind, why in ((DecisionType.APPROVE, ""), (DecisionType.REJECT, "doubled"))
    )
    some = [_ended(each, Status.APPROVED, yes, effect(Outcome.DONE)) for each in waiting[:40]]
    other = replace(yes, by="UBOB")
    gone = [replace(each, item=replace(each.item, state=ItemState.LEFT, why=WENT_UP)) for each in waiting]
    mixed = [
        *(_ended(each, Status.APPROVED, yes, effect(Outcome.DONE)) for each in waiting[:41]),
        _ended(waiting[41], Status.APPROVED, yes, effect(Outcome.FAILED, error="card closed")),
        _ended(waiting[42], Status.APPROVED, yes, effect(Outcome.UNKNOWN, error="no answer after 15 s")),
        _ended(waiting[43], Status.APPROVED, other, effect(Outcome.INTENT)),
        *(_ended(each, Status.REJECTED, no) for each in waiting[44:46]),
        replace(waiting[46], item=replace(waiting[46].item, state=ItemState.LEFT, why="somebody asked about it")),
    ]
    hostile = [_hostile(number) for number in range(3)]
    return {
        "batch_pending": _view(waiting),
        "batch_kept_out": _view([*waiting, odd]),
        "batch_three": _view(items(3)),
        "batch_partly": _view([*some, *waiting[40:]]),
        "batch_overdue": _view(waiting, now=ASKED_AT + timedelta(minutes=40)),
        "batch_stopped": _view(waiting, stop=STOP, stopped_since=STOP.at),
        "batch_approved": _view([_ended(each, Status.APPROVED, yes) for each in waiting]),
        "batch_rejected": _view([_ended(each, Status.REJECTED, no) for each in waiting]),
        "batch_mixed": _view([*mixed, odd]),
        "batch_went_up": _view(gone),
        "batch_hostile": _view(hostile, names={"UALICE": HOSTILE}),
        "batch_hostile_decided": _view(
            [_ended(each, Status.APPROVED, yes, effect(Outcome.FAILED, error=HOSTILE)) for each in hostile],
            names={"UALICE": HOSTILE},
        ),
    }


def items(number: int) -> list[BatchItem]:
    """So many that wait."""
    return [BatchItem(item=_item(_confirmation(n), n + 1)) for n in range(number)]


def _confirmation(number: int, amount: str = "") -> Request:
    amount = amount or f"{12 + number * 7 % 78}.90"
    args = {"order": f"{6200 + number}", "amount": amount, "currency": "EUR", "customer": f"C-{1100 + number % 31}"}
    return request(CONFIRM, {**args, "template": "standard"}, **_fields(number, Decimal(amount)))


def _fields(number: int, amount: Decimal | None) -> dict[str, Any]:
    calm = {"impact": Risk.LOW, "risk": Risk.LOW, "brief": Brief(rationale="The order is paid.", confidence=0.93)}
    return {"id": request_id(f"run_{number}", 1, 0), "value": amount, "worth": amount, "matched": (), **calm}


def _hostile(number: int) -> BatchItem:
    form = Form(title=HOSTILE, question="Send {to}?", schema={"properties": {"to": {"title": HOSTILE}}})
    of = request(form, {"to": f"{HOSTILE}{number}", HOSTILE: HOSTILE}, **_fields(number, None))
    return BatchItem(item=_item(of, number + 1))


def _item(of: Request, seq: int, state: ItemState = ItemState.IN, why: str = "") -> Item:
    return Item(request=of, seq=seq, version=of.version, digest=of.digest, state=state, why=why)


def _ended(each: BatchItem, status: Status, taken: Decision, what: Effect | None = None) -> BatchItem:
    of = replace(each.request, status=status, version=2, decided_at=NOW, next_step_at=None)
    return BatchItem(item=replace(each.item, request=of), decision=replace(taken, request_id=of.id), effect=what)


def _view(found: Sequence[BatchItem], now: datetime = NOW, **more: Any) -> BatchView:
    batch = Batch(
        id="bat_0123456789abcdef",
        workflow="payments",
        action_type="refund",
        target="#approvals",
        tier=1,
        alike="alike",
        created_at=ASKED_AT,
        closed_at=None,
    )
    return BatchView(batch=batch, items=tuple(found), now=now, **{"names": NAMES} | more)
