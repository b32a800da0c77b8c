"""Cards while the emergency brake is on."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.cards.samples import ASKED_AT, HOSTILE, NAMES, REFUND_BRIEF, request
from bot.cards.view import CardView
from graph.law.request import Kind
from graph.law.stopping import ALL, Stop

AT: Final = ASKED_AT + timedelta(minutes=2)
LATER: Final = ASKED_AT + timedelta(hours=2)
STOP: Final = Stop(
    id=1,
    workflow=ALL,
    stopped_by="UEVE",
    person="eve@example.com",
    reason="incident 12",
    via="slack",
    at=AT,
    lifted_at=None,
    lifted_by=None,
    lift_reason="",
)
_NAMES: Final = NAMES | {"UEVE": "Eve Evans"}


def stopped() -> dict[str, CardView]:
    """Cards that a stop covers."""
    again = "Approved before, but not carried out: Stopped by Eve Evans since 01 Mar 10:02 UTC: incident 12"
    caught = request(brief=replace(REFUND_BRIEF, flags=(again,)), turn=2)
    hostile = replace(STOP, reason=HOSTILE, stopped_by="UMALLORY")
    return {
        "stopped": _view(),
        "stopped_and_asked_again": CardView(request=caught, now=LATER, names=_NAMES),
        "stopped_review": CardView(
            request=request(kind=Kind.REVIEW), now=LATER, names=_NAMES, stop=STOP, stopped_since=AT
        ),
        "stopped_hostile": CardView(
            request=request(), now=LATER, names={"UMALLORY": HOSTILE}, stop=hostile, stopped_since=AT
        ),
    }


def _view() -> CardView:
    return CardView(request=request(), now=LATER, names=_NAMES, stop=STOP, stopped_since=AT)
