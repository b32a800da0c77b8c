"""The `procurement` workflow: an agent orders what a requisition asks for, at any hour of the night.

1. `place_order` (idempotent; can be cancelled within the supplier's 24 hours), once per order of the requisition.
2. `book_transport` (queryable; can be taken back), for the quantity that was really ordered.
3. `confirm_delivery_slot` (opaque: a message to the supplier, at most once).

The agent is tireless and naive on purpose. So the action itself weighs the order against its background, and the card
shows what the agent missed. A refused order comes once more in the usual quantity; after that all is undone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AwareDatetime, Field

from graph.flow.steps import became, in_words, no_other_way, sent_back, standing, tried
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.action import Money
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle

ONE_SIGNATURE: Final = Decimal(5_000)  # as in POLICY; orders are split to stay below it
UNUSUAL_ORDER: Final = Decimal(3)  # times the usual one
UNUSUAL_PRICE: Final = Decimal("1.5")
WORKING_HOURS: Final = range(6, 20)  # UTC
_FIXED: Final[dict[str, Any]] = {"editable": False}
_Name = Annotated[str, Field(pattern=r"^\w[\w .,()%+-]{0,79}$")]
_Quantity = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Goods(Args):
    """What every action is about. Amounts are in `currency`, quantities in `unit`."""

    requisition: Annotated[str, Field(title="Requisition", pattern=r"^[A-Za-z0-9_-]{1,64}$", json_schema_extra=_FIXED)]
    supplier: Annotated[_Name, Field(title="Supplier", json_schema_extra=_FIXED)]
    item: Annotated[_Name, Field(title="Item", json_schema_extra=_FIXED)]
    unit: Annotated[Literal["litres", "kg", "pieces", "boxes"], Field(title="Unit", json_schema_extra=_FIXED)]
    currency: Annotated[Literal["EUR", "USD", "GBP"], Field(title="Currency", json_schema_extra=_FIXED)]


class Background(Goods):
    """What the order has to be seen against, copied from the requisition system and not weighed by the agent."""

    ordered_at: Annotated[AwareDatetime, Field(title="Ordered at", json_schema_extra=_FIXED)]
    cancelled_at: Annotated[AwareDatetime | None, Field(title="Cancelled at", json_schema_extra=_FIXED)] = None
    cancelled_by: Annotated[_Name | None, Field(title="Cancelled by", json_schema_extra=_FIXED)] = None
    usual_quantity: Annotated[_Quantity, Field(title="Usual quantity", json_schema_extra=_FIXED)]
    usual_amount: Annotated[Money, Field(title="Usual amount", json_schema_extra=_FIXED)]


class OrderArgs(Background):
    quantity: Annotated[_Quantity, Field(title="Quantity")]
    amount: Annotated[Money, Field(title="Amount")]
    orders: Annotated[int, Field(title="Orders in all", ge=1, le=10, json_schema_extra=_FIXED)]


class DeliveryArgs(Goods):
    quantity: Annotated[_Quantity, Field(title="Quantity", json_schema_extra=_FIXED)]
    deliver_on: Annotated[date, Field(title="Delivery")]
    carrier: Annotated[_Name, Field(title="Carrier", json_schema_extra=_FIXED)]
    freight: Annotated[Money, Field(title="Freight")]


G = TypeVar("G", bound=Goods)


class GoodsAction(Action[G]):
    """An action for a requisition: it no longer fits once the requisition is withdrawn."""

    async def still_valid(self, args: G) -> str | None:
        return await shop.withdrawn(args.requisition)

    async def undo(self, args: G, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)


class PlaceOrder(GoodsAction[OrderArgs]):
    name = "place_order"
    title = "Place an order"
    question = "Order {quantity} {unit} of {item} from {supplier} for {amount} {currency}?"
    after_approve = "The order goes out at once; it can be cancelled free of charge within the supplier's 24 hours."
    args = OrderArgs
    effect = EffectClass.IDEMPOTENT
    reversible = True
    value_field = "amount"
    currency_field = "currency"
    target_field = "supplier"
    tags = frozenset({"payment"})

    async def perform(self, args: OrderArgs, call: Call) -> dict[str, Any]:
        title = f"{args.quantity} {args.unit} of {args.item} from {args.supplier}"
        money: dict[str, Any] = {"amount": args.amount, "currency": args.currency}
        return await shop.do("procurement", self.name, args.requisition, title, key=call.key, **money)

    async def facts(self, args: OrderArgs) -> dict[str, Any]:
        return {"cancelled": args.cancelled_at is not None}

    def flags(self, args: OrderArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        return tuple(_unusual(args))


class BookTransport(GoodsAction[DeliveryArgs]):
    name = "book_transport"
    title = "Book the transport"
    question = "Book {carrier} for {quantity} {unit} of {item} on {deliver_on}, for {freight} {currency}?"
    after_approve = "The carrier is booked at once; the booking can be taken back until the goods are loaded."
    args = DeliveryArgs
    effect = EffectClass.QUERYABLE
    reversible = True
    value_field = "freight"
    currency_field = "currency"
    target_field = "carrier"
    tags = frozenset({"payment"})
    not_applicable = frozenset({Signal.RETRIEVAL})

    async def perform(self, args: DeliveryArgs, call: Call) -> dict[str, Any]:
        title = f"{args.carrier} on {args.deliver_on}: {args.quantity} {args.unit} of {args.item}"
        money: dict[str, Any] = {"amount": args.freight, "currency": args.currency}
        return await shop.do("procurement", self.name, args.requisition, title, reference=call.key, **money)

    async def lookup(self, args: DeliveryArgs, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)


class ConfirmSlot(GoodsAction[DeliveryArgs]):
    name = "confirm_delivery_slot"
    title = "Confirm the delivery slot"
    question = "Tell {supplier} that {carrier} fetches {quantity} {unit} of {item} on {deliver_on}?"
    after_approve = "The message goes to the supplier at once; it can't be taken back."
    args = DeliveryArgs
    effect = EffectClass.OPAQUE
    not_applicable = frozenset({Signal.RETRIEVAL})

    async def perform(self, args: DeliveryArgs, call: Call) -> dict[str, Any]:
        return await shop.do("procurement", self.name, args.requisition, f"{args.carrier} fetches on {args.deliver_on}")


ACTIONS: Final = (PlaceOrder(), BookTransport(), ConfirmSlot())
_told: Final = in_words(ACTIONS)


def _unusual(args: OrderArgs) -> Iterable[str]:
    """What a second look at the order's background shows, each in a sentence."""
    ordered_at = args.ordered_at.astimezone(UTC)
    if args.cancelled_at is not None:
        at = args.cancelled_at.astimezone(UTC)
        minutes = int((ordered_at - at).total_seconds()) // 60
        gap = f"{minutes // 60} h {minutes % 60:02} min earlier" if minutes >= 0 else "after this was prepared"
        yield f"Requisition cancelled {gap} by {args.cancelled_by or 'somebody'}"
    size = args.amount / args.usual_amount
    if size >= UNUSUAL_ORDER:
        yield f"{_times(size)} the usual order ({args.usual_amount:,.2f} {args.currency})"
    price = args.amount / args.quantity
    usual = args.usual_amount / args.usual_quantity
    if price >= UNUSUAL_PRICE * usual:
        yield f"{_times(price / usual)} the usual price per unit ({usual:,.2f} {args.currency})"
    if args.amount <= ONE_SIGNATURE < args.amount * args.orders:
        yield f"1 of {args.orders} orders, together above the limit of {ONE_SIGNATURE:,.2f}"
    if ordered_at.hour not in WORKING_HOURS:
        yield f"Ordered at {ordered_at:%H:%M}, outside working hours"


def _times(ratio: Decimal) -> str:
    return format(ratio, ".1f").removesuffix(".0") + "×"


class Requisition(Background, strict=False):
    """The workflow's input. `lots`: quantity and amount of each order; `log`: what else stands in the system."""

    lots: Annotated[list[tuple[_Quantity, Money]], Field(min_length=1, max_length=10)]
    carrier: _Name
    freight: Money
    deliver_on: date
    stock_days: Annotated[int, Field(ge=0, le=3650)]
    log: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=50)] = ()
    file: CaseFile = CaseFile()


class Buyer:
    """Orders, books, confirms; tireless and naive. Pure: the same case gives the same step."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        # A message of unknown fate is no reason to cancel the order.
        now = standing(case.history, harmless=(ConfirmSlot.name,), told=_told)
        if isinstance(now, GiveUp):
            return now
        wanted = Requisition.model_validate(case.input)
        steps = _steps(wanted, now.settled)
        if len(now.settled) >= len(steps):
            return Done(f"Requisition {wanted.requisition}: {'; '.join(became(now.settled, _told))}.")
        step = steps[len(now.settled)]
        before = [*wanted.file.looked, *tried(case.history, _told)]
        step = replace(step, context={**step.context, "tried": before})
        if now.refused is None:
            return step
        if not step.alternatives:
            return no_other_way(now.refused, _told)
        why = f"The first proposal {sent_back(now.refused)}; this asks for less."
        return replace(step, args=step.alternatives[0].args, rationale=why, confidence=0.88, alternatives=())


def _steps(wanted: Requisition, settled: Sequence[Turn]) -> list[Proposal]:
    """All steps of the way; the later ones go by the quantity that was really ordered, edits included."""
    orders = [_order(wanted, quantity, amount) for quantity, amount in wanted.lots]
    quantity = sum(int(turn.args.get("quantity", 0)) for turn in settled[: len(orders)])
    delivery = wanted.model_dump(mode="json", include={*DeliveryArgs.model_fields}) | {"quantity": quantity}
    return [*orders, _step(wanted, BookTransport.name, delivery), _step(wanted, ConfirmSlot.name, delivery)]


def _order(wanted: Requisition, quantity: int, amount: Decimal) -> Proposal:
    """One order; where it is larger than usual, the usual quantity at the same price is the alternative."""
    args = wanted.model_dump(mode="json", include={*OrderArgs.model_fields})
    args |= {"quantity": quantity, "amount": str(amount), "orders": len(wanted.lots)}
    usual = format(max(Decimal("0.01"), amount / quantity * wanted.usual_quantity), ".2f")
    less = Alternative(
        title=f"Order the usual {wanted.usual_quantity:,} {wanted.unit} for {Decimal(usual):,} {wanted.currency}",
        type=PlaceOrder.name,
        args=args | {"quantity": wanted.usual_quantity, "amount": usual},
    )
    return _step(wanted, PlaceOrder.name, args, [less] if quantity > wanted.usual_quantity else [])


def _step(wanted: Requisition, action: str, args: dict[str, Any], others: Sequence[Alternative] = ()) -> Proposal:
    late = " The later change of its status looks like clean-up." if wanted.cancelled_at else ""
    return Proposal(
        action=action,
        args=args,
        rationale=f"{wanted.requisition} is approved, and the stock lasts {wanted.stock_days} more days.{late}",
        confidence=0.97,
        signals={"tools": 0.98, "retrieval": 0.95},
        alternatives=others,
        cost_of_delay=f"The stock of {wanted.item} runs out in {wanted.stock_days} days.",
        context=bundle(
            wanted.file,
            goal=f"Have the {wanted.item} here before the stock runs out.",
            situation={"log": list(wanted.log), "stock lasts": f"{wanted.stock_days} days"},
            recommendation="Go by the requisition: order, book the transport, tell the supplier.",
            tried=(),
            confidence="The model's own: 97 %, because the requisition was approved once",
            who=("supplier", wanted.model_dump(mode="json", include={"supplier", "item", *_USUAL})),
            what=("requisition", {name: value for name, value in args.items() if name not in ("supplier", *_USUAL)}),
        ),
    )


_USUAL: Final = ("usual_quantity", "usual_amount")

POLICY: Final = """
[[thresholds]] # never alone, and rather asked than sent back to an agent that will insist
action = "procurement.*"
impact = "critical"
review = 0.50

[[rules]]
name = "cancelled-requisition"
actions = ["procurement.place_order"]
when = "facts.cancelled"
risk = "critical"
tier = 3
approvals = 2
reason = "policy_violation"
basis = "House rule: nothing is ordered for a cancelled requisition unless two managers take it on"

[[rules]]
name = "over-one-signature"
when = "total > 5000.0"
approvals = 2
reason = "cost_threshold"
basis = "Signature rules: above 5,000.00 with one supplier in a week, two people sign"

[[totals]]
name = "same-supplier-in-a-week"
actions = ["procurement.place_order"]
window = "7d"
"""


def _demo(title: str, goods: str, lots: list[tuple[int, str]], **more: Any) -> DemoCase:
    """Goods are the fields in `names`; lots are quantity and amount; what isn't named is as on an ordinary day."""
    names = ("requisition", "supplier", "item", "unit", "currency", "usual_quantity", "usual_amount")
    day = {"ordered_at": "2026-11-23T09:40:00Z", "deliver_on": "2026-11-26", "stock_days": 2, "freight": "85.00"}
    named = dict(zip(names, goods.split(" | "), strict=True)) | {"carrier": "Brightwater Haulage", "lots": lots}
    return DemoCase(title=title, input={**named, **day, **more})


workflow: Final = Workflow(
    name="procurement",
    title="Purchase orders",
    agent=Buyer(),
    actions=ACTIONS,
    demo_cases=(
        _demo(
            "2:47 AM: 2,300,000.00 USD of solvent for a requisition cancelled at 22:41",
            "R-4417 | Nordhaven Solvents | ethyl acetate | litres | USD | 20000 | 50000.00",
            [(920_000, "2300000.00")],
            ordered_at="2026-11-22T02:47:00Z",
            cancelled_at="2026-11-21T22:41:00Z",
            cancelled_by="the plant manager",
            freight="48000.00",
            log=["21 Nov 22:41 the plant manager: the new line is put off to spring, cancel R-4417"],
            file=demo_files.SOLVENT,
        ),
        _demo(
            "A routine reorder: 40 boxes of gloves for 312.00 EUR",
            "R-4390 | Halden Safety | nitrile gloves | boxes | EUR | 40 | 304.00",
            [(40, "312.00")],
            file=demo_files.GLOVES,
        ),
        _demo(
            "One order split into four of 4,900.00 EUR, just under the limit of 5,000.00",
            "R-4402 | Kestrel Pumps | diaphragm pumps | pieces | EUR | 35 | 2450.00",
            [(70, "4900.00")] * 4,
            file=demo_files.PUMPS,
        ),
        _demo(
            "A rush order: 60 seals for 1,440.00 GBP, at 3 times the usual price each",
            "R-4421 | Aldwick Seals | shaft seals | pieces | GBP | 50 | 400.00",
            [(60, "1440.00")],
            file=demo_files.SEALS,
        ),
    ),
    input_model=Requisition,
    policy=POLICY,
)
