"""Requests of a team's workflow: nobody else sees them in the queue, at home, in Details or by their id."""

import pytest

from bot.ids import APPROVE, MORE, REJECT, encode_choice, ref_of
from graph.law.request import Status
from tests.scenario.test_looking import answer
from tests.support.db import DEFAULT_POLICY
from tests.support.slack import House, until

TEAM = """
[[teams]]
workflows = ["payments"]
members = ["UALICE"]
"""


@pytest.fixture
async def guarded(door: House) -> House:
    policy = DEFAULT_POLICY.read_text().replace('auditors = ["@tier-3-managers"]', 'auditors = ["UDIRK", "UOUT"]')
    async with door.store.begin() as tx:
        await tx.policies.apply(policy + TEAM, "test")
    return door


async def test_the_team_and_auditors_see_it_and_nobody_else(guarded: House) -> None:
    request = await guarded.propose()
    for user in ("UALICE", "UDIRK", "UOUT"):
        assert "1 waiting" in (await answer(guarded, user, "queue"))["text"]
        assert "420.00" in (await answer(guarded, user, f"show {request.id}"))["text"]
    for user in ("UBOB", "UCARA", "UEVE"):
        assert "Nothing waits" in (await answer(guarded, user, "queue"))["text"]
        assert "Nothing waits" in (await answer(guarded, user, "mine"))["text"]
        assert "no request" in (await answer(guarded, user, f"show {request.id}"))["text"]


async def test_home_of_others_stays_empty(guarded: House) -> None:
    await guarded.propose()
    for user, shown in (("UALICE", True), ("UBOB", False)):
        person = guarded.person(user)
        assert await person.open_home()
        assert ("420.00" in str((await until(person.home))["blocks"])) is shown


async def test_others_get_neither_details_nor_a_decision_from_the_card(guarded: House) -> None:
    request = await guarded.propose()
    bob, card = guarded.person("UBOB"), await guarded.card("UBOB", request)
    assert await bob.click(card, MORE, encode_choice("details", ref_of(request)))
    assert "Only reviewers" in (await guarded.ephemerals("UBOB"))[-1]
    for button in (REJECT, APPROVE):
        assert await bob.click(card, button)
        assert "for its own team" in (await guarded.ephemerals("UBOB"))[-1]
    assert not await bob.views()
    assert await guarded.person("UALICE").click(card, APPROVE)
    # What became of it is not theirs to know either.
    assert await bob.click(card, REJECT)
    assert "for its own team" in (await guarded.ephemerals("UBOB"))[-1]
    assert (await guarded.request(request)).status is Status.APPROVED


async def test_an_auditor_looks_and_does_not_decide(guarded: House) -> None:
    request = await guarded.propose()
    assert await guarded.person("UOUT").click(await guarded.card("UOUT", request), APPROVE)
    assert "not a reviewer" in (await guarded.ephemerals("UOUT"))[-1]
    assert (await guarded.request(request)).status is Status.PENDING


async def test_a_team_request_takes_nobodys_place_in_the_queue(guarded: House) -> None:
    await guarded.propose()
    own = await guarded.propose(workflow="support")
    assert "1 waiting" in (await answer(guarded, "UBOB", "queue"))["text"]
    assert "1 waiting" in (await answer(guarded, "UBOB", "mine"))["text"]
    assert "2 waiting" in (await answer(guarded, "UALICE", "mine"))["text"]
    assert "420.00" in (await answer(guarded, "UBOB", f"show {own.id}"))["text"]
