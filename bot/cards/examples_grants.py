"""Cards of requests that may be allowed for the rest of a run, or were; and of those that take a code."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from bot.cards.samples import ASKED_AT, HOSTILE, NAMES, decided, decision, effect, request
from bot.cards.view import CardView
from graph.law.grants import Grant
from graph.law.request import Brief, DecisionType, Outcome, Risk, Status

NOW: Final = ASKED_AT + timedelta(minutes=20)
PLAIN: Final[dict[str, Any]] = {"brief": Brief(rationale="The parcel arrived broken; photos match."), "risk": Risk.LOW}
GRANT: Final = Grant(
    id="gra_0123456789abcdef0123",
    run_id="run_demo",
    request_id=request().id,
    workflow="payments",
    action_type="refund",
    tier=1,
    any_target=False,
    target="4711",
    up_to=Decimal("420.00"),
    currency="EUR",
    times=5,
    rules=(),
    reasons=("human_control",),
    reason="Every parcel of this delivery was broken.",
    earlier=0,
    confidence=0.88,
    fixed={},
    bounded=("amount",),
    given_by="UALICE",
    person="alice",
    given_at=ASKED_AT + timedelta(minutes=3),
    expires_at=ASKED_AT + timedelta(hours=8),
    used=2,
)


def granted() -> dict[str, CardView]:
    """Name → state."""
    whole = replace(GRANT, any_target=True, up_to=None, currency=None)
    back = replace(GRANT, revoked_at=NOW, revoked_by="UBOB")
    return {
        "grantable": CardView(request=request(**PLAIN), now=ASKED_AT, names=NAMES, grantable=True),
        "takes_a_code": CardView(request=request(**PLAIN), now=ASKED_AT, names=NAMES, step_up=True),
        "granted": _approved(GRANT),
        "granted_any_target": _approved(whole),
        "granted_hostile": _approved(replace(GRANT, target=HOSTILE)),
        "granted_used_up": _approved(replace(GRANT, used=5)),
        "granted_run_over": _approved(GRANT, run_status="done"),
        "granted_taken_back": _approved(back),
    }


def _approved(grant: Grant, run_status: str = "running") -> CardView:
    return CardView(
        request=decided(Status.APPROVED, **PLAIN),
        now=NOW,
        names=NAMES,
        decision=decision(DecisionType.APPROVE, reason=grant.reason),
        decided_name="Alice Adams",
        effect=effect(Outcome.DONE, result={"refund": "re_1"}),
        grant=grant,
        run_status=run_status,
    )
