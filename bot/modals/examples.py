"""Every modal on ordinary and hostile requests: for the golden tests and the gallery."""

from bot.cards.examples import views
from bot.cards.examples_talk import STRANGE
from bot.cards.samples import request
from bot.ids import Ref, ref_of
from bot.modals import answer, approve, ask, details, edit, hand, incident, notice, reject, respond, stop
from bot.modals.examples_batch import batch_examples
from bot.modals.examples_details import details_examples
from bot.modals.examples_grants import granting_examples
from bot.words import Json
from graph.law.request import Kind, Request

CHANNEL, TS = "C0REVIEW", "1803.0001"
REPORTED = ("done", "rejected", "unknown", "hostile_decided", "checkpoint_stopped")
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
    found |= {
        "stop": stop.build_stop(["clinical", "payments", *(f"workflow-{number}" for number in range(120))]),
        "lift": stop.build_lift("*"),
        "lift_one": stop.build_lift("payments"),
        "nothing_decided": notice.build("Already approved by Alice Adams at 10:03 UTC."),
        **{f"incident_{name}": incident.build(seen) for name, seen in views().items() if name in REPORTED},
    }
    return found | details_examples() | granting_examples() | batch_examples()
