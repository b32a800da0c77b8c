"""Killed around the commit (IP-34, IP-35): never an ack without a decision, and a second click knows of the first."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bot.ids import APPROVE
from tests.support.slack import House, until

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def killable(door: House, failpoint: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The door in another process, which dies at the failpoint; clicks go there for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = os.environ | {
        "DATABASE_URL": door.store.engine.url.render_as_string(hide_password=False),
        "SLACK_API_URL": door.sandbox.api_url,
        "PORT": str(port),
        "FAILPOINT": failpoint,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.support.slack_web", cwd=ROOT, env=env)
    try:
        await until(lambda: _answers(door.sandbox.http, port), within=60)
        await door.sandbox.control("app", interactivity_url=f"http://127.0.0.1:{port}/slack/events")
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()
        await door.sandbox.control("app", interactivity_url=door.url)


async def _answers(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
    except httpx.HTTPError:
        return False


@pytest.mark.parametrize(("failpoint", "decided"), [("decide:after_commit", 1), ("decide:before_commit", 0)])
async def test_killed_around_the_commit(door: House, failpoint: str, decided: int) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    async with killable(door, failpoint) as process:
        seen = await door.person("UALICE").click(card, APPROVE)
        # Whatever was committed, nobody was told that it counted.
        assert not seen
        assert await process.wait() == 137
    assert await door.decisions() == decided
    assert await door.person("UALICE").click(card, APPROVE)
    assert await door.decisions() == 1
    told = await door.ephemerals("UALICE")
    assert any("Already approved by you" in text for text in told) == bool(decided)


async def test_killed_after_posting_finds_its_card_again(door: House) -> None:
    """What `card:after_post` leaves behind: a message in Slack, a row that knows nothing of it, a lease."""
    request = await door.propose()
    await door.sql("update cards set channel = null, ts = null, shown = 0, tries = 1, leased_until = gp_now()")
    await door.sql("delete from paces")
    await door.deliver()
    found = [m for m in await door.sandbox.messages("CTIER1") if request.id in str(m.get("metadata"))]
    assert len(found) == 1
    assert await door.person("UALICE").click(await door.card("UALICE", request), APPROVE)
    assert await door.decisions() == 1
