"""Slack would take all that we render: says slackblocks, our own strict validator, and random Unicode."""

import pytest

from bot.cards.examples import examples as cards
from bot.modals.examples import examples as modals
from tests.support.blockkit import check

EXAMPLES = {**{f"card {n}": c for n, c in cards().items()}, **{f"modal {n}": m for n, m in modals().items()}}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_within_slacks_limits(name: str) -> None:
    check(EXAMPLES[name])
