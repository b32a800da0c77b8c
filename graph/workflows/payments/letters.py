"""What the plain agent writes to customers: fixed sentences filled with what was really done."""

from collections.abc import Mapping
from typing import Any

from graph.flow.workflow import Turn
from graph.workflows.payments.plan import CREDIT, LETTER, REFUND, Standing


def letter(case: Mapping[str, Any], now: Standing) -> str:
    """The message to the customer; once one was rejected, a plainer one that says only what is certain."""
    refund, credit = now.ended.get(REFUND), now.ended.get(CREDIT)
    lines = [f"Hello {case['customer']['name']},", "", _about_refund(case, refund)]
    if credit is not None and now.rejections == 0 and _done(credit):
        lines.append(f"As a small thank-you for your patience we added {_amount(credit)} of store credit.")
    return "\n".join([*lines, "", "Your shop"])


def summary(case: Mapping[str, Any], now: Standing) -> str:
    """What was done, for the requester."""
    parts = []
    for step, words in ((CREDIT, "store credit"), (REFUND, "refund"), (LETTER, "message")):
        parts.append(f"{words}: {_ending(step, now.ended.get(step))}")
    return f"Case {case['id']}: {'; '.join(parts)}."


def _about_refund(case: Mapping[str, Any], turn: Turn | None) -> str:
    order = case["order"]["id"]
    if turn is None or not _done(turn):
        return f"A colleague has taken care of your refund for order {order}."
    if turn.action == REFUND:
        return f"We have refunded {_amount(turn)} to the card you paid order {order} with. It takes up to 5 days."
    return f"We have added {_amount(turn)} of store credit to your account for order {order}."


def _ending(step: str, turn: Turn | None) -> str:
    if turn is None:
        return "left out"
    if turn.status == "handled":
        return "done by a person"
    if not _done(turn):
        return "not known whether it happened"
    if "amount" not in turn.args:
        return "sent"
    return _amount(turn) + (" as store credit" if step == REFUND and turn.action == CREDIT else "")


def _done(turn: Turn) -> bool:
    return turn.outcome == "done"


def _amount(turn: Turn) -> str:
    return f"{turn.args['amount']} {turn.args['currency']}"
