"""What people and attackers send through a modal: values or form errors at the right field, never an exception."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards.samples import LONG, MAIL, REFUND_ARGS, request
from bot.ids import DETAILS, Origin, decode_origin, ref_of
from bot.modals import details, edit, reject, respond
from bot.modals.examples import RICH_ARGS
from bot.modals.fields import fields
from bot.modals.frame import REASON
from graph.law.request import Form

RICH = request(args=RICH_ARGS)
KEYS = {"static_select": "selected_option", "datepicker": "selected_date"}


def filled(asked: Any = RICH, reason: object = "ten less", **changes: object) -> dict[str, Any]:
    """The state that Slack would send for the form as it was opened, with some raw values changed."""
    values: dict[str, Any] = {}
    for block in edit.build(asked, ref_of(asked), "C1", "1.2")["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            start = next((value for key, value in element.items() if key.startswith("initial_")), None)
            key = KEYS.get(element["type"], "value")
            values[block["block_id"]] = {"value": {"type": element["type"], key: start}}
    values[REASON] = {"value": {"type": "plain_text_input", "value": reason}}
    for name, value in changes.items():
        element = values[f"arg.{name}"]["value"]
        element[KEYS.get(element["type"], "value")] = value
    return {"values": values}


def option(value: object) -> dict[str, object]:
    return {"text": {"type": "plain_text", "text": "x"}, "value": value}


def test_the_form_as_opened_gives_back_what_the_agent_proposed() -> None:
    edited = edit.parse(filled(), RICH)
    assert edited == (RICH_ARGS, "ten less", {})


def test_every_kind_of_field_can_be_changed() -> None:
    state = filled(
        amount="410", currency=option("1"), cause=option("2"), note=None, notify=option("false"), parcels="3",
        booked_on="2027-02-28", lines='[{"sku": "A-1", "count": 1}]',
    )  # fmt: skip
    args, reason, errors = edit.parse(state, RICH)
    assert errors == {}
    assert args == {
        "order": "4711", "amount": "410.00", "currency": "USD", "cause": "goodwill", "note": None, "notify": False,
        "parcels": 3, "booked_on": "2027-02-28", "lines": [{"sku": "A-1", "count": 1}],
    }  # fmt: skip
    assert reason == "ten less"


@pytest.mark.parametrize(
    "amount",
    ["4e2", "NaN", "Infinity", "-1", "-0", "0", "1_000", "\u0664\u0662\u0660", " 420", "420.001", "1e309", True,
     None, [420], {"v": 420}, "0x1A4", "420,00", "", "9" * 5000, "4\x0020", "\ud800", 420, 420.0],
)  # fmt: skip
def test_what_is_no_amount_is_refused_at_its_field(amount: object) -> None:
    _, _, errors = edit.parse(filled(amount=amount), RICH)
    assert list(errors) == ["arg.amount"]
    assert errors["arg.amount"]


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("parcels", "9" * 5000), ("parcels", "1.5"), ("parcels", "٣"), ("parcels", "0"), ("parcels", "10"),
        ("parcels", "0x1"), ("parcels", True), ("currency", option("99")), ("currency", option("-1")),
        ("currency", option("EUR")), ("currency", option(None)), ("currency", option(["0"])), ("currency", "EUR"),
        ("currency", None), ("notify", option("yes")), ("booked_on", "2027-02-30"), ("booked_on", "yesterday"),
        ("booked_on", "2027-2-3"), ("note", "a\0b"), ("note", "\ud800"), ("note", "x" * 501), ("note", {"a": 1}),
        ("lines", "{order: 4711}"), ("lines", '[{"a": 1, "a": 2}]'), ("lines", "[" * 50_000), ("lines", "[NaN]"),
        ("lines", "[1e999]"), ("lines", "9" * 5000), ("lines", "[" + "9" * 40 + "]"), ("lines", '["\\ud800"]'),
        ("lines", '["\\u0000"]'), ("lines", "[1.5]"), ("lines", '{"a": 1}'), ("lines", "[[1]]"),
        ("lines", "[" * 20 + "]" * 20),
    ],
)  # fmt: skip
def test_bad_values_are_refused_at_their_field(name: str, raw: object) -> None:
    _, _, errors = edit.parse(filled(**{name: raw}), RICH)
    assert list(errors) == [f"arg.{name}"]


def test_the_action_and_its_fixed_fields_cannot_be_changed() -> None:
    state = filled()
    state["values"]["arg.order"] = {"value": {"type": "plain_text_input", "value": "4712"}}
    assert list(edit.parse(state, RICH).errors) == [REASON]
    state = filled()
    state["values"]["arg.tool"] = {"value": {"type": "plain_text_input", "value": "payments.wire"}}
    edited = edit.parse(state, RICH)
    assert "tool can't be changed" in edited.errors[REASON]
    assert "tool" not in edited.args


def test_a_field_that_did_not_arrive_is_an_error() -> None:
    state = filled()
    del state["values"]["arg.amount"]
    assert list(edit.parse(state, RICH).errors) == ["arg.amount"]


def test_errors_stand_only_at_input_blocks_of_the_form() -> None:
    inputs = {b["block_id"] for b in edit.build(RICH, ref_of(RICH), "C1", "1.2")["blocks"] if b["type"] == "input"}
    for state in ({}, None, {"values": None}, filled(amount="x", parcels=None, reason="")):
        errors = edit.parse(state, RICH).errors
        assert errors
        assert set(errors) <= inputs


@pytest.mark.parametrize(
    "reason",
    ["", " \t\n", "\u200b\u200b\u2060", "x" * 100_000, "a\0bcd", "abc\ud800", None, 3, ["because"], {"a": 1}],
)
def test_a_reason_needs_words(reason: object) -> None:
    state = {"values": {REASON: {"value": {"type": "plain_text_input", "value": reason}}}}
    for parse in (reject.parse, respond.parse):
        assert list(parse(state)[1]) == [REASON]
    assert list(edit.parse(filled(reason=reason), RICH).errors) == [REASON]


def test_a_reason_is_kept_as_it_was_written() -> None:
    words = "<!channel> *boom* <https://evil.example|ok> &amp;"
    assert reject.parse({"values": {REASON: {"value": {"value": words}}}}) == (words, {})


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["values", "value", "selected_option", REASON, *(f.block_id for f in fields(RICH))])
            | st.text(max_size=8),
            inside,
            max_size=4,
        )
    ),
    max_leaves=30,
)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(JUNK)
def test_junk_gives_errors_and_never_raises(state: object) -> None:
    assert edit.parse(state, RICH).errors
    reject.parse(state)
    respond.parse(state)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_junk_in_the_right_places_never_raises(data: st.DataObject) -> None:
    state = filled()
    for block in data.draw(st.sets(st.sampled_from(sorted(state["values"])))):
        state["values"][block] = data.draw(JUNK | st.fixed_dictionaries({"value": JUNK}))
    edited = edit.parse(state, RICH)
    assert edited.errors or edited.args


def test_optional_arguments_may_stay_out() -> None:
    asked = request(args=REFUND_ARGS)
    assert edit.parse(filled(asked, amount="400.00"), asked).args == {**REFUND_ARGS, "amount": "400.00"}


def test_a_value_too_long_for_a_field_stays_as_it_is() -> None:
    asked = request(MAIL, {"to": "jo@shop.example", "body": LONG})
    edited = edit.parse(filled(asked, to="jane@shop.example"), asked)
    assert edited == ({"to": "jane@shop.example", "body": LONG}, "ten less", {})


def test_odd_schemas_still_make_a_form() -> None:
    schema = {
        "properties": {
            "a b": {"type": ["string", "null"]},
            "loop": {"$ref": "#/$defs/Loop"},
            "many": {"enum": list(range(300))},
            "one": {"const": 1},
            "mixed": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            "odd": {},
        },
        "$defs": {"Loop": {"$ref": "#/$defs/Loop"}},
    }
    form = Form(title="Odd", question="Odd?", schema=schema)
    asked = request(form, {"a b": "x", "loop": [1], "many": 7, "one": 1, "mixed": "m", "odd": {"k": "v"}})
    kinds = {field.name: field.kind.value for field in fields(asked)}
    assert kinds == {"a b": "text", "loop": "json", "many": "json", "one": "fixed", "mixed": "json", "odd": "json"}
    assert fields(asked)[0].block_id == "arg.#0"


def test_modals_remember_where_they_were_opened() -> None:
    ref = ref_of(RICH)
    for build in (edit.build, reject.build, respond.build, details.build):
        assert decode_origin(build(RICH, ref, "C1", "17.2")["private_metadata"]) == Origin(ref, "C1", "17.2")
        assert decode_origin(build(RICH, ref, None, None)["private_metadata"]) == Origin(ref)


def test_details_carries_approve_only_where_the_card_could_not_show_everything() -> None:
    assert "submit" not in details.build(RICH, ref_of(RICH), "C1", "1.2")
    asked = request(MAIL, {"to": "jo@shop.example", "body": LONG})
    view = details.build(asked, ref_of(asked), "C1", "1.2")
    assert view["submit"]["text"] == "Approve"
    assert view["callback_id"] == DETAILS
    told = [e["text"] for b in view["blocks"] for part in b["elements"] for e in part["elements"]]
    assert LONG in "".join(told)


def test_details_that_cannot_hold_everything_carry_no_approve() -> None:
    asked = request(MAIL, {"to": "jo@shop.example", "body": "\u202e" * 20_000})
    view = details.build(asked, ref_of(asked), "C1", "1.2")
    assert "submit" not in view
    assert "want of room" in view["blocks"][-1]["elements"][0]["elements"][0]["text"]


def test_the_last_ten_turns_come_first_and_none_is_lost() -> None:
    view = details.build(request(), ref_of(request()), "C1", "1.2")
    told = "\n".join(e["text"] for b in view["blocks"] for part in b["elements"] for e in part["elements"])
    assert told.index("Message number 5") < told.index("Message number 14") < told.index("Message number 1\n")
