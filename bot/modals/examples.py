"""Every modal on ordinary and hostile requests: for the golden tests and the gallery."""

from dataclasses import replace

from bot.cards.examples import views
from bot.cards.examples_talk import ASKED, BY_RITA, STRANGE
from bot.cards.samples import NAMES, decision, request
from bot.ids import Ref, ref_of
from bot.modals import answer, approve, ask, details, edit, hand, reject, respond, stop
from bot.words import Json
from graph.law.request import DecisionType, Kind, Request

CHANNEL, TS = "C0REVIEW", "1803.0001"
TALKED_ABOUT = ("plain", "hostile", "reconcile", "checkpoint", "review_lasting")
RICH_ARGS = {
    "order": "4711",
    "amount": "420.00",
    "currency": "EUR",
    "cause": "damaged",
    "note": "first line\nsecond line",
    "notify": True,
    "parcels": 2,
    "booked_on": "2027-02-27",
    "lines": [{"sku": "A-1", "count": 2}],
}


def requests() -> dict[str, Request]:
    """The requests on which modals are tried."""
    seen = views()
    strange = ("hostile", "long_argument", "many_arguments", "many_flags", "empty", "reconcile", "done")
    weighed = ("high_risk", "critical_two_persons", "low_confidence", "high_risk_long", "checkpoint", "review")
    names = (*strange, *weighed, "review_lasting", "review_long")
    return {"plain": request(), "rich": request(args=RICH_ARGS), **{name: seen[name].request for name in names}}


def examples() -> dict[str, Json]:
    """Name → view of every modal."""
    found: dict[str, Json] = {}
    for name, asked in requests().items():
        ref: Ref = ref_of(asked)
        found[f"reject_{name}"] = reject.build(asked, ref, CHANNEL, TS)
        if name in TALKED_ABOUT:
            found[f"ask_{name}"] = ask.build(asked, ref, CHANNEL, TS)
            found[f"hand_{name}"] = hand.build(asked, ref, CHANNEL, TS)
            found[f"answer_{name}"] = answer.build(asked, STRANGE)
        if asked.kind in (Kind.ACTION, Kind.RECONCILE):
            found[f"edit_{name}"] = edit.build(asked, ref, CHANNEL, TS)
            found[f"respond_{name}"] = respond.build(asked, ref, None, None)
        if asked.kind is Kind.ACTION:
            found[f"approve_{name}"] = approve.build(asked, ref, CHANNEL, TS)
        found[f"details_{name}"] = details.build(asked, ref, CHANNEL, TS)
    plain = request()
    taken = [
        decision(DecisionType.REJECT, reason="Not this customer."),
        decision(DecisionType.APPROVE, by="policy:2"),
    ]
    deep: object = "bottom"
    for _ in range(2000):
        deep = [deep]
    context = {"deep": deep, "numbers": list(range(5000)), "text": "word " * 20_000, "": None}
    odd = replace(plain, brief=replace(plain.brief, context=context))
    ref = ref_of(plain)
    talk = [BY_RITA, STRANGE, ASKED]
    found |= {
        "stop": stop.build_stop(["clinical", "payments", *(f"workflow-{number}" for number in range(120))]),
        "lift": stop.build_lift("*"),
        "lift_one": stop.build_lift("payments"),
    }
    return found | {
        "details_asked": details.build(plain, ref, CHANNEL, TS, names=NAMES, asked=talk),
        "details_earlier": details.build(plain, ref, CHANNEL, TS, names=NAMES, earlier=taken),
        "details_odd_context": details.build(odd, ref, CHANNEL, TS),
    }
