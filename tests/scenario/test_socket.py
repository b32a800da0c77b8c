"""The same door over Socket Mode."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.ids import APPROVE, REJECT
from bot.slack import Slack
from storage.store import PgStore
from tests.support.slack import House, house, until


@pytest.fixture
async def door(store: PgStore, tmp_path: Path) -> AsyncIterator[House]:
    async with house(store, tmp_path, transport="socket") as made:
        yield made


async def test_clicks_forms_commands_and_events(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    bob, alice = door.person("UBOB"), door.person("UALICE")
    assert await bob.click(card, REJECT)
    view = await door.view("UBOB")
    assert (await bob.submit(view, {"reason": "no"})).errors
    assert await alice.click(card, APPROVE)
    refused = await bob.submit(view, {"reason": "not this one"})
    assert refused.errors["reason"].startswith("Already approved by Alice")
    assert await alice.command("/approvals queue", "CTIER1")
    assert await alice.open_home()
    assert await until(alice.home)
    assert {entry["via"] for entry in await door.sandbox.deliveries("block_actions")} == {"socket"}


async def test_what_can_not_be_decided_is_not_acknowledged(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await door.sql("alter table requests rename to requests_away")
    assert not await door.person("UALICE").click(card, APPROVE)
    await door.sql("alter table requests_away rename to requests")
    assert await door.person("UALICE").click(card, APPROVE)
    assert await door.decisions() == 1


async def test_it_comes_back_after_a_disconnect(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await door.sandbox.control("disconnect", reason="refresh_requested")
    assert door.socket is not None
    await until(door.socket.connected, within=20)
    assert await door.person("UALICE").click(card, APPROVE)
    assert isinstance(door.slack, Slack)
    assert await door.decisions() == 1
