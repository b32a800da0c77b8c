"""Whatever is proposed: a grant covers nothing that a person did not foresee when they gave it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from hypothesis import event, given, settings
from hypothesis import strategies as st

from graph.law.canonical import canonical_text, digest
from graph.law.confidence import Signal
from graph.law.facts import Facts, Record
from graph.law.grants import Grant, covers, objection
from graph.law.policy import Policy, parse_policy
from graph.law.request import EffectClass, Risk
from graph.law.routing import RouteKind, route
from tests.support.db import DEFAULT_POLICY

T = TypeVar("T")
DEFAULT = DEFAULT_POLICY.read_text()
NOW = datetime(2027, 3, 1, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def with_row(
    target: str = "any", up_to: str = "", times: int = 5, at_most: str = "4h", more: str = "", base: str = DEFAULT
) -> Policy:
    row = f'\n[[grants]]\nactions = ["orders.pack"]\nbasis = "alike"\ntarget = "{target}"\ntimes = {times}\n'
    return parse_policy(f'{base}{row}at_most = "{at_most}"\n{up_to}\n{more}\n')


CODES = with_row(base=DEFAULT.replace("[tiers.1] #", "[tiers.1]\nstep_up = true #"))
LIFTED = with_row(more="[[lifts]]\nabove = 40\ntier = 2")
POLICIES = [
    with_row(),
    with_row("same"),
    with_row(up_to="up_to = 50"),
    with_row(times=2),
    with_row(at_most="30m"),
    with_row(more='varying = ["iban"]'),
    parse_policy(DEFAULT),
    CODES,
    LIFTED,
]
ARGS = {"order": "4711", "amount": "42.00", "iban": "DE1"}
GIVEN = Grant(
    id="gra_1",
    run_id="run_1",
    request_id="req_1",
    workflow="orders",
    action_type="pack",
    tier=1,
    any_target=False,
    target="4711",
    up_to=Decimal(60),
    currency="EUR",
    times=3,
    rules=(),
    reasons=("human_control", "low_confidence"),
    reason="the first one was right",
    earlier=0,
    confidence=0.8,
    fixed={name: digest(canonical_text(ARGS[name])) for name in ("order", "iban")},
    bounded=("amount",),
    given_by="UALICE",
    person="alice",
    given_at=NOW - HOUR,
    expires_at=NOW + HOUR,
)
SAME = Facts(
    action="orders.pack",
    args=ARGS,
    value=Decimal(42),
    currency="EUR",
    target="4711",
    signals={Signal.MODEL: 0.9, Signal.TOOLS: 1.0},
)
amounts = st.one_of(st.none(), st.decimals(-10, 1000, places=2, allow_nan=False))


def varied(base: T, choices: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[T]:
    """The base with up to two things about it changed."""
    names = st.lists(st.sampled_from(sorted(choices)), max_size=2, unique=True)
    changes = names.flatmap(lambda chosen: st.fixed_dictionaries({name: choices[name] for name in chosen}))
    return changes.map(lambda change: replace(base, **change))


grants = varied(
    GIVEN,
    {
        "any_target": st.just(True),
        "up_to": amounts,
        "used": st.integers(0, 6),
        "tier": st.integers(1, 3),
        "revoked_at": st.just(NOW),
        "expires_at": st.sampled_from([NOW, NOW - timedelta(seconds=1)]),
        "given_at": st.sampled_from([NOW, NOW + timedelta(seconds=1)]),
    },
)
facts = varied(
    SAME,
    {
        "action": st.just("orders.ship"),
        "value": amounts,
        "currency": st.sampled_from(["USD", None]),
        "target": st.sampled_from(["4712", None]),
        "reversible": st.just(False),
        "effect_class": st.sampled_from(EffectClass),
        "impact": st.sampled_from(Risk),
        "flags": st.sampled_from([("agent: odd",), ("3.1× the usual",)]),
        "known": st.just(False),
        "world_moved": st.just(True),
        "edited": st.just(True),
        "args": st.sampled_from(
            [
                {"order": "47\u202e11"},
                {"list": [{"a": "b\u200b"}]},
                ARGS | {"amount": "12.00"},
                ARGS | {"iban": "DE2"},
                ARGS | {"iban": ["DE1"]},
                ARGS | {"note": ""},
                {"order": "4711", "amount": "42.00"},
            ]
        ),
        "signals": st.sampled_from([{Signal.MODEL: 0.1}, {}]),
        "record": st.sampled_from([Record(rejected=("Rejected before",)), Record(totals={"t": Decimal(600)})]),
    },
)


@settings(max_examples=500)
@given(grants, st.sampled_from(POLICIES), facts)
def test_nothing_is_covered_that_was_not_foreseen(grant: Grant, policy: Policy, asked: Facts) -> None:
    covered = covers(grant, policy, asked, NOW)
    event(f"covered: {covered}")
    if not covered:
        return
    row, routed = policy.grant(asked.action), route(policy, asked)
    assert row is not None
    assert asked.action == "orders.pack"
    assert grant.revoked_at is None
    assert grant.given_at <= NOW < grant.expires_at
    assert grant.given_at + row.at_most > NOW
    assert grant.used < min(grant.times, row.times)
    assert (routed.kind, routed.approvals, routed.final) == (RouteKind.REVIEW, 1, False)
    assert routed.tier <= grant.tier
    assert not policy.tiers[routed.tier].step_up
    assert not routed.risk.needs_reason
    assert asked.reversible
    assert asked.known
    assert asked.effect_class is not EffectClass.OPAQUE
    assert not asked.flags
    assert not asked.record.rejected
    assert not asked.world_moved
    assert not asked.edited
    differing = {name for name in {*asked.args, *ARGS} if asked.args.get(name, ...) != ARGS.get(name, ...)}
    event(f"differing: {sorted(differing)}")
    assert differing <= {"amount", *row.varying}
    assert asked.target == grant.target or (grant.any_target and row.target == "any")
    if asked.value is not None or grant.up_to is not None:
        assert asked.value is not None
        assert grant.up_to is not None
        assert 0 <= asked.value <= grant.up_to
        assert asked.currency == grant.currency
        assert row.up_to is None or asked.value <= row.up_to


@given(grants, st.sampled_from(POLICIES), facts, st.sampled_from(["revoke", "use", "wait", "flag", "raise"]))
def test_more_against_it_never_makes_it_covered(grant: Grant, policy: Policy, asked: Facts, more: str) -> None:
    before, now = covers(grant, policy, asked, NOW), NOW
    match more:
        case "revoke":
            grant = replace(grant, revoked_at=NOW)
        case "use":
            grant = replace(grant, used=grant.used + 1)
        case "wait":
            now = NOW + 2 * HOUR
        case "flag":
            asked = replace(asked, flags=(*asked.flags, "odd"))
        case "raise":
            asked = replace(asked, value=(asked.value or Decimal(0)) + 1000)
    assert before or not covers(grant, policy, asked, now)


def test_more_of_the_same_is_covered_and_each_objection_says_why() -> None:
    assert objection(GIVEN, POLICIES[0], SAME, NOW) is None
    repeated = Record(lately=3)
    flagged = replace(SAME, record=repeated, flags=("3 earlier for 4711 in 7 days",))
    assert objection(replace(GIVEN, used=2), POLICIES[0], flagged, NOW) is None, "it was allowed to be repeated"
    assert objection(replace(GIVEN, used=1), POLICIES[0], flagged, NOW) is not None, "somebody else did one, too"
    for changed, said in (
        (replace(GIVEN, revoked_at=NOW), "taken back"),
        (replace(GIVEN, used=3), "used up"),
        (replace(GIVEN, expires_at=NOW), "ended"),
        (replace(GIVEN, up_to=Decimal(41)), "above"),
        (replace(GIVEN, target="4712"), "something else"),
        (replace(GIVEN, reasons=()), "another reason"),
        (replace(GIVEN, action_type="ship"), "another action"),
        (replace(GIVEN, fixed={}), "Other arguments than may differ do: iban, order."),
        (replace(GIVEN, bounded=()), "do: amount."),
    ):
        told = objection(changed, POLICIES[0], SAME, NOW)
        assert told is not None
        assert said in told
    for policy, grant, said in (
        (CODES, GIVEN, "takes a one-time code"),
        (LIFTED, GIVEN, "needs tier 2"),
        (parse_policy(DEFAULT), GIVEN, "does not let anybody"),
        (with_row(up_to="up_to = 41"), GIVEN, "above what was allowed"),
        (with_row(times=2), replace(GIVEN, used=2), "used up"),
        (with_row(at_most="30m"), GIVEN, "ended"),
        (with_row("same"), replace(GIVEN, any_target=True, target="4712"), "something else"),
    ):
        told = objection(grant, policy, SAME, NOW)
        assert told is not None
        assert said in told
    for change, said in (({"iban": "DE2"}, "iban"), ({"note": ""}, "note"), ({"iban": 1, "note": "x"}, "iban, note")):
        told = objection(GIVEN, POLICIES[0], replace(SAME, args=ARGS | change), NOW)
        assert told == f"Other arguments than may differ do: {said}."
    once = replace(GIVEN, fixed={**GIVEN.fixed, "count": digest(canonical_text(1))})
    assert objection(once, POLICIES[0], replace(SAME, args=ARGS | {"count": 1}), NOW) is None
    assert objection(once, POLICIES[0], replace(SAME, args=ARGS | {"count": True}), NOW) is not None
    senior = replace(GIVEN, tier=2, reasons=(*GIVEN.reasons, "cost_threshold"))
    assert objection(senior, LIFTED, SAME, NOW) is None, "a senior allowed what needs one"
    unsure = replace(SAME, signals={Signal.MODEL: 0.5, Signal.TOOLS: 1.0})
    assert objection(GIVEN, POLICIES[0], unsure, NOW) is None
    told = objection(replace(GIVEN, confidence=0.95), POLICIES[0], unsure, NOW)
    assert told == "It is less sure than what was looked at."
