"""The command line as scripts use it, in processes of its own, without any server running."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import URL

from tests.support.db import dsn
from tests.support.shop import ledger, running_shop

ROOT = Path(__file__).resolve().parents[2]


class Cli:
    """`gatepost …` with its own home and a shop that outlives every command."""

    def __init__(self, home: Path, database: URL, shop: str) -> None:
        self.shop = shop
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLACK_", "GATEPOST_"))}
        self.env = clean | {"GATEPOST_HOME": str(home), "DATABASE_URL": dsn(database), "GATEPOST_SHOP_URL": shop}

    def run(self, *args: str, code: int = 0, **env: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "bot", *args],
            cwd=ROOT,
            env=self.env | env,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    def json(self, *args: str) -> Any:
        return json.loads(self.run(*args, "--json"))


@pytest.fixture
def cli(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_shop(tmp_path / "shop.sqlite") as shop:
        yield Cli(tmp_path / "home", database, shop)


@pytest.mark.timeout(300)
def test_propose_queue_decide_until_done(cli: Cli) -> None:
    run = cli.json("propose", "payments", "--requester", "UREQ", "--key", "case-1")
    assert cli.json("propose", "payments", "--requester", "UREQ", "--key", "case-1")["id"] == run["id"]
    while rows := cli.json("queue"):
        (row,) = rows
        assert set(row) >= {
            *("id", "run_id", "workflow", "action", "digest", "status", "tier", "next_step_at", "expires_at"),
            *("pending_seconds", "urgency"),
        }
        shown = cli.json("show", row["id"])
        assert "UALICE" in shown["reviewers"]
        assert "UREQ" not in shown["reviewers"]
        run = cli.json("decide", row["id"], "approve", "--as", "UALICE", "--digest", row["digest"][:12])
    assert run["status"] == "done"
    assert {effect["outcome"] for effect in run["effects"]} == {"done"}
    assert [row["kind"] for row in ledger(cli.shop)] == ["credit", "refund", "message"]
    assert cli.json("audit", "verify")["problems"] == []


@pytest.mark.timeout(300)
def test_refusals_have_their_exit_codes(cli: Cli) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    (row,) = cli.json("queue")
    who = ("--digest", row["digest"])
    assert "asked for this yourself" in cli.run("decide", row["id"], "approve", "--as", "UREQ", *who, code=1)
    assert "not a reviewer" in cli.run("decide", row["id"], "approve", "--as", "UNOBODY", *who, code=1)
    assert "has changed" in cli.run("decide", row["id"], "approve", "--as", "UALICE", "--digest", "0" * 64, code=1)
    assert "say why" in cli.run("decide", row["id"], "reject", "--as", "UALICE", *who, code=2)
    assert "--as" in cli.run("decide", row["id"], "approve", *who, code=2)
    assert "no such request" in cli.run("decide", "req_0", "approve", "--as", "UALICE", *who, code=1)
    assert "there is no workflow" in cli.run("propose", "nothing", code=2)
    assert "case_id" in cli.run("propose", "payments", "--input", '{"case_id": "a b"}', code=2)
    assert "stands twice" in cli.run("propose", "payments", "--input", '{"case_id": "1", "case_id": "2"}', code=2)
    edited = cli.json(
        "decide", row["id"], "edit", "--as", "UALICE", *who, "--args", '{"amount": "410.00"}', "--reason", "less"
    )
    assert [request["status"] for request in edited["requests"][:3]] == ["approved", "modified", "approved"]
    assert [entry["amount"] for entry in ledger(cli.shop) if entry["kind"] == "refund"] == ["410.00"]


@pytest.mark.timeout(300)
def test_the_customer_withdrew_while_it_waited(cli: Cli) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    (row,) = cli.json("queue")
    httpx.post(f"{cli.shop}/cases/case-4711/withdraw", timeout=10).raise_for_status()
    cli.run("decide", row["id"], "approve", "--as", "UALICE", "--digest", row["digest"])
    (again,) = cli.json("queue")
    assert again["id"] != row["id"]
    assert "withdrew" in cli.json("show", again["id"])["flags"][0]
    assert [entry["kind"] for entry in ledger(cli.shop)] == ["credit"]


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"DATABASE_URL": "sqlite:///x.db"}, "needs PostgreSQL"),
        ({"DATABASE_URL": "postgresql://u:hush@127.0.0.1:1/x"}, "the database does not answer"),
        ({"SLACK_BOT_TOKEN": "xoxp-1", "SLACK_SIGNING_SECRET": "s"}, "SLACK_BOT_TOKEN must start with xoxb-"),
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_SIGNING_SECRET"),
        ({"SLACK_API_URL": "http://example.com/api/"}, "plain http only on this machine"),
        ({"PORT": "many"}, "PORT"),
        ({"GATEPOST_POLICY": "/nowhere.toml"}, "is not a file"),
    ],
)
def test_nonsense_stops_the_start_with_one_line(cli: Cli, env: dict[str, str], said: str) -> None:
    error = cli.run("queue", code=3, **env)
    assert said in error
    assert "hush" not in error
    assert len(error.strip().splitlines()) == 1


def test_serve_needs_a_slack(cli: Cli) -> None:
    assert "SLACK_BOT_TOKEN is missing" in cli.run("serve", code=3)
