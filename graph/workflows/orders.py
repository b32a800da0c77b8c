"""The `orders` workflow: acknowledge an order, release it, ship it, refund it, with people at the gates.

What comes back is proposed once more in a safer form where there is one (a longer promise, half the value, one parcel
first); else the agent gives up, and all that was done is undone, newest first. What people hold back isn't shipped.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import BaseModel, Field

from graph.flow.steps import Standing, standing
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.action import Money, question
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass, Risk
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle, steps_down

NAME: Final = "orders"
GOAL: Final = "Serve the order: quickly where nothing can go wrong, with a second look where it can."
_FIXED: Final[dict[str, Any]] = {"editable": False}
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", json_schema_extra=_FIXED)]
Count = Annotated[int, Field(ge=0, le=100_000, json_schema_extra=_FIXED)]


class OrderArgs(Args):
    """What every action here is about: once the order is withdrawn, nothing is done any more."""

    order: Annotated[Id, Field(title="Order")]
    customer: Annotated[Id, Field(title="Customer")]


class AcknowledgeArgs(OrderArgs):
    days: Annotated[int, Field(title="Ships within (days)", ge=1, le=60)]


class ValueArgs(OrderArgs):
    amount: Annotated[Money, Field(title="Amount")]
    currency: Annotated[Literal["EUR", "USD", "GBP"], Field(title="Currency", json_schema_extra=_FIXED)]


class ReleaseArgs(ValueArgs):
    customer_days: Annotated[Count, Field(title="Customer for (days)")]


class ShipArgs(ValueArgs):
    address: Annotated[str, Field(title="Address", pattern=r"^\w[\w .,'-]{0,118}\w$", json_schema_extra=_FIXED)]
    parcels: Annotated[int, Field(title="Parcels", ge=1, le=500)]
    deliveries: Annotated[Count, Field(title="Earlier deliveries to this address")]


class RefundArgs(ValueArgs):
    paid: Annotated[Money, Field(title="Paid for the order", json_schema_extra=_FIXED)]
    refunds: Annotated[Count, Field(title="Refunds to this customer in 30 days")]


T = TypeVar("T", bound=OrderArgs)


class OrderAction(Action[T]):
    """An action on an order that may be withdrawn in the meantime. The shop can undo each of them."""

    effect = EffectClass.IDEMPOTENT
    reversible = True
    value_field: ClassVar[str | None] = "amount"
    currency_field: ClassVar[str | None] = "currency"
    target_field = "customer"
    not_applicable = frozenset({Signal.RETRIEVAL})  # only for a refund is anything read: what the customer wrote

    async def perform(self, args: T, call: Call) -> dict[str, Any]:
        title = question(self.form(), args.model_dump(mode="json")).rstrip("?")
        named: dict[str, Any] = {"reference" if self.effect is EffectClass.QUERYABLE else "key": call.key}
        if isinstance(args, ValueArgs):
            named |= {"amount": args.amount, "currency": args.currency}
        return await shop.do(NAME, self.name, args.order, title, **named)

    async def undo(self, args: T, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)

    async def still_valid(self, args: T) -> str | None:
        return await shop.withdrawn(args.order)


class AcknowledgeOrder(OrderAction[AcknowledgeArgs]):
    name = "acknowledge_order"
    title = "Acknowledge an order"
    question = "Acknowledge order {order} to customer {customer}, to ship within {days} days?"
    after_approve = "The customer gets the acknowledgment at once; it can be withdrawn until the order ships."
    args = AcknowledgeArgs
    value_field = currency_field = None


class ReleaseOrder(OrderAction[ReleaseArgs]):
    name = "release_order"
    title = "Release a held order"
    question = "Release {amount} {currency} of order {order} for customer {customer}?"
    after_approve = "The warehouse may pack it at once; it can be held again until it ships."
    args = ReleaseArgs

    def flags(self, args: ReleaseArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        return [f"Customer for only {args.customer_days} days"] if args.customer_days < 30 else []


class ShipBulk(OrderAction[ShipArgs]):
    name = "ship_bulk"
    title = "Ship in bulk"
    question = "Ship {parcels} parcels of order {order}, worth {amount} {currency}, to {address}?"
    after_approve = "The carrier collects them; until they are delivered they can be recalled, at the carrier's price."
    args = ShipArgs
    effect = EffectClass.QUERYABLE
    target_field = "address"

    async def lookup(self, args: ShipArgs, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)

    def impact(self, args: ShipArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.HIGH if args.parcels >= 20 else Risk.LOW

    def flags(self, args: ShipArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        new = args.deliveries == 0 and args.parcels > 1
        return [f"{args.parcels} parcels to an address with 0 earlier deliveries"] if new else []


class RefundOrder(OrderAction[RefundArgs]):
    name = "refund_order"
    title = "Refund an order"
    question = "Refund {amount} {currency} of order {order} to customer {customer}?"
    after_approve = "The money goes back at once; the refund can be reversed for 30 days."
    args = RefundArgs
    tags = frozenset({"payment", "refund"})
    not_applicable = frozenset()

    def flags(self, args: RefundArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        found = [f"{args.refunds} refunds to this customer in 30 days"] if args.refunds >= 3 else []
        if args.amount > args.paid:
            found.append(f"{args.amount - args.paid} {args.currency} more than the {args.paid} that was paid")
        return found


POLICY: Final = """
[[thresholds]] # money that left comes back slowly and by asking, so it leaves alone only when hardly any doubt is left
action = "orders.refund_order"
auto = 0.95
review = 0.60

[[rules]]
name = "large-release"
actions = ["orders.release_order"]
when = "total > 1000.0 && args.customer_days < 30"
tier = 2
reason = "cost_threshold"
basis = "Stolen cards are used for large first orders, and the charge-back comes weeks later"

[[rules]]
name = "bulk-to-new-address"
actions = ["orders.ship_bulk"]
when = "args.parcels >= 10 && args.deliveries == 0"
tier = 2
approvals = 2
basis = "Reshipping fraud: goods leave in bulk for an address that nobody has ever delivered to"

[[rules]]
name = "refund-above-payment"
actions = ["orders.refund_order"]
when = "double(args.amount) > double(args.paid)"
then = "reject"
reason = "policy_violation"
basis = "Nobody is refunded more than was paid"

[[totals]]
name = "refunds-to-one-customer-in-a-month"
actions = ["orders.refund_order"]
by = "target"
window = "30d"
"""


class Order(BaseModel, extra="forbid", frozen=True):
    """The workflow's input: the steps in their order; `sentiment` is the customer's, -1 (very upset) to 1."""

    steps: Annotated[tuple[AcknowledgeArgs | ReleaseArgs | ShipArgs | RefundArgs, ...], Field(max_length=20)]
    situation: Annotated[str, Field(min_length=1, max_length=2000)]
    waiting_hours: Count = 24
    sentiment: Annotated[float | None, Field(ge=-1, le=1)] = None
    file: CaseFile = CaseFile()


ACTIONS: Final[tuple[Action[Any], ...]] = (AcknowledgeOrder(), ReleaseOrder(), ShipBulk(), RefundOrder())
_ACTION_OF: Final = {action.args: action for action in ACTIONS}
# Nobody is hurt by an acknowledgment that may or may not have gone out.
_HARMLESS: Final = (AcknowledgeOrder.name,)


class OrdersAgent:
    """Takes the steps that the input asks for; a pure function of the input and the history."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        order = Order.model_validate(dict(case.input))
        now = standing(case.history, harmless=_HARMLESS, told=_named)
        if isinstance(now, GiveUp):
            return now
        if len(now.settled) >= len(order.steps):
            return Done("; ".join(map(_told, now.settled)) or "There was nothing to do")
        wanted = _as_released(order.steps[len(now.settled)], now.settled)
        safer = _safer(wanted)
        if now.refused and safer is None:
            return GiveUp(f"There is no safer form. {_told(now.refused)}.")
        return _proposal(order, wanted, safer, now, case)


def _proposal(order: Order, wanted: OrderArgs, safer: Alternative | None, now: Standing, case: Case) -> Proposal:
    action = _ACTION_OF[type(wanted)]
    args, why = wanted.model_dump(mode="json"), order.situation
    if now.refused and safer:
        args, why = dict(safer.args), f"The first form came back. Safer: {safer.title}."
    if now.failed:
        args = dict(now.failed.args)  # tried once more as people left it
    doubts = len(action.flags(action.args.model_validate(args), {}))
    tried, asked = list(map(_told, case.history)), question(action.form(), args)
    return Proposal(
        action=action.name,
        args=args,
        rationale=why,
        confidence=round(0.96 - 0.09 * doubts, 2),
        signals={"tools": 1.0} if Signal.RETRIEVAL in action.not_applicable else {"tools": 1.0, "retrieval": 0.95},
        sentiment=order.sentiment,
        alternatives=(safer,) if safer and not now.refused else (),
        cost_of_delay=f"The customer has waited {order.waiting_hours} hours.",
        context=bundle(
            order.file,
            goal=GOAL,
            situation=order.situation,
            recommendation=asked,
            tried=tried,
            confidence=steps_down(0.96, 0.09, doubts),
            who=("customer", {"customer": wanted.customer, "waiting for": f"{order.waiting_hours} hours"}),
            what=("order", {name: value for name, value in args.items() if name != "customer"}),
        ),
    )


def _as_released(args: OrderArgs, settled: Sequence[Turn]) -> OrderArgs:
    """No more is shipped than people have released of the same order."""
    for turn in settled:
        if turn.action == ReleaseOrder.name and isinstance(args, ShipArgs) and turn.args["order"] == args.order:
            args = args.model_copy(update={"amount": min(args.amount, Decimal(turn.args["amount"]))})
    return args


def _safer(args: OrderArgs) -> Alternative | None:
    """The same with less at stake; None where there is nothing left to take away."""
    change: dict[str, int | Decimal]
    match args:
        case AcknowledgeArgs() if args.days <= 30:
            title, change = f"Promise {2 * args.days} days", {"days": 2 * args.days}
        case ReleaseArgs() if args.amount > 1:
            title, change = "Release half, the rest later", {"amount": args.amount / 2}
        case ShipArgs() if args.parcels > 1 and args.amount > args.parcels:
            title, change = "Ship one parcel first", {"parcels": 1, "amount": args.amount / args.parcels}
        case RefundArgs() if args.amount > 1:
            title, change = "Refund half of it", {"amount": min(args.amount / 2, args.paid)}
        case _:
            return None
    safer = args.model_copy(update=change)
    return Alternative(title=title, type=_ACTION_OF[type(args)].name, args=safer.model_dump(mode="json"))


def _named(turn: Turn) -> str:
    amount = f", {turn.args['amount']} {turn.args['currency']}" if "amount" in turn.args else ""
    return f"{turn.action} {turn.args.get('order')}{amount}"


def _told(turn: Turn) -> str:
    """`release_order 6133, 900.00 EUR: rejected (too much)`; of what was done, not why."""
    why = "" if turn.outcome == "done" else turn.error or turn.reason
    return f"{_named(turn)}: {turn.outcome or turn.status}" + (f" ({why})" if why else "")


def _demo(title: str, situation: str, *steps: Mapping[str, Any], **more: Any) -> DemoCase:
    return DemoCase(title=title, input={"steps": list(steps), "situation": situation, **more})


def _small_orders(number: int) -> DemoCase:
    """So many acknowledgments that are alike, and one at the end that promises much less."""
    situation = "Sold in this morning's newsletter, in stock, paid."
    orders = [{"order": f"{6200 + n}", "customer": f"C-{1100 + n}", "days": 2} for n in range(number)]
    orders.append({"order": f"{6200 + number}", "customer": f"C-{1100 + number}", "days": 45})
    first, *others = [{"steps": [order], "situation": situation, "file": demo_files.NEWSLETTER} for order in orders]
    return DemoCase(title=f"{number} small orders at once, and one that ships late", input=first, beside=others)


workflow: Final = Workflow(
    name=NAME,
    title="Orders, shipments and refunds",
    agent=OrdersAgent(),
    actions=ACTIONS,
    demo_cases=(
        _demo(
            "47 parcels to one new address: 6,110.00 EUR",
            "A reseller asks for its whole order at a warehouse that it named this morning.",
            {
                "order": "6120",
                "customer": "C-880",
                "amount": "6110.00",
                "currency": "EUR",
                "address": "Dock 9, 4 Old Quay, Rotterdam",
                "parcels": 47,
                "deliveries": 0,
            },
            file=demo_files.RESELLER,
        ),
        _demo(
            "A customer of 3 days orders for 18,900.00 EUR",
            "Twelve cameras on a new account, paid by card; the order is held because of its value.",
            {"order": "6133", "customer": "C-912", "days": 4},
            {"order": "6133", "customer": "C-912", "amount": "18900.00", "currency": "EUR", "customer_days": 3},
            file=demo_files.CAMERAS,
        ),
        _demo(
            "Acknowledge a small order: ships within 2 days",
            "Two books for 31.80 EUR, in stock, paid.",
            {"order": "6141", "customer": "C-377", "days": 2},
            file=demo_files.BOOKS,
        ),
        _demo(
            "A very upset customer wants 95.00 EUR back",
            "The kettle leaked twice; the customer writes that this is the last message before the lawyer's.",
            {"order": "5987", "customer": "C-204", "amount": "95.00", "currency": "EUR", "paid": "95.00", "refunds": 0},
            waiting_hours=52,
            sentiment=-0.8,
            file=demo_files.KETTLE,
        ),
        _small_orders(47),
    ),
    input_model=Order,
    policy=POLICY,
)
