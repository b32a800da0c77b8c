"""Allow for this run, from the card: the form, what it refuses, the decided card, and taking it back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import URL

from bot.ids import HAND, MORE, REVOKE_GRANT, encode_choice, encode_grant, ref_of
from graph.law.request import Request, Status
from graph.verbs.grant import listed
from storage.store import PgStore
from tests.support.db import DEFAULT_POLICY, open_store
from tests.support.people import mirror_people
from tests.support.slack import REFUND, House, until

POLICY = f"""{DEFAULT_POLICY.read_text()}
[[grants]]
actions = ["payments.refund"]
at_most = "2h"
times = 4
up_to = 60
target = "any"
basis = "Refunds of one run are alike"
"""
FILLED = {"grant.up_to": "50.00", "grant.times": "3", "reason": "the first one was right"}


@pytest.fixture
async def store(database: URL) -> AsyncIterator[PgStore]:
    async with open_store(database, policy=POLICY) as opened:
        await mirror_people(opened)
        yield opened


async def opened(door: House, request: Request, user: str = "UALICE") -> None:
    card = await door.card(user, request)
    assert await door.person(user).click(card, MORE, encode_choice("grant", ref_of(request)))


async def test_allowed_on_the_card_shown_on_it_and_taken_back_there(door: House) -> None:
    request = await door.propose(amount="42.00", form=replace(REFUND, target_field="order"))
    alice, card = door.person("UALICE"), await door.card("UALICE", request)
    assert "Allow for this run…" in str(card["blocks"])
    await opened(door, request)
    view = await door.view("UALICE")
    assert "42.00" in str(view["blocks"])
    assert "At most 60.00." in str(view["blocks"])
    assert "Only for 4711" in str(view["blocks"])
    wrong = await alice.submit(view, {**FILLED, "grant.up_to": "61.00"})
    assert set(wrong.errors) == {"grant.up_to"}
    wrong = await alice.submit(view, {**FILLED, "grant.times": "5", "reason": " "}, force=True)
    assert set(wrong.errors) == {"reason"}
    wrong = await alice.submit(view, {**FILLED, "grant.times": "5"}, force=True)
    assert set(wrong.errors) == {"grant.times"}
    assert (await door.request(request)).status is Status.PENDING, "what can't be allowed approves nothing"
    assert await alice.submit(view, FILLED)
    assert (await door.request(request)).status is Status.APPROVED
    [(grant, name)] = await listed(door.store)
    assert (grant.times, str(grant.up_to), grant.given_by, name) == (3, "50.00", "UALICE", "Alice")
    await door.deliver()
    card = await door.card("UBOB", request)
    assert "And allowed 3 more for this run" in str(card["blocks"])
    assert "And allowed 3 more for this run, up to 50.00 EUR each, only for 4711" in card["text"]
    assert await door.person("UBOB").click(card, REVOKE_GRANT)
    await door.deliver()
    card = await door.card("UBOB", request)
    assert "taken back by Bob" in str(card["blocks"])
    assert "taken back by Bob" in card["text"]
    assert not any(block["type"] == "actions" for block in card["blocks"])
    assert await listed(door.store) == []


async def test_where_the_menu_offers_a_grant_details_hand_it_on(door: House) -> None:
    request = await door.propose(amount="42.00", form=replace(REFUND, target_field="order"))
    alice, card = door.person("UALICE"), await door.card("UALICE", request)
    assert "Hand to…" not in str(card["blocks"])
    assert await alice.click(card, MORE, encode_choice("details", ref_of(request)))
    details = await door.view("UALICE")
    assert await alice.click(details, HAND)

    async def above() -> list[dict[str, Any]]:
        return (await alice.views())[1:]

    (form,) = await until(above)
    assert await alice.submit(form, {"to": "UBOB", "reason": "he knows the customer"})
    assert (await door.request(request)).assigned_to == "UBOB"
    await door.deliver()
    assert "Handed to Bob by Alice" in str((await door.card("UALICE", request))["blocks"])


async def test_who_may_not_approve_can_not_allow_or_take_back(door: House) -> None:
    request = await door.propose(amount="42.00")
    await opened(door, request, "UREQ")
    assert "You asked for this yourself" in (await door.ephemerals("UREQ"))[-1]
    await opened(door, request)
    assert await door.person("UALICE").submit(await door.view("UALICE"), FILLED)
    await door.deliver()
    card = await door.card("UCARA", request)
    assert await door.person("UOUT").click(card, REVOKE_GRANT)
    assert "Only reviewers of tier 1" in (await door.ephemerals("UOUT"))[-1]
    assert len(await listed(door.store)) == 1
    assert await door.person("UCARA").click(card, REVOKE_GRANT, encode_grant("gra_" + "0" * 20), force=True)
    assert "no such permission" in (await door.ephemerals("UCARA"))[-1]
    assert await door.person("UCARA").click(card, REVOKE_GRANT, "gra_'; drop table grants", force=True)
    assert "not valid any more" in (await door.ephemerals("UCARA"))[-1]
    assert len(await listed(door.store)) == 1


async def test_an_old_card_takes_nothing_back_twice(door: House) -> None:
    request = await door.propose(amount="42.00")
    await opened(door, request)
    assert await door.person("UALICE").submit(await door.view("UALICE"), FILLED)
    await door.deliver()
    card = await door.card("UALICE", request)
    assert await door.person("UALICE").click(card, REVOKE_GRANT)
    assert await door.person("UBOB").click(card, REVOKE_GRANT)
    assert "taken back already" in (await door.ephemerals("UBOB"))[-1]


async def test_no_such_entry_where_the_request_does_not_let_it(door: House) -> None:
    for number, more in enumerate(({"amount": "620.00"}, {"reversible": False}, {"approvals_required": 2})):
        request = await door.propose(**{"amount": "42.00", "order": f"471{number}", **more})
        card = await door.card("UCARA", request)
        assert "Allow for this run" not in str(card["blocks"])


async def test_an_entry_that_policy_has_taken_away_meanwhile_opens_nothing(door: House) -> None:
    request = await door.propose(amount="42.00")
    async with door.store.begin() as tx:
        await tx.policies.apply(DEFAULT_POLICY.read_text(), "test")
    await opened(door, request)
    assert "can't be allowed" in (await door.ephemerals("UALICE"))[-1]
    assert not await door.person("UALICE").views()


async def test_a_form_that_policy_has_overtaken_approves_nothing(door: House) -> None:
    request = await door.propose(amount="42.00")
    await opened(door, request)
    view = await door.view("UALICE")
    async with door.store.begin() as tx:
        await tx.policies.apply(DEFAULT_POLICY.read_text(), "test")
    refused = await door.person("UALICE").submit(view, FILLED)
    assert "Policy does not let anybody allow this" in str(refused.errors)
    assert (await door.request(request)).status is Status.PENDING


async def test_between_opening_and_sending_somebody_else_decided(door: House) -> None:
    request = await door.propose(amount="42.00")
    await opened(door, request)
    view = await door.view("UALICE")
    assert await door.person("UBOB").click(await door.card("UBOB", request), "gatepost.approve")
    refused = await door.person("UALICE").submit(view, FILLED)
    assert refused.errors, refused
    assert await listed(door.store, all=True) == []
