"""Keeps the web and the worker process running under one command; ends them together."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

DRAIN_SECONDS: Final = 25.0
_RESTART_SECONDS: Final = 1.0
_CANT_START: Final = 3
_log: Final = structlog.get_logger("gatepost.supervisor")


async def supervise(roles: Mapping[str, Sequence[str]], env: Mapping[str, str], stop: asyncio.Event) -> int:
    """Run `gatepost …` once a role until `stop`, restarting what dies; returns an exit code.

    A child that says it can't start ends all of it: restarting would not mend its settings.
    """
    tasks = [asyncio.create_task(_keep(role, args, env, stop)) for role, args in roles.items()]
    codes = await asyncio.gather(*tasks)
    return max(codes)


async def _keep(role: str, args: Sequence[str], env: Mapping[str, str], stop: asyncio.Event) -> int:
    while not stop.is_set():
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *args, env={**os.environ, **env, "GATEPOST_SUPERVISOR": str(os.getpid())}
        )
        code = await _until(child, stop)
        if stop.is_set():
            return 0
        if code == _CANT_START:
            stop.set()
            return code
        _log.error("process ended; starting it again", role=role, code=code)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _RESTART_SECONDS)
    return 0


async def _until(child: asyncio.subprocess.Process, stop: asyncio.Event) -> int:
    """Wait for the child's end, or end it when told to stop."""
    ended, told = asyncio.create_task(child.wait()), asyncio.create_task(stop.wait())
    await asyncio.wait((ended, told), return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not ended.done():
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        try:
            await asyncio.wait_for(asyncio.shield(ended), DRAIN_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
    return await ended


def stop_on_signals(stop: asyncio.Event) -> None:
    """Set `stop` on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


async def stop_with_supervisor(stop: asyncio.Event) -> None:
    """Set `stop` when the supervisor that started this process is gone (killed, it can't tell us)."""
    supervisor = os.environ.get("GATEPOST_SUPERVISOR")
    while supervisor is not None and not stop.is_set():
        if str(os.getppid()) != supervisor:
            stop.set()
            return
        await asyncio.sleep(1.0)
