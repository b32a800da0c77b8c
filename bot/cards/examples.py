"""Every card in every state, hostile content included: for the golden tests and the gallery."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from bot.cards import notice, queue
from bot.cards.examples_batch import batched
from bot.cards.examples_figures import numbers
from bot.cards.examples_grants import granted
from bot.cards.examples_lists import INCIDENT, URL, homes, pages
from bot.cards.examples_stop import stopped
from bot.cards.examples_talk import said, talked_about
from bot.cards.examples_time import waiting
from bot.cards.reminder import reminder
from bot.cards.review import card
from bot.cards.samples import (
    ASKED_AT,
    COSTLY,
    HOSTILE,
    LETTER,
    LONG,
    MAIL,
    NAMES,
    REFUND,
    REFUND_ARGS,
    REFUND_BRIEF,
    UNUSUAL,
    decided,
    decision,
    effect,
    request,
)
from bot.cards.view import Card, CardView
from bot.words import Json
from graph.law.request import (
    Brief,
    DecisionType,
    EffectClass,
    Form,
    Kind,
    Match,
    Outcome,
    Reason,
    Request,
    Risk,
    Status,
)

NOW: Final = ASKED_AT + timedelta(minutes=3)
HIGH: Final[dict[str, Any]] = {
    "impact": Risk.HIGH,
    "risk": Risk.HIGH,
    "reasons": (Reason.COST_THRESHOLD, Reason.HUMAN_CONTROL),
    "matched": (COSTLY,),
    "value": Decimal("620.00"),
}
CRITICAL: Final = Match("critical-impact", "review", "What could hurt people is never done alone", risk="critical")
TOLD: Final = ("done", "rejected", "modified", "hostile_decided", "checkpoint_stopped", "review_undone")
TOO_LATE: Final = ("approved", "expired", "pending", "reconciled", "checkpoint_on", "review_right")


def view(of: Request | None = None, **more: Any) -> CardView:
    """A view of a request, the plain pending one if not said otherwise."""
    values: dict[str, Any] = {"request": of or request(), "now": NOW, "names": NAMES}
    return CardView(**values | more)


def views() -> dict[str, CardView]:
    """All states of the review card."""
    return {name: each for group in _states().values() for name, each in group.items()}


def examples() -> dict[str, Card | Json]:
    """Name → rendering of every card, notice, list and Home tab."""
    return {name: each for group in groups().values() for name, each in group.items()}


def groups() -> dict[str, Mapping[str, Card | Json]]:
    """The same under headings for people: heading → name → rendering."""
    states = {title: {name: card(each) for name, each in group.items()} for title, group in _states().items()}
    return {
        **states,
        "Similar requests on one card": batched(),
        "Messages about a card": _notices(),
        "Questions, answers, withdrawals": said(),
        "Lists and the Home tab": _lists(),
        "The Home tab and the emergency brake": homes(_odd()),
        "The weekly digest and numbers": numbers(),
    }


def _states() -> dict[str, Mapping[str, CardView]]:
    """Heading → name → state of the review card."""
    return {
        "Waiting for a decision": _ordinary(),
        "What the policy made of it": _weighed(),
        "Checkpoints and reviews": _asked_people(),
        "Decided": _finished(),
        "What became of it": _executed(),
        "Time goes by": waiting(),
        "While the emergency brake is on": stopped(),
        "People talk about it": talked_about(),
        "Allowed for the rest of a run, and one-time codes": granted(),
        "Hostile, long and empty": _strange(),
    }


def _ordinary() -> dict[str, CardView]:
    two = request(tier=2, approvals_required=2, reversible=False, effect_class=EffectClass.OPAQUE)
    flagged = replace(REFUND_BRIEF, flags=("2 refunds this week", "agent: photo is blurred"))
    return {
        "pending": view(),
        "pending_flags": view(request(brief=flagged)),
        "pending_delay": view(request(brief=replace(REFUND_BRIEF, flags=(), cost_of_delay="she files a chargeback"))),
        "pending_half": view(now=ASKED_AT + timedelta(minutes=8)),
        "pending_overdue": view(now=ASKED_AT + timedelta(minutes=40)),
        "pending_two_persons": view(two, votes=(("UBOB", NOW),)),
        "pending_note": view(run_note="Approvals are stopped; rejecting still works."),
        "pending_letter": view(request(MAIL, {"to": "jo@shop.example", "body": LETTER})),
        "pending_edited": view(replace(request(args={**REFUND_ARGS, "amount": "410.00"}, revision=1), form=_told())),
        "reconcile": view(_reconcile()),
    }


def _weighed() -> dict[str, CardView]:
    """What the law made of it: risk, reasons, rules, an edit that went up."""
    costly = request(args={**REFUND_ARGS, "amount": "620.00"}, **HIGH)
    record = {"asked": 31, "well": 22, "totals": {"same-target-in-a-day": "300.00"}}
    unsure = {
        "signals": {"model": 0.93, "tools": 1.0, "precedent": None, "alignment": None},
        "computed": {"model": 0.93, "tools": 1.0, "precedent": 0.6969, "alignment": 1.0},
        "record": record,
    }
    low = (Reason.LOW_CONFIDENCE, Reason.HIGH_RISK)
    before = "Rejected before, on 2027-02-28 16:02 UTC: Refund 420.00 EUR to order 4711? (“not this customer”)"
    flagged = replace(REFUND_BRIEF, flags=("720.00 together with earlier ones", before))
    two: dict[str, Any] = {"tier": 3, "approvals_required": 2, "risk": Risk.CRITICAL, "matched": (COSTLY, CRITICAL)}
    edited = request(args={**REFUND_ARGS, "amount": "6000.00"}, revision=1, **HIGH | {"tier": 2})
    return {
        "high_risk": view(costly),
        "critical_two_persons": view(replace(costly, **two), votes=(("UBOB", NOW),)),
        "low_confidence": view(request(reasons=low, matched=(UNUSUAL,), confidence=0.89, judged=unsure)),
        "handed_over": view(request(route="takeover", reasons=low, confidence=0.41, judged=unsure)),
        "rejected_before": view(request(brief=flagged, reasons=low)),
        "went_up": view(edited, before=request(), changed_by="UALICE"),
        "high_risk_long": view(request(MAIL, {"to": "jo@shop.example", "body": LONG}, **HIGH)),
    }


def _checkpoint(**changes: Any) -> Request:
    form = Form(
        title="Continue this run?",
        question="Let {workflow} go on after {steps} steps in {minutes} minutes?",
        schema={"properties": {"run": {"title": "Run", "editable": False}}},
        after_approve="The run goes on; what it did so far stands.",
    )
    args = {"run": "run_demo", "workflow": "rollout", "steps": 3, "minutes": 2}
    asked = {"kind": Kind.CHECKPOINT, "reasons": (Reason.PERIODIC_CHECKPOINT,), "risk": Risk.LOW, "impact": Risk.LOW}
    plain = {"brief": Brief(), "confidence": None, "turn": 4, "workflow": "rollout", "action_type": "continue"}
    return request(form, args, **asked | plain | {"judged": {}, "value": None, "target": None} | changes)


def _reviewed(**changes: Any) -> Request:
    return replace(request(kind=Kind.REVIEW, revision=1000, parent_id=request().id, form=_told()), **changes)


def _asked_people() -> dict[str, CardView]:
    """Checkpoints and reviews, open and answered."""
    yes, no = decision(DecisionType.APPROVE), decision(DecisionType.REJECT, reason="It was the wrong order.")
    late = decision(DecisionType.EXPIRE, by="clock")
    lasting = _reviewed(reversible=False)
    wrong = view(_reviewed(status=Status.REJECTED), decision=no, effect=effect(Outcome.DONE))
    return {
        "checkpoint": view(_checkpoint()),
        "checkpoint_on": view(_checkpoint(status=Status.APPROVED), decision=yes),
        "checkpoint_stopped": view(_checkpoint(status=Status.REJECTED), decision=no),
        "checkpoint_expired": view(_checkpoint(status=Status.EXPIRED), decision=late),
        "review": view(_reviewed(), effect=effect(Outcome.DONE)),
        "review_undone_meanwhile": view(_reviewed(), effect=effect(Outcome.COMPENSATED)),
        "review_lasting": view(lasting, effect=effect(Outcome.DONE)),
        "review_long": view(replace(view(_strange_mail()).request, kind=Kind.REVIEW)),
        "review_right": view(_reviewed(status=Status.APPROVED), decision=yes, effect=effect(Outcome.DONE)),
        "review_wrong": wrong,
        "review_undoing": replace(wrong, undo=effect(Outcome.INTENT)),
        "review_undone": replace(wrong, effect=effect(Outcome.COMPENSATED), undo=effect(Outcome.DONE)),
        "review_not_undone": replace(wrong, undo=effect(Outcome.FAILED, error="card closed")),
        "review_wrong_lasting": replace(wrong, request=replace(lasting, status=Status.REJECTED)),
        "review_expired": view(_reviewed(status=Status.EXPIRED), decision=late, effect=effect(Outcome.DONE)),
    }


def _strange_mail() -> Request:
    return request(MAIL, {"to": "jo@shop.example", "body": LONG})


def _reconcile(**changes: Any) -> Request:
    brief = Brief(flags=("It was sent, and what came of it is not known: no answer after 15 s",))
    form = Form(
        title="Did this happen?",
        question="Did this happen: {what}",
        schema={"properties": {"what": {}, "effect": {"title": "Reference"}, "sent_at": {"title": "Sent at"}}},
        after_approve="The ledger records that it happened, and the run goes on.",
    )
    args = {"what": "Refund 420.00 EUR to order 4711", "effect": "eff_1", "sent_at": "2027-03-01 10:03:01 UTC"}
    return request(form, args, kind=Kind.RECONCILE, subject_effect="eff_1", brief=brief, turn=2, **changes)


def _told() -> Form:
    return replace(REFUND, after_approve="The card is refunded at once; it can be reversed for 30 days.")


def _finished() -> dict[str, CardView]:
    new = request(args={**REFUND_ARGS, "amount": "410.00"}, revision=1)
    edited = view(decided(Status.MODIFIED), decision=decision(DecisionType.EDIT, reason="10 € were store credit"))
    because = "The photos show another parcel."
    return {
        "modified": replace(edited, followup=new, followup_url=URL),
        "modified_no_link": replace(edited, followup=replace(new, status=Status.APPROVED)),
        "rejected": view(decided(Status.REJECTED), decision=decision(DecisionType.REJECT, reason=because)),
        "handled": view(decided(Status.HANDLED), decision=decision(DecisionType.RESPOND, reason="Done by phone.")),
        "expired": view(decided(Status.EXPIRED), decision=decision(DecisionType.EXPIRE, by="clock")),
        "expired_not_swept": view(now=ASKED_AT + timedelta(hours=73)),
        "cancelled": view(decided(Status.CANCELLED), decision=decision(DecisionType.CANCEL, by="URITA")),
        "reconciled": view(
            _reconcile(status=Status.REJECTED),
            decision=decision(DecisionType.REJECT, reason="Not in the bank's list."),
        ),
        "decided_unseen": view(decided(Status.APPROVED)),
    }


def _executed() -> dict[str, CardView]:
    approved = view(decided(Status.APPROVED), decision=decision(DecisionType.APPROVE))
    return {
        "approved": approved,
        "approved_by_policy": replace(approved, decision=decision(DecisionType.APPROVE, by="policy:3")),
        "executing": replace(approved, effect=effect(Outcome.INTENT)),
        "done": replace(approved, effect=effect(Outcome.DONE, result={"refund_id": "re_81"})),
        "failed": replace(
            approved, effect=effect(Outcome.FAILED, error="card closed"), run_note="Undone: store credit."
        ),
        "unknown": replace(approved, effect=effect(Outcome.UNKNOWN, error="no answer after 15 s")),
        "confirmed": replace(approved, effect=replace(effect(Outcome.DONE), reconciled_by="UBOB")),
        "never_done": replace(approved, run_status="rolled_back"),
        "compensated": replace(approved, effect=effect(Outcome.COMPENSATED, result={"refund_id": "re_81"})),
        "reported": replace(approved, effect=effect(Outcome.DONE), incident=INCIDENT),
        "reported_hostile": replace(
            approved, effect=effect(Outcome.DONE), incident=replace(INCIDENT, what=HOSTILE, reported_by=HOSTILE)
        ),
    }


def _strange() -> dict[str, CardView]:
    bad = Brief(rationale=HOSTILE, cost_of_delay=HOSTILE, flags=(HOSTILE, "agent: " + HOSTILE), confidence=1.7)
    form = Form(title=HOSTILE, question="Send {to} with {x}?", schema={"properties": {"to": {"title": HOSTILE}}})
    names = {"UALICE": HOSTILE, "URITA": HOSTILE}
    hostile = request(form, {"to": HOSTILE, HOSTILE: HOSTILE, "list": [HOSTILE]}, brief=bad)
    said = decision(DecisionType.REJECT, reason=HOSTILE)
    many = {f"argument_{n}": n for n in range(200)}
    return {
        "hostile": view(hostile, names=names, run_note=HOSTILE),
        "hostile_decided": view(
            replace(hostile, status=Status.REJECTED), decision=said, decided_name=HOSTILE, run_note=HOSTILE
        ),
        "long_argument": view(_strange_mail()),
        "long_reason": view(request(brief=replace(REFUND_BRIEF, rationale=LONG))),
        "many_arguments": view(request(MAIL, {"to": "jo@shop.example", **many})),
        "many_flags": view(request(brief=Brief(flags=tuple(f"flag {n}" for n in range(30))))),
        "empty": view(request(Form(title="", question="", schema={}), {"": ""}, brief=Brief(), requester=None)),
    }


def _notices() -> dict[str, Card | Json]:
    seen = views()
    told: Mapping[str, CardView] = {name: seen[name] for name in TOLD}
    late = {name: notice.refused(notice.already(seen[name])) for name in TOO_LATE}
    claimed = replace(request(), claimed_by="UALICE", claimed_until=NOW + timedelta(minutes=5))
    return {
        **{f"outcome_{name}": notice.outcome(each) for name, each in told.items()},
        **{f"too_late_{name}": each for name, each in late.items()},
        "refused": notice.refused("You asked for this yourself; somebody else has to decide it."),
        "refused_hostile": notice.refused(HOSTILE),
        "reminder": reminder(view(), ["STIER1", "STIER2"], ["UBOB"]),
        "reminder_claimed": reminder(view(claimed), ["STIER1"]),
        "reminder_hostile": reminder(seen["hostile"], ["STIER1"]),
    }


def _lists() -> dict[str, Card | Json]:
    cases: dict[str, Callable[[], Card | Json]] = {
        "show": lambda: queue.show(view()),
        "show_done": lambda: queue.show(views()["done"]),
        "show_not_found": lambda: queue.not_found(HOSTILE),
        "help": queue.usage,
        "help_unknown": lambda: queue.usage(HOSTILE),
    }
    return {name: build() for name, build in cases.items()} | pages([each.request for each in _odd()])


def _odd() -> list[CardView]:
    """Pending requests that try to be something else."""
    return [each for each in _strange().values() if each.request.status is Status.PENDING]
