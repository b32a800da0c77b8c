"""The command line as scripts use it, without any server running; the main road in processes of its own."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import URL

from bot.settings import SHIPPED
from tests.support.cli import Cli, QuickCli, running_cli
from tests.support.shop import ledger


@pytest.fixture
def cli(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database) as running:
        yield running


@pytest.fixture
def quick(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        yield running


@pytest.mark.timeout(300)
def test_propose_queue_decide_until_done(cli: Cli, database: URL, tmp_path: Path) -> None:
    run = cli.json("propose", "payments", "--requester", "UREQ", "--key", "case-1")
    assert cli.json("propose", "payments", "--requester", "UREQ", "--key", "case-1")["id"] == run["id"]
    door = cli
    while rows := door.json("queue"):
        (row,) = rows
        assert set(row) >= {
            *("id", "run_id", "workflow", "action", "digest", "status", "tier", "next_step_at", "expires_at"),
            *("pending_seconds", "urgency"),
        }
        shown = door.json("show", row["id"])
        assert "UALICE" in shown["reviewers"]
        assert "UREQ" not in shown["reviewers"]
        run = door.approve(row)
        # The first gate shows that every command can be a process of its own.
        door = QuickCli(tmp_path / "home", database, cli.shop)
    assert run["status"] == "done"
    assert {effect["outcome"] for effect in run["effects"]} == {"done"}
    assert [row["kind"] for row in ledger(cli.shop)] == ["credit", "refund", "message"]
    assert cli.json("audit", "verify")["problems"] == []


def test_refusals_have_their_exit_codes(quick: Cli) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    quick.approve(quick.one())
    row = quick.one()
    who = ("--digest", row["digest"])
    assert "asked for this yourself" in quick.run("decide", row["id"], "approve", "--as", "UREQ", *who, code=1)
    assert "not a reviewer" in quick.run("decide", row["id"], "approve", "--as", "UNOBODY", *who, code=1)
    assert "has changed" in quick.run("decide", row["id"], "approve", "--as", "UALICE", "--digest", "0" * 64, code=1)
    assert "say why" in quick.run("decide", row["id"], "reject", "--as", "UALICE", *who, code=2)
    edit = ("decide", row["id"], "edit", "--as", "UALICE", *who)
    assert "say why" in quick.run(*edit, "--args", '{"amount": "410.00"}', code=2)
    assert "exclude each other" in quick.run(*edit, "--args", "{}", "--choose", "1", code=2)
    assert "no such alternative; this request has 2" in quick.run(*edit, "--choose", "3", "--reason", "r e a", code=2)
    assert "say 1, 2" in quick.run(*edit, "--choose", "0", "--reason", "r e a", code=2)
    assert "A is what was asked" in quick.run(*edit, "--choose", "a", "--reason", "r e a", code=2)
    assert "--as" in quick.run("decide", row["id"], "approve", *who, code=2)
    assert "no such request" in quick.run("decide", "req_0", "approve", "--as", "UALICE", *who, code=1)
    assert "there is no workflow" in quick.run("propose", "nothing", code=2)
    assert "case_id" in quick.run("propose", "payments", "--input", '{"case_id": "a b"}', code=2)
    assert "stands twice" in quick.run("propose", "payments", "--input", '{"case_id": "1", "case_id": "2"}', code=2)
    edited = quick.json(
        "decide", row["id"], "edit", "--as", "UALICE", *who, "--args", '{"amount": "410.00"}', "--reason", "less"
    )
    assert [request["status"] for request in edited["requests"][:3]] == ["approved", "modified", "approved"]
    assert [entry["amount"] for entry in ledger(quick.shop) if entry["kind"] == "refund"] == ["410.00"]


def test_the_customer_withdrew_while_it_waited(quick: Cli) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    quick.approve(quick.one())
    row = quick.one()
    httpx.post(f"{quick.shop}/cases/case-4711/withdraw", timeout=10).raise_for_status()
    quick.approve(row)
    again = quick.one()
    assert again["id"] != row["id"]
    assert "withdrew" in quick.json("show", again["id"])["flags"][0]
    assert [entry["kind"] for entry in ledger(quick.shop)] == ["credit"]


def test_a_person_takes_the_agents_alternative_instead(quick: Cli) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    quick.approve(quick.one())
    row = quick.one()
    assert "C instead: Refund half: 210.00 EUR" in quick.run("show", row["id"])
    run = quick.json(
        *("decide", row["id"], "edit", "--choose", "c", "--as", "UALICE"),
        *("--digest", row["digest"], "--reason", "half will do"),
    )
    assert [(request["status"], request["action"]["args"].get("amount")) for request in run["requests"]][1:3] == [
        ("modified", "420.00"),
        ("approved", "210.00"),
    ]
    assert [entry["amount"] for entry in ledger(quick.shop) if entry["kind"] == "refund"] == ["210.00"]


def test_all_domains_and_their_cases_are_listed(quick: Cli) -> None:
    offered = quick.json("propose")
    assert tuple(each["workflow"] for each in offered) == SHIPPED
    assert all(each["cases"] for each in offered)
    assert "order 4711" in quick.run("propose", "--list")


def test_the_order_of_2_47_needs_two_managers_and_reasons(quick: Cli) -> None:
    """A fresh installation without any worker has the domains' rules as well."""
    quick.run("propose", "procurement", "--requester", "UREQ")
    row = quick.one()
    assert (row["tier"], quick.json("show", row["id"])["approvals_required"]) == (3, 2)
    who = ("decide", row["id"], "approve", "--digest", row["digest"], "--as")
    assert "critical risk" in quick.run(*who, "UEVE", code=2)
    assert "not a reviewer" in quick.run(*who, "UALICE", "--reason", "looks fine", code=1)
    assert quick.json(*who, "UEVE", "--reason", "asked the plant")["requests"][0]["status"] == "pending"
    assert ledger(quick.shop) == []


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
        ({"GATEPOST_POLICY": "/dev/null"}, "is not a file"),
        ({"GATEPOST_POLICY": "tests/__init__.py"}, "is empty"),
        ({"GATEPOST_POLICY": "tests/browser/demo.png"}, "it is no UTF-8"),
    ],
)
def test_nonsense_stops_the_start_with_one_line(quick: Cli, env: dict[str, str], said: str) -> None:
    error = quick.run("queue", code=3, **env)
    assert said in error
    assert "hush" not in error
    assert len(error.strip().splitlines()) == 1


def test_serve_needs_a_slack(quick: Cli) -> None:
    assert "SLACK_BOT_TOKEN is missing" in quick.run("serve", code=3)


def test_stop_and_resume_work_while_slack_is_down(quick: Cli) -> None:
    run = quick.json("propose", "payments", "--requester", "UREQ")
    down = {
        "SLACK_API_URL": "http://127.0.0.1:9/api/",
        "SLACK_BOT_TOKEN": "xoxb-nobody",
        "SLACK_SIGNING_SECRET": "s" * 32,
    }
    why = ("--reason", "incident 12")
    assert "may not stop" in quick.run("stop", "all", "--as", "UALICE", *why, code=1, **down)
    assert "no workflow" in quick.run("stop", "paymets", "--as", "UEVE", *why, code=2, **down)
    assert "stopped payments" in quick.run("stop", "payments", "--as", "UEVE", *why, **down)
    row = quick.one()
    assert row["stopped"]["reason"] == "incident 12" and row["stopped"]["by"] == "UEVE"
    who = (row["id"], "approve", "--as", "UALICE", "--digest", row["digest"])
    assert "only rejecting works" in quick.run("decide", *who, code=1, **down)
    [stopped] = quick.json("stops")
    assert (stopped["workflow"], stopped["via"]) == ("payments", "cli")
    assert "yourself" in quick.run("resume", "--as", "UEVE", *why, code=1, **down)
    assert "payments may go on" in quick.run("resume", "--as", "UDIRK", *why, **down)
    assert quick.run("stops").strip() == "Nothing is stopped."
    assert quick.approve(quick.one())["id"] == run["id"]
