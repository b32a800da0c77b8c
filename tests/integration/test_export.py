"""`gatepost audit export`: the whole record for whoever audits it, in a form that can do no harm."""

import csv
import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.support.cli import Cli, QuickCli, running_cli


@pytest.fixture
def quick(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        yield running


def test_every_request_with_its_decision_and_outcome(quick: Cli) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    run = quick.approve(quick.one())
    rows = list(csv.DictReader(io.StringIO(quick.run("audit", "export"), newline="")))
    shown = [quick.json("show", request["id"]) for request in run["requests"]]
    assert [row["request"] for row in rows] == [each["id"] for each in shown]
    for row, each in zip(rows, shown, strict=True):
        assert row["question"] == each["question"]
        assert json.loads(row["arguments"]) == each["action"]["args"]
        assert (row["status"], row["digest"]) == (each["status"], each["digest"])
    first, second = rows
    assert (first["decision"], first["decided_by"], first["via"], first["outcome"]) == (
        "approve",
        "UALICE",
        "cli",
        "done",
    )
    assert (second["status"], second["decision"], second["outcome"]) == ("pending", "", "")
    assert float(first["amount"]) > 0


def test_every_entry_in_its_order_and_the_export_itself_among_them(quick: Cli) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    before = [json.loads(line) for line in quick.run("audit", "export", "entries", "--format", "json").splitlines()]
    events = [entry["event"] for entry in before]
    assert "request_opened" in events and "record_exported" not in events
    after = [json.loads(line) for line in quick.run("audit", "export", "entries", "--format", "json").splitlines()]
    assert after[: len(before)] == before
    (said,) = [entry for entry in after if entry["event"] == "record_exported"]
    assert (said["detail"]["what"], said["detail"]["count"]) == ("entries", len(before))
    assert "@" in said["by"], "whose terminal it was"


def test_a_stretch_of_days_into_a_file_that_others_can_not_read(quick: Cli, tmp_path: Path) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    out = tmp_path / "record.csv"
    assert "1 requests are in" in quick.run("audit", "export", "--since", "2020-02-29", "--out", str(out))
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    whole = out.read_text()
    assert "File exists" in quick.run("audit", "export", "--out", str(out), code=2)
    assert out.read_text() == whole
    heading = whole.splitlines()[0]
    assert quick.run("audit", "export", "--until", "2020-02-29").splitlines() == [heading]
    assert quick.run("audit", "export", "--since", "2999-01-01", "--format", "json") == ""


@pytest.mark.parametrize(
    "day", ["2027-02-30", "yesterday", "", "2027-3-1T00:00", "0000-00-00", "\u0662\u0660\u0662\u0667-01-01"]
)
def test_what_is_no_day_is_refused(quick: Cli, day: str) -> None:
    assert "write a day as 2026-11-01" in quick.run("audit", "export", "--since", day, code=2)
