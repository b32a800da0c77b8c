"""What the card says of the law: how sure, how risky, why people are asked; checkpoints and reviews in true words."""

from dataclasses import replace
from typing import Any

import pytest

from bot import ids
from bot.cards import notice
from bot.cards.alternatives import MAX_DEED, choices
from bot.cards.examples import views
from bot.cards.law import percent, risky, ruled, sure
from bot.cards.review import card
from bot.cards.samples import CREDIT, JUDGED, REFUND_BRIEF, request
from bot.cards.view import CardView
from graph.law.request import Alternative, Brief, Kind, Match, Risk
from tests.unit.test_cards_review import elements, labels

VIEWS = views()


def judged(**signals: float | None) -> dict[str, Any]:
    return JUDGED | {"computed": signals}


@pytest.mark.parametrize(
    ("confidence", "signals", "said"),
    [
        (0.88, {"model": 0.93, "precedent": None}, "confidence 88 % (agent's own 93 %, too few earlier cases)"),
        (
            0.88,
            {"model": 0.93, "tools": None, "precedent": None},
            "confidence 88 % (agent's own 93 %, tools and precedent unknown)",
        ),
        (
            1.0,
            {"model": None, "tools": None, "precedent": None, "alignment": 1.0},
            "confidence 100 % (3 of 4 signals unknown)",
        ),
        (0.88, {"model": 0.93, "precedent": 0.61, "tools": 1.0}, "confidence 88 % (agent's own 93 %, precedent 61 %)"),
        (0.93, {"model": 0.93}, "confidence 93 % (agent's own 93 %)"),
        (0.5, {"tools": 0.5}, "confidence 50 %"),
        (None, {"model": None}, "confidence unknown"),
    ],
)
def test_confidence_says_what_it_rests_on(confidence: float | None, signals: dict[str, float], said: str) -> None:
    asked = request(confidence=confidence, judged=judged(**signals), brief=Brief(confidence=signals.get("model")))
    assert sure(asked) == said


@pytest.mark.parametrize("stated", [1.7, -1.0, float("nan"), float("inf")])
def test_a_stated_confidence_that_cannot_be_is_called_that(stated: float) -> None:
    assert sure(request(brief=Brief(confidence=stated))) == f"confidence not credible ({stated})"


def test_a_request_from_before_the_law_shows_what_was_stated() -> None:
    assert sure(request(confidence=None, judged={})) == "confidence 72 %, says the agent"


def test_a_percentage_never_rounds_up_to_a_threshold() -> None:
    assert [percent(value) for value in (0.849, 0.85, 0.29, 0.999, 1.0)] == ["84 %", "85 %", "29 %", "99 %", "100 %"]


def test_the_card_names_the_one_rule_that_led() -> None:
    plain, costly = Match("plain", "review", "usual"), Match("costly", "review", "it costs", risk="high")
    senior = Match("senior", "review", "seniors know", tier=2)
    assert ruled(request(matched=(plain,))) == ""
    assert ruled(request(matched=(plain, senior, costly), risk=Risk.HIGH)) == "rule costly: it costs"
    assert ruled(request(matched=(plain, costly, senior), tier=2)) == "rule senior: seniors know"


@pytest.mark.parametrize(("name", "word"), [("high_risk", "High risk"), ("critical_two_persons", "Critical risk")])
def test_high_risk_is_said_and_approve_asks_for_the_reason(name: str, word: str) -> None:
    text = card(VIEWS[name]).text
    assert word in text and "Approving needs a reason." in text
    assert labels(VIEWS[name])[0] == "Approve…"
    assert elements(VIEWS[name])[0]["action_id"] == ids.APPROVE_FORM


@pytest.mark.parametrize(("risk", "said"), [(Risk.LOW, ""), (Risk.MEDIUM, "medium risk"), (Risk.HIGH, "high risk")])
def test_low_risk_is_not_said(risk: Risk, said: str) -> None:
    assert risky(request(risk=risk)) == said


def test_high_risk_that_has_to_be_read_is_read_first() -> None:
    assert labels(VIEWS["high_risk_long"])[0] == "Read in full…"


def test_an_edit_that_went_up_says_who_and_where_to() -> None:
    assert "Changed by Alice Adams; needs tier 2." in card(VIEWS["went_up"]).text
    same = replace(VIEWS["went_up"], before=VIEWS["went_up"].request)
    assert "Changed by Alice Adams." in card(same).text


def test_what_was_rejected_before_and_totals_stand_as_flags() -> None:
    text = card(VIEWS["rejected_before"]).text
    assert "Rejected before, on 2027-02-28" in text and "720.00 together" in text


def test_a_checkpoint_asks_whether_to_go_on() -> None:
    view = VIEWS["checkpoint"]
    text = card(view).text
    assert text.startswith("Let rollout go on after 3 steps in 2 minutes?")
    assert labels(view) == ["Go on", "Stop…"]
    assert "Take over…" not in [each["text"]["text"] for each in elements(view)[2]["options"]]
    assert "Stopping undoes what can be undone." in text
    for absent in ("sure", "confidence", "Agent says", "Reject", "Approve"):
        assert absent not in text


def test_a_review_asks_whether_it_was_right() -> None:
    view = VIEWS["review"]
    text = card(view).text
    assert text.startswith("Was this right: Refund 420.00 EUR to order 4711?")
    assert labels(view) == ["It was right", "Undo it…"]
    assert "Take over…" not in [each["text"]["text"] for each in elements(view)[2]["options"]]
    assert "It ran alone" in text
    for absent in ("Approve", "On Approve", "refunded at once", "Changed by"):
        assert absent not in text
    assert labels(VIEWS["review_lasting"]) == ["It was right", "It was wrong…"]
    assert labels(VIEWS["review_long"]) == ["Read in full…", "Undo it…"]
    assert "was undone meanwhile" in card(VIEWS["review_undone_meanwhile"]).text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("checkpoint_on", "Goes on, says Alice Adams"),
        ("checkpoint_stopped", "Stopped by Alice Adams"),
        ("checkpoint_stopped", "What it did so far is undone where it can be"),
        ("checkpoint_expired", "Stopped, nobody decided in time"),
        ("review_right", "Kept, it was right, says Alice Adams"),
        ("review_wrong", "Not undone yet"),
        ("review_undoing", "Being undone now"),
        ("review_undone", "Undone."),
        ("review_not_undone", "The undo failed, operators were told"),
        ("review_wrong_lasting", "It can't be undone, operators were told"),
        ("review_expired", "Kept, nobody looked at it in time"),
    ],
)
def test_the_answer_is_told_in_words_that_are_true(name: str, said: str) -> None:
    text = card(VIEWS[name]).text
    assert said in text
    for untrue in ("Approved by", "Rejected by", "Not done", "Expired"):
        assert untrue not in text


def test_who_came_too_late_and_who_asked_are_told_in_the_kinds_words() -> None:
    assert notice.already(VIEWS["checkpoint_on"]).startswith("Already let go on by Alice Adams")
    assert notice.already(VIEWS["review_right"]).startswith("Already answered by Alice Adams")
    assert notice.outcome(VIEWS["checkpoint_stopped"]).text.startswith("Your run: Let rollout go on")
    assert notice.outcome(VIEWS["review_undone"]).text.startswith("Looked at afterwards: Was this right")


def test_only_an_alternative_that_is_shown_whole_can_be_chosen() -> None:
    options = (
        Alternative(title="Credit", type="credit", args={"order": "1", "amount": "1200.00"}, nature=CREDIT),
        Alternative(title="Wait", type="wait", args={}),
        Alternative(title="Long", type="credit", args={"order": "x" * MAX_DEED, "amount": "1.00"}, nature=CREDIT),
    )
    asked = request(brief=replace(REFUND_BRIEF, alternatives=options))
    found = choices(asked)
    assert [(choice.letter, choice.choosable) for choice in found] == [("B", True), ("C", False), ("D", False)]
    assert found[0].question == "Reserve 1200.00 EUR store credit for order 1?"
    assert not any(choice.choosable for choice in choices(replace(asked, kind=Kind.REVIEW)))


def test_modify_is_offered_for_an_alternative_alone() -> None:
    form = replace(request().form, schema={"properties": {}})
    view = CardView(request=request(form), now=VIEWS["pending"].now)
    assert "Modify…" in labels(view)
    none = replace(view, request=request(form, brief=replace(REFUND_BRIEF, alternatives=())))
    assert "Modify…" not in labels(none)


def test_what_the_agent_hands_over_is_taken_over_first() -> None:
    blocks = card(views()["handed_over"]).blocks
    row = next(block for block in blocks if block["type"] == "actions")
    labels = [element["text"]["text"] for element in row["elements"] if element["type"] == "button"]
    assert labels == ["Take over…", "Approve…", "Reject…"]
    assert "too unsure to go on" in str(blocks)
