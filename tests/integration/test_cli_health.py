"""`gatepost health` and `gatepost audit verify --expect`, without Slack and without any process running."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from storage.audit import seal
from storage.engine import make_engine
from tests.support.cli import Cli, QuickCli, running_cli
from tests.support.db import dsn


@pytest.fixture
def quick(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        yield running


async def sealed(database: URL, key: bytes) -> None:
    """What a worker does every second."""
    engine = make_engine(database)
    assert await seal(engine, key)
    await engine.dispose()


def test_health_says_what_is_wrong_and_how_to_mend_it(quick: Cli, database: URL) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    assert "Nothing is wrong." in quick.run("health")
    with psycopg.connect(dsn(database), autocommit=True) as connection:
        connection.execute("update requests set next_step_at = gp_now() - interval '5 min' where status = 'pending'")
        connection.execute(
            "insert into health (workspace_id, name, last_problem_at, problem)"
            " select workspace_id, 'slack', gp_now(), 'invalid_auth' from runs"
        )
    (row,) = quick.json("queue")
    found = quick.json("health", code=4)
    assert [(one["name"], one["grave"], one["ids"]) for one in found["findings"]] == [
        ("overdue", True, [row["id"]]),
        ("slack", True, []),
    ]
    assert (found["clean"], found["parts"][0]["ok"], found["parts"][0]["problem"]) == (False, False, "invalid_auth")


def test_a_head_that_was_written_down_shows_what_was_cut_off(quick: Cli, database: URL, tmp_path: Path) -> None:
    quick.run("propose", "payments", "--requester", "UREQ")
    asyncio.run(sealed(database, (tmp_path / "home" / "audit.key").read_bytes()))
    head = quick.json("audit", "verify")["head"]
    assert f"head {head}" in quick.run("audit", "verify", "--expect", head)
    with psycopg.connect(dsn(database), autocommit=True) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("delete from audit_seals where seq = (select max(seq) from audit_seals)")
        connection.execute("delete from audit where id not in (select audit_id from audit_seals)")
    assert quick.json("audit", "verify")["problems"] == []
    assert "is gone" in str(quick.json("audit", "verify", "--expect", head, code=4)["problems"])
    assert "write SEQ:HASH" in quick.run("audit", "verify", "--expect", "7", code=2)
