"""The three actions of a refund case, one of each effect class, with their undos and what is unusual about them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Field

from graph.flow.workflow import A, Action, Args, Call
from graph.law.action import Money
from graph.law.request import EffectClass
from graph.workflows import shop
from graph.workflows.payments.shop import case_of

Currency = Literal["EUR", "USD", "GBP"]
_FIXED: Final[dict[str, Any]] = {"editable": False}
_ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

CaseId = Annotated[str, Field(title="Case", pattern=_ID, json_schema_extra=_FIXED)]
CustomerId = Annotated[str, Field(title="Customer", pattern=_ID, json_schema_extra=_FIXED)]
OrderId = Annotated[str, Field(title="Order", pattern=_ID, json_schema_extra=_FIXED)]

USUAL_GOODWILL: Final = Decimal("50.00")
UNUSUAL_RATIO: Final = Decimal(3)
MANY_REFUNDS: Final = 5
NEW_CUSTOMER_DAYS: Final = 30


class CreditArgs(Args):
    case_id: CaseId
    customer: CustomerId
    amount: Annotated[Money, Field(title="Amount")]
    currency: Annotated[Currency, Field(title="Currency")]


class RefundArgs(Args):
    case_id: CaseId
    order: OrderId
    amount: Annotated[Money, Field(title="Amount")]
    currency: Annotated[Currency, Field(title="Currency")]


class MessageArgs(Args):
    case_id: CaseId
    customer: CustomerId
    body: Annotated[
        str, Field(title="Message", min_length=1, max_length=2000, json_schema_extra={"format": "multiline"})
    ]


class CaseAction(Action[A]):
    """An action on a refund case: it no longer fits once the customer withdrew or the case is closed."""

    timeout_seconds: ClassVar[float] = 10.0

    async def still_valid(self, args: A) -> str | None:
        return gone(await case_of(getattr(args, "case_id")))  # noqa: B009 - A is any Args; ours have a case


class ReserveCredit(CaseAction[CreditArgs]):
    name = "reserve_credit"
    title = "Reserve store credit"
    question = "Reserve {amount} {currency} of store credit for customer {customer}?"
    after_approve = "The credit is reserved at once; it can be released until it is spent."
    tags = frozenset({"payment"})
    target_field = "customer"
    args = CreditArgs
    effect = EffectClass.QUERYABLE
    reversible = True
    value_field = "amount"
    currency_field = "currency"

    async def perform(self, args: CreditArgs, call: Call) -> dict[str, Any]:
        return await shop.post("/credits", {**args.model_dump(mode="json"), "reference": call.key})

    async def lookup(self, args: CreditArgs, call: Call) -> dict[str, Any] | None:
        found = (await shop.get("/credits", {"reference": call.key}))["credits"]
        return {name: value for name, value in found[0].items() if name != "released"} if found else None

    async def undo(self, args: CreditArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.post("/credits/release", {"credit": result["credit"]}, call.key)

    async def facts(self, args: CreditArgs) -> dict[str, Any]:
        try:
            customer = (await case_of(args.case_id))["customer"]
        except shop.NotThere as error:
            return {"problem": str(error)}
        return {"customer_days": customer["days"], "usual_goodwill": str(USUAL_GOODWILL)}

    def flags(self, args: CreditArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        if "problem" in facts:
            return (str(facts["problem"]),)
        if args.amount <= USUAL_GOODWILL:
            return ()
        return (f"{ratio(args.amount, USUAL_GOODWILL)}× the usual limit for store credit ({USUAL_GOODWILL})",)


class RefundCard(CaseAction[RefundArgs]):
    name = "refund_card"
    title = "Refund the card"
    question = "Refund {amount} {currency} to order {order}?"
    after_approve = "The card is refunded at once; it can be reversed for 30 days."
    tags = frozenset({"payment", "refund"})
    target_field = "order"
    args = RefundArgs
    effect = EffectClass.IDEMPOTENT
    reversible = True
    value_field = "amount"
    currency_field = "currency"

    async def perform(self, args: RefundArgs, call: Call) -> dict[str, Any]:
        return await shop.post("/refunds", args.model_dump(mode="json"), call.key)

    async def undo(self, args: RefundArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.post(f"/refunds/{result['refund']}/reverse", {}, call.key)

    async def facts(self, args: RefundArgs) -> dict[str, Any]:
        try:
            case = await case_of(args.case_id)
            order = case["order"] if case["order"]["id"] == args.order else await shop.get(f"/orders/{args.order}")
        except shop.NotThere as error:
            return {"problem": str(error)}
        customer = case["customer"]
        past = customer["refunds"].get(args.currency, {})
        return {
            "case_order": case["order"]["id"],
            "customer_days": customer["days"],
            "refunds": past.get("count", 0),
            "average_refund": past.get("average"),
            "refunds_30_days": past.get("count_30_days", 0),
            "refunded_30_days": past.get("total_30_days", "0.00"),
            "order_total": order["total"],
            "order_currency": order["currency"],
            "order_refunded": order["refunded"],
        }

    def flags(self, args: RefundArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        if "problem" in facts:
            return (str(facts["problem"]),)
        return (*_of_the_customer(args, facts), *_of_the_order(args, facts))


class WriteCustomer(CaseAction[MessageArgs]):
    name = "write_customer"
    title = "Write to the customer"
    question = "Write to customer {customer} about {case_id}?"
    after_approve = "The message goes out at once; it can't be taken back."
    target_field = "customer"
    args = MessageArgs
    effect = EffectClass.OPAQUE

    async def perform(self, args: MessageArgs, call: Call) -> dict[str, Any]:
        return await shop.post("/messages", args.model_dump(mode="json"))


def gone(case: Mapping[str, Any]) -> str | None:
    """None while the case is open, else the sentence that says since when it isn't."""
    if case["status"] == "open":
        return None
    at = datetime.fromisoformat(case["changed_at"])
    when = f"on {at.day} {_MONTHS[at.month - 1]} at {at:%H:%M} UTC"
    return (
        f"The customer withdrew the case {when}." if case["status"] == "withdrawn" else f"The case was closed {when}."
    )


def ratio(amount: Decimal, usual: Decimal) -> str:
    """How many times the usual amount this is, with one decimal: `3.1`."""
    return format(amount / usual, ".1f")


def _of_the_customer(args: RefundArgs, facts: Mapping[str, Any]) -> Sequence[str]:
    flags, average = [], Decimal(facts["average_refund"] or 0)
    if average and args.amount >= UNUSUAL_RATIO * average:
        flags.append(f"{ratio(args.amount, average)}× this customer's average refund ({average} {args.currency})")
    if facts["refunds_30_days"] >= MANY_REFUNDS:
        flags.append(
            f"{facts['refunds_30_days']} refunds to this customer in 30 days"
            f" ({facts['refunded_30_days']} {args.currency})"
        )
    if facts["customer_days"] < NEW_CUSTOMER_DAYS:
        flags.append(f"Customer for only {facts['customer_days']} days")
    return flags


def _of_the_order(args: RefundArgs, facts: Mapping[str, Any]) -> Sequence[str]:
    total, refunded = Decimal(facts["order_total"]), Decimal(facts["order_refunded"])
    if args.order != facts["case_order"]:
        return (f"Case {args.case_id} is about order {facts['case_order']}, not {args.order}",)
    if args.currency != facts["order_currency"]:
        return (f"Order {args.order} was paid in {facts['order_currency']}, not in {args.currency}",)
    if refunded:
        return (f"{refunded} of this order's {total} {args.currency} has been refunded already",)
    if args.amount > total:
        return (f"{args.amount - total} {args.currency} more than the order's total of {total}",)
    return ()
