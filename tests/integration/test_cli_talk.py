"""The conversation around a request at the terminal: for when Slack is away, and for scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.support.cli import Cli, QuickCli, running_cli
from tests.support.shop import ledger


@pytest.fixture
def cli(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        yield running


def test_claim_ask_answer_assign_and_withdraw(cli: Cli) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    cli.approve(cli.one())
    row = cli.one()["id"]
    assert "looking at it until" in cli.run("claim", row, "--as", "UALICE")
    assert "Alice is looking at it" in cli.run("claim", row, "--as", "UBOB", code=1)
    assert "asked for this yourself" in cli.run("claim", row, "--as", "UREQ", code=1)
    assert cli.json("show", row)["claimed_by"] == "UALICE"
    assert "let go" in cli.run("claim", row, "--as", "UALICE", "--release")
    assert "could not decide it" in cli.run("assign", row, "--as", "UALICE", "--to", "UOUT", code=1)
    cli.run("assign", row, "--as", "UALICE", "--to", "UBOB", "--reason", "he knows her")
    assert "at least 3" in cli.run("ask", row, "?", "--as", "UALICE", code=2)
    question = cli.run("ask", row, "Which \x1b[2J parcel?", "--as", "UALICE").split()[-1]
    shown = cli.json("show", row)
    assert (shown["assigned_to"], shown["assigned_by"], shown["claimed_by"]) == ("UBOB", "UALICE", None)
    assert shown["held_at"] and shown["questions"][0]["id"] == question
    assert "\x1b" not in cli.run("show", row)
    assert "Only who asked" in cli.run("answer", question, "mine", "--as", "UALICE", code=1)
    cli.run("answer", question, "the second", "--as", "UREQ")
    assert "UREQ: the second" in cli.run("show", row)
    assert cli.json("show", row)["held_at"] is None
    assert "Only who asked" in cli.run("withdraw", row, "--as", "UBOB", code=1)
    assert "Withdrawn" in cli.run("withdraw", row, "--as", "UREQ", "--reason", "not needed any more")
    (run,) = cli.json("runs")
    assert (run["status"], run["outcome"]) == ("rolled_back", "The requester withdrew it.")
    assert [entry["kind"] for entry in ledger(cli.shop)] == ["credit", "credit_release"]
    assert "already cancelled" in cli.run("withdraw", row, "--as", "UREQ", code=1)
    assert cli.json("audit", "verify")["problems"] == []
