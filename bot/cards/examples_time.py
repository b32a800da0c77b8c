"""Cards of requests that waited: went up, came from below, start later."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.cards.samples import ASKED_AT, NAMES, REFUND_BRIEF, decided, decision, request
from bot.cards.view import CardView
from graph.law.duty import Absence
from graph.law.request import DecisionType, Status

UP_AT: Final = ASKED_AT + timedelta(minutes=15)
WHY: Final = "nobody of tier 1 decided in time"


def waiting() -> dict[str, CardView]:
    """The states that time brings about."""
    up = replace(request(), tier=2, first_tier=1, asked_at=UP_AT, sla_seconds=3600, moved_why=WHY, version=2)
    brief = replace(REFUND_BRIEF, flags=(), cost_of_delay="the customer is on the phone")
    later = replace(request(), asked_at=ASKED_AT + timedelta(hours=9))
    now = UP_AT + timedelta(minutes=1)
    away = Absence(user_id="UALICE", deputy_id="UBOB", starts_at=ASKED_AT, ends_at=ASKED_AT + timedelta(days=3))
    return {
        "escalated_away": CardView(request=up, went_to="#approvals-tier-2", now=now, names=NAMES),
        "escalated_here": CardView(request=up, now=now, names=NAMES),
        "usual_answer": CardView(
            request=request(brief=brief), now=ASKED_AT + timedelta(minutes=3), names=NAMES, usual_seconds=170
        ),
        "deputy": CardView(request=request(), now=now, names=NAMES, standing_in=(away,)),
        "decided_for": CardView(
            request=decided(Status.REJECTED),
            now=now,
            names=NAMES,
            decision=decision(DecisionType.REJECT, by="UBOB", reason="It was the wrong order.", acting_for="UALICE"),
        ),
        "starts_later": CardView(request=later, now=ASKED_AT + timedelta(minutes=3), names=NAMES),
    }
