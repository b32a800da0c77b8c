"""Grants and one-time codes where people meet them: the demo rollout under the shipped policy, and the command line."""

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import URL, text

from graph.law.grants import Scope
from graph.law.request import DecisionType, Kind, Request
from graph.verbs.decide import Answer, decide
from graph.verbs.grant import listed
from storage.engine import make_engine
from storage.store import PgStore
from tests.support.cli import Cli, QuickCli, running_cli
from tests.support.codes import STEP_UP
from tests.support.domains import CASES, Domains, names, shop_list
from tests.support.payments import shop_at
from tests.support.shop import running_shop

LAPTOPS = next(case for name, case in CASES if name == "rollout" and case.title.startswith("Laptop"))
WAVES = Scope(any_target=False, up_to=None, times=10, length=timedelta(hours=8))
REASON = "the first wave went well"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    with running_shop(tmp_path / "shop.db") as base, shop_at(base):
        yield base


@pytest.fixture
def quick(database: URL, tmp_path: Path) -> Iterator[Cli]:
    with running_cli(tmp_path / "home", database, QuickCli) as running:
        yield running


async def first_wave(house: Domains, run_id: str) -> Request:
    """The gate of the first wave, everything before it approved."""
    gate = await house.gate(run_id)
    while gate.action_type != "roll_out_wave":
        await house.approve(gate)
        gate = await house.gate(run_id)
    return gate


async def test_the_waves_of_the_demo_rollout_are_allowed_once_and_what_is_odd_is_asked(
    store: PgStore, shop: str
) -> None:
    house = Domains(store, shop)
    await house.offer()
    run_id = await house.propose("rollout", LAPTOPS)
    await house.say(await first_wave(house, run_id), "approve", grant=WAVES, reason=REASON)
    await house.settle()
    gate = await house.gate(run_id)
    assert gate.kind is Kind.CHECKPOINT, "three waves without anybody: whether to go on at all is asked as before"
    await house.approve(gate)
    odd = await house.gate(run_id)
    assert (odd.kind, odd.args["region"]) == (Kind.ACTION, "Travelling staff"), "the agent noticed something"
    [(grant, _)] = await listed(store)
    assert (grant.used, grant.any_target) == (4, False)
    assert names(shop_list(shop)).count("roll_out_wave") == 5
    # A reviewer who stops it has everything undone, what ran under the grant as well.
    await house.reject(odd)
    assert names(shop_list(shop)).count("undo: roll_out_wave") == 5


def test_a_grant_on_the_command_line(quick: Cli, database: URL) -> None:
    assert quick.json("grant", "list") == []
    assert "Nothing is allowed" in quick.run("grant", "list")
    quick.run("propose", "rollout", "--case", "4", "--requester", "UREQ")
    while (row := quick.one())["action"]["type"] != "roll_out_wave":
        user = {1: "UALICE", 2: "UCARA"}[row["tier"]]
        quick.run("decide", row["id"], "approve", "--as", user, "--digest", row["digest"], "--reason", REASON)
    _allow(database, row)
    [shown] = quick.json("grant", "list")
    assert (shown["action"], shown["target"], shown["times"], shown["used"]) == (
        *("rollout.roll_out_wave", "ro-2231", 10, 0),
    )
    assert REASON in quick.run("grant", "list")
    assert "does not know you" in quick.run("grant", "revoke", shown["id"], "--as", "UNOBODY", code=1)
    assert "no such permission" in quick.run("grant", "revoke", "gra_none", "--as", "UALICE", code=1)
    assert "Taken back" in quick.run("grant", "revoke", shown["id"], "--as", "UBOB", "--reason", "not yet")
    assert "taken back already" in quick.run("grant", "revoke", shown["id"], "--as", "UBOB", code=1)
    assert quick.json("grant", "list") == []
    [kept] = json.loads(quick.run("grant", "list", "--all", "--json"))
    assert kept["revoked_by"] == "UBOB"


def test_codes_on_the_command_line(quick: Cli, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(STEP_UP)
    policy.chmod(0o600)
    quick.env["GATEPOST_POLICY"] = str(policy)
    quick.run("propose", "payments", "--requester", "UREQ")
    row = quick.one()
    approve = ("decide", row["id"], "approve", "--as", "UALICE", "--digest", row["digest"])
    assert "takes a code" in quick.run(*approve, code=2)
    assert "gatepost code enroll UALICE" in quick.run(*approve, "--code", "123456", code=1)
    assert "Nobody has" in quick.run("code", "list")
    shown = json.loads(quick.run("code", "enroll", "UALICE", "--json"))
    assert "already" in quick.run("code", "enroll", "UALICE", code=1)
    assert "does not know" in quick.run("code", "enroll", "UNOBODY", code=1)
    [one] = quick.json("code", "list")
    assert (one["user"], one["locked_until"]) == ("UALICE", None)
    app = pyotp.parse_uri(shown["otpauth"])
    assert isinstance(app, pyotp.TOTP)
    assert app.secret not in quick.run("code", "list") + json.dumps(one)
    assert os.stat(tmp_path / "home" / "secret.key").st_mode & 0o077 == 0
    quick.json(*approve, "--code", app.now())
    assert "count no more" in quick.run("code", "remove", "UALICE")
    assert "has no authenticator" in quick.run("code", "remove", "UALICE", code=1)
    # For people: the picture to scan, and the address under it.
    told = quick.run("code", "enroll", "UALICE")
    assert "otpauth://totp/Gatepost" in told
    assert "█" in told or "▀" in told or "\x1b[" in told


def _allow(database: URL, row: dict[str, str]) -> None:
    """Approve it as from the card's form, which the command line has none of."""

    async def give() -> None:
        engine = make_engine(database)
        async with engine.connect() as connection:
            workspace = (await connection.execute(text("select id from workspaces"))).scalar_one()
        answer = Answer(
            request_id=row["id"],
            type=DecisionType.APPROVE,
            user_id="UALICE",
            digest=row["digest"],
            via="cli",
            reason=REASON,
            grant=WAVES,
        )
        await decide(PgStore(engine, workspace), answer)
        await engine.dispose()

    asyncio.run(give())
