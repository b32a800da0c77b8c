"""The walk over the history that plain agents share."""

from typing import Any

import pytest

from graph.flow.steps import Standing, became, in_words, no_other_way, standing, tried
from graph.flow.workflow import GiveUp, Turn
from graph.workflows.rollout import workflow as rollout


def turn(status: str = "approved", outcome: str | None = None, action: str = "pay", **more: Any) -> Turn:
    return Turn(
        **{"action": action, "args": {}, "status": status, "outcome": outcome, "reason": "", "result": None} | more
    )


DONE, REJECTED, FAILED, MOVED = turn(outcome="done"), turn("rejected", reason="no"), turn(outcome="failed"), turn()


def walked(*history: Turn, **more: Any) -> Standing:
    found = standing(history, **more)
    assert isinstance(found, Standing)
    return found


def test_done_and_handled_steps_are_through() -> None:
    assert len(walked(DONE, turn("handled"), DONE).settled) == 3


def test_what_comes_back_may_be_proposed_once_more() -> None:
    assert walked(DONE, REJECTED).refused is REJECTED
    assert walked(REJECTED, DONE) == Standing(settled=(DONE,)), "the next step begins afresh"


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
def test_what_comes_back_too_often_ends_the_plan(status: str) -> None:
    back = turn(status, reason="not this customer")
    for history, chances in (((back, back), 1), ((back,), 0)):
        found = standing(history, chances=chances)
        assert isinstance(found, GiveUp)
        assert status in found.reason
        assert "not this customer" in found.reason


def test_a_failure_is_repeated_once() -> None:
    assert walked(FAILED).failed is FAILED
    assert walked(FAILED, DONE).failed is None
    assert isinstance(standing((FAILED, FAILED)), GiveUp)
    assert walked(FAILED, REJECTED).failed is None, "its safer form has not failed yet"


@pytest.mark.parametrize("outcome", ["unknown", "intent"])
def test_what_nobody_knows_ends_the_plan_unless_it_is_harmless(outcome: str) -> None:
    lost = turn(outcome=outcome)
    assert isinstance(standing((lost,)), GiveUp)
    assert walked(lost, harmless=("pay",)).settled == (lost,)


def test_a_world_that_moved_counts_for_nothing() -> None:
    assert walked(MOVED, DONE, MOVED).settled == (DONE,)


def test_what_was_undone_ends_the_plan_in_the_agents_words() -> None:
    found = standing((turn(outcome="compensated"),), told=lambda turn: f"the {turn.action}")
    assert isinstance(found, GiveUp)
    assert "the pay" in found.reason


def test_the_end_of_a_step_without_a_safer_form_reads_like_any_other() -> None:
    assert no_other_way(REJECTED, lambda turn: turn.action) == standing((REJECTED,), chances=0)


def test_a_turn_is_named_by_its_question_and_what_was_decided() -> None:
    args = {"rollout": "ro-1", "what": "Firmware", "regions": ["North"], "sites": 13_100}
    told = in_words(rollout.actions)
    assert told(turn(action="publish_plan", args=args)) == "Publish the plan for Firmware to 13,100 sites"


def test_reasons_belong_to_what_was_tried_and_not_to_what_was_done() -> None:
    history = (turn(outcome="done", reason="fine by me"), REJECTED, turn(outcome="failed", error="no such card"))
    assert became(history, lambda turn: turn.action) == ["pay: done", "pay: rejected", "pay: failed"]
    assert tried(history, lambda turn: turn.action) == [
        "pay: done. Last words: fine by me",
        "pay: rejected. Last words: no",
        "pay: failed. Last words: no such card",
    ]
