"""One-time codes, from the card: where the form asks for one, what it says of a wrong one, and that one counts once."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import URL

from bot.cards.samples import CREDIT
from bot.ids import APPROVE, APPROVE_FORM, EDIT, READ
from graph.law.request import Alternative, Brief, Status
from storage.store import PgStore
from tests.support.codes import KEY, STEP_UP, app_of
from tests.support.db import DEFAULT_POLICY, open_store
from tests.support.people import mirror_people
from tests.support.slack import House


@pytest.fixture
async def store(database: URL) -> AsyncIterator[PgStore]:
    async with open_store(database, policy=STEP_UP, secret_key=KEY) as opened:
        await mirror_people(opened)
        yield opened


async def test_the_form_asks_for_the_code_and_takes_it_once(door: House) -> None:
    app = await app_of(door.store, "UALICE")
    request, other = await door.propose(amount="42.00"), await door.propose(amount="43.00", order="4712")
    alice, card = door.person("UALICE"), await door.card("UALICE", request)
    assert "Approve…" in str(card["blocks"])
    assert await alice.click(card, APPROVE_FORM)
    view = await door.view("UALICE")
    assert {block["block_id"] for block in view["blocks"] if block["type"] == "input"} == {"code"}
    wrong = await alice.submit(view, {"code": await app.wrong()})
    assert "wrong" in wrong.errors["code"]
    code = await app.code()
    assert await alice.submit(view, {"code": code})
    assert (await door.request(request)).status is Status.APPROVED
    assert await alice.click(await door.card("UALICE", other), APPROVE_FORM)
    again = await alice.submit(await door.view("UALICE"), {"code": code})
    assert "used already" in again.errors["code"]
    assert (await door.request(other)).status is Status.PENDING


async def test_a_click_on_an_older_card_without_the_form_decides_nothing(door: House) -> None:
    await app_of(door.store, "UALICE")
    async with door.store.begin() as tx:
        await tx.policies.apply(DEFAULT_POLICY.read_text(), "test")
    request = await door.propose(amount="42.00")
    async with door.store.begin() as tx:
        await tx.policies.apply(STEP_UP, "test")
    assert await door.person("UALICE").click(await door.card("UALICE", request), APPROVE)
    assert "takes a code" in (await door.ephemerals("UALICE"))[-1]
    assert (await door.request(request)).status is Status.PENDING
    await door.deliver()
    assert "Approve…" in str((await door.card("UALICE", request))["blocks"]), "the card was repaired"


async def test_a_form_without_its_code_field_decides_nothing(door: House) -> None:
    await app_of(door.store, "UALICE")
    request = await door.propose(amount="42.00")
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), APPROVE_FORM)
    view = await door.view("UALICE")
    assert (await alice.submit(view, {}, force=True)).errors
    assert (await door.request(request)).status is Status.PENDING


async def test_modify_asks_for_the_code_as_well(door: House) -> None:
    app = await app_of(door.store, "UALICE")
    request = await door.propose(amount="42.00")
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), EDIT)
    view = await door.view("UALICE")
    filled = {"arg.amount": "40.00", "reason": "too much"}
    wrong = await alice.submit(view, {**filled, "code": await app.wrong()})
    assert set(wrong.errors) == {"code"}
    assert await alice.submit(view, {**filled, "code": await app.code()})
    assert (await door.request(request)).status is Status.MODIFIED


async def test_an_alternative_takes_it_in_the_form(door: House) -> None:
    app = await app_of(door.store, "UALICE")
    less = Alternative(title="half", type="credit", args={"order": "4711", "amount": "20.00"}, nature=CREDIT)
    request = await door.propose(amount="42.00", brief=Brief(rationale="late", confidence=0.7, alternatives=(less,)))
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), EDIT)
    chosen = {"instead": "0", "arg.amount": "42.00", "reason": "she likes credit"}
    assert await alice.submit(await door.view("UALICE"), {**chosen, "code": await app.code()})
    assert (await door.request(request)).status is Status.MODIFIED


async def test_details_carry_the_field_where_they_carry_approve(door: House) -> None:
    app = await app_of(door.store, "UALICE")
    form_args = {"order": "word " * 400, "amount": "42.00", "currency": "EUR"}
    request = await door.propose(args=form_args)
    alice, card = door.person("UALICE"), await door.card("UALICE", request)
    assert await alice.click(card, READ)
    view = await door.view("UALICE")
    assert view["submit"] is not None
    wrong = await alice.submit(view, {"code": await app.wrong()})
    assert set(wrong.errors) == {"code"}
    assert await alice.submit(view, {"code": await app.code()})
    assert (await door.request(request)).status is Status.APPROVED


async def test_locked_out_is_said_in_plain_words(door: House) -> None:
    app = await app_of(door.store, "UALICE")
    request = await door.propose(amount="42.00")
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), APPROVE_FORM)
    view = await door.view("UALICE")
    for _ in range(5):
        refused = await alice.submit(view, {"code": await app.wrong()})
    assert "Too many wrong codes" in refused.errors["code"]
    assert "Too many wrong codes" in (await alice.submit(view, {"code": await app.code()})).errors["code"]
    audit = await door.audit()
    assert (audit.count("code_wrong"), audit.count("code_locked")) == (5, 1)
    assert (await door.request(request)).status is Status.PENDING


async def test_who_has_no_app_is_told_whom_to_ask(door: House) -> None:
    request = await door.propose(amount="42.00")
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), APPROVE_FORM)
    refused = await alice.submit(await door.view("UALICE"), {"code": "123456"})
    assert "gatepost code enroll UALICE" in refused.errors["code"]
