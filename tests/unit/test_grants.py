"""What may be allowed for the rest of a run, and what policy files may say of it."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from bot.cards import samples
from bot.ids import ref_of
from bot.modals import grant as form
from bot.modals.frame import REASON
from graph.law.grants import Scope, bounded, ceiling, fixed, offer, scope_problems
from graph.law.policy import BadPolicy, Policy, parse_policy
from graph.law.request import Brief, EffectClass, Kind, Request, Risk
from tests.support.db import DEFAULT_POLICY

DEFAULT = DEFAULT_POLICY.read_text()


def policy(row: str = "", **changes: str) -> Policy:
    values = {"actions": '["payments.refund"]', "basis": '"they are alike"', **changes}
    lines = "\n".join(f"{name} = {value}" for name, value in values.items())
    return parse_policy(f"{DEFAULT}\n[[grants]]\n{lines}\n{row}")


def request(**changes: Any) -> Request:
    plain: dict[str, Any] = {"brief": Brief(), "risk": Risk.LOW, "impact": Risk.LOW, "value": Decimal("42.00")}
    return samples.request(**plain | {"currency": "EUR", "target": "4711"} | changes)


SCOPE = Scope(any_target=False, up_to=Decimal("42.00"), times=1, length=timedelta(hours=1))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({"actions": '["*"]'}, "name each action"),
        ({"actions": '["payments.*"]'}, "name each action"),
        ({"actions": "[]"}, "at least 1"),
        ({"basis": '""'}, "at least 3"),
        ({"times": "0"}, "greater than or equal to 1"),
        ({"times": "true"}, "not true or false"),
        ({"up_to": "-1"}, "greater than or equal to 0"),
        ({"up_to": '"100"'}, "not true or false or a text"),
        ({"target": '"all"'}, "'same' or 'any'"),
        ({"at_most": '"forever"'}, "write a duration"),
        ({"varying": '"amount"'}, "valid tuple"),
        ({"varying": '[""]'}, "at least 1"),
        ({"upto": "1"}, "unknown key"),
    ],
)
def test_what_a_policy_may_not_say(lines: dict[str, str], said: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        policy(**lines)
    assert said in str(refused.value)


def test_an_action_is_granted_in_one_place() -> None:
    with pytest.raises(BadPolicy, match=r"two grants name the same action: payments\.refund"):
        policy('[[grants]]\nactions = ["a.b", "payments.refund"]\nbasis = "again"')


def test_what_cannot_be_undone_is_refused_when_the_policy_is_loaded() -> None:
    text = f'{DEFAULT}\n[[grants]]\nactions = ["orders.pack", "orders.burn"]\nbasis = "they are alike"\n'
    assert parse_policy(text, {"orders": 'irreversible = ["shred"]\n'}).grants
    with pytest.raises(BadPolicy, match=r"grants\.1\.actions \(line \d+\): orders\.burn can't be undone"):
        parse_policy(text, {"orders": 'irreversible = ["burn"]\n'})


def test_offered_for_what_one_person_may_approve_without_a_reason() -> None:
    assert offer(policy(), request()) is not None
    assert offer(parse_policy(DEFAULT), request()) is None
    for changes in (
        {"kind": Kind.REVIEW},
        {"kind": Kind.CHECKPOINT},
        {"route": "takeover"},
        {"approvals_required": 2},
        {"reversible": False},
        {"effect_class": EffectClass.OPAQUE},
        {"risk": Risk.HIGH},
        {"risk": Risk.CRITICAL},
        {"brief": Brief(flags=("3.1× the usual",))},
        {"target": None},
        {"tier": 9},
        {"args": {**samples.REFUND_ARGS, "note": "ab\u200bc"}},
    ):
        assert offer(policy(), request(**changes)) is None, changes
    assert offer(policy(target='"any"'), request(target=None)) is not None


def test_never_where_approving_takes_a_code() -> None:
    asking = parse_policy(
        DEFAULT.replace("[tiers.1] #", "[tiers.1]\nstep_up = true #")
        + '\n[[grants]]\nactions = ["payments.refund"]\nbasis = "they are alike"\n'
    )
    assert offer(asking, request()) is None


def test_the_amount_is_bounded_by_policy_or_by_what_was_looked_at() -> None:
    rated = DEFAULT + '\n[[grants]]\nactions = ["payments.refund"]\nbasis = "alike"\nup_to = 92\n[rates]\nUSD = 0.92\n'
    for known, asked, most in (
        (policy(), request(), Decimal("42.00")),
        (policy(up_to="100"), request(), Decimal(100)),
        (policy(up_to="10"), request(), Decimal(10)),
        (policy(up_to="100"), request(value=None), None),
        (parse_policy(rated), request(currency="USD"), Decimal(100)),
    ):
        row = offer(known, asked)
        assert row is not None
        assert ceiling(known, row, asked) == most


def test_each_bound_is_refused_by_name() -> None:
    known, asked = policy(times="3", at_most='"2h"'), request()
    row = offer(known, asked)
    assert row is not None
    assert scope_problems(known, row, asked, SCOPE) == {}
    for field, value in (
        ("any_target", True),
        ("up_to", Decimal("42.01")),
        ("up_to", Decimal(0)),
        ("up_to", Decimal(-1)),
        ("up_to", None),
        ("times", 0),
        ("times", 4),
        ("length", timedelta(hours=2, seconds=1)),
        ("length", timedelta(0)),
        ("length", timedelta(seconds=-1)),
    ):
        assert set(scope_problems(known, row, asked, replace(SCOPE, **{field: value}))) == {field}


def test_what_may_differ_is_the_amount_the_target_where_any_may_and_what_policy_names() -> None:
    asked = replace(request(), form=replace(request().form, value_field="amount", target_field="order"))
    row = offer(policy(target='"any"', varying='["cause", "wave"]'), asked)
    assert row is not None
    any_target = replace(SCOPE, any_target=True)
    assert (bounded(asked, SCOPE), bounded(asked, any_target)) == (("amount",), ("amount", "order"))
    assert set(fixed(row, asked, SCOPE)) == {"order", "currency"}
    assert set(fixed(row, asked, any_target)) == {"currency"}
    shown = str(form.build(asked, ref_of(asked), None, None, policy=policy(), row=row))
    assert "May differ:" in shown
    assert "Cause, Wave" in shown


JUNK = (None, 7, "", [], {}, {"values": 1}, {"values": {"grant.times": 3}}, {"values": {"grant.up_to": {"value": []}}})


@pytest.mark.parametrize("state", JUNK)
def test_a_form_that_is_no_form_allows_nothing(state: object) -> None:
    assert set(form.parse(state, request()).errors) == {form.AMOUNT, form.TIMES, form.LENGTH, REASON}


@pytest.mark.parametrize("typed", ["1e3", "-1", "٤٢", "1,000.00", "0.001", "NaN", "9" * 40, " ", "1_000"])
def test_what_is_no_amount(typed: str) -> None:
    state = {"values": {form.AMOUNT: {"value": {"value": typed}}}}
    assert form.AMOUNT in form.parse(state, request()).errors


def test_what_was_filled_in_is_read() -> None:
    values: dict[str, Any] = {
        form.TARGET: {"selected_option": {"value": "any"}},
        form.AMOUNT: {"value": " 12.50 "},
        form.TIMES: {"value": "3"},
        form.LENGTH: {"selected_option": {"value": "60"}},
        REASON: {"value": "the first one was right"},
    }
    read = form.parse({"values": {block: {"value": element} for block, element in values.items()}}, request())
    assert read.errors == {}
    assert read.scope == Scope(any_target=True, up_to=Decimal("12.50"), times=3, length=timedelta(hours=1))
    assert read.reason == "the first one was right"
