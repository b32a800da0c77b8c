"""The `rest_cli` cases of attacks.jsonl. Gatepost has no REST door: those cases find nothing there, and what they are
about is tried at the doors that there are.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import URL

from bot.listeners.metrics import Metrics
from graph.law.request import DecisionType, Status
from graph.verbs.auditor import gauges
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Refusal
from graph.verbs.withdraw import Withdrawal, withdraw
from storage.audit import seal
from storage.engine import make_engine
from storage.store import PgStore
from tests.support.cli import QuickCli, running_cli
from tests.support.db import dsn
from tests.support.slack import House, house, pending
from tests.support.slack_attacks import cases, variants

CASES = {case["id"]: case for case in cases("rest_cli")}
NO_DOOR = ("RC-01", "RC-02", "RC-06", "RC-10", "RC-11", "RC-12", "RC-13", "RC-14")
HERE = ("RC-04", "RC-15", "RC-16", "RC-19", "RC-20")
TRIALS = 20
"""Of the thousand races of RC-20; tests/scenario/test_races.py and tests/property/test_machine.py play more."""


@pytest.fixture
def cli(database: URL, tmp_path: Path) -> Iterator[QuickCli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        assert isinstance(running, QuickCli)
        yield running


@pytest.fixture
async def door(store: PgStore, tmp_path: Path) -> AsyncIterator[House]:
    async with house(store, tmp_path) as made:
        yield made


def test_every_case_is_accounted_for() -> None:
    assert sorted([*NO_DOOR, *HERE]) == sorted(CASES)
    names = {name for name in globals() if name.startswith("test_rc_")}
    assert {f"RC-{name.split('_')[2]}" for name in names} == {*HERE}


async def test_there_is_no_rest_door(door: House) -> None:
    """RC-01, 02, 06, 10 to 14: whoever knocks finds nothing, with or without a token, and nothing happens."""
    request = await door.propose()
    base = door.url.removesuffix("/slack/events")
    paths = [
        "/v1/requests",
        f"/v1/requests/{request.id}",
        f"/v1/requests/{request.id}/approve",
        "/v1/audit",
        "/v1/callback",
    ]
    paths += [
        str(spec["http"]).split(" ", 1)[1]
        for case in NO_DOOR
        for spec in variants(CASES[case]["input"])
        if "http" in spec
    ]
    paths += ["/docs", "/openapi.json", "/admin", "/slack", "/v1/requests/../../etc/passwd"]
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in paths:
            for method in ("GET", "POST", "PUT", "DELETE"):
                for headers in ({}, {"authorization": "Bearer admin", "idempotency-key": "k1"}):
                    answer = await client.request(
                        method, base + path, headers=headers, json={"callback_url": "http://10.0.0.5/"}
                    )
                    assert answer.status_code in (401, 404, 405), (method, path, answer.status_code)
                    assert "4711" not in answer.text and request.id not in answer.text
    assert (await door.decisions(), await door.approved()) == (0, 0)
    assert (await door.request(request)).status is Status.PENDING


def test_rc_04_nobody_decides_without_saying_who_they_are(cli: QuickCli) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    row = cli.one()
    digest = ("--digest", row["digest"])
    env = CASES["RC-04"]["input"]["env"]
    assert "--as" in cli.run("decide", row["id"], "approve", *digest, code=2, **env)
    for nobody in ("root", "", "admin", "USLACKBOT", "policy:1", "clock", "UREQ", "UOUT", "UGONE", "UBOTX", "UEXT"):
        said = cli.run("decide", row["id"], "approve", "--as", nobody, *digest, code=1, **env)
        assert "gatepost:" in said
    assert cli.one()["status"] == "pending"


def test_a_key_stands_for_one_proposal(cli: QuickCli) -> None:
    """RC-10 and RC-11 at the terminal: the same again gives the same run, something else is refused."""
    first = cli.json("propose", "payments", "--requester", "UREQ", "--key", "k1")
    assert cli.json("propose", "payments", "--requester", "UREQ", "--key", "k1")["id"] == first["id"]
    assert "another input" in cli.run(
        "propose", "payments", "--case", "2", "--requester", "UREQ", "--key", "k1", code=2
    )
    assert len(cli.json("runs")) == 1


def test_rc_15_a_changed_record_is_named(cli: QuickCli, database: URL, tmp_path: Path) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    cli.approve(cli.one())
    assert asyncio.run(_seal(database, (tmp_path / "home" / "audit.key").read_bytes())) > 3
    assert cli.json("audit", "verify")["problems"] == []
    with psycopg.connect(dsn(database), autocommit=True) as connection:
        connection.execute("alter table audit disable trigger user")
        found = connection.execute("select audit_id from audit_seals where seq = 3").fetchone()
        assert found
        connection.execute("update audit set actor = 'UMALLORY' where id = %s", found)
    problems = cli.json("audit", "verify", code=4)["problems"]
    assert problems == ["entry 3 was changed or removed"]
    # What is exported still says it as it stands there now, under the number that verify names.
    lines = [json.loads(line) for line in cli.run("audit", "export", "entries", "--format", "json").splitlines()]
    assert [line["by"] for line in lines if line["number"] == 3] == ["UMALLORY"]


async def _seal(database: URL, key: bytes) -> int:
    """What a worker does every second."""
    engine = make_engine(database)
    try:
        return await seal(engine, key)
    finally:
        await engine.dispose()


def test_rc_16_no_command_goes_round_a_decision(cli: QuickCli) -> None:
    cli.run("propose", "payments", "--requester", "UREQ")
    row = cli.one()
    for words in (
        ("resume", "--thread", row["run_id"], "--value", "approve"),
        ("resume", row["run_id"], "approve"),
        ("runs", row["run_id"], "--value", "approve"),
        ("execute", row["id"]),
        ("approve", row["id"]),
    ):
        cli.done(*words, code=2)
    # "--again" is for a run that was set aside; one that waits for people goes on waiting.
    cli.done("runs", row["run_id"], "--again", code=1)
    assert cli.one()["status"] == "pending"
    assert cli.json("runs")[0]["effects"] == []


async def test_rc_19_health_and_figures_tell_nothing_of_anybody(door: House) -> None:
    request = await door.propose()
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), "gatepost.approve")
    await door.deliver()
    base = door.url.removesuffix("/slack/events")
    async with httpx.AsyncClient(trust_env=False) as client:
        told = [(await client.get(f"{base}/{path}")).text for path in ("healthz", "livez", "readyz", "metrics")]
    figures = Metrics()
    figures.show(await gauges(door.store))
    told.append(figures.text().decode())
    names = ("4711", "420", "UALICE", "Alice", "Ann", request.id, request.run_id, "late", "xoxb", "req_", "run_")
    for text in told:
        assert "420.00" not in text
        # Digits of a time that was measured may be any.
        said = re.sub(r"\d+\.\d+", "", text)
        assert [name for name in names if name in said] == []
    labels = {line.partition("{")[2].partition("=")[0] for line in told[-1].splitlines() if "{" in line}
    assert labels <= {"type", "status", "kind", "tier", "workflow", "part", "quantile"}


async def test_rc_20_a_request_is_approved_or_withdrawn_never_both(store: PgStore) -> None:
    """By the requester on the agent's behalf: agents have no door of their own by which to withdraw."""
    for trial in range(TRIALS):
        request = await pending(store, order=f"{trial}")
        answer = Answer(
            request_id=request.id, type=DecisionType.APPROVE, user_id="UALICE", digest=request.digest, via="cli"
        )
        wish = Withdrawal(request_id=request.id, user_id="UREQ", via="cli", reason="changed my mind")
        both = [decide(store, answer), withdraw(store, wish)]
        ended: list[Any] = await asyncio.gather(*(both if trial % 2 else both[::-1]), return_exceptions=True)
        lost = [each for each in ended if isinstance(each, BaseException)]
        assert len(lost) == 1 and isinstance(lost[0], Refusal)
        async with store.begin() as tx:
            now = await tx.requests.get(request.id)
            taken = await tx.requests.decision(request.id)
        assert now is not None and taken is not None
        assert now.status is (Status.APPROVED if taken.type is DecisionType.APPROVE else Status.CANCELLED)
