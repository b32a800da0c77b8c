"""`gatepost away`: the same rules from a terminal, also while Slack is down."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.support.cli import Cli, QuickCli, running_cli


@pytest.fixture
def quick(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        yield running


def test_away_and_back(quick: Cli) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    assert "Nobody is away." in quick.run("away")
    assert "stands in" in quick.run("away", "--as", "UALICE", "--until", "3d", "--for", "UBOB")
    [found] = json.loads(quick.run("away", "--json"))
    assert (found["user"], found["deputy"]) == ("UALICE", "UBOB")
    assert "Not away." in quick.run("away", "--as", "UALICE", "--back")
    assert "account" in quick.run("away", "--as", "UALICE", "--until", "3d", "--for", "UEXT", code=1)
    assert "Say until when" in quick.run("away", "--as", "UALICE", "--until", "someday", code=2)
    assert "--as USER" in quick.run("away", "--back", code=2)
    assert "--back goes without" in quick.run("away", "--as", "UALICE", "--for", "UBOB", code=2)
