"""What becomes of a proposal when too much waits for people already."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.cards.samples import request
from graph.law.policy_times import QueueRules
from graph.law.queue import Waiting, beyond, most
from graph.law.request import Brief, Kind, Match, Reason, Request, Risk
from graph.law.routing import RouteKind

RUN = QueueRules(most=100, per_workflow=10, beyond="run_lowest")


def unsure(**changes: Any) -> Request:
    """Reversible, of low risk, and only less sure than policy wants."""
    mild: dict[str, Any] = {
        "kind": Kind.ACTION,
        "route": RouteKind.REVIEW,
        "route_why": ("confidence 0.70 is below 0.90",),
        "reversible": True,
        "risk": Risk.LOW,
        "confidence": 0.7,
        "judged": {"computed": {"model": 0.7}},
        "matched": (),
        "brief": Brief(),
        "reasons": (Reason.LOW_CONFIDENCE,),
        "tier": 1,
        "approvals_required": 1,
        "value": Decimal(20),
    }
    return replace(request(), **mild | changes)


def full(rules: QueueRules, asked: Request, *, everywhere: int = 0, here: int = 0) -> Request | None:
    return beyond(rules, asked, Waiting(all=everywhere, here=here))


def test_there_is_room() -> None:
    assert full(QueueRules(most=5), unsure(), everywhere=4) is None
    assert full(RUN, unsure(), everywhere=99, here=9) is None


def test_the_conservative_answer_is_no_and_says_why() -> None:
    denied = full(QueueRules(most=12_000), unsure(), everywhere=12_000)
    assert denied is not None
    assert denied.route == RouteKind.REJECT
    assert denied.route_why[0].startswith("12,000 requests wait already")
    crowded = full(QueueRules(per_workflow=10), unsure(), here=10)
    assert crowded is not None
    assert "10 requests of" in crowded.route_why[0]


def test_what_is_critical_has_room_of_its_own() -> None:
    critical = unsure(risk=Risk.CRITICAL)
    assert most(RUN, Risk.CRITICAL) == Waiting(all=125, here=13)
    assert full(RUN, critical, everywhere=100, here=10) is None
    assert full(RUN, critical, everywhere=125, here=13) is not None


def test_the_lowest_runs_where_policy_says_so() -> None:
    alone = full(RUN, unsure(), everywhere=100)
    assert alone is not None
    assert alone.route == RouteKind.AUTO
    denied = full(QueueRules(most=100), unsure(), everywhere=100)
    assert denied is not None
    assert denied.route == RouteKind.REJECT


@pytest.mark.parametrize(
    "changes",
    [
        {"reversible": False},
        {"risk": Risk.MEDIUM},
        {"confidence": None},
        {"judged": {"computed": {"model": 0.7, "tools": None}}},
        {"judged": {}},
        {"matched": (Match("weekend", "review", "an incident"),)},
        {"brief": Brief(flags=("3× the usual",))},
        {"reasons": (Reason.HUMAN_CONTROL,)},
        {"reasons": (Reason.LOW_CONFIDENCE, Reason.HIGH_RISK)},
        {"route": RouteKind.TAKEOVER},
        {"tier": 2},
        {"approvals_required": 2},
        {"kind": Kind.RECONCILE},
    ],
)
def test_nothing_else_runs_alone(changes: dict[str, Any]) -> None:
    denied = full(RUN, unsure(**changes), everywhere=1000, here=1000)
    assert denied is not None
    assert denied.route == RouteKind.REJECT
