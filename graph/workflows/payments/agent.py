"""The agent that needs no model: a pure function of the input, the shop's case and the history."""

import textwrap
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from graph.flow.workflow import Case, Done, GiveUp, Proposal, Step
from graph.law.request import Alternative
from graph.workflows import shop
from graph.workflows.payments.actions import MANY_REFUNDS, NEW_CUSTOMER_DAYS, gone
from graph.workflows.payments.context import bundle
from graph.workflows.payments.letters import letter, summary
from graph.workflows.payments.plan import CREDIT, LETTER, REFUND, Standing, standing
from graph.workflows.payments.shop import case_of

# From which amount in dispute how much goodwill: small enough that a policy may let it run alone.
_GOODWILL: Final = ((Decimal(1000), "20.00"), (Decimal(100), "15.00"), (Decimal(0), "5.00"))
_QUOTE: Final = 60
Document = Mapping[str, Any]


class PlainAgent:
    """Reserves a small credit, refunds the card, writes to the customer; and takes no for an answer."""

    async def next(self, case: Case) -> Step:
        """The next step. Raises when the shop can't be asked just now: that is no reason to undo anything."""
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        try:
            found = await case_of(str(case.input["case_id"]))
        except shop.NotThere as error:
            return GiveUp(str(error))
        return decide(found, case)


def decide(found: Document, case: Case) -> Step:
    """The next step of a case, as the shop knows it."""
    now = standing(case.history)
    if isinstance(now, GiveUp):
        return now
    if now.step is None:
        return Done(summary(found, now))
    if (changed := gone(found)) is not None:
        return GiveUp(changed)
    match now.step:
        case "reserve_credit":
            return _credit(found, case)
        case "refund_card":
            return _refund(found, case) if now.rejections == 0 else _instead(found, case)
        case _:
            return _letter(found, case, now)


def _credit(found: Document, case: Case) -> Proposal:
    recommendation = "Reserve a small store credit for the trouble, then refund the card."
    return Proposal(
        action=CREDIT,
        args=_credit_args(found, _goodwill(found)),
        rationale="A small credit for the trouble is usual; it is released if the refund fails.",
        confidence=0.96,
        signals=_signals(found),
        cost_of_delay=_waited(found),
        context=_bundle(found, case, recommendation),
    )


def _refund(found: Document, case: Case) -> Proposal:
    confidence = _confidence(found)
    half = format(max(Decimal("0.01"), Decimal(found["amount"]) / 2), ".2f")
    return Proposal(
        action=REFUND,
        args=_refund_args(found, found["amount"]),
        rationale=f"The customer wants {_money(found)} back for “{found['order']['item']}”. {_evidence(found)}",
        confidence=confidence,
        signals=_signals(found),
        alternatives=(
            Alternative(
                title=f"Give {_money(found)} as store credit instead",
                type=CREDIT,
                args=_credit_args(found, found["amount"]),
            ),
            Alternative(title=f"Refund half: {half} {found['currency']}", type=REFUND, args=_refund_args(found, half)),
        ),
        cost_of_delay=_waited(found),
        context=_bundle(found, case, f"Refund {_money(found)} to the card."),
    )


def _instead(found: Document, case: Case) -> Proposal:
    return Proposal(
        action=CREDIT,
        args=_credit_args(found, found["amount"]),
        rationale="The refund to the card was rejected. Store credit of the same amount still helps the customer.",
        confidence=0.8,
        signals=_signals(found),
        cost_of_delay=_waited(found),
        context=_bundle(found, case, f"Give {_money(found)} as store credit instead of the refund."),
    )


def _letter(found: Document, case: Case, now: Standing) -> Proposal:
    plainer = now.rejections > 0
    return Proposal(
        action=LETTER,
        args={"case_id": found["id"], "customer": found["customer"]["id"], "body": letter(found, now)},
        rationale="A plainer wording, because the first was rejected."
        if plainer
        else "Tells what was done, nothing else.",
        confidence=0.93,
        signals=_signals(found),
        cost_of_delay=_waited(found),
        context=_bundle(found, case, "Tell the customer what was done."),
    )


def _credit_args(found: Document, amount: str) -> dict[str, Any]:
    return {
        "case_id": found["id"],
        "customer": found["customer"]["id"],
        "amount": amount,
        "currency": found["currency"],
    }


def _refund_args(found: Document, amount: str) -> dict[str, Any]:
    return {"case_id": found["id"], "order": found["order"]["id"], "amount": amount, "currency": found["currency"]}


def _goodwill(found: Document) -> str:
    return next(credit for least, credit in _GOODWILL if Decimal(found["amount"]) >= least)


def _confidence(found: Document) -> float:
    """Lower with everything that speaks against an ordinary case."""
    return round(0.92 - sum(_against(found).values()), 2)


def _against(found: Document) -> dict[str, float]:
    """What is not as in an ordinary case, with how much less sure it makes the agent."""
    past, days, against = _past(found), found["customer"]["days"], dict[str, float]()
    if past and Decimal(found["amount"]) >= 10 * Decimal(past["average"]):
        against[f"Ten times this customer's average of {past['average']} {found['currency']}, or more"] = 0.16
    if past.get("count_30_days", 0) >= MANY_REFUNDS:
        against[f"{past['count_30_days']} refunds to this customer in 30 days"] = 0.14
    if days < NEW_CUSTOMER_DAYS:
        against[f"Customer for {days} days only"] = 0.08
    return against


def _bundle(found: Document, case: Case, recommendation: str) -> dict[str, Any]:
    """The context of a proposal, with what gives the agent pause."""
    doubts = list(_against(found))
    return bundle(found, case, recommendation) | ({"doubts": doubts} if doubts else {})


def _signals(found: Document) -> dict[str, float | None]:
    """The shop answered, and whether somebody of the house has looked into what the customer says."""
    answered = any(turn["from"] == "support" for turn in found["conversation"])
    return {"tools": 1.0, "retrieval": 0.9 if answered else 0.6}


def _evidence(found: Document) -> str:
    replies = [turn["text"] for turn in found["conversation"] if turn["from"] == "support"]
    if not replies:
        return "Support has not looked at it yet."
    return f"Support: “{textwrap.shorten(replies[-1], _QUOTE, placeholder='…')}”"


def _past(found: Document) -> dict[str, Any]:
    return dict(found["customer"]["refunds"].get(found["currency"], {}))


def _waited(found: Document) -> str:
    days = found["waited_days"]
    if days < 1:
        return "The customer has waited less than a day."
    return f"The customer has waited {days} day{'s' if days > 1 else ''}."


def _money(found: Document) -> str:
    return f"{found['amount']} {found['currency']}"
