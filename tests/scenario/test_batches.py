"""A batch through the whole door: one card, one click for 47, all but two, and everybody is told what became of it."""

import time
from typing import Any

from bot.ids import BATCH_APPROVE, BATCH_BUT, BATCH_DETAILS, BATCH_REJECT, BATCH_SINGLY
from graph.law.request import Request, Status
from tests.support.batches import CONFIRM, args_of, confirmations, statuses
from tests.support.slack import House, pending, until


async def batch_card(door: House, user: str = "UALICE", channel: str = "CTIER1") -> dict[str, Any]:
    """The card of the one batch as it is now, as this person sees it."""

    async def shown() -> bool:
        await door.deliver()
        async with door.store.engine.connect() as connection:
            query = "select count(*) from cards where batch_id is not null and shown = wanted"
            return bool((await connection.exec_driver_sql(query)).scalar_one())

    await until(shown)
    return await door.person(user).see(channel, lambda m: "×" in m["text"] and m["blocks"][0]["type"] == "header")


async def own_cards(door: House, requests: list[Request]) -> int:
    """How many of these have a card of their own on the screen."""
    async with door.store.begin() as tx:
        cards = [card for request in requests for card in await tx.cards.of_request(request.id)]
    return sum(card.ts is not None for card in cards)


async def test_forty_seven_alike_and_one_odd_are_two_cards_and_two_clicks(door: House) -> None:
    asked = await confirmations(door.store, 47)
    odd = await pending(door.store, form=CONFIRM, args=args_of(99, template="urgent"))
    card = await batch_card(door)
    assert card["text"].startswith("47 × Send an order confirmation? Total 2,474.50 EUR")
    assert "1 kept out: template urgent, the others: standard" in card["text"]
    assert [b["text"]["text"] for b in card["blocks"][-2]["elements"]] == [
        *("Approve all 47", "All but…", "Reject all…", "Review one by one")
    ]
    assert await own_cards(door, asked) == 0
    own = await door.card("UALICE", odd)
    assert "Kept out of the batch of 47: template urgent" in own["text"]
    started = time.monotonic()
    assert await door.person("UALICE").click(card, BATCH_APPROVE)
    assert time.monotonic() - started < 2.4
    # Durable before the answer: no tick has run since.
    assert await statuses(door.store, asked) == [Status.APPROVED] * 47
    assert (await door.request(odd)).status is Status.PENDING
    card = await batch_card(door)
    assert "✅ 47 approved by Alice. 47 not done yet." in card["text"]
    assert not any("Approve" in str(block) for block in card["blocks"] if block["type"] == "actions")
    assert not await door.ephemerals("UALICE")
    posts = [call for call in await door.sandbox.calls("chat.postMessage") if call["status"] == 200]
    assert len([post for post in posts if "Send the confirmation" in str(post)]) == 2


async def test_all_but_two_of_forty_seven(door: House) -> None:
    asked = await confirmations(door.store, 47)
    card = await batch_card(door)
    alice = door.person("UALICE")
    assert await alice.click(card, BATCH_BUT)
    view = await door.view("UALICE")
    assert "1. Send the confirmation of order" in str(view["blocks"])
    assert set((await alice.submit(view, {"but": [], "then": "alone", "reason": ""}, force=True)).errors) == {"but"}
    assert await alice.submit(view, {"but": ["3", "40"], "then": "alone", "reason": ""})
    ends = await statuses(door.store, asked)
    assert (ends.count(Status.APPROVED), ends.count(Status.PENDING)) == (45, 2)
    await door.deliver()
    waiting = [request for request, end in zip(asked, ends, strict=True) if end is Status.PENDING]
    assert await own_cards(door, waiting) == 2
    assert "45 approved by Alice" in (await batch_card(door))["text"]
    # Each is an ordinary card again.
    assert await alice.click(await door.card("UALICE", waiting[0]), "gatepost.approve")
    assert (await door.request(waiting[0])).status is Status.APPROVED


async def test_all_but_one_which_is_rejected_and_its_requester_told(door: House) -> None:
    asked = await confirmations(door.store, 4)
    alice = door.person("UALICE")
    assert await alice.click(await batch_card(door), BATCH_BUT)
    view = await door.view("UALICE")
    missing = await alice.submit(view, {"but": ["2"], "then": "reject", "reason": ""}, force=True)
    assert set(missing.errors) == {"reason"}
    assert await alice.submit(view, {"but": ["2"], "then": "reject", "reason": "doubled by mistake"})
    ends = await statuses(door.store, asked)
    assert (ends.count(Status.APPROVED), ends.count(Status.REJECTED)) == (3, 1)
    await door.deliver()
    remy = door.person("UREQ")
    told = await remy.see(await remy.dm(), lambda m: "doubled by mistake" in m["text"])
    assert "Rejected by" in told["text"]


async def test_reject_all_asks_for_a_reason(door: House) -> None:
    asked = await confirmations(door.store, 3)
    bob = door.person("UBOB")
    assert await bob.click(await batch_card(door, "UBOB"), BATCH_REJECT)
    view = await door.view("UBOB")
    assert set((await bob.submit(view, {"reason": " "}, force=True)).errors) == {"reason"}
    assert await bob.submit(view, {"reason": "the shop is closed"})
    assert await statuses(door.store, asked) == [Status.REJECTED] * 3
    assert "⛔ 3 rejected by Bob" in (await batch_card(door))["text"]


async def test_review_one_by_one_gives_each_its_card(door: House) -> None:
    asked = await confirmations(door.store, 3)
    assert await door.person("UBOB").click(await batch_card(door, "UBOB"), BATCH_SINGLY)
    await door.deliver()
    assert await own_cards(door, asked) == 3
    assert "3 left it: looked at one by one" in (await batch_card(door))["text"]
    for request in asked:
        assert await door.person("UALICE").click(await door.card("UALICE", request), "gatepost.approve")
    assert await statuses(door.store, asked) == [Status.APPROVED] * 3


async def test_two_people_on_one_batch(door: House) -> None:
    asked = await confirmations(door.store, 3)
    card = await batch_card(door)
    assert await door.person("UBOB").click(card, BATCH_APPROVE)
    assert await door.person("UALICE").click(card, BATCH_APPROVE)
    assert "3 already approved by Bob" in (await door.ephemerals("UALICE"))[-1]
    assert await door.decisions() == len(asked)


async def test_ones_own_is_left_and_said_so(door: House) -> None:
    own = await confirmations(door.store, 1, requester="UALICE")
    others = await confirmations(door.store, 3, first=1)
    assert await door.person("UALICE").click(await batch_card(door), BATCH_APPROVE)
    assert await statuses(door.store, [*own, *others]) == [Status.PENDING] + [Status.APPROVED] * 3
    assert "3 decided. 1 not: You asked for this yourself" in (await door.ephemerals("UALICE"))[-1]
    card = await batch_card(door)
    assert "1 × Send an order confirmation?" in card["text"]
    assert await door.person("UBOB").click(card, BATCH_APPROVE)
    assert await statuses(door.store, own) == [Status.APPROVED]


async def test_those_posted_before_lose_their_buttons_to_the_batch(door: House) -> None:
    first = [await door.propose(form=CONFIRM, args=args_of(n)) for n in range(2)]
    assert await own_cards(door, first) == 2
    await confirmations(door.store, 1, first=2)
    card = await batch_card(door)
    assert card["text"].startswith("3 ×")
    own = await door.card("UALICE", first[0])
    assert "on the card of similar requests" in own["text"]
    assert not any(block["type"] == "actions" for block in own["blocks"])
    assert await door.person("UALICE").click(card, BATCH_APPROVE)
    await door.deliver()
    assert "Approved by" in str((await door.card("UALICE", first[0]))["blocks"])


async def test_details_list_every_item_with_its_outcome(door: House) -> None:
    asked = await confirmations(door.store, 3)
    assert await door.person("UALICE").click(await batch_card(door), BATCH_APPROVE)
    assert await door.person("UBOB").click(await batch_card(door, "UBOB"), BATCH_DETAILS)
    shown = str((await door.view("UBOB"))["blocks"])
    assert all(request.id in shown for request in asked) and "approved by Alice, not done yet" in shown
    assert await door.person("UOUT").click(await batch_card(door), BATCH_DETAILS, force=True)
    assert "Only reviewers" in (await door.ephemerals("UOUT"))[-1]


async def test_a_broken_button(door: House) -> None:
    asked = await confirmations(door.store, 3)
    card = await batch_card(door)
    assert await door.person("UALICE").click(card, BATCH_APPROVE, "bat_x.1.1.nonsense", force=True)
    assert "not valid any more" in (await door.ephemerals("UALICE"))[-1]
    assert await statuses(door.store, asked) == [Status.PENDING] * 3
