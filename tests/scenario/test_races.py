"""Two people, one click twice, late and lost: one decision, and whoever lost is told who won."""

import asyncio

from bot.ids import APPROVE, EDIT, REJECT
from graph.law.request import DecisionType, Status
from tests.support.slack import House, until


async def test_two_reviewers_at_once_and_the_loser_is_told_who_won(door: House) -> None:
    for _ in range(5):
        request = await door.propose()
        card = await door.card("UALICE", request)
        clicks = (door.person(user).click(card, APPROVE) for user in ("UALICE", "UBOB"))
        assert all(await asyncio.gather(*clicks))
        decision = await door.decision(request)
        assert decision is not None
        winner, loser = ("Alice", "UBOB") if decision.by == "UALICE" else ("Bob", "UALICE")
        told = await door.ephemerals(loser)
        assert f"Already approved by {winner}" in told[-1]
    assert await door.decisions() == 5


async def test_a_duplicate_delivery_decides_once_and_says_so_once(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await door.sandbox.fault("deliver", "duplicate_delivery", only="block_actions")
    assert await door.person("UALICE").click(card, APPROVE)
    assert await door.decisions() == 1
    assert len(await door.ephemerals("UALICE")) == 1


async def test_a_click_that_comes_late_finds_the_request_decided(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await door.sandbox.fault("deliver", "reorder", only="block_actions")
    late = asyncio.create_task(door.person("UALICE").click(card, APPROVE))
    world = door.sandbox.workspace
    assert world is not None
    await until(lambda: world.deliver.holding)
    assert await door.person("UBOB").click(card, APPROVE)
    await late
    decision = await door.decision(request)
    assert decision is not None and decision.by == "UBOB"
    assert "Already approved by Bob" in (await door.ephemerals("UALICE"))[-1]


async def test_when_the_answer_is_lost_the_second_click_says_it_counted(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await door.sandbox.fault("deliver", "lost_answer", only="block_actions")
    assert not await door.person("UALICE").click(card, APPROVE)
    assert await door.decisions() == 1
    assert await door.person("UALICE").click(card, APPROVE)
    assert "Already approved by you" in (await door.ephemerals("UALICE"))[-1]


async def test_a_form_sent_after_the_decision_says_so_in_the_form(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await door.person("UALICE").click(card, REJECT)
    view = await door.view("UALICE")
    assert await door.person("UBOB").click(card, APPROVE)
    refused = await door.person("UALICE").submit(view, {"reason": "too late for this"})
    assert refused.errors["reason"].startswith("Already approved by Bob")
    # And a form opened on the old card is not even shown.
    await door.person("UALICE").close(view)
    assert await door.person("UALICE").click(card, EDIT)
    assert "Already approved by Bob" in (await door.ephemerals("UALICE"))[-1]
    assert not await door.person("UALICE").views()


async def test_two_persons_must_agree(door: House) -> None:
    request = await door.propose(amount="75000.00")
    assert await door.approve("UDIRK", request, "I know the customer")
    await door.deliver()
    assert "1 of 2 approvals" in str((await door.card("UEVE", request))["blocks"])
    # The second account of the same human is not a second human.
    assert "another person" in (await door.approve("UDIRK2", request)).errors["reason"]
    assert (await door.request(request)).status is Status.PENDING
    assert await door.approve("UEVE", request, "the contract says so")
    assert (await door.request(request)).status is Status.APPROVED
    async with door.store.begin() as tx:
        votes = await tx.requests.votes(request.id, request.digest)
    assert {vote.reason for vote in votes} == {"I know the customer", "the contract says so"}


async def test_who_may_not_is_told_and_nobody_else_is(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    for user, words in (
        ("UOUT", "not a reviewer"),
        ("UREQ", "You asked for this yourself"),
        ("UGUEST", "Guests can't decide here"),
    ):
        assert await door.person(user).click(card, APPROVE)
        assert words in (await door.ephemerals(user))[-1]
        assert await door.person(user).click(card, REJECT)
        assert not await door.person(user).views()
    assert await door.decisions() == 0


async def test_a_cut_off_card_is_approved_from_its_details(door: House) -> None:
    args = {"order": "x" * 40, "amount": "10.00", "currency": "EUR", "note": "word " * 200}
    request = await door.propose(args=args)
    alice = door.person("UALICE")
    card = await door.card("UALICE", request)
    assert APPROVE not in str(card["blocks"])
    await alice.click(card, "gatepost.read")
    view = await door.view("UALICE")
    assert await alice.submit(view)
    decision = await door.decision(request)
    assert decision is not None and decision.type is DecisionType.APPROVE


async def test_a_cut_off_card_at_high_risk_needs_a_reason_in_its_details(door: House) -> None:
    args = {"order": "x" * 40, "amount": "6000.00", "currency": "EUR", "note": "word " * 200}
    request = await door.propose(args=args)
    cara = door.person("UCARA")
    await cara.click(await door.card("UCARA", request), "gatepost.read")
    view = await door.view("UCARA")
    refused = await cara.submit(view, {"reason": "\u200b"}, force=True)
    assert set(refused.errors) == {"reason"}
    assert (await door.request(request)).status is Status.PENDING
    assert await cara.submit(view, {"reason": "read it all"})
    decision = await door.decision(request)
    assert decision is not None and decision.reason == "read it all"
