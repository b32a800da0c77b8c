"""The `policy_file` cases of attacks.jsonl, as TOML: every mistake is refused by name and line, at the real start."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.house import CantStart, open_house
from bot.settings import Settings
from graph.law.facts import Facts
from graph.law.policy import BadPolicy, parse_policy
from graph.law.routing import RouteKind, route
from graph.verbs.errors import NotAllowed
from storage.store import PgStore
from tests.support.db import DEFAULT_POLICY, WORKSPACE, dsn
from tests.support.policy_attacks import MISTAKES, REGEX, RULE, Mistake, good
from tests.support.slack_attacks import cases
from tests.support.tools import Tools

ROOT = Path(__file__).resolve().parents[2]
LIVE = {"PF-15", "PF-16", "PF-17", "PF-18", "PF-19", "PF-21"}
"""What needs more than the parser: each has a test of its own below, `test_pf_…`."""
DOCUMENTS = [(case, mistake) for case, mistakes in MISTAKES.items() for mistake in mistakes]


def test_no_case_is_left_out() -> None:
    assert sorted([*MISTAKES, *LIVE]) == sorted(case["id"] for case in cases("policy_file"))
    tests = [name for name in globals() if name.startswith("test_pf_")]
    for case in LIVE:
        assert any(name.startswith(f"test_{case.lower().replace('-', '_')}") for name in tests), case


def test_the_document_around_the_mistakes_is_a_policy() -> None:
    assert parse_policy(good()).tiers[1].reviewers == ("UALICE",)


@pytest.mark.parametrize(("case", "mistake"), DOCUMENTS, ids=[f"{case}-{m.words[:20]}" for case, m in DOCUMENTS])
def test_refused_by_place_and_line(case: str, mistake: Mistake) -> None:
    with pytest.raises(BadPolicy) as refused:
        parse_policy(mistake.text)
    said = str(refused.value)
    if mistake.place is None:
        assert f"(at line {mistake.line}, column " in said
    elif "# wrong" in mistake.text:
        assert f"{mistake.place} (line {mistake.line}): " in said
    assert mistake.words in said


def test_pf_14_without_any_word_on_autonomy_people_decide() -> None:
    policy = parse_policy(good('[[thresholds]]\naction = "payments.*"\nauto = 0.0\nreview = 0.0'))
    assert route(policy, Facts(action="payments.refund", signals={})).kind is RouteKind.REVIEW


async def test_pf_15_both_the_snapshot_and_the_policy_in_force_must_allow(store: PgStore, tmp_path: Path) -> None:
    tools = Tools(store, tmp_path)
    async with store.begin() as tx:
        asked_under = await tx.policies.apply(good(), "test")
    await tools.propose({"tool": "payments.refund", "args": {"order": "4711", "amount": "420.00", "currency": "EUR"}})
    async with store.begin() as tx:
        loosened = await tx.policies.apply(good(reviewers='"UALICE", "UOUT"'), "test")
    assert loosened.version > asked_under.version
    with pytest.raises(NotAllowed, match="not a reviewer of this tier when this was asked"):
        await tools.answer("approve", "UOUT")
    assert tools.done() == []
    async with store.begin() as tx:
        await tx.policies.apply(good(reviewers='"UBOB"'), "test")
    with pytest.raises(NotAllowed, match="not a reviewer of tier 1"):
        await tools.answer("approve", "UALICE")
    async with store.begin() as tx:
        await tx.policies.apply(good(reviewers='"UALICE", "UOUT"'), "test")
    await tools.answer("approve", "UALICE")
    assert tools.done() == ["payments_refund"]
    (approved,) = await tools.audit("request_approved")
    assert approved["policy_version"] == asked_under.version
    assert len(await tools.audit("decision_denied")) == 2


async def test_pf_16_a_broken_reload_keeps_the_last_good_one_and_alarms(store: PgStore, tmp_path: Path) -> None:
    await _known_workspace(store)
    broken = tmp_path / "policy.toml"
    async with store.begin() as tx:
        before = await tx.policies.current()
    for text in ("tiers = [", MISTAKES["PF-04"][0].text):
        broken.write_text(text)
        for _ in range(2):
            with capture_logs() as logs:
                async with open_house(_settings(store, broken), may_migrate=False, ask_slack=False, import_policy=True):
                    pass
            assert any("the last good version stays in force" in entry["event"] for entry in logs)
    async with store.begin() as tx:
        assert await tx.policies.newest() == before.version
        assert (await tx.policies.current()).policy == before.policy
    tools = Tools(store, tmp_path)
    words = [row["payload"]["text"] for row in await tools.rows("select payload from owed where kind = 'operators'")]
    assert len(words) == 2, "operators hear of every broken file once"
    assert "aproval_required (line" in words[1]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("missing", "is not a file"),
        ("empty", "is empty"),
        ("blank", "is empty"),
        ("comment", "format"),
        ("not text", "no UTF-8"),
        ("directory", "is not a file"),
    ],
)
def test_pf_17_no_policy_no_start(database: Any, tmp_path: Path, file: str, said: str) -> None:
    path = tmp_path / "policy.toml"
    contents = {"empty": b"", "blank": b" \n\n", "comment": b"# everything is allowed\n", "not text": b"\xff\xfe\x00"}
    if file == "directory":
        path.mkdir()
    elif file in contents:
        path.write_bytes(contents[file])
    refused = _gatepost("queue", env={"DATABASE_URL": dsn(database), "GATEPOST_POLICY": str(path)}, home=tmp_path)
    assert refused.returncode == 3, refused.stdout
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


async def test_pf_17_unreadable_is_no_start_even_with_an_older_one_in_force(store: PgStore, tmp_path: Path) -> None:
    await _known_workspace(store)
    path = tmp_path / "policy.toml"
    path.write_text(good())
    settings = _settings(store, path)
    # Root reads what it likes, so the file is taken away after the settings were read: unreadable all the same.
    path.chmod(0)
    if os.access(path, os.R_OK):
        path.unlink()
    with pytest.raises(CantStart, match="GATEPOST_POLICY"):
        async with open_house(settings, may_migrate=False, ask_slack=False, import_policy=True):
            pass


async def test_pf_18_a_file_that_everybody_may_change_is_warned_of(store: PgStore, tmp_path: Path) -> None:
    await _known_workspace(store)
    path, link, shared = tmp_path / "policy.toml", tmp_path / "link.toml", tmp_path / "shared"
    path.write_text(good())
    link.symlink_to(path)
    assert await _warnings(store, path) == []
    path.chmod(0o666)
    assert "may be changed by everybody" in (await _warnings(store, path))[0]
    assert f"is a link to {path}" in (await _warnings(store, link))[0]
    path.chmod(0o600)
    shared.mkdir()
    shared.chmod(0o777)
    (shared / "link.toml").symlink_to(path)
    assert "is a link in a directory" in (await _warnings(store, shared / "link.toml"))[0]


@pytest.mark.parametrize("regex", ["(a+)+$", "(a|aa)*$", "(a{500}){500}", "((a{100}){100}){100}", "(a+)+\\\\1"])
def test_pf_19_a_catastrophic_regex_is_bounded(regex: str) -> None:
    policy = parse_policy(DEFAULT_POLICY.read_text() + REGEX.format(regex=regex))
    facts = Facts(action="shell.run", args={"cmd": "a" * 40 + "!"})
    route(policy, Facts(action="other.thing"))  # CEL itself is loaded
    begun = time.process_time()
    route(policy, facts)
    assert time.process_time() - begun < 0.1


def test_pf_19_what_it_should_match_it_matches() -> None:
    policy = parse_policy(DEFAULT_POLICY.read_text() + REGEX.format(regex="(a+)+$"))
    assert route(policy, Facts(action="shell.run", args={"cmd": "a" * 40})).kind is RouteKind.REJECT
    assert route(policy, Facts(action="shell.run", args={"cmd": "ls"})).kind is RouteKind.REVIEW


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("".join(RULE.format(n=n) for n in range(100_000)), "larger than 1000 kB", id="100000 rules"),
        pytest.param("".join(RULE.format(n=n) for n in range(1_001)), "rules (line ", id="1001 rules"),
        pytest.param("[rates]\n" + "".join(f"A{n} = -1\n" for n in range(80_000)), "rates.A0", id="80000 mistakes"),
    ],
)
def test_pf_21_more_than_anybody_can_read_is_refused_at_once(text: str, said: str) -> None:
    begun = time.process_time()
    with pytest.raises(BadPolicy) as refused:
        parse_policy(good() + text)
    assert time.process_time() - begun < 5.0
    assert said in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 50


def test_pf_21_a_thousand_rules_load_and_all_count() -> None:
    begun = time.process_time()
    policy = parse_policy(good() + "".join(RULE.format(n=n) for n in range(1_000)))
    matched = route(policy, Facts(action="a.b")).matched
    assert time.process_time() - begun < 5.0
    assert matched == ()
    assert len(policy.book("a.b").rules) == 1_000


def _settings(store: PgStore, policy: Path) -> Settings:
    url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    return Settings(database_url=url, gatepost_policy=policy, gatepost_home=policy.parent)  # type: ignore[arg-type]


async def _known_workspace(store: PgStore) -> None:
    async with store.engine.begin() as connection:
        await connection.exec_driver_sql(
            "insert into workspaces (id, name, bot_user) values (%s, 'home', 'UBOT') on conflict do nothing",
            (WORKSPACE,),
        )


async def _warnings(store: PgStore, path: Path) -> list[str]:
    with capture_logs() as logs:
        async with open_house(_settings(store, path), may_migrate=False, ask_slack=False, import_policy=True):
            pass
    return [str(entry["why"]) for entry in logs if entry["log_level"] == "warning" and "why" in entry]


def _gatepost(*args: str, env: Mapping[str, str], home: Path) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLACK_", "GATEPOST_"))}
    return subprocess.run(
        [sys.executable, "-m", "bot", *args],
        cwd=ROOT,
        env=clean | {"GATEPOST_HOME": str(home / "home")} | env,
        capture_output=True,
        text=True,
        timeout=60,
    )
