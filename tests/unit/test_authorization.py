"""Who may decide, a sentence a row: owners, teams, the register, kinds of request, age of the directory."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from graph.law.authorization import Person, Standing, authorize
from graph.law.policy import parse_policy
from graph.law.policy_rows import Reviewer
from graph.law.request import Brief, DecisionType, Form, Kind, Request, Risk, Status
from tests.support.db import DEFAULT_POLICY

NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)
APPROVE, REJECT, EDIT, RESPOND = DecisionType.APPROVE, DecisionType.REJECT, DecisionType.EDIT, DecisionType.RESPOND
ALICE = Person(
    workspace_id="T",
    user_id="UALICE",
    person="alice",
    name="Alice",
    active=True,
    guest=False,
    external=False,
    bot=False,
    checked_at=NOW - timedelta(minutes=30),
)
SECOND = replace(ALICE, user_id="UALICE2")
STANDING = Standing(
    pool_then=frozenset({"UALICE", "UALICE2"}),
    pool_now=frozenset({"UALICE", "UALICE2"}),
    editors=None,
    requester_person=None,
    requester_unknown=False,
    max_age=timedelta(hours=24),
)


def request(**more: Any) -> Request:
    values: dict[str, Any] = dict.fromkeys(Request.__dataclass_fields__)
    values |= {
        "id": "req_1",
        "kind": Kind.ACTION,
        "workflow": "payments",
        "digest": "a" * 64,
        "status": Status.PENDING,
        "version": 1,
        "tier": 1,
        "form": Form(title="", question="", schema={}),
        "brief": Brief(),
        "requester": "UREQ",
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
        "worth": Decimal(420),
    }
    return Request(**values | {"judged": {}} | more)


def registered(**more: Any) -> dict[str, Reviewer]:
    return {"UALICE": Reviewer.model_validate({"user": "UALICE", **more})}


def standing(**more: Any) -> Standing:
    return replace(STANDING, **more)


FIT = registered(domains=("payments",), limit=Decimal(1000), trained_until=date(2027, 1, 1))


@pytest.mark.parametrize(
    ("sentence", "person", "rights", "about", "said"),
    [
        ("a reviewer may", ALICE, STANDING, {}, None),
        (
            "who answers for the agent may not",
            ALICE,
            standing(owners=frozenset({"alice"})),
            {},
            "answer for this agent",
        ),
        ("nor by a second account", SECOND, standing(owners=frozenset({"alice"})), {}, "answer for this agent"),
        ("somebody else's agent is no matter", ALICE, standing(owners=frozenset({"bob"})), {}, None),
        ("who asked may not, by a second account", SECOND, standing(requester_person="alice"), {}, "asked for this"),
        ("a team's requests are for the team", ALICE, standing(team=frozenset({"UBOB"})), {}, "its own team"),
        ("and its members may", ALICE, standing(team=frozenset({"UALICE"})), {}, None),
        ("an empty team is nobody, not everybody", ALICE, standing(team=frozenset()), {}, "its own team"),
        ("membership is of the account", SECOND, standing(team=frozenset({"UALICE"})), {}, "its own team"),
        ("registered and fit", ALICE, standing(registers=(FIT,)), {}, None),
        ("not in the register", ALICE, standing(registers=({},)), {}, "not in the register"),
        ("registered by another account", SECOND, standing(registers=(FIT,)), {}, "not in the register"),
        (
            "registered for another domain",
            ALICE,
            standing(registers=(registered(domains=("loan",)),)),
            {},
            "not for payments",
        ),
        ("registered for all domains", ALICE, standing(registers=(registered(),)), {}, None),
        ("at the limit", ALICE, standing(registers=(registered(limit=420),)), {}, None),
        ("above the limit", ALICE, standing(registers=(registered(limit=419),)), {}, "up to 419; this is 420"),
        ("no amount is within any limit", ALICE, standing(registers=(registered(limit=1),)), {"worth": None}, None),
        ("on the last day of training", ALICE, standing(registers=(registered(trained_until=NOW.date()),)), {}, None),
        (
            "the day after",
            ALICE,
            standing(registers=(registered(trained_until=NOW.date() - timedelta(days=1)),)),
            {},
            "training ended on 2026-08-19",
        ),
        ("fit under the old register only", ALICE, standing(registers=(FIT, {})), {}, "not in the register"),
        ("fit under the new register only", ALICE, standing(registers=({}, FIT)), {}, "not in the register"),
        ("fit under both", ALICE, standing(registers=(FIT, FIT)), {}, None),
        ("no reviewer any more", ALICE, standing(pool_now=frozenset()), {}, "not a reviewer of tier 1"),
        ("no reviewer then", ALICE, standing(pool_then=frozenset()), {}, "when this was asked"),
    ],
)
def test_who_may_approve(
    sentence: str, person: Person, rights: Standing, about: dict[str, Any], said: str | None
) -> None:
    verdict = authorize(request(**about), person, APPROVE, rights, NOW)
    assert verdict.allowed is (said is None), (sentence, verdict.reason)
    assert said is None or said in verdict.reason, sentence
    assert not verdict.undetermined


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("decision", [APPROVE, REJECT, EDIT, RESPOND])
def test_only_actions_take_edits_and_answers(kind: Kind, decision: DecisionType) -> None:
    verdict = authorize(request(kind=kind), ALICE, decision, STANDING, NOW)
    assert verdict.allowed is (kind is Kind.ACTION or decision in (APPROVE, REJECT))


POLICY = parse_policy(DEFAULT_POLICY.read_text())


@pytest.mark.parametrize(
    ("risk", "checked", "allowed"),
    [
        (Risk.LOW, timedelta(hours=24), True),
        (Risk.LOW, timedelta(hours=24, seconds=1), False),
        (Risk.MEDIUM, timedelta(hours=23), True),
        (Risk.HIGH, timedelta(hours=1), True),
        (Risk.HIGH, timedelta(hours=1, seconds=1), False),
        (Risk.CRITICAL, timedelta(hours=2), False),
    ],
)
def test_what_the_directory_knows_may_be_older_where_less_is_at_risk(
    risk: Risk, checked: timedelta, allowed: bool
) -> None:
    person = replace(ALICE, checked_at=NOW - checked)
    verdict = authorize(request(risk=risk), person, APPROVE, standing(max_age=POLICY.max_age(risk)), NOW)
    assert (verdict.allowed, verdict.undetermined) == (allowed, not allowed)


def test_high_risk_never_takes_an_older_directory_than_low_risk() -> None:
    lax = POLICY.model_copy(update={"directory_max_age": timedelta(minutes=5)})
    assert lax.max_age(Risk.HIGH) == timedelta(minutes=5)
