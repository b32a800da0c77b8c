"""Details of requests about which much is known, or something odd."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from bot.cards.examples_talk import ASKED, BY_RITA, STRANGE
from bot.cards.samples import ASKED_AT, HOSTILE, NAMES, decision, effect, request
from bot.ids import ref_of
from bot.modals import details
from bot.modals.known import Known
from bot.words import Json
from graph.law.request import DecisionType, Effect, Kind, Outcome, Request, Status
from graph.verbs.ports import Taken

CHANNEL, TS = "C0REVIEW", "1803.0001"
_ENDS: Final = {
    DecisionType.APPROVE: Status.APPROVED,
    DecisionType.REJECT: Status.REJECTED,
    DecisionType.EXPIRE: Status.EXPIRED,
}
CONTEXT: Final[dict[str, Any]] = {
    "goal": "Settle the complaint about order 4711: fairly, and once.",
    "situation": "The parcel arrived broken; Jo sent two photos.",
    "doubts": "The second photo shows another box number.",
    "recommendation": "Refund the whole order to the card.",
    "customer": {
        "name": "Jo Doe",
        "id": "C-1042",
        "customer for": "8 years",
        "refunds so far": ["2, average 135.40 EUR"],
    },
    "transaction": {"order": "4711", "item": "Espresso machine", "total": "420.00 EUR", "paid by": "card"},
    "tried": ["lookup_order 4711: found, 420.00 EUR", "read_photos: 2 of 2, box number differs on one"],
    "conversation": [
        {"from": "customer" if turn % 2 else "support", "at": f"2027-02-{turn:02} 09:15", "text": text}
        for turn, text in enumerate(
            ["The machine leaks.", "Can you send a photo?", "Here are two.", "Thank you, we look into it."] * 6, 1
        )
    ],
    "policy": ["A refund goes back to the card, up to the order's total."],
    "warehouse note": "Box 17 was reported crushed.",
}
MESSAGES: Final[list[dict[str, Any]]] = [
    {"type": "human", "content": "Where is my refund?", "id": "m1"},
    {"type": "ai", "content": "", "tool_calls": [{"name": "lookup_order", "args": {"order": "4711"}, "id": "c1"}]},
    {"type": "tool", "name": "lookup_order", "content": '{"total": "420.00"}', "tool_call_id": "c1"},
    {"type": "ai", "data": {"content": [{"type": "text", "text": "It is on its way.\n3 · support: approved"}]}},
    {"role": "user", "content": HOSTILE},
]


def taken(kind: DecisionType, question: str, *, turn: int = 1, by: str = "UALICE", **more: Any) -> Taken:
    """A request that was decided before."""
    made = decision(kind, by=by, reason=more.pop("reason", ""), at=ASKED_AT - timedelta(hours=3 - turn))
    values: dict[str, Any] = {
        "run_id": "run_demo",
        "turn": turn,
        "revision": 0,
        "kind": Kind.ACTION,
        "status": _ENDS[kind],
    }
    return Taken(**values | {"question": question, "decision": made} | more)


def done(result: dict[str, Any]) -> Effect:
    return effect(Outcome.DONE, result=result)


STEPS: Final = (
    taken(
        DecisionType.APPROVE,
        "Refund 420.00 EUR to order 4711?",
        turn=2,
        effect=effect(Outcome.FAILED, "The bank did not answer in 15 s."),
    ),
    taken(
        DecisionType.APPROVE,
        "Reserve 15.00 EUR of store credit for customer C-1042?",
        by="policy:3",
        effect=done({"credit": "cr_1881"}),
    ),
)
EARLIER: Final = (
    taken(DecisionType.REJECT, "Refund 420.00 EUR to order 4711?", reason="Not before the photos are here."),
    taken(DecisionType.EXPIRE, "Send a mail to jo@shop.example?", by="clock"),
)


def details_examples() -> dict[str, Json]:
    """Name → view."""
    plain = replace(request(turn=3), turn=3)
    full = _with(plain, CONTEXT)
    known = Known(names=NAMES, steps=STEPS, earlier=EARLIER, asked=[BY_RITA, STRANGE, ASKED], reviewers=["@reviewers"])
    deep: object = "bottom"
    for _ in range(2000):
        deep = [deep]
    odd = {"deep": deep, "numbers": list(range(5000)), "text": "word " * 20_000, "": None}
    long = [{"role": "customer" if n % 2 else "agent", "text": f"Turn {n}. " + "word " * 400} for n in range(1, 501)]
    agreed = replace(full, approvals_required=2, tier=2)
    return {
        "details_known": _details(full, known),
        "details_grantable": _details(full, replace(known, grantable=True)),
        "details_earlier_page": _details(full, replace(known, page=1)),
        "details_two_agree": _details(agreed, replace(known, votes=[("UBOB", ASKED_AT)], steps=(), earlier=())),
        "details_messages": _details(_with(plain, {"messages": MESSAGES}), Known()),
        "details_long_talk": _details(_with(plain, {"chat history": long}), replace(known, page=20)),
        "details_asked": _details(plain, Known(names=NAMES, asked=[BY_RITA, STRANGE, ASKED])),
        "details_earlier": _details(plain, Known(names=NAMES, earlier=EARLIER)),
        "details_odd_context": _details(_with(plain, odd), Known()),
    }


def _with(asked: Request, context: dict[str, Any]) -> Request:
    return replace(asked, brief=replace(asked.brief, context=context))


def _details(asked: Request, known: Known) -> Json:
    return details.build(asked, ref_of(asked), CHANNEL, TS, known)
