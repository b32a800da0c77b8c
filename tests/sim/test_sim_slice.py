"""A slice of the simulation: three days in which everything goes wrong, in less than a minute."""

import pytest
from sqlalchemy import URL

from tests.sim.__main__ import quiet, simulate
from tests.sim.plan import Plot


@pytest.mark.timeout(170)
async def test_three_days(database: URL) -> None:
    quiet()
    found, problems = await simulate(database, Plot(days=3, runs=10, seed=7))
    assert problems == []
    assert {found[name] for name in ("early", "double", "overdue", "lost")} == {0}
    for happened in (
        "kills",
        "deploys",
        "database outages",
        "Slack outages",
        "escalations",
        "reminders",
        "ticks failed",
    ):
        assert found[happened], f"a slice without {happened} shows nothing"
