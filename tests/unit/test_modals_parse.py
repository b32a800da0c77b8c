"""What people and attackers send through a modal: values or form errors at the right field, never an exception."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards.examples import views
from bot.cards.samples import LONG, MAIL, REFUND_ARGS, request
from bot.ids import DETAILS, Origin, decode_origin, ref_of
from bot.modals import approve, details, edit, reject, respond
from bot.modals.examples import RICH_ARGS
from bot.modals.fields import fields
from bot.modals.frame import REASON
from bot.modals.instead import INSTEAD
from graph.law.request import Form

RICH = request(args=RICH_ARGS)
HIGH = views()["high_risk"].request
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
    assert edited == (RICH_ARGS, "ten less", {}, None)


def test_every_kind_of_field_can_be_changed() -> None:
    state = filled(
        amount="410", currency=option("1"), cause=option("2"), note=None, notify=option("false"), parcels="3",
        booked_on="2027-02-28", lines='[{"sku": "A-1", "count": 1}]',
    )  # fmt: skip
    args, reason, errors, _ = edit.parse(state, RICH)
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
    errors = edit.parse(filled(amount=amount), RICH).errors
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
    errors = edit.parse(filled(**{name: raw}), RICH).errors
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
    for errors in (approve.parse(state, HIGH)[1], reject.parse(state)[1], respond.parse(state)[1]):
        assert list(errors) == [REASON]
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
    approve.parse(state, HIGH)
    for parse in (reject.parse, respond.parse):
        parse(state)
    details.parse(state, HIGH)
    assert details.parse(state, RICH) == ("", {})


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
    assert edited == ({"to": "jane@shop.example", "body": LONG}, "ten less", {}, None)


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
    for build in (approve.build, edit.build, reject.build, respond.build, details.build):
        assert decode_origin(build(RICH, ref, "C1", "17.2")["private_metadata"]) == Origin(ref, "C1", "17.2")
        assert decode_origin(build(RICH, ref, None, None)["private_metadata"]) == Origin(ref)


def test_details_carries_approve_only_where_the_card_could_not_show_everything() -> None:
    assert "submit" not in details.build(RICH, ref_of(RICH), "C1", "1.2")
    asked = request(MAIL, {"to": "jo@shop.example", "body": LONG})
    view = details.build(asked, ref_of(asked), "C1", "1.2")
    assert view["submit"]["text"] == "Approve"
    assert view["callback_id"] == DETAILS
    assert LONG in "".join(each["text"] for each in literal(view))


def test_details_that_cannot_hold_everything_carry_no_approve() -> None:
    asked = request(MAIL, {"to": "jo@shop.example", "body": "\u202e" * 20_000})
    view = details.build(asked, ref_of(asked), "C1", "1.2")
    assert "submit" not in view
    assert "want of room" in view["blocks"][-1]["elements"][0]["elements"][0]["text"]


def literal(view: dict[str, Any]) -> list[dict[str, Any]]:
    """Everything that a modal shows literally, in order."""
    parts = [part for b in view["blocks"] if b["type"] == "rich_text" for part in b["elements"]]
    return [each for part in parts for each in part["elements"]]


def told(view: dict[str, Any]) -> str:
    """All that a modal shows beside its fields."""
    headings = [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]
    return "\n".join([*headings, *(each["text"] for each in literal(view))])


def test_approve_repeats_what_is_at_stake_and_asks_why() -> None:
    view = approve.build(HIGH, ref_of(HIGH), "C1", "1.2")
    text = told(view)
    for said in ("Refund 620.00 EUR to order 4711?", "620.00 EUR", "4711", "high", "payment-over-500", "3.1× this"):
        assert said in text
    assert view["submit"]["text"] == "Approve"
    assert view["blocks"][-1]["block_id"] == REASON
    both = views()["critical_two_persons"].request
    assert "Each of the 2 people" in approve.build(both, ref_of(both), "C1", "1.2")["blocks"][-1]["hint"]["text"]


def test_reading_in_full_asks_for_the_reason_where_one_is_needed() -> None:
    asked = views()["high_risk_long"].request
    view = details.build(asked, ref_of(asked), "C1", "1.2")
    assert (view["submit"]["text"], view["blocks"][-1]["block_id"]) == ("Approve", REASON)
    assert list(details.parse({}, asked)[1]) == [REASON]
    assert details.parse(filled(RICH, "they lost it"), asked) == ("they lost it", {})
    review = views()["review_long"].request
    seen = details.build(review, ref_of(review), "C1", "1.2")
    assert seen["submit"]["text"] == "It was right"
    assert all(block["type"] != "input" for block in seen["blocks"])


def test_details_tell_every_signal_and_every_rule() -> None:
    low = views()["low_confidence"].request
    text = told(details.build(low, ref_of(low), "C1", "1.2"))
    for said in (
        "Confidence 89 %", "The model's own: 93 %", "What it read was relevant: does not apply",
        "It went well before: 69 % (22 of 31 earlier ones)", "same-target-in-a-day: 300.00 done before",
        "unusual (review): It differs from what was usual so far", "Something about it is risky or unusual.",
        "photo match (agent): 64 %",
    ):  # fmt: skip
        assert said in text
    plain = told(details.build(RICH, ref_of(RICH), "C1", "1.2"))
    assert "It went well before: unknown (3 of 3 earlier ones)" in plain
    assert "People decide this every time." in plain
    assert "Store credit, she likes that" in plain and "(can't be chosen here)" in plain
    odd = replace(low, judged=low.judged | {"signals": {"model": 1.7}, "computed": {"model": 1.7}})
    assert "which can't be; counts as 0 %" in told(details.build(odd, ref_of(odd), "C1", "1.2"))


@pytest.mark.parametrize(
    ("name", "submit", "said"),
    [
        ("checkpoint", "Stop", "undone where it can be"),
        ("review", "Undo it", "It is undone now"),
        ("review_lasting", "It was wrong", "It can't be undone; operators are told"),
    ],
)
def test_saying_no_says_what_follows(name: str, submit: str, said: str) -> None:
    asked = views()[name].request
    view = reject.build(asked, ref_of(asked), "C1", "1.2")
    assert view["submit"]["text"] == submit
    assert said in view["blocks"][-1]["hint"]["text"]


def chosen(value: object, **changes: object) -> dict[str, Any]:
    state = filled(**changes)
    state["values"][INSTEAD] = {"value": {"type": "static_select", "selected_option": option(value)}}
    return state


def test_an_alternative_is_chosen_instead_of_changing_arguments() -> None:
    assert edit.parse(chosen("0"), RICH) == (RICH_ARGS, "ten less", {}, 0)
    for state in (chosen("0", amount="410"), chosen("0", amount="x")):
        assert INSTEAD in edit.parse(state, RICH).errors
    shown = told(edit.build(RICH, ref_of(RICH), "C1", "1.2"))
    assert "Reserve 450.00 EUR store credit for order 4711?" in shown and "amount" in shown


@pytest.mark.parametrize("value", ["1", "2", "-1", "A", "00", "", None, 0, ["0"], {"a": 1}, "9" * 5000])
def test_what_is_no_alternative_is_refused(value: object) -> None:
    assert list(edit.parse(chosen(value), RICH).errors) == [INSTEAD]


def test_where_nothing_else_can_be_changed_an_alternative_has_to_be_chosen() -> None:
    asked = request(Form(title="Odd", question="Odd?", schema={"properties": {}}), {})
    assert list(edit.parse(filled(asked), asked).errors) == [INSTEAD]
    state = chosen("0")
    assert edit.parse({"values": {name: state["values"][name] for name in (INSTEAD, REASON)}}, asked).alternative == 0


def test_details_promise_nothing_of_what_only_asks_people() -> None:
    for name, promises in (("checkpoint", False), ("reconcile", False), ("review", True), ("pending", True)):
        asked = views()[name].request
        assert ("at most once" in told(details.build(asked, ref_of(asked), "C1", "1.2"))) is promises
    review = views()["review"].request
    text = told(details.build(review, ref_of(review), "C1", "1.2"))
    assert "Why it ran alone" in text and "On Approve" not in text
