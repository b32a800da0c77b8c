"""Death between Slack's yes to a card and our record of it: the next process finds that card and posts no other."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from bot.delivery import Delivery
from bot.sandbox.harness import sandbox
from bot.slack import Slack
from graph.failpoints import arm
from tests.support.chaos_checks import violations
from tests.support.chaos_fork import fork, kill, reap
from tests.support.chaos_ledger import load
from tests.support.chaos_plan import simple
from tests.support.chaos_stage import Stage
from tests.support.db import dsn

KILLED = 137
CARDS = "select ts, shown, wanted from cards where request_id = %s"


@pytest.fixture
def slack_url(tmp_path: Path) -> Iterator[str]:
    """A sandbox in a process of its own."""
    told = tmp_path / "url"

    async def serve() -> None:
        async with sandbox(tmp_path / "slack.db") as harness:
            told.with_suffix(".new").write_text(harness.url)
            told.with_suffix(".new").rename(told)
            await asyncio.sleep(3600)

    pid = fork(lambda: asyncio.run(serve()))
    try:
        until = time.monotonic() + 30
        while not told.exists():
            assert time.monotonic() < until, "the sandbox did not start"
            time.sleep(0.02)
        yield told.read_text()
    finally:
        kill(pid)


def deliver(stage: Stage, url: str, point: str = "") -> int:
    async def scene() -> None:
        slack = Slack("xoxb-sandbox", f"{url}/api/")
        try:
            await Delivery(stage.store, slack).deliver_once()
        finally:
            await slack.close()

    def play() -> None:
        arm(point)
        stage.run(scene)

    return reap(fork(play))


def shown(url: str, request_id: str) -> list[dict[str, Any]]:
    """The messages about a request, in every channel that may hold one."""
    messages = httpx.get(f"{url}/control/messages", params={"channel": "CTIER1"}, timeout=10).json()["messages"]
    return [message for message in messages if request_id in str(message.get("metadata"))]


def test_a_death_after_the_post_leaves_one_card(stage: Stage, slack_url: str) -> None:
    with psycopg.connect(dsn(stage.url)) as connection:
        connection.execute("update cards set shown = wanted")  # of the warm-up
        connection.execute("update owed set done_at = now()")
    run_id = stage.run(lambda: stage.propose("card", simple("pay", order="card")))
    stage.run(stage.settle)
    (row,) = [row for row in stage.run(stage.pending) if row["run_id"] == run_id]
    assert deliver(stage, slack_url, "card:after_post") == KILLED, "the point was not passed"
    posted = shown(slack_url, row["id"])
    assert len(posted) == 1
    with psycopg.connect(dsn(stage.url)) as connection:
        assert connection.execute(CARDS, (row["id"],)).fetchall() == [(None, 0, 1)], "the record is not there yet"
        connection.execute("update cards set leased_until = now() where leased_until is not null")
        connection.execute("update paces set next_at = now()")  # nor does it hold the channel's turn for long
    assert deliver(stage, slack_url) == 0
    assert [message["ts"] for message in shown(slack_url, row["id"])] == [posted[0]["ts"]]
    with psycopg.connect(dsn(stage.url)) as connection:
        assert connection.execute(CARDS, (row["id"],)).fetchall() == [(posted[0]["ts"], 1, 1)]
    where = ("CTIER1", posted[0]["ts"])
    assert stage.run(lambda: stage.answer(row, "approve", "UALICE", where=where)), "its button works"
    stage.run(stage.settle)
    assert violations(load(stage.url, stage.world), resting=True) == []
