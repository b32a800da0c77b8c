"""`gatepost policy …` as people and scripts use it: files good and broken, versions, reasons, differences."""

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from bot.policy_file import Unreadable, exposures, read
from tests.support.cli import Cli, QuickCli, running_cli
from tests.support.db import DEFAULT_POLICY, dsn

DEFAULT = DEFAULT_POLICY.read_text()
BROKEN = """format = 1
surprise = true

[tiers.1]
channel = "#approvals"
reviewers = ["UALICE"]
slaa = "15m"

[[thresholds]]
action = "*"
auto = 1.5

[[rules]]
name = "too-much"
basis = "a contract"
when = "valeu > 500.0"
"""
TORN = DEFAULT.replace("tier = 3", "tier = 7") + '\n[[rules]]\nname = "regulated"\nbasis = "twice"\nwhen = "unusual"\n'
FREE = (
    '\n[[autonomy]]\naction = "payments.reserve_credit"\nlevel = "gated"\n'
    '[[confidence.overrides]]\nactions = ["payments.reserve_credit"]\nweights = { model = 1 }\n'
)


@pytest.fixture
def cli(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        yield running


def written(place: Path, text: str, name: str = "policy.toml") -> str:
    file = place / name
    file.write_text(text)
    return str(file)


def applied(database: URL) -> list[tuple[str, int]]:
    """Who put which version in force, as the audit has it."""
    with psycopg.connect(dsn(database)) as connection:
        rows = connection.execute(
            "select actor, detail::json->>'version' from audit where event = 'policy_applied' order by id"
        )
        return [(actor, int(version)) for actor, version in rows]


def test_check_says_what_a_good_file_holds(cli: Cli, tmp_path: Path) -> None:
    said = cli.run("policy", "check", str(DEFAULT_POLICY))
    assert said.startswith("ok: 3 tiers, 8 rules and ")
    assert "0 of 34 actions may run alone (none: people decide every time)" in said
    found = cli.json("policy", "check", written(tmp_path, DEFAULT + FREE))
    assert (found["ok"], found["alone"], found["warnings"]) == (True, ["payments.reserve_credit"], [])


def test_check_names_every_mistake_with_its_line(cli: Cli, tmp_path: Path) -> None:
    file = written(tmp_path, BROKEN)
    said = cli.run("policy", "check", file, code=2)
    for words in (
        "surprise (line 2): unknown key",
        "tiers.1.slaa (line 7): unknown key",
        "thresholds.0.auto (line 11): ",
        "rules.0.when (line 16): unknown name valeu",
    ):
        assert words in said
    found = cli.json("policy", "check", file, code=2)
    assert found["ok"] is False
    assert {"place": "surprise", "line": 2, "message": "unknown key; check its spelling"} in found["problems"]
    places = [problem["place"] for problem in cli.json("policy", "check", written(tmp_path, TORN), code=2)["problems"]]
    assert places == ["lifts.1.tier", "lifts.2.tier", "rules.8"]
    torn = cli.json("policy", "check", written(tmp_path, "format = 1\n[tiers.1\n"), code=2)
    assert torn["problems"][0]["line"] == 2
    assert "is empty" in cli.run("policy", "check", written(tmp_path, " \n"), code=2)
    assert "is not a file" in cli.run("policy", "check", str(tmp_path), code=2)


def test_check_warns_of_what_is_no_mistake(cli: Cli, tmp_path: Path) -> None:
    file = written(tmp_path, DEFAULT + '\n[[autonomy]]\naction = "payments.refnd_card"\nlevel = "gated"\n')
    os.chmod(file, 0o666)
    done = cli.done("policy", "check", file, GATEPOST_WORKFLOWS="payments,no.such.module")
    assert f"warning: {file} may be changed by everybody on this machine" in done.stdout
    assert "warning: checked without the part of no.such.module" in done.stdout
    assert "warning: autonomy: payments.refnd_card names no action of payments" in done.stdout
    assert "ok: 3 tiers" in done.stdout


def test_who_else_could_change_the_file() -> None:
    # Not pytest's own folder: that one stands below /tmp, which belongs to everybody.
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        file = Path(written(place, DEFAULT))
        assert exposures(file) == []
        link = place / "link.toml"
        link.symlink_to(file)
        assert exposures(link) == []
        file.chmod(0o666)
        assert exposures(link) == [f"{link} is a link to {file}, which everybody on this machine may change"]
        file.chmod(0o600)
        shared = place / "shared"
        shared.mkdir()
        shared.chmod(0o777)
        (shared / "link.toml").symlink_to(file)
        (found,) = exposures(shared / "link.toml")
        assert "is a link in a directory in which everybody on this machine may write" in found
        assert "may replace policy.toml" in exposures(Path(written(shared, DEFAULT)))[0]
        shared.chmod(0o1777)
        assert exposures(shared / "link.toml") == []


def test_what_can_not_be_read_says_so(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    for raw, said in ((b"", "is empty"), (b"\xff\xfe", "no UTF-8"), (b"#" * 1_000_001, "larger than 1000 kB")):
        file.write_bytes(raw)
        with pytest.raises(Unreadable, match=said):
            read(file)


def test_a_first_start_on_a_broken_policy_says_every_mistake(cli: Cli, tmp_path: Path) -> None:
    said = cli.run("queue", code=3, GATEPOST_POLICY=written(tmp_path, BROKEN))
    assert "GATEPOST_POLICY" in said
    assert "rules.0.when (line 16)" in said


@pytest.mark.timeout(300)
def test_apply_makes_a_version_once_and_a_broken_file_none(cli: Cli, tmp_path: Path, database: URL) -> None:
    file = written(tmp_path, DEFAULT + FREE)
    first = cli.json("policy", "apply", file)
    assert (first["changed"], first["version"] > first["before"]) == (True, True)
    assert "the next start puts that one in force again" in first["warnings"][0]
    said = cli.done("policy", "apply", file, GATEPOST_POLICY=file)
    assert said.stdout == f"policy version {first['version']} is in force (unchanged)\n"
    assert said.stderr == ""
    assert "rules.0.when (line 16)" in cli.run("policy", "apply", written(tmp_path, BROKEN, "b.toml"), code=2)
    assert cli.json("policy", "apply", str(tmp_path / "b.toml"), code=2)["ok"] is False
    versions = cli.json("policy", "versions")
    assert [row["version"] for row in versions] == [first["version"], first["before"]]
    assert versions[0]["by"].endswith(f"@{os.uname().nodename}")
    assert applied(database) == [("start", first["before"]), (versions[0]["by"], first["version"])]
    assert cli.run("policy", "show") == DEFAULT + FREE
    assert cli.run("policy", "show", str(first["before"])) == DEFAULT
    assert "no policy version 99" in cli.run("policy", "show", "99", code=1)


@pytest.mark.timeout(300)
def test_explain_says_what_would_happen_and_what_did(cli: Cli, database: URL) -> None:
    told = cli.json("policy", "explain", "payments", "--requester", "UREQ")
    assert cli.json("runs") == []
    cli.run("propose", "payments", "--requester", "UREQ")
    row = cli.one()
    happened = cli.json("policy", "explain", "--request", row["id"])
    assert happened["agree"] is True
    same = (
        "question",
        "route",
        "tier",
        "approvals",
        "risk",
        "confidence",
        "reasons",
        "route_why",
        "matched",
        "grounds",
    )
    assert {name: told[name] for name in same} == {name: happened[name] for name in same}
    said = cli.run("policy", "explain", "--request", row["id"])
    assert "recomputed from its frozen facts under version 2: the same" in said
    assert "[ ] rule upset-customer (the policy file): sentiment < -0.6" in said
    assert "basis: A very upset customer should meet a person, not a routine" in said
    with psycopg.connect(dsn(database)) as connection:
        connection.execute("update requests set risk = 'critical'")
    assert "RECOMPUTED DIFFERENTLY" in cli.done("policy", "explain", "--request", row["id"], code=4).stdout
    assert "no request req_0" in cli.run("policy", "explain", "--request", "req_0", code=1)


@pytest.mark.timeout(300)
def test_an_argument_declared_a_secret_is_told_by_no_command(cli: Cli, database: URL) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    row = cli.one()
    hidden = f"⟦secret: {len(row['action']['args']['case_id'])} characters⟧"
    with psycopg.connect(dsn(database)) as connection:
        connection.execute("update requests set form = jsonb_set(form, '{schema,properties,case_id,secret}', 'true')")
    told = [cli.json("policy", "explain", "--request", row["id"]), cli.json("show", row["id"])]
    (line,) = map(json.loads, cli.run("audit", "export", "requests", "--format", "json").splitlines())
    for args in (*(each["action"]["args"] for each in told), line["arguments"]):
        assert args == row["action"]["args"] | {"case_id": hidden}


@pytest.mark.timeout(300)
def test_explain_takes_any_input_and_any_action(cli: Cli) -> None:
    told = cli.json("policy", "explain", "procurement")
    assert (told["route"], told["tier"], told["channel"], told["approvals"]) == ("review", 3, "#approvals-managers", 2)
    (rule,) = [row for row in told["grounds"]["rules"] if row["rule"] == "cancelled-requisition"]
    assert (rule["from"], rule["matched"]) == ("the part of procurement", True)
    assert cli.json("policy", "explain", "payments", "--case", "4")["action"]["args"]["currency"] == "GBP"
    refund = {"case_id": "case-4711", "order": "4711", "amount": "620.00", "currency": "EUR"}
    named = ("policy", "explain", "payments", "--action", "refund_card", "--args")
    assert "payment-over-500" in [row["rule"] for row in cli.json(*named, json.dumps(refund))["matched"]]
    assert "amount" in cli.run(*named, '{"order": "4711"}', code=2)
    assert "go together" in cli.run(*named[:-1], code=2)
    assert "there is no workflow" in cli.run("policy", "explain", "nothing", code=2)
    assert "there is no demo case 9" in cli.run("policy", "explain", "payments", "--case", "9", code=2)
    assert "name a workflow, or a request" in cli.run("policy", "explain", code=2)


@pytest.mark.timeout(300)
def test_diff_routes_the_record_under_both(cli: Cli, tmp_path: Path) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    file = written(tmp_path, DEFAULT + FREE)
    found = cli.json("policy", "diff", "current", file)
    assert (found["routed"], found["differ"], found["days"]) == (1, 1, 30)
    assert (found["more"]["reviews"], found["more"]["approvals"], found["more"]["alone"]) == (-1, -1, 1)
    (row,) = found["requests"]
    assert (row["old"]["route"], row["new"]["route"]) == ("review", "auto")
    said = cli.run("policy", "diff", "2", file)
    assert "Reserve 15.00 EUR of store credit for customer C-1042?" in said
    assert "review, tier 1, 1 to agree, low risk → auto" in said
    assert "1 of 1 requests of the last 30 days would be routed differently" in said
    assert "is not a file" in cli.run("policy", "diff", "current", "nowhere.toml", code=2)
    assert "rules.0.when (line 16)" in cli.run("policy", "diff", written(tmp_path, BROKEN, "b.toml"), "2", code=2)
    assert "no policy version 99" in cli.run("policy", "diff", "99", "current", code=1)


def test_doctor_sees_a_policy_that_everybody_may_change(cli: Cli, tmp_path: Path) -> None:
    file = written(tmp_path, DEFAULT)
    os.chmod(file, 0o666)
    said = cli.done("doctor", code=4, GATEPOST_POLICY=file).stdout
    assert f"BAD  policy: {file} may be changed by everybody on this machine" in said
