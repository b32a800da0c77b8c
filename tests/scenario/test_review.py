"""One card, one person: approve, modify, reject, take over, look into it."""

from bot.cards.samples import CREDIT
from bot.ids import APPROVE, APPROVE_FORM, EDIT, MORE, REJECT, encode_choice, ref_of
from graph.law.request import Alternative, Brief, DecisionType, Request, Status
from tests.support.slack import House, woken


def texts(message: dict) -> str:
    return str(message["blocks"])


async def test_one_click_approves_before_the_answer_and_the_card_says_who(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    assert "420.00" in texts(card)
    assert await door.person("UALICE").click(card, APPROVE)
    # No tick has run since: the click itself was durable before it was answered.
    decision = await door.decision(request)
    assert decision is not None
    assert (decision.type, decision.by, decision.via) == (DecisionType.APPROVE, "UALICE", "slack")
    assert await woken(door.store, request)
    await door.deliver()
    card = await door.card("UALICE", request)
    assert "Approved by" in texts(card) and "Alice" in texts(card)
    assert not any(block["type"] == "actions" for block in card["blocks"])


async def test_reject_needs_a_reason_and_tells_the_requester(door: House) -> None:
    request = await door.propose()
    bob = door.person("UBOB")
    assert await bob.click(await door.card("UBOB", request), REJECT)
    view = await door.view("UBOB")
    refused = await bob.submit(view, {"reason": "  \u200b "}, force=True)
    assert set(refused.errors) == {"reason"}
    assert await bob.submit(view, {"reason": "duplicate order"})
    assert not await bob.views()
    decision = await door.decision(request)
    assert decision and (decision.type, decision.reason) == (DecisionType.REJECT, "duplicate order")
    await door.deliver()
    remy = door.person("UREQ")
    told = await remy.see(await remy.dm(), lambda m: "duplicate order" in m["text"])
    assert "Rejected by" in told["text"]


async def test_modify_binds_the_new_amount_and_keeps_the_old_request(door: House) -> None:
    request = await door.propose()
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), EDIT)
    view = await door.view("UALICE")
    wrong = await alice.submit(view, {"arg.amount": "400,00", "reason": "too much"})
    assert set(wrong.errors) == {"arg.amount"}
    assert await alice.submit(view, {"arg.amount": "400.00", "reason": "too much"})
    old = await door.request(request)
    assert old.status is Status.MODIFIED
    new = await _next(door, request)
    assert (new.args["amount"], new.status, new.parent_id) == ("400.00", Status.APPROVED, request.id)
    assert await woken(door.store, request)


async def test_an_edit_beyond_the_editors_tier_waits_for_that_tier(door: House) -> None:
    request = await door.propose()
    alice = door.person("UALICE")
    await alice.click(await door.card("UALICE", request), EDIT)
    assert await alice.submit(await door.view("UALICE"), {"arg.amount": "6000.00", "reason": "they lost more"})
    new = await _next(door, request)
    assert (new.status, new.tier) == (Status.PENDING, 2)
    await door.deliver()
    card = await door.card("UCARA", new)
    assert "6,000.00" in texts(card)
    assert "changed by Alice; needs tier 2" in texts(card) and "High risk" in texts(card)
    assert not await woken(door.store, request)


async def test_take_over_answers_in_the_agents_place(door: House) -> None:
    request = await door.propose()
    alice = door.person("UALICE")
    card = await door.card("UALICE", request)
    assert await alice.click(card, MORE, encode_choice("respond", ref_of(request)))
    assert await alice.submit(await door.view("UALICE"), {"reason": "I refunded it by hand"})
    assert (await door.request(request)).status is Status.HANDLED


async def test_details_show_everything_and_decide_nothing(door: House) -> None:
    request = await door.propose()
    alice = door.person("UALICE")
    card = await door.card("UALICE", request)
    assert await alice.click(card, MORE, encode_choice("details", ref_of(request)))
    view = await door.view("UALICE")
    assert request.digest in str(view["blocks"]) and view["submit"] is None
    assert (await door.request(request)).status is Status.PENDING


async def test_approving_at_high_risk_takes_a_reason(door: House) -> None:
    request = await door.propose(amount="6000.00")
    cara, card = door.person("UCARA"), await door.card("UCARA", request)
    assert "Approve…" in texts(card) and "rule payment" not in texts(card)
    assert await cara.click(card, APPROVE_FORM)
    view = await door.view("UCARA")
    assert "6,000.00 EUR" in str(view["blocks"])
    assert set((await cara.submit(view, {"reason": "ok"}, force=True)).errors) == {"reason"}
    assert await cara.submit(view, {"reason": "the order is insured"})
    decision = await door.decision(request)
    assert decision is not None
    assert (decision.type, decision.reason) == (DecisionType.APPROVE, "the order is insured")
    await door.deliver()
    assert "the order is insured" in texts(await door.card("UCARA", request))


async def test_who_may_not_approve_sees_no_form(door: House) -> None:
    request = await door.propose(amount="6000.00")
    card = await door.card("UREQ", request)
    assert await door.person("UREQ").click(card, APPROVE_FORM)
    assert "You asked for this yourself" in (await door.ephemerals("UREQ", "CTIER2"))[-1]
    assert await door.person("UALICE").click(card, APPROVE_FORM)
    assert "not a reviewer of tier 2" in (await door.ephemerals("UALICE", "CTIER2"))[-1]
    assert not await door.person("UREQ").views() and not await door.person("UALICE").views()


async def test_an_alternative_is_chosen_by_its_letter(door: House) -> None:
    less = Alternative(title="half", type="credit", args={"order": "4711", "amount": "20.00"}, nature=CREDIT)
    request = await door.propose(brief=Brief(rationale="late", confidence=0.7, alternatives=(less,)))
    alice = door.person("UALICE")
    assert await alice.click(await door.card("UALICE", request), EDIT)
    view = await door.view("UALICE")
    both = await alice.submit(view, {"instead": "0", "arg.amount": "400.00", "reason": "she likes credit"})
    assert set(both.errors) == {"instead"}
    assert await alice.submit(view, {"instead": "0", "arg.amount": "420.00", "reason": "she likes credit"})
    assert (await door.request(request)).status is Status.MODIFIED
    new = await _next(door, request)
    assert (new.action_type, new.args, new.status) == ("credit", less.args, Status.APPROVED)


async def _next(door: House, request: Request) -> Request:
    async with door.store.begin() as tx:
        found = await tx.requests.of_turn(request.run_id, request.turn)
    assert found is not None
    return found
