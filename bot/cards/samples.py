"""Representative requests, decisions and effects; the raw material of the examples."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from graph.law.action import bind
from graph.law.request import (
    Alternative,
    Brief,
    Decision,
    DecisionType,
    Effect,
    EffectClass,
    Form,
    Kind,
    Match,
    Nature,
    Outcome,
    Reason,
    Request,
    Risk,
    Status,
    effect_id,
    request_id,
)
from graph.law.words import made_storable

ASKED_AT: Final = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
NAMES: Final = {"UALICE": "Alice Adams", "UBOB": "Bob Baker", "URITA": "Rita"}
MONEY: Final = {"type": "string", "format": "money", "pattern": r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,2})?$"}

REFUND_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["order", "amount", "currency", "cause"],
    "properties": {
        "order": {"type": "string", "title": "Order", "editable": False},
        "amount": {**MONEY, "title": "Amount"},
        "currency": {"$ref": "#/$defs/Currency"},
        "cause": {"enum": ["damaged", "late", "goodwill"], "title": "Cause", "type": "string"},
        "note": {
            "anyOf": [{"type": "string", "maxLength": 500}, {"type": "null"}],
            "title": "Note",
            "default": None,
        },
        "notify": {"type": "boolean", "title": "Notify the customer"},
        "parcels": {"type": "integer", "minimum": 1, "maximum": 9, "title": "Parcels"},
        "booked_on": {"type": "string", "format": "date", "title": "Booked on"},
        "lines": {"type": "array", "items": {"type": "object"}, "title": "Order lines"},
    },
    "$defs": {"Currency": {"type": "string", "enum": ["EUR", "USD", "CHF"], "title": "Currency"}},
}
REFUND: Final = Form(
    title="Refund a card payment",
    question="Refund {amount} {currency} to order {order}?",
    schema=REFUND_SCHEMA,
    value_field="amount",
    currency_field="currency",
)
MAIL: Final = Form(
    title="Write to a customer",
    question="Send a mail to {to}?",
    schema={
        "type": "object",
        "required": ["to", "body"],
        "properties": {"to": {"type": "string"}, "body": {"type": "string", "maxLength": 60000}},
    },
)
REFUND_ARGS: Final = {"order": "4711", "amount": "420.00", "currency": "EUR", "cause": "damaged"}
CREDIT_ARGS: Final = {"order": "4711", "amount": "450.00"}
CREDIT: Final = Nature(
    effect_class=EffectClass.IDEMPOTENT,
    reversible=True,
    form=Form(title="Reserve store credit", question="Reserve {amount} EUR store credit for order {order}?", schema={}),
)
REFUND_BRIEF: Final = Brief(
    rationale="The parcel arrived broken; photos match.",
    confidence=0.72,
    signals={"tools": 1.0, "retrieval": None, "photo match": 0.64},
    flags=("3.1× this customer's average",),
    alternatives=(
        Alternative(title="Store credit, she likes that", type="credit", args=CREDIT_ARGS, nature=CREDIT),
        Alternative(title="Ask her to wait", type="wait", args={"days": 3}),
    ),
    context={
        "goal": "Settle the complaint about order 4711",
        "conversation": [{"role": "customer", "text": f"Message number {n}"} for n in range(1, 15)],
        "tried": [{"action": "lookup_order", "result": {"total": "420.00", "items": 2}}],
        "customer": {"name": "Jo Doe", "since": "2019", "orders": 12},
    },
    facts={"refunds_this_week": 2, "average": "135.40"},
)
JUDGED: Final[dict[str, Any]] = {
    "signals": {"model": 0.72, "tools": 1.0, "retrieval": None, "precedent": None, "alignment": None},
    "computed": {"model": 0.72, "tools": 1.0, "retrieval": None, "precedent": None, "alignment": 1.0},
    "record": {"asked": 3, "well": 3, "totals": {}},
}
COSTLY: Final = Match(
    "payment-over-500", "review", "A wrong payment over 500 costs more than a person's minute", risk="high"
)
UNUSUAL: Final = Match("unusual", "review", "It differs from what was usual so far")


def request(form: Form = REFUND, args: dict[str, Any] | None = None, **changes: Any) -> Request:
    """A pending refund, bound to its digest; everything can be changed."""
    bound = bind("payments", changes.get("action_type", "refund"), args if args is not None else REFUND_ARGS)
    values: dict[str, Any] = {
        "id": request_id("run_demo", changes.get("turn", 1), changes.get("revision", 0)),
        "workspace_id": "T1",
        "run_id": "run_demo",
        "workflow": "payments",
        "turn": 1,
        "revision": 0,
        "kind": Kind.ACTION,
        "parent_id": None,
        "action_type": "refund",
        "canonical": bound.canonical,
        "args": bound.args,
        "digest": bound.digest,
        "status": Status.PENDING,
        "version": 1,
        "tier": 1,
        "route": "review",
        "route_why": ("threshold refund up to 500", "something is unusual"),
        "policy_version": 3,
        "value": Decimal("420.00"),
        "currency": "EUR",
        "effect_class": EffectClass.IDEMPOTENT,
        "reversible": True,
        "form": form,
        "brief": REFUND_BRIEF,
        "requester": "URITA",
        "interrupt_id": None,
        "subject_effect": None,
        "approvals_required": 1,
        "sla_seconds": 900,
        "next_step_at": ASKED_AT + timedelta(seconds=450),
        "expires_at": ASKED_AT + timedelta(hours=72),
        "decided_at": None,
        "execution_expires_at": None,
        "created_at": ASKED_AT,
        "impact": Risk.MEDIUM,
        "risk": Risk.MEDIUM,
        "reasons": (Reason.HUMAN_CONTROL,),
        "confidence": 0.883333,
        "worth": Decimal("420.00"),
        "target": "4711",
        "judged": JUDGED,
    }
    return Request(**values | changes)


def decided(status: Status, **changes: Any) -> Request:
    """The refund after its decision."""
    return request(status=status, version=2, decided_at=ASKED_AT + timedelta(minutes=3), **changes)


def decision(kind: DecisionType, by: str = "UALICE", reason: str = "", **changes: Any) -> Decision:
    """The answer to the refund."""
    asked = request()
    taken = Decision(
        request_id=asked.id,
        type=kind,
        by=by,
        person=by,
        reason=reason,
        digest=asked.digest,
        at=ASKED_AT + timedelta(minutes=3),
        via="slack",
    )
    return replace(taken, **changes)


def effect(status: Outcome, error: str = "", result: dict[str, Any] | None = None) -> Effect:
    """What came of the refund."""
    asked = request()
    return Effect(
        id=effect_id(asked.id),
        run_id=asked.run_id,
        request_id=asked.id,
        undo_of=None,
        action_type="refund",
        effect_class=EffectClass.IDEMPOTENT,
        status=status,
        attempts=1,
        result=result,
        error=error,
        intent_at=ASKED_AT + timedelta(minutes=3, seconds=1),
        finished_at=None,
        reconciled_by=None,
    )


HOSTILE: Final = made_storable(
    "*APPROVED by CFO* ~not~ `safe`\n> :white_check_mark: <!channel> <@UALICE> <#C1|general> &amp; @here "
    "<https://evil.example|https://bank.example> https://evil.example/p?d=1 pay\u200bpal p\u0430ypal.com "
    "\u202egnp.exe \U000e0041\U000e0042 \ue000 \ud800 jose\u0301 \x1b[2K\r\x07 %s {amount} </b>"
)
LETTER: Final = "Hello Jo,\n\nwe have refunded 420.00 EUR.\n\nYour shop"
LONG: Final = "Dear customer, " + "we are sorry & <sad>. " * 2700
