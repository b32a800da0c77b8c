"""The probe: does Slack answer? Asked by one replica at a time, written down for whoever decides on it."""

from datetime import timedelta
from typing import Final

from bot.slack import RateLimited, Slack, SlackProblem
from graph.verbs.ports import Store

NAME: Final = "slack"
GAP: Final = timedelta(seconds=30)
"""Not seen to be well for so long, it was not well all the time."""
FRESH: Final = timedelta(seconds=5)
"""Somebody else has just asked."""


async def probe(store: Store, slack: Slack) -> None:
    """Ask Slack who we are, unless that was asked a moment ago."""
    async with store.begin() as tx:
        now = await tx.now()
        found = next((each for each in await tx.health.all() if each.name == NAME), None)
    seen = [at for at in (found.last_ok_at, found.last_problem_at) if at is not None] if found else []
    if seen and now - max(seen) < FRESH:
        return
    try:
        await slack.write("auth.test")
        problem = ""
    except RateLimited:
        return  # it answers, but says nothing of how it is
    except SlackProblem as error:
        problem = error.code
    async with store.begin() as tx:
        if problem:
            await tx.health.ill(NAME, problem)
        else:
            await tx.health.well(NAME, GAP)
