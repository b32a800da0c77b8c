"""`gatepost demo` as a newcomer starts it: a real process, killed and started again as a test likes."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

START_SECONDS = 90
URL = re.compile(r"http://127\.0\.0\.1:\d+")
ROOT = Path(__file__).resolve().parents[2]


class Demo:
    """The demo's processes on one GATEPOST_HOME."""

    def __init__(self, home: Path, **env: str) -> None:
        self.home = home
        self._more = env
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._log = home.parent / f"{home.name}.log"

    @property
    def env(self) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLACK_", "GATEPOST_"))}
        return clean | {"GATEPOST_HOME": str(self.home)} | self._more

    def start(self) -> None:
        """Start and wait until it says that it runs."""
        self._log.write_bytes(b"")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bot", "demo", "--port", "0"], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            said = self._log.read_text()
            if "is running" in said and (found := URL.search(said)):
                self.url = found.group()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError(f"the demo did not start:\n{self._log.read_text()}")

    def kill_everything(self) -> None:
        """SIGKILL to the demo, its children and its PostgreSQL, all at once."""
        assert self._process is not None
        family = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
        family += [
            p for p in psutil.process_iter(["cmdline"]) if str(self.home / "postgres") in (p.info["cmdline"] or [])
        ]
        for process in family:
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(family, timeout=20)
        self._process.wait(20)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(40)

    def cli(self, *args: str) -> subprocess.CompletedProcess[str]:
        """A command beside the demo, on the same home."""
        return subprocess.run(
            [sys.executable, "-m", "bot", *args], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=120
        )

    def calls(self) -> list[dict[str, Any]]:
        """Every Web API call the sandbox has seen since it was started."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/control/calls", timeout=10).json()["calls"]
        return found

    def ledger(self, **filters: str) -> list[dict[str, Any]]:
        """What really happened in the shop."""
        rows = httpx.get(f"{self.url}/shop/ledger", timeout=10).json()
        entries: list[dict[str, Any]] = rows["ledger"] if isinstance(rows, dict) else rows
        return [row for row in entries if all(row.get(key) == value for key, value in filters.items())]


@contextmanager
def running_demo(home: Path, **env: str) -> Iterator[Demo]:
    demo = Demo(home, **env)
    demo.start()
    try:
        yield demo
    finally:
        demo.stop()
