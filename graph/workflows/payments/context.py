"""The context bundle of a refund case: what a reviewer sees behind “Details”. All of it is data."""

from collections.abc import Mapping
from typing import Any, Final

from graph.flow.workflow import Case, Turn

GOAL: Final = "Settle the customer's refund case: fairly, once, and so that the customer hears about it."
_POLICY: Final = (
    "Goodwill credits are small (up to 50.00).",
    "A refund goes back to the card the order was paid with, up to the order's total.",
    "The customer is told what was done, and nothing is promised that was not.",
)


def bundle(found: Mapping[str, Any], case: Case, recommendation: str) -> dict[str, Any]:
    """Plain JSON; the keys are shown as headings."""
    return {
        "goal": GOAL,
        "recommendation": recommendation,
        "conversation": found["conversation"],
        "tried": [*_looked(found), *map(_tried, case.history)],
        "customer": _customer(found),
        "transaction": _transaction(found),
        "policy": list(_POLICY),
        "earlier decisions": [_decision(turn) for turn in case.history],
    }


def _customer(found: Mapping[str, Any]) -> dict[str, Any]:
    customer = found["customer"]
    return {
        "name": customer["name"],
        "id": customer["id"],
        "customer for": f"{customer['days']} days",
        "refunds so far": [
            f"{past['count']}, on average {past['average']} {currency}; {past['count_30_days']} in the last 30 days"
            for currency, past in customer["refunds"].items()
        ],
    }


def _transaction(found: Mapping[str, Any]) -> dict[str, Any]:
    order = found["order"]
    return {
        "order": order["id"],
        "item": order["item"],
        "total": f"{order['total']} {order['currency']}",
        "refunded already": f"{order['refunded']} {order['currency']}",
        "asked for": f"{found['amount']} {found['currency']}",
        "placed at": order["placed_at"],
        "paid by": order["paid_by"],
    }


def _looked(found: Mapping[str, Any]) -> list[str]:
    """What was read of the case, with what was found."""
    order, turns = found["order"], found["conversation"]
    answered = "support has answered" if any(turn["from"] == "support" for turn in turns) else "nobody has answered yet"
    return [
        f"Order {order['id']} read: {order['total']} {order['currency']}, refunded so far {order['refunded']}",
        f"Conversation read: {len(turns)} messages, {answered}",
    ]


def _tried(turn: Turn) -> str:
    amount = f" {turn.args['amount']} {turn.args.get('currency', '')}".rstrip() if "amount" in turn.args else ""
    return f"{turn.action}{amount}: {turn.outcome or turn.status}" + (f" ({turn.error})" if turn.error else "")


def _decision(turn: Turn) -> str:
    return f"{turn.action}: {turn.status}" + (f" — {turn.reason}" if turn.reason else "")
