"""Judging is cheap: far from the goal something has gone wrong, whatever else this machine does."""

from tests.bench.routing import ACTIONS, GOAL_MS, actions, best_ms, loaded


def test_a_thousand_actions() -> None:
    assert best_ms(loaded(), actions(ACTIONS)) < 8 * GOAL_MS
