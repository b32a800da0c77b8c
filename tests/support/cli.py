"""The command line as scripts use it: every command a process of its own, on a home and a shop that outlive it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from sqlalchemy import URL
from typer.testing import CliRunner

from bot.cli import app
from tests.support.db import dsn
from tests.support.shop import running_shop

ROOT = Path(__file__).resolve().parents[2]


class Cli:
    """`gatepost …` with its own home and a shop that outlives every command."""

    def __init__(self, home: Path, database: URL, shop: str) -> None:
        self.shop = shop
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLACK_", "GATEPOST_"))}
        self.env = clean | {"GATEPOST_HOME": str(home), "DATABASE_URL": dsn(database), "GATEPOST_SHOP_URL": shop}

    def run(self, *args: str, code: int = 0, **env: str) -> str:
        """What it printed: stdout when all went well, else stderr."""
        done = self.done(*args, code=code, **env)
        return done.stdout if code == 0 else done.stderr

    def done(self, *args: str, code: int = 0, **env: str) -> "subprocess.CompletedProcess[str]":
        """The finished process, which ended with this code and no traceback."""
        done = self._run(list(args), self.env | env)
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def _run(self, args: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "bot", *args], cwd=ROOT, env=env, capture_output=True, text=True, timeout=120
        )

    def json(self, *args: str, code: int = 0) -> Any:
        return json.loads(self.done(*args, "--json", code=code).stdout)

    def one(self) -> Any:
        """The only request that waits."""
        (row,) = self.json("queue")
        return row

    def approve(self, row: Any, *more: str) -> Any:
        """Alice approves it; returns the run."""
        return self.json("decide", row["id"], "approve", "--as", "UALICE", "--digest", row["digest"][:12], *more)


class QuickCli(Cli):
    """The same commands inside this process: what takes seconds to load is loaded once."""

    def _run(self, args: list[str], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        with patch.dict(os.environ, env, clear=True):
            result = CliRunner().invoke(app, args)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return subprocess.CompletedProcess(args, result.exit_code, result.stdout, result.stderr)


@contextmanager
def running_cli(home: Path, database: URL, kind: type[Cli] = Cli) -> Iterator[Cli]:
    """Commands on this home and database, with a shop of their own."""
    with running_shop(home.parent / "shop.sqlite") as shop:
        yield kind(home, database, shop)
