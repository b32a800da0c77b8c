"""The shipped policy holds the numbers that people were promised."""

from datetime import timedelta
from decimal import Decimal

import pytest

from graph.law.confidence import DEFAULT_WEIGHTS, Signal
from graph.law.facts import Facts
from graph.law.policy import parse_policy
from graph.law.policy_rows import Level
from graph.law.request import Reason, Risk
from graph.law.routing import route
from tests.support.db import DEFAULT_POLICY

POLICY = parse_policy(DEFAULT_POLICY.read_text())
SURE = dict.fromkeys(Signal, 1.0)


def names(**facts: object) -> set[str]:
    """The rules that match these facts."""
    return {match.rule for match in route(POLICY, Facts(action="some.thing", signals=SURE, **facts)).matched}  # type: ignore[arg-type]


def test_weights() -> None:
    assert POLICY.confidence.weights == {
        Signal.MODEL: 0.15,
        Signal.TOOLS: 0.20,
        Signal.RETRIEVAL: 0.20,
        Signal.PRECEDENT: 0.25,
        Signal.ALIGNMENT: 0.20,
    }
    assert POLICY.confidence.weights == DEFAULT_WEIGHTS


def test_thresholds_and_samples() -> None:
    rows = {impact: POLICY.threshold("some.thing", impact, None) for impact in Risk}
    assert (rows[Risk.LOW].auto, rows[Risk.LOW].review) == (0.85, 0.60)
    assert {row.review for row in rows.values()} == {0.60}
    assert rows[Risk.CRITICAL].auto is None
    assert {impact: row.sample for impact, row in rows.items() if row.sample} == {Risk.MEDIUM: 0.10}


def test_everything_starts_under_full_control() -> None:
    assert [(row.action, row.level) for row in POLICY.autonomy] == [("*", Level.FULL_CONTROL)]


def test_promised_times_and_who_must_agree() -> None:
    tiers = [POLICY.tiers[number] for number in (1, 2, 3)]
    assert [tier.sla for tier in tiers] == [timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4)]
    assert [tier.approvals for tier in tiers] == [1, 1, 2]


@pytest.mark.parametrize(("value", "tier"), [("5000", 1), ("5000.01", 2), ("50000", 2), ("50000.01", 3), (None, 1)])
def test_amounts_lift(value: str | None, tier: int) -> None:
    assert route(POLICY, Facts(action="some.thing", value=Decimal(value) if value else None)).tier == tier


@pytest.mark.parametrize(
    ("sentence", "facts", "matches"),
    [
        ("a payment over 500 needs a person", {"tags": ("payment",), "value": Decimal("500.01")}, True),
        ("500 itself does not", {"tags": ("payment",), "value": Decimal(500)}, False),
        ("nor does another action", {"tags": ("mail",), "value": Decimal("500.01")}, False),
    ],
)
def test_payment_over_500(sentence: str, facts: dict[str, object], matches: bool) -> None:
    assert ("payment-over-500" in names(**facts)) is matches, sentence
    if matches:
        found = route(POLICY, Facts(action="some.thing", signals=SURE, **facts))  # type: ignore[arg-type]
        assert found.risk is Risk.HIGH
        assert Reason.COST_THRESHOLD in found.reasons


@pytest.mark.parametrize("tag", ["account", "refund", "config"])
@pytest.mark.parametrize(("model", "matches"), [(0.70, False), (0.69, True), (None, True)])
def test_unsure_about_accounts_refunds_and_configuration(tag: str, model: float | None, matches: bool) -> None:
    found = route(POLICY, Facts(action="some.thing", tags=(tag,), signals={Signal.MODEL: model}))
    assert ("unsure-about-accounts-refunds-config" in {match.rule for match in found.matched}) is matches


@pytest.mark.parametrize(("sentiment", "matches"), [(-0.6, False), (-0.61, True), (None, False), (7.0, True)])
def test_upset_customer(sentiment: float | None, matches: bool) -> None:
    assert ("upset-customer" in names(sentiment=sentiment)) is matches


@pytest.mark.parametrize(
    ("rule", "facts"),
    [
        ("irreversible", {"reversible": False}),
        ("regulated", {"tags": ("legal",)}),
        ("regulated", {"tags": ("medical",)}),
        ("regulated", {"tags": ("financial",)}),
        ("critical-impact", {"impact": Risk.CRITICAL}),
        ("unknown-action", {"known": False}),
        ("unusual", {"flags": ("3.1× the usual amount",)}),
    ],
)
def test_rules_that_beat_any_confidence(rule: str, facts: dict[str, object]) -> None:
    assert rule in names(**facts)
    assert rule not in names()
