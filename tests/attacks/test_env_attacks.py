"""The `env_config` cases of attacks.jsonl: settings, clocks, languages and interpreters as nobody would want them."""

import ast
import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import URL, text
from sqlalchemy.exc import SQLAlchemyError

from bot.jobs import Every, make_scheduler
from bot.settings import BadSettings, Settings, load
from bot.slack import RateLimited, Slack, Transient
from graph.law.policy import BadPolicy, parse_policy
from graph.verbs.report import queue
from storage.engine import NoDatabase, make_engine, parse_url
from storage.store import PgStore
from tests.integration.test_flow import House
from tests.support.db import dsn
from tests.support.policy_attacks import good
from tests.support.slack_attacks import cases, variants
from tests.support.toy import World

CASES = {case["id"]: case for case in cases("env_config")}
ROOT = Path(__file__).resolve().parents[2]
SLACK_LIMIT = 3.0


def test_no_case_is_left_out() -> None:
    here = {f"EC-{name.split('_')[2]}" for name in globals() if name.startswith("test_ec_")}
    assert sorted(here) == sorted(CASES)


def played(*args: str, optimised: bool = False, **env: str) -> str:
    """A slice of the tests in a process of its own, in this environment; what it said."""
    python = [sys.executable, *(["-O"] if optimised else []), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*python, *args], cwd=ROOT, env=os.environ | env, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    return done.stdout


def refused(monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str | None]) -> str:
    """What is said instead of starting."""
    for name, value in env.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as said:
        load()
    return str(said.value)


def test_ec_02_nothing_but_postgresql() -> None:
    """Without a URL it is a real PostgreSQL under GATEPOST_HOME: there is no store in memory to fall back to."""
    for spec in variants(CASES["EC-02"]["input"]):
        if spec["DATABASE_URL"] is not None:
            with pytest.raises(NoDatabase, match="needs PostgreSQL"):
                parse_url(spec["DATABASE_URL"])
    sources = [path.read_text() for room in ("bot", "graph", "storage") for path in (ROOT / room).rglob("*.py")]
    assert not any("MemorySaver" in source or "checkpoint.sqlite" in source for source in sources)


def test_ec_04_no_job_store_but_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no setting to choose another, so whatever the environment says of one changes nothing."""
    for name, value in CASES["EC-04"]["input"].items():
        monkeypatch.setenv(name, value)

    async def stores() -> list[str]:
        scheduler = make_scheduler({"tick": Every(60, lambda: asyncio.sleep(0))})
        scheduler.start(paused=True)
        found = [type(store).__name__ for store in scheduler._jobstores.values()]
        scheduler.shutdown(wait=False)
        return found

    assert asyncio.run(stores()) == ["MemoryJobStore"]
    assert not [name for name in Settings.model_fields if "job" in name or "pickle" in name]


def test_ec_05_tokens_of_the_wrong_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in variants(CASES["EC-05"]["input"]):
        said = refused(monkeypatch, spec | {"SLACK_SIGNING_SECRET": "s"})
        assert "SLACK_BOT_TOKEN" in said
        assert "xoxp-1" not in said and "xapp-1" not in said


@pytest.mark.timeout(300)
def test_ec_07_the_hosts_zone_and_language(pg_server: URL, tmp_path: Path) -> None:
    """Golden cards, weeks, duty and a run's times come out as they do in UTC and C, byte by byte."""
    spec = CASES["EC-07"]["input"]
    subprocess.run(
        ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(tmp_path / "tr_TR.UTF-8")], check=False, capture_output=True
    )
    played(
        *("tests/unit/test_cards_golden.py", "tests/unit/test_weeks.py", "tests/unit/test_duty.py"),
        *("tests/unit/test_words.py", "tests/unit/test_policy_default.py", "tests/unit/test_authorization.py"),
        "tests/integration/test_flow.py::test_three_approvals_three_effects",
        **spec,
        LOCPATH=str(tmp_path),
        TEST_DATABASE_URL=dsn(pg_server),
    )


A_WORKER = """
import asyncio, json, os, sys, time
from pathlib import Path

real, by = time.time, int(os.environ["SHIFT_SECONDS"])
time.time = lambda: real() + by

from graph.flow.runner import Runner
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Refusal
from graph.verbs.sweep import sweep
from storage.checkpoints import PgCheckpoints
from storage.engine import make_engine, parse_url
from storage.store import PgStore
from tests.support.toy import World, toy

async def main():
    engine = make_engine(parse_url(sys.argv[1]))
    store = PgStore(engine, "THOME")
    runner = Runner(store, PgCheckpoints(store), {"toy": toy(World(Path(sys.argv[2])))})
    said = {"clock": time.time()}
    for name, request, digest in json.loads(sys.argv[3]):
        whole = {"request_id": request, "digest": digest, "reason": "looked at it"}
        asked = Answer(type=DecisionType.APPROVE, user_id="UALICE", via="cli", **whole)
        try:
            await decide(store, asked)
            said[name] = "decided"
        except Refusal as refusal:
            said[name] = refusal.code
    await sweep(store)
    while await runner.work():
        pass
    await engine.dispose()
    print(json.dumps(said))

asyncio.run(main())
"""


def test_no_clock_but_the_databases_decides() -> None:
    """Neither room asks the machine for the time of day, but for the times that a trace is drawn with."""
    asking = re.compile(r"\b(datetime\.(now|utcnow|today)|time\.(time|time_ns)|date\.today)\(")
    sources = [path for room in ("graph", "storage") for path in (ROOT / room).rglob("*.py")]
    assert [path.name for path in sources if asking.search(path.read_text())] == ["spans.py"]
    assert len(sources) > 100


@pytest.mark.timeout(240)
@pytest.mark.parametrize("shift", [int(each.rstrip("s")) for each in CASES["EC-09"]["input"]["libfaketime"]])
async def test_ec_09_a_worker_whose_clock_is_wrong(store: PgStore, database: URL, tmp_path: Path, shift: int) -> None:
    """The database's clock decides: nothing expires early, and nothing is accepted late, whatever a worker thinks."""
    house = House(store, World(tmp_path / "world.sqlite"))
    for name in ("open", "over"):
        await house.propose("pay", key=name, amount="20.00")
    rows = {row["run_id"]: row for row in await queue(store)}
    async with store.begin() as tx:
        ids = {run.key: run.id for run in await tx.runs.recent(10)}
    for name, seconds in (("open", 300), ("over", -1)):
        async with store.engine.begin() as connection:
            # Within the ten minutes by which this worker's clock is off.
            await connection.execute(
                text("update requests set expires_at = gp_now() + make_interval(secs => :s) where run_id = :run"),
                {"s": seconds, "run": ids[name]},
            )
    asked = [(name, rows[ids[name]]["id"], rows[ids[name]]["digest"]) for name in ids]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", A_WORKER, dsn(database), str(tmp_path / "world.sqlite"), json.dumps(asked)),
        env=os.environ | {"PYTHONPATH": str(ROOT), "SHIFT_SECONDS": str(shift)},
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 200)
    said = json.loads(out.decode().splitlines()[-1])
    assert abs(said["clock"] - time.time() - shift) < 200, "the clock was really wrong"
    assert (said["open"], said["over"]) == ("decided", "stale")
    assert house.world.names() == ["pay"]
    async with store.begin() as tx:
        (over,) = await tx.requests.of_run(ids["over"])
        approved = await tx.requests.decision(rows[ids["open"]]["id"])
        now: datetime = await tx.now()
    assert over.status in ("pending", "expired")
    assert approved is not None
    assert now - approved.at < timedelta(minutes=4), "and what is on record has the database's time"


async def test_ec_10_no_wait_longer_than_slack_has(database: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting makes the waits longer, an option in DATABASE_URL doesn't either."""
    for name, value in CASES["EC-10"]["input"].items():
        monkeypatch.setenv(name, str(value))
    engine = make_engine(database.update_query_dict({"connect_timeout": "30"}), pool_size=1)
    try:
        async with engine.connect() as held:
            limits = [(await held.execute(text(f"show {name}_timeout"))).scalar_one() for name in ("lock", "statement")]
            raw = (await held.get_raw_connection()).driver_connection
            assert raw is not None
            assert raw.info.get_parameters()["connect_timeout"] == "2"
            began = time.monotonic()
            with pytest.raises(SQLAlchemyError):
                await engine.connect()
            assert time.monotonic() - began < SLACK_LIMIT
        assert limits == ["1500ms", "5s"]
    finally:
        await engine.dispose()


def test_ec_11_limits_that_make_no_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    for spec in variants(CASES["EC-11"]["input"]):
        value = spec["MAX_PENDING"]
        with monkeypatch.context() as patched:
            assert "GATEPOST_LEASE_SECONDS" in refused(patched, {"GATEPOST_LEASE_SECONDS": str(value)})
        if value != 0:  # PORT=0 asks for any free one
            with monkeypatch.context() as patched:
                assert "PORT" in refused(patched, {"PORT": str(value)})
        for rule in ("most", "per_workflow"):
            with pytest.raises(BadPolicy, match=f"queue.{rule}"):
                parse_policy(good(f"[queue]\n{rule} = {json.dumps(value)}"))


@pytest.mark.timeout(300)
def test_ec_13_without_asserts(pg_server: URL) -> None:
    """No check of ours is an assert statement, and under `python -O` attacks are refused as ever."""
    sources = [path for room in ("bot", "graph", "storage") for path in (ROOT / room).rglob("*.py")]
    asserting = [
        path for path in sources if any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert asserting == []
    played(
        *("tests/unit/test_guard.py", "tests/unit/test_authorization.py", "tests/attacks/test_action_attacks.py"),
        *("-k", "guard or authorization or ac_02 or ac_23 or ac_25 or ac_26"),
        optimised=True,
        TEST_DATABASE_URL=dsn(pg_server),
    )


def test_ec_14_secrets_are_masked_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    hush = "hush-hush-hush"
    secrets = {
        "DATABASE_URL": f"postgresql://u:{hush}@127.0.0.1/x",
        "SLACK_BOT_TOKEN": f"xoxb-{hush}",
        "SLACK_SIGNING_SECRET": hush,
        "SLACK_SIGNING_SECRET_PREVIOUS": hush,
        "SLACK_APP_TOKEN": f"xapp-{hush}",
        "GATEPOST_AUDIT_KEY": hush,
        "GATEPOST_HEARTBEAT_URL": f"https://example.com/{hush}",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    settings = load()
    shown = [repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump())]
    shown += [f"{settings}", json.dumps(settings.model_dump(), default=str), repr(parse_url(secrets["DATABASE_URL"]))]
    assert settings.database_url == SecretStr(secrets["DATABASE_URL"])
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("SLACK_BOT_TOKEN", f"wrong-{hush}")
    monkeypatch.setenv("GATEPOST_HEARTBEAT_URL", f"http://example.com/{hush}")
    with pytest.raises(BadSettings) as said:
        load()
    shown += [str(said.value), repr(said.value)]
    assert not [text for text in shown if hush in text]


@pytest.mark.parametrize("body", variants(CASES["EC-16"]["input"]["slack_mock"]["chat.postMessage"]["body"]))
async def test_ec_16_answers_that_are_none(body: str) -> None:
    """Not taken for delivered, and no crash: what they come to is tried again."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        kind = "text/html" if body.startswith("<") else "application/json"
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write((head + body).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        slack = Slack("xoxb-test", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/api/")
        try:
            with pytest.raises((Transient, RateLimited)):
                await slack.write("chat.postMessage", channel="C", text="hello")
        finally:
            await slack.close()
