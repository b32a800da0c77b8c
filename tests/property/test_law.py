"""The law under Hypothesis: what holds for every value, not only for those somebody thought of."""

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from graph.law.action import NotMoney, parse_money
from graph.law.authorization import Person, Standing, authorize, refusal_of_state
from graph.law.canonical import MAX_INTEGER, Unfaithful, canonical_text, digest, strict_loads
from graph.law.confidence import STATED, Signal
from graph.law.escalation import Timing, next_step
from graph.law.facts import Facts, Record, draw_of, from_json, to_json
from graph.law.policy import BadPolicy, Policy, parse_policy
from graph.law.policy_rows import Level, Threshold
from graph.law.policy_times import Tier
from graph.law.request import (
    Brief,
    DecisionType,
    EffectClass,
    Form,
    Kind,
    Request,
    Risk,
    Status,
    urgency,
)
from graph.law.routing import Route, RouteKind, route
from tests.support.db import DEFAULT_POLICY

NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)
plain_text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | plain_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_text, inner, max_size=4),
    max_leaves=12,
)


def put(value: Any, poison: Any, where: int) -> Any:
    """The value with the poison somewhere inside."""
    return [{"list": [value, poison]}, {"key": poison, "other": value}, [[[poison]]], poison][where]


# Canonical bytes


@given(plain)
def test_canonical_text_reads_back_as_the_same_value(value: Any) -> None:
    text = canonical_text(value)
    assert strict_loads(text) == value
    assert canonical_text(strict_loads(text)) == text
    assert text.encode().decode() == text


@given(st.dictionaries(plain_text, plain, max_size=6), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], rng: Any) -> None:
    keys = list(value)
    rng.shuffle(keys)
    shuffled = {key: value[key] for key in keys}
    assert digest(canonical_text(shuffled)) == digest(canonical_text(value))


@given(plain, plain)
def test_other_values_have_other_digests(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(canonical_text(one)) == digest(canonical_text(other))) == same


@given(
    plain,
    st.sampled_from(["\0", "a\0b", "\ud800", "x\udfff", 1.0, -0.5, float("nan"), float("inf"), b"bytes", {1: 2}])
    | st.integers(MAX_INTEGER + 1)
    | st.integers(max_value=-MAX_INTEGER - 1)
    | st.floats(),
    st.integers(0, 3),
)
def test_what_cannot_be_kept_faithfully_is_refused(value: Any, poison: Any, where: int) -> None:
    with pytest.raises(Unfaithful):
        canonical_text(put(value, poison, where))


@given(st.integers(17, 60))
def test_depth_is_bounded(depth: int) -> None:
    value: Any = "core"
    for _ in range(depth):
        value = [value]
    with pytest.raises(Unfaithful, match="deeper"):
        canonical_text(value)


@given(plain_text, plain, plain)
def test_a_key_that_stands_twice_is_refused(key: str, one: Any, other: Any) -> None:
    name = json.dumps(key)
    with pytest.raises(Unfaithful, match="twice"):
        strict_loads(f'{{"outer": {{{name}: {json.dumps(one)}, {name}: {json.dumps(other)}}}}}')


@given(st.text(max_size=60))
def test_loading_anything_gives_a_value_or_a_refusal(text: str) -> None:
    try:
        strict_loads(text)
    except Unfaithful:
        return


# Money


@given(st.decimals(Decimal("0.01"), Decimal("999999999999.99"), places=2))
def test_money_reads_back_as_itself(amount: Decimal) -> None:
    assert parse_money(format(amount, ".2f")) == amount
    assert parse_money(format(parse_money(str(amount)), ".2f")) == amount


@given(st.text(max_size=12) | st.integers() | st.floats() | st.none() | st.booleans())
def test_what_is_read_as_money_is_positive_ascii_with_two_decimals(value: Any) -> None:
    try:
        amount = parse_money(value)
    except NotMoney:
        return
    assert isinstance(value, str)
    assert value.isascii()
    assert amount > 0
    assert amount == Decimal(value)


@pytest.mark.parametrize(
    "value", ["0", "0.00", "-1", "+1", "1e3", "1,00", "1.234", "٤٢", "４２", " 1", "1 ", "1\n", "", "01", ".5", "1."]
)
def test_what_is_no_money(value: str) -> None:
    with pytest.raises(NotMoney):
        parse_money(value)


# Routing

STRICTNESS = {kind: rank for rank, kind in enumerate(RouteKind)}
share = st.floats(0, 1)


tags = st.lists(st.sampled_from(["payment", "refund", "legal", "odd"]), unique=True, max_size=2).map(tuple)
conditions = st.sampled_from(
    [
        "total > 500.0",
        "value > 100.0 && 'payment' in tags",
        "unusual",
        "!reversible",
        "has(facts.mood) && facts.mood == 'bad'",
        "facts.missing > 3",
        "sentiment < -0.6",
        "impact in ['high', 'critical']",
        "record.asked < 3",
        "args.order",
    ]
)


@st.composite
def rules(draw: st.DrawFn, name: str = "r", top: int = 3) -> dict[str, Any]:
    rule: dict[str, Any] = {"name": name, "basis": "an incident", "then": draw(st.sampled_from(THENS))}
    rule["actions"] = draw(st.sampled_from([["*"], ["w.*"], ["w.a", "v.*"]]))
    rule["when"] = draw(conditions)
    for key, value in (
        ("confidence_below", share),
        ("tier", st.integers(1, top)),
        ("approvals", st.integers(1, 3)),
        ("risk", st.sampled_from(["low", "medium", "high", "critical"])),
        ("reason", st.sampled_from(["high_risk_action", "policy_violation"])),
    ):
        if draw(st.booleans()):
            rule[key] = draw(value)
    return rule


THENS = ["review", "review", "takeover", "reject"]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    top = draw(st.integers(1, 3))
    thresholds: list[dict[str, Any]] = [{"action": "*"}]
    for action in draw(st.lists(st.sampled_from(["w.a", "w.b", "w.*", "v.*"]), unique=True, max_size=3)):
        low, high = sorted((draw(share), draw(share)))
        row: dict[str, Any] = {"action": action, "review": low, "tier": draw(st.integers(1, top))}
        row["below"] = draw(st.sampled_from(["reformulate", "takeover"]))
        row["sample"] = draw(share)
        if draw(st.booleans()):
            row["auto"] = high
        if draw(st.booleans()):
            row["up_to"] = draw(st.integers(1, 1000))
        if draw(st.booleans()):
            row["impact"] = draw(st.sampled_from(["low", "high"]))
        thresholds.append(row)
    lifts = [
        {"above": draw(st.integers(0, 1000)), "tier": draw(st.integers(1, top))} for _ in range(draw(st.integers(0, 2)))
    ]
    levels = ["full_control", "gated", "exception_only", "full_audit"]
    autonomy = [
        {"action": action, "level": draw(st.sampled_from(levels))}
        for action in draw(st.lists(st.sampled_from(["w.a", "w.b", "v.x"]), unique=True))
    ]
    return {
        "format": 1,
        "tiers": {
            str(n + 1): {"channel": "#c", "reviewers": ["U1"], "approvals": draw(st.integers(1, 2))} for n in range(top)
        },
        "thresholds": thresholds,
        "lifts": lifts,
        "autonomy": autonomy,
        "rules": [draw(rules(name=f"r{n}", top=top)) for n in range(draw(st.integers(0, 3)))],
        "confidence": {"precedents": draw(st.integers(1, 4))},
    }


policies = documents().map(Policy.model_validate)
signals = st.dictionaries(st.sampled_from(Signal), st.none() | share)
amounts = st.decimals(Decimal("0.01"), Decimal(2000), places=2)
records = st.builds(
    Record,
    asked=st.integers(0, 9),
    well=st.integers(0, 9),
    totals=st.dictionaries(st.just("t"), amounts),
    rejected=st.sampled_from([(), ("Rejected before",)]),
    same_rejected=st.integers(0, 4),
)
facts = st.builds(
    Facts,
    action=st.sampled_from(["w.a", "w.b", "w.c", "v.x", "unheard.of"]),
    value=st.none() | amounts,
    tags=tags,
    impact=st.sampled_from(Risk),
    signals=signals,
    sentiment=st.none() | st.floats(-1, 1),
    facts=st.sampled_from([{}, {"mood": "bad"}, {"missing": 2}]),
    record=records,
    effect_class=st.sampled_from(EffectClass),
    reversible=st.booleans(),
    flags=st.sampled_from([(), ("odd",)]),
    reformulations=st.integers(0, 4),
    world_moved=st.booleans(),
    edited=st.booleans(),
    draw=st.floats(0, 1, exclude_max=True),
)


def at_least_as_strict(one: Route, other: Route) -> bool:
    """Every way in which a route can be strict."""
    return (
        STRICTNESS[one.kind] >= STRICTNESS[other.kind]
        and one.tier >= other.tier
        and one.approvals >= other.approvals
        and one.risk.rank >= other.risk.rank
    )


@given(policies, facts)
def test_the_same_facts_have_the_same_route(policy: Policy, fact: Facts) -> None:
    assert route(policy, fact) == route(policy, replace(fact))


@given(policies, facts)
def test_frozen_facts_read_back_from_their_row_have_the_same_route(policy: Policy, fact: Facts) -> None:
    stored = json.loads(json.dumps(to_json(fact)))
    assert route(policy, from_json(stored, fact.args)) == route(policy, fact)


@given(documents(), facts, st.data())
def test_a_rule_more_never_loosens(document: dict[str, Any], fact: Facts, data: st.DataObject) -> None:
    extra = data.draw(rules(name="extra", top=len(document["tiers"])))
    before = route(Policy.model_validate(document), fact)
    after = route(Policy.model_validate(document | {"rules": [*document["rules"], extra]}), fact)
    assert at_least_as_strict(after, before)


@given(policies, facts, st.sampled_from(sorted(STATED)), share, share)
def test_a_lower_signal_never_loosens(policy: Policy, fact: Facts, signal: Signal, one: float, other: float) -> None:
    high = route(policy, replace(fact, signals=fact.signals | {signal: max(one, other)}))
    low = route(policy, replace(fact, signals=fact.signals | {signal: min(one, other)}))
    assert at_least_as_strict(low, high)


@given(policies, facts, st.integers(0, 9), st.integers(0, 9))
def test_a_worse_record_never_loosens(policy: Policy, fact: Facts, one: int, other: int) -> None:
    asked = max(fact.record.asked, one, other)
    fact = replace(fact, signals=fact.signals | {Signal.PRECEDENT: None})
    good = replace(fact, record=replace(fact.record, asked=asked, well=max(one, other)))
    bad = replace(fact, record=replace(fact.record, asked=asked, well=min(one, other)))
    assert at_least_as_strict(route(policy, bad), route(policy, good))


@given(policies, facts, amounts)
def test_what_adds_up_counts_as_one(policy: Policy, fact: Facts, before: Decimal) -> None:
    assume(fact.value is not None)
    assert fact.value is not None
    split = replace(fact, record=replace(fact.record, totals={"t": before}))
    whole = replace(fact, value=fact.value + before, record=replace(fact.record, totals={}))
    one, other = route(policy, split), route(policy, whole)
    assert (one.tier, one.impact) == (other.tier, other.impact)


@given(policies, facts)
def test_what_is_risky_or_not_known_never_runs_alone(policy: Policy, fact: Facts) -> None:
    risky = not fact.reversible or fact.effect_class is EffectClass.OPAQUE or fact.world_moved or fact.edited
    free = policy.book(fact.action).level
    odd = bool(fact.flags) and free is not Level.FULL_AUDIT
    missing = any(value is None for signal, value in fact.signals.items() if signal in STATED)
    if risky or odd or missing or fact.record.rejected or free is Level.FULL_CONTROL or not fact.known:
        assert route(policy, fact).kind is not RouteKind.AUTO


@given(policies, facts)
def test_what_is_only_not_known_never_rejects(policy: Policy, fact: Facts) -> None:
    assume(fact.record.same_rejected < policy.max_resubmissions)
    nothing = replace(fact, signals=dict.fromkeys(STATED))
    forbidden = [rule for rule in policy.rules if rule.then == "reject" and rule.confidence_below is None]
    if not forbidden:
        assert route(policy, nothing).kind is not RouteKind.REJECT


@given(policies, facts, st.sampled_from(sorted(STATED)), st.floats(allow_nan=True))
def test_a_signal_out_of_range_counts_as_lowest(policy: Policy, fact: Facts, signal: Signal, odd: float) -> None:
    assume(not 0.0 <= odd <= 1.0)
    strange = replace(fact, signals=fact.signals | {signal: odd})
    lowest = replace(fact, signals=fact.signals | {signal: 0.0})
    assert route(policy, strange).kind == route(policy, lowest).kind


@given(documents(), facts, amounts)
def test_a_lift_only_raises(document: dict[str, Any], fact: Facts, above: Decimal) -> None:
    lift = {"above": above, "tier": len(document["tiers"])}
    before = route(Policy.model_validate(document), fact)
    after = route(Policy.model_validate(document | {"lifts": [*document["lifts"], lift]}), fact)
    assert at_least_as_strict(after, before)


@given(policies, facts)
def test_every_route_says_why_and_fits_its_tier(policy: Policy, fact: Facts) -> None:
    found = route(policy, fact)
    assert found.why
    assert 1 <= found.tier <= len(policy.tiers)
    assert found.approvals >= policy.tiers[found.tier].approvals
    assert 0 < found.sla_seconds <= found.expires_seconds
    assert found.kind is RouteKind.AUTO or found.reasons
    assert not found.review_after or found.kind is RouteKind.AUTO


@given(st.text(max_size=40))
def test_a_request_always_draws_the_same_lot(request_id: str) -> None:
    assert draw_of(request_id) == draw_of(request_id)
    assert 0.0 <= draw_of(request_id) < 1.0


# The policy document

DOCUMENT: dict[str, Any] = tomllib.loads(DEFAULT_POLICY.read_text())


def as_policy(document: dict[str, Any]) -> str:
    """The document as TOML."""
    lines = [f"{key} = {_value(value)}" for key, value in document.items() if not _is_table(value)]
    for name, value in document.items():
        for row in value if isinstance(value, list) else []:
            lines += [f"[[{name}]]", *(f"{key} = {_value(item)}" for key, item in row.items())]
        if isinstance(value, dict):
            lines += [f"[{name}]", *(f"{key} = {_value(item)}" for key, item in value.items())]
    return "\n".join(lines)


def _is_table(value: Any) -> bool:
    return isinstance(value, dict | list)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + " }"
    return json.dumps(value)


def copied() -> dict[str, Any]:
    return dict(json.loads(json.dumps(DOCUMENT)))


def test_the_default_policy_survives_the_round_trip() -> None:
    assert parse_policy(as_policy(copied())) == parse_policy(DEFAULT_POLICY.read_text())


@given(
    st.sampled_from(["top", "tiers.2", "thresholds.1", "lifts.0", "roles"]),
    st.from_regex(r"[a-z][a-z_]{2,12}", fullmatch=True),
)
def test_an_unknown_key_is_refused_at_its_place(place: str, key: str) -> None:
    document = copied()
    spots: dict[str, dict[str, Any]] = {
        "top": document,
        "tiers.2": document["tiers"]["2"],
        "thresholds.1": document["thresholds"][1],
        "lifts.0": document["lifts"][0],
        "roles": document["roles"],
    }
    assume(key not in spots[place])
    known = {"sla", "expires", "approvals", "auto", "review", "below", "tier", "action", "above"}
    known |= {name.split(".")[-1] for name in (*Policy.model_fields, *Threshold.model_fields, *Tier.model_fields)}
    known |= {"stop", "resume", "auditors", "policy_owners", "operators_channel", "risk"}
    known |= {"channel", "reviewers", "format", "lifts", "roles", "tiers", "thresholds", "operators", "may_edit"}
    assume(key not in known)
    spots[place][key] = "1"
    with pytest.raises(BadPolicy) as refused:
        parse_policy(as_policy(document))
    name = key if place == "top" else f"{place}.{key}"
    assert any(line.startswith(name) and "unknown key" in line for line in str(refused.value).splitlines())


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ("tiers.1", "sla", "15"),
        ("tiers.1", "sla", "-5m"),
        ("tiers.1", "approvals", 0),
        ("tiers.1", "reviewers", []),
        ("tiers.3", "expires", "1m"),
        ("thresholds.0", "action", "payments"),
        ("thresholds.1", "auto", 1.5),
        ("thresholds.1", "up_to", 0),
        ("thresholds.1", "below", "ignore"),
        ("lifts.1", "tier", 0),
        ("lifts.1", "above", -1),
    ],
)
def test_a_nonsensical_value_is_named_with_its_place(place: str, key: str, value: Any) -> None:
    document = copied()
    section, _, index = place.partition(".")
    spot = document[section][index if section == "tiers" else int(index)]
    spot[key] = value
    with pytest.raises(BadPolicy, match=place.replace(".", r"\.")):
        parse_policy(as_policy(document))


@given(st.text(max_size=80))
def test_any_text_is_a_policy_or_refused_in_words(text: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        parse_policy(text)
    assert str(refused.value)


# Authorisation

people = st.builds(
    Person,
    workspace_id=st.just("T"),
    user_id=st.sampled_from(["U1", "U2", "U3"]),
    person=st.sampled_from(["p1", "p2", "U3"]),
    name=st.just("N"),
    active=st.booleans(),
    guest=st.booleans(),
    external=st.booleans(),
    bot=st.booleans(),
    checked_at=st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda age: NOW - age),
)
pools = st.frozensets(st.sampled_from(["U1", "U2", "U3"]))
standings = st.builds(
    Standing,
    pool_then=pools,
    pool_now=pools,
    editors=st.none() | pools,
    requester_person=st.none() | st.sampled_from(["p1", "p2"]),
    max_age=st.just(timedelta(hours=24)),
)


def a_request(requester: str | None, **more: Any) -> Request:
    values: dict[str, Any] = dict.fromkeys(Request.__dataclass_fields__)
    values |= {
        "id": "req_1",
        "kind": Kind.ACTION,
        "digest": "a" * 64,
        "status": Status.PENDING,
        "version": 1,
        "tier": 1,
        "form": Form(title="", question="", schema={}),
        "brief": Brief(),
        "requester": requester,
        "created_at": NOW,
        "expires_at": NOW + timedelta(hours=1),
    }
    return Request(**values | more)


@given(people | st.none(), standings, st.sampled_from(DecisionType), st.none() | st.sampled_from(["U3", "p1"]))
def test_authorisation_fails_closed(
    person: Person | None, standing: Standing, decision: DecisionType, requester: str | None
) -> None:
    request = a_request(requester)
    verdict = authorize(request, person, decision, standing, NOW)
    assert verdict.reason
    if not verdict.allowed:
        return
    assert person is not None
    assert person.active and not (person.guest or person.external or person.bot)
    assert person.user_id in standing.pool_then & standing.pool_now
    assert requester is None or person.person != (standing.requester_person or requester)
    assert NOW - person.checked_at <= standing.max_age
    if decision is DecisionType.EDIT:
        assert standing.editors is None or person.user_id in standing.editors


@given(people, standings, st.sampled_from(DecisionType), st.sampled_from(["then", "now", "old"]))
def test_knowing_less_never_allows_more(person: Person, standing: Standing, decision: DecisionType, less: str) -> None:
    def with_(**new: Any) -> Standing:
        return Standing(**{name: getattr(standing, name) for name in Standing.__dataclass_fields__} | new)

    poorer = {
        "then": with_(pool_then=frozenset()),
        "now": with_(pool_now=frozenset()),
        "old": with_(max_age=timedelta(seconds=-1)),
    }[less]
    assert not authorize(a_request(None), person, decision, poorer, NOW).allowed


@given(
    st.sampled_from(Status),
    st.none() | st.integers(1, 3),
    st.text("abc", max_size=8),
    st.timedeltas(timedelta(hours=-2), timedelta(hours=2)),
)
def test_only_what_was_seen_and_still_pends_can_be_decided(
    status: Status, seen: int | None, prefix: str, later: timedelta
) -> None:
    request = a_request(None, status=status, version=2)
    refusal = refusal_of_state(request, seen, prefix, NOW + later)
    fits = status is Status.PENDING and seen in (None, 2) and prefix and set(prefix) == {"a"}
    assert (refusal is None) == bool(fits and later < timedelta(hours=1))


# The clock

moments = st.timedeltas(timedelta(days=-2), timedelta(days=40)).map(lambda gap: NOW + gap)


@given(st.integers(1, 10**6), moments)
def test_urgency_is_one_of_four_words_and_only_grows(sla: int, now: datetime) -> None:
    words = ("low", "medium", "high", "critical")
    due = NOW + timedelta(seconds=sla)
    at = words.index(urgency(NOW, due, now))
    assert at <= words.index(urgency(NOW, due, now + timedelta(minutes=5)))
    assert urgency(NOW, None, now) == "low"
    assert (now >= due) <= (at == 3)


@given(st.integers(1, 10**6), st.integers(1, 10**6), moments)
def test_the_next_step_lies_ahead_and_not_beyond_the_expiry(sla: int, more: int, now: datetime) -> None:
    expires = NOW + timedelta(seconds=sla + more)
    timing = Timing(sla=timedelta(seconds=sla), expires=expires - NOW)
    step = next_step(timing, NOW, expires, now)
    assert step <= expires
    assert step > now or step == expires
