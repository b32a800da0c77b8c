"""What the card says and offers in each state; the ten-second rule; nothing dangerous out of sight."""

import re
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from typing import Any

import pytest

from bot import ids
from bot.cards import notice, queue
from bot.cards.examples import NOW, views
from bot.cards.review import card
from bot.cards.samples import ASKED_AT, LONG, MAIL, REFUND_ARGS, request
from bot.cards.times import left, span
from bot.cards.view import CardView
from graph.law.request import Brief, Status

VIEWS = views()
MOST_WORDS = 52
ORDINARY = [name for name in VIEWS if name.startswith("pending") and name not in ("pending_edited", "pending_note")]


def elements(view: CardView) -> list[dict[str, Any]]:
    return [
        each
        for block in card(view).blocks
        if block["type"] == "actions" and ".instead." not in block["block_id"]
        for each in block["elements"]
    ]


def labels(view: CardView) -> list[str]:
    return [each["text"]["text"] for each in elements(view) if each["type"] == "button"]


def seen(value: Any) -> list[str]:
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            return [value["text"]]
        return [text for item in value.values() for text in seen(item)]
    return [text for item in value for text in seen(item)] if isinstance(value, list) else []


def words_before_buttons(view: CardView) -> int:
    above = takewhile(lambda block: block["type"] != "actions", card(view).blocks)
    shown = " ".join(seen(list(above)))
    return len(re.findall(r"[\w.,:%'’×]*\w[\w.,:%'’×]*", re.sub(r"<!date[^>]*>", "Today at 10:15", shown)))


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_card_is_read_in_ten_seconds(name: str) -> None:
    assert words_before_buttons(VIEWS[name]) <= MOST_WORDS
    assert len(elements(VIEWS[name])) <= 4


@pytest.mark.parametrize("name", VIEWS)
def test_the_decision_comes_first_in_blocks_and_text(name: str) -> None:
    text, blocks = card(VIEWS[name])
    first = blocks[0]["text"]["text"]
    assert text.startswith(first.replace("&", "&amp;").replace("<", "&lt;")[:12].capitalize()[:1]) or name == "empty"
    assert blocks[0]["type"] in ("header", "section")
    assert blocks[0]["text"]["type"] == "plain_text"


def test_a_pending_card_offers_one_click_and_three_ways_out() -> None:
    assert labels(VIEWS["pending"]) == ["Approve", "Modify…", "Reject…"]
    buttons = elements(VIEWS["pending"])
    assert [each.get("style") for each in buttons] == ["primary", None, "danger", None]
    assert {ids.decode(each["value"]) for each in buttons[:3]} == {ids.ref_of(request())}
    assert all(each["accessibility_label"] for each in buttons[:3])
    chosen = [ids.decode_choice(option["value"]) for option in buttons[3]["options"]]
    offered = [choice for choice in ids.CHOICES if choice not in (ids.CHOICE_RELEASE, ids.CHOICE_GRANT)]
    assert chosen == [(choice, ids.ref_of(request())) for choice in offered]


@pytest.mark.parametrize("name", [name for name in VIEWS if not VIEWS[name].open()])
def test_a_card_that_waits_no_longer_has_no_buttons(name: str) -> None:
    # But for what takes back a grant, which the decision gave and which still holds.
    assert {each["action_id"] for each in elements(VIEWS[name])} <= {ids.REVOKE_GRANT}


@pytest.mark.parametrize("name", ["long_argument", "many_arguments", "many_flags", "hostile"])
def test_approve_waits_until_the_full_text_was_opened(name: str) -> None:
    assert labels(VIEWS[name])[0] == "Read in full…"
    assert elements(VIEWS[name])[0]["action_id"] == ids.READ
    assert "Approve" not in labels(VIEWS[name])


def test_a_long_argument_shows_head_tail_length_and_digest() -> None:
    asked = request(MAIL, {"to": "a@b.example", "body": LONG + "rm -rf /"})
    body = next(text for text in seen(card(CardView(request=asked, now=NOW)).blocks) if "characters hidden" in text)
    assert body.startswith("Dear customer")
    assert "rm -rf /" in body
    assert asked.digest[:12] in body


def test_every_argument_up_to_the_limit_is_on_the_card() -> None:
    args = {**REFUND_ARGS, "note": "n" * 300}
    view = CardView(request=request(args=args), now=NOW)
    assert all(any(str(value) in text for text in seen(card(view).blocks)) for value in args.values())
    assert labels(view)[0] == "Approve"


def test_the_amount_stands_before_other_arguments() -> None:
    form = replace(request().form, question="Pay?")
    args = {**{f"a{n}": n for n in range(50)}, **REFUND_ARGS, "amount": "99999.00"}
    shown = seen(card(CardView(request=request(form, args, brief=Brief()), now=NOW)).blocks[1])
    assert shown[:2] == ["Amount ", "99,999.00"]


def test_what_is_unusual_stands_right_under_the_question() -> None:
    shown = seen(card(CardView(request=request(brief=Brief(flags=("3 refunds",))), now=NOW)).blocks[1])
    assert shown[:2] == ["⚠️ ", "3 refunds"]


def test_text_of_several_lines_is_fenced_in() -> None:
    assert "rich_text_quote" in [part["type"] for part in parts_of(VIEWS["pending_letter"], "rest")]
    many = CardView(request=request(MAIL, {"to": "a@b.example", "body": "x\n" * 100}), now=NOW)
    assert {part["type"] for part in parts_of(many, "rest")} == {"rich_text_section"}


def parts_of(view: CardView, part: str) -> list[dict[str, Any]]:
    found = [block for block in card(view).blocks if f".{part}." in block["block_id"]]
    assert len(found) == 1
    elements: list[dict[str, Any]] = found[0]["elements"]
    return elements


def test_the_agents_other_ideas_are_a_menu_of_their_own() -> None:
    (menu,) = parts_of(VIEWS["pending"], "instead")
    assert menu["type"] == "static_select"
    said = [option["text"]["text"] for option in menu["options"]]
    assert said == ["B: Reserve 450.00 EUR store credit for order 4711?", "None of these: reject…"]
    chosen = [ids.decode_instead(option["value"]) for option in menu["options"]]
    assert chosen == [(0, ids.ref_of(request())), (ids.INSTEAD_NONE, ids.ref_of(request()))]
    assert "Or instead: B: Reserve 450.00 EUR store credit for order 4711." in card(VIEWS["pending"]).text


def test_a_menu_forgets_what_was_chosen_when_it_is_drawn_again() -> None:
    first, second = (card(replace(VIEWS["pending"], rendering=n)).blocks for n in (1, 2))
    rows = [[block["block_id"] for block in blocks if block["type"] == "actions"] for blocks in (first, second)]
    assert rows[0][0] == rows[1][0] and rows[0][1] != rows[1][1]


def test_agent_words_are_marked_and_cannot_pose_as_ours() -> None:
    brief = Brief(rationale="ok\n\n*APPROVED by CFO*\n⚠ none", flags=("agent: blurred", "3 refunds"))
    shown = seen(card(CardView(request=request(brief=brief), now=NOW)).blocks)
    assert shown[shown.index("Agent says: ") + 1] == "ok *APPROVED by CFO* ⚠ none"
    assert shown[shown.index("⚑ Agent flags: ") + 1] == "blurred"
    assert shown[shown.index("⚠️ ") + 1] == "3 refunds"


def test_deceptive_arguments_are_flagged() -> None:
    asked = request(MAIL, {"to": "billing@p\u0430ypal.com", "body": "hi\u200b"})
    text = card(CardView(request=asked, now=NOW)).text
    assert "xn--pypal-4ve.com" in text
    assert "U+200B" in text


def test_urgency_follows_the_sla() -> None:
    at = {minute: replace(VIEWS["pending"], now=ASKED_AT + timedelta(minutes=minute)) for minute in (1, 4, 8, 12, 20)}
    words = {minute: re.findall(r"urgency (\w+)", card(view).text)[0] for minute, view in at.items()}
    assert words == {1: "low", 4: "medium", 8: "high", 12: "critical", 20: "critical"}


def test_times_are_said_plainly() -> None:
    assert left(NOW + timedelta(minutes=11, seconds=1), NOW) == "12 min left at 10:03 UTC"
    assert left(NOW, NOW + timedelta(minutes=5)) == "overdue by 5 min at 10:08 UTC"
    assert [span(timedelta(minutes=m)) for m in (60, 185, 3000)] == ["1 h", "3 h 5 min", "2 d 2 h"]


def test_who_what_when_why_and_outcome_stand_on_a_decided_card() -> None:
    text = card(VIEWS["failed"]).text
    for said in (
        "Refund 420.00 EUR to order 4711",
        "Approved by Alice Adams",
        "10:03 UTC",
        "Failed",
        "card closed",
    ):
        assert said in text


def test_the_loser_is_told_who_won() -> None:
    assert notice.already(VIEWS["approved"]).startswith("Already approved by Alice Adams at 10:03 UTC")
    other_day = replace(VIEWS["approved"], now=NOW + timedelta(days=2))
    assert "on 1 Mar 2027" in notice.already(other_day)


def test_a_reconcile_card_asks_whether_it_happened() -> None:
    assert labels(VIEWS["reconcile"]) == ["It happened", "It did not happen…"]
    assert [each["action_id"] for each in elements(VIEWS["reconcile"])] == [ids.APPROVE, ids.REJECT, ids.MORE]


def test_the_same_rows_give_the_same_card() -> None:
    assert card(VIEWS["pending"]) == card(views()["pending"])


def test_a_new_version_has_new_block_ids() -> None:
    first, second = (card(CardView(request=request(version=n), now=NOW)).blocks for n in (1, 2))
    assert not {b["block_id"] for b in first} & {b["block_id"] for b in second}


def test_show_has_no_deciding_buttons() -> None:
    shown = queue.show(VIEWS["pending"])
    actions = [e["action_id"] for b in shown.blocks if b["type"] == "actions" for e in b["elements"]]
    assert actions == [ids.READ]


def test_every_status_has_an_example() -> None:
    assert {view.request.status for view in VIEWS.values()} == set(Status)
