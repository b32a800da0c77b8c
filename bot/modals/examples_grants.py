"""Forms that allow more for the rest of a run, and forms that ask for a one-time code."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Final

from bot.cards.examples_grants import PLAIN
from bot.cards.samples import HOSTILE, LONG, MAIL, request
from bot.ids import ref_of
from bot.modals import approve, details, edit, grant
from bot.modals.known import Known
from bot.words import Json
from graph.law.policy import Policy
from graph.law.policy_review import GrantRow
from graph.law.policy_rows import Threshold
from graph.law.policy_times import Tier
from graph.law.request import Request, Risk

CHANNEL, TS = "C0REVIEW", "1803.0001"
POLICY: Final = Policy(
    format=1,
    tiers={1: Tier(channel="#approvals", reviewers=("@reviewers",))},
    thresholds=(Threshold(action="*", review=0.5),),
)
ROW: Final = GrantRow(actions=("payments.refund",), basis="They are alike")


def granting_examples() -> dict[str, Json]:
    """Name → view."""
    plain = request(**PLAIN)
    high, long = request(risk=Risk.HIGH), request(MAIL, {"to": "jo@shop.example", "body": LONG}, **PLAIN)
    anything = ROW.model_copy(
        update={"target": "any", "up_to": Decimal(1_000), "times": 3, "at_most": timedelta(days=2)}
    )
    placed = CHANNEL, TS
    return {
        "grant": _grant(plain, ROW),
        "grant_any_target": _grant(plain, anything),
        "grant_varying": _grant(plain, anything.model_copy(update={"varying": ("cause", HOSTILE[:60])})),
        "grant_no_amount": _grant(replace(plain, value=None, currency=None), ROW),
        "grant_no_target": _grant(replace(plain, target=None), anything),
        "grant_hostile": _grant(replace(plain, target=HOSTILE, currency=HOSTILE[:20]), anything),
        "approve_with_code": approve.build(plain, ref_of(plain), *placed, step_up=True),
        "approve_with_code_and_reason": approve.build(high, ref_of(high), *placed, step_up=True),
        "edit_with_code": edit.build(plain, ref_of(plain), *placed, step_up=True),
        "details_with_code": details.build(long, ref_of(long), *placed, Known(step_up=True)),
    }


def _grant(asked: Request, row: GrantRow) -> Json:
    return grant.build(asked, ref_of(asked), CHANNEL, TS, policy=POLICY, row=row)
