"""What may share a card with others, and which of several differs: tables with a sentence a row, and random ones."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.samples import REFUND_BRIEF, request
from graph.law.batching import likeness, set_digest, sort_out
from graph.law.policy import Policy, parse_policy
from graph.law.request import EffectClass, Form, Kind, Match, Request, Risk, Status, request_id
from tests.support.db import DEFAULT_POLICY

FORM = Form(
    title="Send a letter",
    question="Send {template} to {to}?",
    schema={"properties": {"to": {}, "template": {}, "amount": {}, "note": {}}},
    value_field="amount",
)
PLAIN: dict[str, Any] = {"to": "C-1", "template": "thanks", "amount": "40.00", "note": ""}
QUIET = replace(REFUND_BRIEF, flags=())


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse_policy(DEFAULT_POLICY.read_text())


def one(number: int = 0, **more: Any) -> Request:
    """The n-th of many requests that are alike; `args` over the plain ones, anything else over the request's own."""
    args = PLAIN | {"to": f"C-{number}"} | more.pop("args", {})
    value = Decimal(args["amount"])
    fields = {"brief": QUIET, "value": value, "worth": value, "risk": Risk.LOW, "impact": Risk.LOW, "target": None}
    return request(FORM, args, **fields | {"id": request_id(f"run_{number}", 1, 0)} | more)


def many(number: int, **more: Any) -> list[Request]:
    return [one(n, **more) for n in range(number)]


ALONE: dict[str, dict[str, Any]] = {
    "what can't be undone": {"reversible": False},
    "what nobody could look up": {"effect_class": EffectClass.OPAQUE},
    "two people have to agree": {"approvals_required": 2},
    "it needs a reason": {"risk": Risk.HIGH},
    "it weighs more than its risk says": {"impact": Risk.CRITICAL},
    "the agent hands it over": {"route": "takeover"},
    "nobody is asked": {"route": "auto"},
    "it was flagged": {"brief": REFUND_BRIEF},
    "it was changed": {"revision": 1},
    "it asks whether something happened": {"kind": Kind.RECONCILE},
    "it asks whether to go on": {"kind": Kind.CHECKPOINT},
    "it is looked at afterwards": {"kind": Kind.REVIEW},
    "it is decided": {"status": Status.APPROVED},
    "somebody is looking at it": {"claimed_by": "UBOB"},
    "it was handed to somebody": {"assigned_to": "UBOB"},
    "something was asked about it": {"held_at": request().created_at},
    "it is long": {"args": {"note": "word " * 400}},
    "it holds a secret": {"args": {"note": "password=hunter2-hunter2"}},
    "its tier is not in the policy any more": {"tier": 9},
    "two people have to agree at its tier": {"tier": 3},
}


@pytest.mark.parametrize("why", ALONE)
def test_never_together(policy: Policy, why: str) -> None:
    assert likeness(one(), policy) is not None
    assert likeness(one(**ALONE[why]), policy) is None, why


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('channel = "#approvals"\nreviewers', 'step_up = true\nchannel = "#approvals"\nreviewers'),
        (
            "# A question to",
            '[[timeouts]]\naction = "payments.refund"\nthen = "approve"\nbasis = "harmless"\n\n# A question to',
        ),
    ],
    ids=["a code is asked for", "silence counts as consent"],
)
def test_never_together_where_the_policy_says_so(old: str, new: str) -> None:
    text = DEFAULT_POLICY.read_text()
    assert text.count(old) == 1
    assert likeness(one(), parse_policy(text.replace(old, new))) is None


def test_what_they_must_share(policy: Policy) -> None:
    alike = likeness(one(1), policy)
    assert likeness(one(2, args={"template": "sorry", "amount": "90.00"}), policy) == alike
    assert likeness(one(3, requester="UBOB", run_id="run_other"), policy) == alike
    others = [
        one(4, workflow="orders"),
        one(5, action_type="credit"),
        one(6, tier=2),
        one(7, policy_version=4),
        one(8, args={"more": "x"}),
        one(9, args={"note": 7}),
        one(10, args={"note": {"a": "x"}}),
        one(11, args={"note": ["x"]}),
        one(12, args={"note": None}),
    ]
    found = [likeness(each, policy) for each in others]
    assert None not in found and alike not in found and len(set(found)) == len(found)


DIFFERS: dict[str, tuple[dict[str, Any], str]] = {
    "amount far above": ({"args": {"amount": "131.00"}}, "amount 131.00, 3.3× the others' median (40.00)"),
    "amount far below": ({"args": {"amount": "1.00"}}, "amount 1.00, 1/40 of the others' median (40.00)"),
    "another currency": ({"currency": "USD"}, "currency USD, the others: EUR"),
    "another template": ({"args": {"template": "sorry"}}, "template sorry, the others: thanks"),
    "more text": ({"args": {"note": "please " * 20}}, "note of 140 characters, the others' median: 0"),
    "a link": ({"args": {"note": "see https://evil.example"}}, "note holds a link, the others' does not"),
    "a command": ({"args": {"note": "x; rm -rf y"}}, "note holds characters of a command, the others' does not"),
    "risk": ({"risk": Risk.MEDIUM, "impact": Risk.MEDIUM}, "risk medium, the others: low"),
    "impact": ({"impact": Risk.MEDIUM}, "impact medium, the others: low"),
    "less sure": ({"confidence": 0.62}, "confidence 0.62, the others' band: 0.85–0.95"),
    "nobody knows how sure": ({"confidence": None}, "confidence unknown, the others' band: 0.85–0.95"),
    "a rule": ({"matched": (Match("new-address", "review", "because"),)}, "asked because of"),
}


@pytest.mark.parametrize("what", DIFFERS)
@pytest.mark.parametrize("number", [5, 46])
def test_one_that_differs_is_kept_out_and_says_why(what: str, number: int) -> None:
    change, why = DIFFERS[what]
    odd = one(99, **change)
    found = sort_out([*many(number // 2), odd, *[one(50 + n) for n in range(number - number // 2)]], 3)
    assert list(found.odd) == [odd.id]
    assert why in found.odd[odd.id]
    assert len(found.kept) == number


def test_another_domain_than_all_the_others() -> None:
    mails = [one(n, args={"to": f"jo{n}@shop.example"}) for n in range(20)]
    odd = one(99, args={"to": "jo@shop.example.evil.test"})
    found = sort_out([*mails, odd], 3)
    assert found.odd == {odd.id: "domain of to shop.example.evil.test, the others: shop.example"}


def test_what_varies_is_not_odd() -> None:
    varied = [
        one(n, args={"template": ("thanks", "sorry", "news")[n % 3], "amount": f"{30 + n}.00"}) for n in range(30)
    ]
    assert sort_out(varied, 3).odd == {}


def test_two_odd_ones_do_not_hide_each_other() -> None:
    odd = [one(98, args={"amount": "400.00"}), one(99, args={"amount": "40000.00"})]
    assert set(sort_out([*many(10), *odd], 3).odd) == {each.id for each in odd}


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 10_000), st.none() | st.floats(0, 1)),
        min_size=0,
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_every_request_is_either_kept_or_odd_whatever_the_order(rows: list[Any], chance: Any) -> None:
    found = [
        one(n, args={"template": template, "amount": f"{cents / 100:.2f}"}, confidence=sure)
        for n, (template, cents, sure) in enumerate(rows)
    ]
    first = sort_out(found, 3)
    assert {each.id for each in first.kept} | first.odd.keys() == {each.id for each in found}
    assert not {each.id for each in first.kept} & first.odd.keys()
    assert all(first.odd.values())
    shuffled = list(found)
    chance.shuffle(shuffled)
    again = sort_out(shuffled, 3)
    amounts = sorted(each.value for each in first.kept if each.value is not None)
    if len(amounts) >= 3 and amounts[0] > 0:
        # Whatever is kept together stays within the policy's factor of what the others usually are.
        middle = amounts[len(amounts) // 2]
        assert amounts[-1] <= 3 * 3 * middle
    if len({template for template, *_ in rows}) == 1:
        assert {each.id for each in again.kept} == {each.id for each in first.kept}


def test_the_digest_of_a_set_knows_every_item_and_no_order() -> None:
    items = [("req_1", 1, "a" * 64), ("req_2", 1, "b" * 64)]
    assert set_digest(items) == set_digest(items[::-1])
    changes = [items[:1], [("req_1", 2, "a" * 64), items[1]], [("req_1", 1, "c" * 64), items[1]], []]
    assert len({set_digest(items), *map(set_digest, changes)}) == 5
