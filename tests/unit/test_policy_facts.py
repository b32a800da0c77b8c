"""Frozen facts are kept with the request and read back as the same facts."""

import json
from decimal import Decimal

from graph.law.confidence import Signal
from graph.law.facts import Facts, Record, from_json, to_json
from graph.law.request import EffectClass, Risk

FULL = Facts(
    action="payments.refund",
    args={"amount": "420.00", "items": [1, {"deep": None}]},
    value=Decimal("420.00"),
    currency="EUR",
    target="4711",
    requester="UREQ",
    effect_class=EffectClass.OPAQUE,
    reversible=False,
    tags=("payment", "refund"),
    impact=Risk.HIGH,
    signals={Signal.MODEL: 0.72, Signal.TOOLS: None},
    flags=("3.1× the usual amount",),
    facts={"balance": "12.50", "open": [True, None]},
    sentiment=-0.25,
    record=Record(
        asked=7,
        well=6,
        usual=Decimal("135.50"),
        usual_of=6,
        totals={"same-target-in-a-day": Decimal("0.10")},
        rejected=("Rejected before",),
        same_rejected=2,
    ),
    reformulations=1,
    world_moved=True,
    edited=True,
    known=False,
    draw=0.125,
)


def test_full_facts_survive() -> None:
    stored = json.loads(json.dumps(to_json(FULL)))
    assert "args" not in stored, "the request holds them already"
    assert (stored["value"], stored["record"]["usual"]) == ("420.00", "135.50")
    assert from_json(stored, FULL.args) == FULL


def test_bare_facts_survive() -> None:
    bare = Facts(action="some.thing")
    assert from_json(json.loads(json.dumps(to_json(bare))), {}) == bare


def test_what_another_release_wrote_besides_is_left_out() -> None:
    stored = to_json(FULL) | {"computed": {"model": 1.0}, "later": 1}
    stored["record"] |= {"later": 2}
    assert from_json(stored, FULL.args) == FULL


def test_what_another_release_did_not_write_has_its_default() -> None:
    stored = to_json(FULL)
    for name in ("draw", "known", "tags", "flags", "sentiment"):
        del stored[name]
    del stored["record"]["same_rejected"]
    found = from_json(stored, FULL.args)
    assert (found.draw, found.known, found.tags, found.flags, found.sentiment) == (1.0, True, (), (), None)
    assert found.record.same_rejected == 0
