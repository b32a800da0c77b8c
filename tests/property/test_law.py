"""The law under Hypothesis: what holds for every value, not only for those somebody thought of."""

import json
import tomllib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from graph.law.action import NotMoney, parse_money
from graph.law.authorization import Person, Standing, authorize, refusal_of_state
from graph.law.canonical import MAX_INTEGER, Unfaithful, canonical_text, digest, strict_loads
from graph.law.policy import BadPolicy, Policy, parse_policy
from graph.law.request import (
    Brief,
    DecisionType,
    EffectClass,
    Form,
    Kind,
    Request,
    Status,
    next_step,
    urgency,
)
from graph.law.routing import Facts, RouteKind, route
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

STRICTNESS = {RouteKind.AUTO: 0, RouteKind.REVIEW: 1, RouteKind.TAKEOVER: 2, RouteKind.REJECT: 2}
share = st.floats(0, 1)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    top = draw(st.integers(1, 3))
    thresholds = [{"action": "*"}]
    for action in draw(st.lists(st.sampled_from(["w.a", "w.b", "w.*", "v.*"]), unique=True, max_size=3)):
        low, high = sorted((draw(share), draw(share)))
        row: dict[str, Any] = {"action": action, "review": low, "tier": draw(st.integers(1, top))}
        row["below"] = draw(st.sampled_from(["reformulate", "takeover"]))
        if draw(st.booleans()):
            row["auto"] = high
        if draw(st.booleans()):
            row["up_to"] = draw(st.integers(1, 1000))
        thresholds.append(row)
    lifts = [
        {"above": draw(st.integers(0, 1000)), "tier": draw(st.integers(1, top))} for _ in range(draw(st.integers(0, 2)))
    ]
    tier = {"channel": "#c", "reviewers": ["U1"]}
    document = {"format": 1, "tiers": {n + 1: tier for n in range(top)}, "thresholds": thresholds, "lifts": lifts}
    return Policy.model_validate(document)


facts = st.builds(
    Facts,
    action=st.sampled_from(["w.a", "w.b", "w.c", "v.x", "unheard.of"]),
    value=st.none() | st.decimals(Decimal("0.01"), Decimal(2000), places=2),
    confidence=st.none() | share,
    effect_class=st.sampled_from(EffectClass),
    reversible=st.booleans(),
    flags=st.sampled_from([(), ("odd",)]),
    reformulations=st.integers(0, 4),
    world_moved=st.booleans(),
)


def changed(fact: Facts, **new: Any) -> Facts:
    return Facts(**{name: getattr(fact, name) for name in Facts.__dataclass_fields__} | new)


@given(policies(), facts)
def test_the_same_facts_have_the_same_route(policy: Policy, fact: Facts) -> None:
    assert route(policy, fact) == route(policy, changed(fact))


@given(policies(), facts, share, share)
def test_less_confidence_never_loosens(policy: Policy, fact: Facts, one: float, other: float) -> None:
    sure = route(policy, changed(fact, confidence=max(one, other)))
    unsure = route(policy, changed(fact, confidence=min(one, other)))
    assert STRICTNESS[unsure.kind] >= STRICTNESS[sure.kind]
    assert unsure.tier >= sure.tier
    assert unsure.approvals >= sure.approvals


@given(policies(), facts)
def test_what_is_risky_or_not_known_never_runs_alone(policy: Policy, fact: Facts) -> None:
    risky = not fact.reversible or fact.effect_class is EffectClass.OPAQUE or fact.flags or fact.world_moved
    if risky or fact.confidence is None:
        assert route(policy, fact).kind is not RouteKind.AUTO


@given(policies(), facts, st.floats(allow_nan=True))
def test_confidence_out_of_range_counts_as_lowest(policy: Policy, fact: Facts, odd: float) -> None:
    assume(not 0.0 <= odd <= 1.0)
    assert route(policy, changed(fact, confidence=odd)).kind == route(policy, changed(fact, confidence=0.0)).kind


@given(policies(), facts, st.decimals(Decimal("0.01"), Decimal(2000), places=2))
def test_a_lift_only_raises(policy: Policy, fact: Facts, above: Decimal) -> None:
    top = max(policy.tiers)
    lifted = Policy.model_validate(
        policy.model_dump() | {"lifts": [*policy.model_dump()["lifts"], {"above": above, "tier": top}]}
    )
    assert route(lifted, fact).tier >= route(policy, fact).tier


@given(policies(), facts)
def test_every_route_says_why_and_fits_its_tier(policy: Policy, fact: Facts) -> None:
    found = route(policy, fact)
    assert found.why
    assert 1 <= found.tier <= len(policy.tiers)
    assert found.approvals == policy.tiers[found.tier].approvals
    assert 0 < found.sla_seconds <= found.expires_seconds


# The policy document

DOCUMENT: dict[str, Any] = tomllib.loads(DEFAULT_POLICY.read_text())


def as_policy(document: dict[str, Any]) -> str:
    """The document as TOML, as far as these tests need it."""
    lines = [f"{key} = {_value(value)}" for key, value in document.items() if not isinstance(value, dict | list)]
    for number, tier in document["tiers"].items():
        lines += [f"[tiers.{number}]", *(f"{key} = {_value(value)}" for key, value in tier.items())]
    for name in ("thresholds", "lifts"):
        for row in document[name]:
            lines += [f"[[{name}]]", *(f"{key} = {_value(value)}" for key, value in row.items())]
    lines += ["[roles]", *(f"{key} = {_value(value)}" for key, value in document["roles"].items())]
    return "\n".join(lines)


def _value(value: Any) -> str:
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
    known |= {"channel", "reviewers", "format", "lifts", "roles", "tiers", "thresholds", "operators", "may_edit"}
    assume(key not in known)
    spots[place][key] = "1"
    with pytest.raises(BadPolicy) as refused:
        parse_policy(as_policy(document))
    name = key if place == "top" else f"{place}.{key}"
    assert f"{name}: Extra inputs are not permitted" in str(refused.value)


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
    step = next_step(NOW, sla, expires, now)
    assert step <= expires
    assert step > now or step == expires
