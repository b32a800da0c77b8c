"""Gatepost's own processes, started as production starts them, on a test's database and sandbox."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from bot.sandbox.harness import until
from tests.support.db import dsn
from tests.support.slack import SECRET, House

ROOT = Path(__file__).parents[2]


@dataclass
class Served:
    """A web or worker process."""

    process: asyncio.subprocess.Process
    url: str
    log: Path

    async def terminate(self) -> tuple[int, float]:
        """SIGTERM: its exit code, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(self.process.wait(), 45)
        return code, time.monotonic() - began


@asynccontextmanager
async def served(door: House, role: str, home: Path, **env: str) -> AsyncIterator[Served]:
    """`gatepost serve --role …`; clicks go to a web process for the length of the block."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLACK_", "GATEPOST_", "OTEL_"))}
    settings = {
        "DATABASE_URL": dsn(door.store.engine.url),
        "SLACK_API_URL": door.sandbox.api_url,
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_SIGNING_SECRET": SECRET,
        "GATEPOST_HOME": str(home),
        "GATEPOST_AUDIT_KEY": "a key for this test only",
        "GATEPOST_WORKFLOWS": str(ROOT / "tests" / "support" / "slow_workflow.py"),
        "PORT": str(port),
        "SLOW_MARKS": str(home),
    }
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"{role}.log"
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "serve", "--role", role), cwd=ROOT, env=clean | settings | env, stderr=out
        )
    made = Served(process, f"http://127.0.0.1:{port}", log)
    hurrying = asyncio.create_task(_hurry(process))
    try:
        if role == "web":
            await until(lambda: _ready(made), within=90)
            await door.sandbox.control("app", interactivity_url=f"{made.url}/slack/events")
        yield made
    finally:
        hurrying.cancel()
        if process.returncode is None:
            process.kill()
        await process.wait()
        if role == "web":
            await door.sandbox.control("app", interactivity_url=door.url)


async def _hurry(process: asyncio.subprocess.Process) -> None:
    """A worker steps back behind everything else on its machine, other tests included: not here."""
    while process.returncode is None:
        with suppress(PermissionError, ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, 0)
        await asyncio.sleep(0.5)


async def _ready(made: Served) -> bool:
    if made.process.returncode is not None:
        raise AssertionError(made.log.read_text())
    try:
        async with httpx.AsyncClient(timeout=5) as http:
            return (await http.get(f"{made.url}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False
