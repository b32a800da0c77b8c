"""Details: what somebody who takes over finds, under which heading, in which order; and that nothing is lost."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards.samples import ASKED_AT, LONG, MAIL, NAMES, REFUND_ARGS, request
from bot.ids import TURNS, decode_page, encode_page, ref_of
from bot.modals import details, turns
from bot.modals.examples_details import CONTEXT, EARLIER, MESSAGES, STEPS
from bot.modals.frame import REASON
from bot.modals.handover import Part, handover
from bot.modals.known import Known
from bot.modals.turns import Spoken
from bot.words import Json, units
from graph.law.request import Brief, Request, Risk
from graph.law.words import storable_json
from tests.support.blockkit import check

KNOWN = Known(names=NAMES, steps=STEPS, earlier=EARLIER, reviewers=["@reviewers"], votes=[("UBOB", ASKED_AT)])


def asked(context: dict[str, Any], **changes: Any) -> Request:
    made = request(**changes)
    return replace(made, brief=replace(made.brief, context=context))


def view(context: dict[str, Any], known: Known = KNOWN, **changes: Any) -> Json:
    made = asked(context, **changes)
    return details.build(made, ref_of(made), "C1", "1.2", known)


def headings(shown: Json) -> list[str]:
    return [block["text"]["text"] for block in shown["blocks"] if block["type"] == "header"]


def under(shown: Json, heading: str) -> str:
    """All that stands under the heading that begins so."""
    found, here = list[str](), False
    for block in shown["blocks"]:
        if block["type"] == "header":
            here = block["text"]["text"].startswith(heading)
        elif here and block["type"] == "rich_text":
            found += [each["text"] for part in block["elements"] for each in part["elements"]]
    return "\n".join(found)


def text(shown: Json) -> str:
    return "\n".join([*headings(shown), *(under(shown, heading) for heading in headings(shown))])


def buttons(shown: Json) -> dict[str, int]:
    """Which page each button leads to."""
    rows = [block["elements"] for block in shown["blocks"] if block["type"] == "actions"]
    pages = {each["text"]["text"]: decode_page(each["value"]) for row in rows for each in row}
    assert all(page and page[1] == ref_of(request()) for page in pages.values())
    return {label: page[0] for label, page in pages.items() if page}


def test_the_headings_stand_in_the_order_in_which_one_takes_over() -> None:
    assert headings(view(CONTEXT)) == [
        "What is asked", "Arguments", "What is unusual", "Why a person is asked", "Recommendation (agent says)",
        "Goal (agent says)", "Customer (agent says)", "Transaction (agent says)",
        "Done in this run (Gatepost's record)", "Tried (agent says)", "Conversation (agent says), last 10 of 24 turns",
        "Policy context", "Confidence, signal by signal", "Alternatives", "Earlier decisions on the same thing",
        "Also (agent says)", "Facts that Gatepost looked at", "Record",
    ]  # fmt: skip


def test_a_heading_with_nothing_under_it_is_not_there() -> None:
    bare = replace(request(), brief=Brief(), route_why=(), reasons=())
    assert headings(details.build(bare, ref_of(bare), None, None)) == [
        "What is asked", "Arguments", "Why a person is asked", "Policy context", "Confidence, signal by signal",
        "Record",
    ]  # fmt: skip


def test_the_record_and_the_agents_own_account_are_kept_apart() -> None:
    shown = view({"tried": ["refund_card: done"]})
    record = under(shown, "Done in this run")
    first, second = (
        record.index("Turn 1: ✅ Approved by policy version 3"),
        record.index("Turn 2: ✅ Approved by Alice"),
    )
    assert first < record.index("Outcome: Done (Credit cr_1881)") < second
    assert "Outcome: Failed, nothing happened (The bank did not answer in 15 s.)" in record
    assert "refund_card: done" not in record and "refund_card: done" in under(shown, "Tried (agent says)")


def test_why_it_hesitates_says_what_failed_what_is_weak_and_what_the_agent_thinks() -> None:
    told = under(view(CONTEXT), "Why a person is asked")
    for said in (
        "People decide this every time.", "The model's own: 72 %", "What it read was relevant: unknown",
        "The parcel arrived broken; photos match.", "The second photo shows another box number.",
        "Refund 420.00 EUR to order 4711: Failed, nothing happened (The bank did not answer in 15 s.)",
    ):  # fmt: skip
        assert said in told
    assert "Its tools answered validly" not in told


def test_earlier_decisions_say_who_when_and_why() -> None:
    told = under(view(CONTEXT), "Earlier decisions")
    assert "Rejected by Alice Adams, 1 Mar 2027, 08:00 UTC" in told and "“Not before the photos are here.”" in told
    assert "Expired, nobody decided in time" in told and "the clock" not in told


def test_the_policy_context_says_who_has_to_agree() -> None:
    told = under(view(CONTEXT, tier=2, approvals_required=2), "Policy context")
    assert "2 different people of tier 2 (@reviewers)." in told
    assert "Approved so far: Bob Baker, 1 Mar 2027, 10:00 UTC" in told
    assert "threshold refund up to 500" in told and "Routed by policy version 3" in told


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("goal", Part.GOAL), ("Objective", Part.GOAL), ("TASK", Part.GOAL),
        ("client", Part.CUSTOMER), ("patient", Part.CUSTOMER), ("Applicant ", Part.CUSTOMER),
        ("order", Part.TRANSACTION), ("payment", Part.TRANSACTION), ("requisition", Part.TRANSACTION),
        ("attempts", Part.TRIED), ("steps_taken", Part.TRIED), ("actions-taken", Part.TRIED),
        ("why it failed", Part.DOUBTS), ("why_it_hesitated", Part.DOUBTS), ("open  questions", Part.DOUBTS),
        ("playbook", Part.POLICY), ("previous_decisions", Part.EARLIER), ("suggestion", Part.RECOMMENDATION),
        ("the moon", Part.OTHER), ("", Part.OTHER),
    ],
)  # fmt: skip
def test_what_agents_call_it_finds_its_heading(key: str, part: Part) -> None:
    [(label, told)] = handover({key: "told here"}).of(part)
    assert told == "told here"
    assert label == "" or label.casefold().replace("_", " ").split()[0] in key.casefold() or key.strip() == ""


def test_what_the_agent_calls_differently_keeps_its_name() -> None:
    told = under(view({"patient": {"weight": "61 kg"}}), "Customer (agent says)")
    assert told == "Patient\nWeight: 61 kg"


def test_the_same_words_are_not_shown_twice() -> None:
    said = request().brief.rationale
    assert headings(view({"situation": said})).count("Goal (agent says)") == 0
    assert under(view({"goal": "Settle it.", "situation": said + " Twice."}), "Goal (agent says)").count(said) == 1


# --- conversations ---------------------------------------------------------------------------------------------


def spoken(value: Any, key: str = "conversation") -> list[Spoken]:
    return handover({key: value}).turns


def test_a_chat_librarys_messages_are_turns() -> None:
    who = [turn.who for turn in spoken(MESSAGES, "messages")]
    assert who == ["human", "ai", "tool lookup_order", "ai", "user"]
    asking, answer = spoken(MESSAGES)[1:3]
    assert asking.said == '→ lookup_order {"order": "4711"}'
    assert answer.said.startswith('{"total": "420.00"}') and "c1" in answer.said
    assert spoken(MESSAGES)[3].said == "It is on its way.\n3 · support: approved"


@pytest.mark.parametrize(
    ("value", "turns_"),
    [
        ([{"role": "user", "content": "Hi"}], [Spoken("user", "Hi")]),
        ([{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}],
         [Spoken("assistant", "→ f {}")]),
        ([{"from": "Jo", "text": "Hi", "at": "10:15"}], [Spoken("Jo", "Hi", "10:15")]),
        ([{"speaker": "Jo", "said": "Hi", "mood": "angry"}], [Spoken("Jo", "Hi\n(mood angry)")]),
        ([{"lc": 1, "id": ["langchain", "HumanMessage"], "kwargs": {"content": "Hi"}}],
         [Spoken("HumanMessage", "Hi")]),
        ([["Jo", "Hi"], "Al: Bye"], [Spoken("Jo", "Hi"), Spoken("Al", "Bye")]),
        ("Jo: Hi\nthere\nAl: Bye", [Spoken("Jo", "Hi\nthere"), Spoken("Al", "Bye")]),
        ({"subject": "Tea", "messages": [{"from": "Jo", "text": "Hi"}]},
         [Spoken("", "Subject: Tea"), Spoken("Jo", "Hi")]),
        ([{"odd": 1}, 7, None], [Spoken("", "Odd: 1"), Spoken("", "7"), Spoken("", "(none)")]),
    ],
)  # fmt: skip
def test_a_conversation_is_read_however_it_is_kept(value: Any, turns_: list[Spoken]) -> None:
    assert spoken(value) == turns_


def test_what_is_no_conversation_stays_what_it_is() -> None:
    for value in ([], ["plain text"], [{"sku": "A-1", "count": 2}], "Jo: Hi", [{"name": "lookup"}]):
        assert handover({"lines": value}).turns == []
    assert handover({"mail to us": [{"from": "Jo", "text": "Hi"}]}).turns == [Spoken("Jo", "Hi")]
    assert handover({"situation": {"log": "x", "messages": [{"from": "Jo", "text": "Hi"}]}}).turns == [
        Spoken("Jo", "Hi")
    ]


def test_two_conversations_keep_their_names() -> None:
    told = handover({"chat": ["Jo: Hi"], "emails": ["Al: Bye"]}).turns
    assert [turn.who for turn in told] == ["chat: Jo", "emails: Al"]


def test_the_last_ten_turns_come_first_and_the_others_are_a_page_away() -> None:
    first = view(CONTEXT)
    told = under(first, "Conversation")
    assert "15 · customer · 2027-02-15 09:15" in told and "24 · support" in told and "14 · support" not in told
    assert buttons(first) == {"Earlier turns": 1, "First turns": 2}
    second = view(CONTEXT, replace(KNOWN, page=1))
    assert "Conversation (agent says), turns 5 to 14 of 24 turns" in headings(second)
    assert buttons(second) == {"Earlier turns": 2, "Later turns": 0}
    assert buttons(view(CONTEXT, replace(KNOWN, page=2))) == {"Later turns": 1, "Last turns": 0}
    assert buttons(view({"conversation": ["Jo: Hi"]})) == {}


def test_turning_a_page_changes_nothing_but_the_conversation() -> None:
    """What somebody has written into a field below stays: Slack keeps it as long as the field does."""

    def rest(shown: Json) -> Json:
        gone = next(
            n for n, b in enumerate(shown["blocks"]) if str(b.get("text", {}).get("text", "")).startswith("Conv")
        )
        kept = next(n for n, b in enumerate(shown["blocks"]) if b["type"] == "actions")
        return {**shown, "blocks": shown["blocks"][:gone] + shown["blocks"][kept + 1 :]}

    long = {"risk": Risk.HIGH, "args": {"to": "jo@shop.example", "body": LONG[:5000]}, "form": MAIL}
    assert rest(view(CONTEXT, **long)) == rest(view(CONTEXT, replace(KNOWN, page=2), **long))
    assert rest(view(CONTEXT, **long))["blocks"][-1]["block_id"] == REASON


@pytest.mark.parametrize("page", [3, 999_999, -1])
def test_a_page_that_is_not_there_is_the_last_one(page: int) -> None:
    assert view(CONTEXT, replace(KNOWN, page=page)) == view(CONTEXT)


def test_five_hundred_turns_of_two_kilobytes_are_all_there() -> None:
    said = [f"Turn {number}. " + f"w{number} " * 400 for number in range(1, 501)]
    context = {**CONTEXT, "conversation": [{"from": "Jo", "text": words} for words in said]}
    pages = _all_pages(handover(context).turns)
    assert [part for page in pages for _, part in page] == said
    assert [len(page) for page in pages] == [turns.RECENT] * 50
    for number in (0, 24, 49):
        shown = view(context, replace(KNOWN, page=number))
        check(shown)
        assert "want of room" not in json.dumps(shown)
        ten = said[490 - 10 * number :][:10]
        assert all(words in under(shown, "Conversation").replace("\n", "") for words in ten)


def test_one_enormous_turn_is_read_in_parts() -> None:
    words = "".join(f"<{number}>" for number in range(20_000))
    pages = _all_pages([Spoken("Jo", words), Spoken("Al", "short")])
    assert "".join(part for page in pages for label, part in page if "Jo" in label) == words
    assert all(units(part) <= turns.PART_UNITS for page in pages for _, part in page)
    assert "1 · Jo (part 1 of " in pages[0][0][0]


def _all_pages(spoken_: list[Spoken]) -> list[list[tuple[str, str]]]:
    """Every page, the oldest first."""
    last = turns.page(spoken_, 0)
    found = [turns.page(spoken_, number) for number in range(last.pages if last else 0)]
    return [list(page.entries) for page in reversed(found) if page]


# --- nothing is lost, whatever an agent gives ------------------------------------------------------------------

FUZZ = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
KEYS = st.sampled_from(
    ["goal", "messages", "customer", "tried", "order", "odd", "chat history", "problems", "", "a\nb"]
)
LONG_WORDS = st.sampled_from("a&😀").map(lambda char: char * 9000)
NASTY = st.sampled_from(["<!channel>", "\u202e", "```", "\ud800", "\0"])
WORDS = st.text(max_size=30) | NASTY | LONG_WORDS
TURN = st.fixed_dictionaries({"role": WORDS, "content": WORDS}) | st.fixed_dictionaries({"type": WORDS, "data": WORDS})
VALUES = st.recursive(
    WORDS | st.none() | st.integers() | st.floats() | st.lists(TURN, max_size=30),
    lambda inside: st.lists(inside, max_size=5) | st.dictionaries(WORDS, inside, max_size=4),
    max_leaves=25,
)


@FUZZ
@given(st.dictionaries(KEYS, VALUES, max_size=8), st.integers(0, 12), st.booleans())
def test_any_context_stays_within_slacks_limits(context: dict[str, Any], page: int, long: bool) -> None:
    changes = {"form": MAIL, "args": {"to": "jo@shop.example", "body": LONG}} if long else {}
    shown = view(storable_json(context), replace(KNOWN, page=page), **changes)
    check(shown)
    assert ("submit" in shown) is long
    assert headings(shown)[0] == "What is asked"


TOKENS = st.text("abcdefghij", min_size=3, max_size=9)
PLAIN = st.recursive(
    TOKENS,
    lambda inside: st.lists(inside, min_size=1, max_size=4) | st.dictionaries(TOKENS, inside, min_size=1, max_size=4),
    max_leaves=20,
)


def _leaves(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in _leaves(item)]
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list) else [value]


@FUZZ
@given(st.dictionaries(st.sampled_from([*"abc", "goal", "messages", "tried", "customer", "history", "notes"]), PLAIN))
def test_nothing_that_the_agent_gave_is_dropped(context: dict[str, Any]) -> None:
    found = handover(context)
    said = "\n".join(told for entries in found.parts.values() for _, told in entries)
    said += "\n".join(f"{turn.who} {turn.said} {turn.at}" for turn in found.turns)
    assert [leaf for leaf in _leaves(context) if leaf not in said] == []


@FUZZ
@given(st.lists(st.builds(Spoken, WORDS, st.text(max_size=200) | WORDS), max_size=60))
def test_no_turn_is_lost_between_pages(spoken_: list[Spoken]) -> None:
    pages = _all_pages(spoken_)
    labels = [label for page in pages for label, _ in page]
    assert all(len({label.split(" ")[0] for label, _ in page}) <= turns.RECENT for page in pages)
    assert {int(label.split(" ")[0]) for label in labels} == set(range(1, len(spoken_) + 1))
    assert all(sum(units(part) for _, part in page) <= turns.PAGE_UNITS for page in pages)


# --- what the buttons carry ------------------------------------------------------------------------------------


def test_a_page_survives_the_button() -> None:
    ref = ref_of(request())
    assert decode_page(encode_page(49, ref)) == (49, ref)
    for value in (
        None,
        "",
        "1",
        f"01|{ref.request_id}.1.{ref.digest}",
        f"-1|{ref.request_id}.1.{ref.digest}",
        "9" * 400,
    ):
        assert decode_page(value) is None
    with pytest.raises(ValueError, match="can't be carried"):
        encode_page(-1, ref)


def test_every_button_has_an_action_of_its_own() -> None:
    shown = view(CONTEXT, replace(KNOWN, page=1))
    [row] = [block["elements"] for block in shown["blocks"] if block["type"] == "actions"]
    ids = [each["action_id"] for each in row]
    assert len(set(ids)) == len(ids) and all(each.startswith(f"{TURNS}.") for each in ids)


def test_arguments_come_first_and_whole_before_any_context() -> None:
    huge = {"messages": [f"Jo: {'w' * 3000}" for _ in range(50)], "odd": "x" * 90_000}
    shown = view(huge, form=MAIL, args={"to": "jo@shop.example", "body": LONG})
    assert LONG in under(shown, "body").replace("\n", "") and shown["submit"]["text"] == "Approve"
    assert headings(shown)[:2] == ["What is asked", "Arguments"]
    check(shown)
    assert REFUND_ARGS["order"] in under(view({}), "Arguments")
