"""Another of the agent's ideas, chosen in one step in the card's menu."""

from dataclasses import replace
from typing import Any, Final

from bot.cards.samples import CREDIT
from bot.ids import INSTEAD, INSTEAD_NONE, encode_instead, ref_of
from graph.law.request import Alternative, Brief, DecisionType, Request, Risk, Status
from tests.support.db import DEFAULT_POLICY
from tests.support.slack import House, woken

RISKY: Final = replace(CREDIT, impact=Risk.HIGH)
HALF: Final = Alternative(title="half", type="credit", args={"order": "4711", "amount": "20.00"}, nature=CREDIT)
MORE: Final = Alternative(title="more", type="credit", args={"order": "4711", "amount": "700.00"}, nature=RISKY)
LONG: Final = Alternative(title="far", type="credit", args={"order": "4" * 80, "amount": "20.00"}, nature=CREDIT)
UNSAID: Final = Alternative(
    title="with a note",
    type="credit",
    args={"order": "4711", "amount": "20.00", "note": "wire it abroad"},
    nature=CREDIT,
)


async def ask(door: House, *others: Alternative) -> tuple[Request, dict[str, Any]]:
    request = await door.propose(brief=Brief(rationale="late", confidence=0.7, alternatives=others))
    return request, await door.card("UALICE", request)


async def newest(door: House, request: Request) -> Request:
    async with door.store.begin() as tx:
        found = await tx.requests.of_turn(request.run_id, request.turn)
    assert found is not None
    return found


async def test_one_choice_decides_what_the_menu_said_whole(door: House) -> None:
    request, card = await ask(door, HALF)
    alice = door.person("UALICE")
    assert await alice.click(card, INSTEAD, encode_instead(0, ref_of(request)))
    # Nothing has run since: the choice was durable before it was answered.
    first, new = await door.decision(request), await newest(door, request)
    assert first is not None and (first.type, first.by) == (DecisionType.EDIT, "UALICE")
    assert (new.action_type, new.args, new.status) == ("credit", HALF.args, Status.APPROVED)
    second = await door.decision(new)
    assert second is not None and second.digest == new.digest
    assert await woken(door.store, request)
    assert not await alice.views()


async def test_what_the_menu_could_not_say_whole_opens_the_form_with_it_chosen(door: House) -> None:
    for place, other in enumerate((LONG, UNSAID)):
        request, card = await ask(door, LONG, UNSAID)
        assert await door.person("UALICE").click(card, INSTEAD, encode_instead(place, ref_of(request)))
        view = await door.view("UALICE")
        (chosen,) = [
            block["element"]["initial_option"] for block in view["blocks"] if block.get("block_id") == "instead"
        ]
        assert chosen["value"] == str(place)
        assert str(other.args["order"]) in str(view["blocks"])
        assert (await door.request(request)).status is Status.PENDING
        await door.person("UALICE").close(view)


async def test_what_comes_to_high_risk_asks_for_its_reason(door: House) -> None:
    request, card = await ask(door, MORE)
    alice = door.person("UALICE")
    assert await alice.click(card, INSTEAD, encode_instead(0, ref_of(request)))
    assert (await door.request(request)).status is Status.PENDING
    view = await door.view("UALICE")
    assert await alice.submit(view, {"instead": "0", "reason": "she was promised that"})
    new = await newest(door, request)
    decision = await door.decision(new)
    assert decision is not None and (new.args, decision.reason) == (MORE.args, "she was promised that")


async def test_none_of_them_is_a_no_that_says_why(door: House) -> None:
    request, card = await ask(door, HALF)
    alice = door.person("UALICE")
    assert await alice.click(card, INSTEAD, encode_instead(INSTEAD_NONE, ref_of(request)))
    assert await alice.submit(await door.view("UALICE"), {"reason": "neither will do"})
    decision = await door.decision(request)
    assert decision is not None and (decision.type, decision.reason) == (DecisionType.REJECT, "neither will do")


async def test_who_may_not_decide_chooses_nothing_and_hears_why(door: House) -> None:
    request, card = await ask(door, HALF)
    assert await door.person("UREQ").click(card, INSTEAD, encode_instead(0, ref_of(request)))
    assert "You asked for this yourself" in (await door.ephemerals("UREQ", "CTIER1"))[-1]
    assert (await door.request(request)).status is Status.PENDING


async def test_what_policy_forbids_says_so_and_opens_nothing(door: House) -> None:
    rule = '\n[[rules]]\nname = "no-credit"\nbasis = "it was lost"\nactions = ["payments.credit"]\nthen = "reject"\n'
    async with door.store.begin() as tx:
        await tx.policies.apply(DEFAULT_POLICY.read_text() + rule, "test")
    request, card = await ask(door, HALF)
    alice = door.person("UALICE")
    assert await alice.click(card, INSTEAD, encode_instead(0, ref_of(request)))
    assert "Policy forbids this" in (await door.ephemerals("UALICE", "CTIER1"))[-1]
    assert not await alice.views()
    assert (await door.request(request)).status is Status.PENDING


async def test_whoever_comes_second_hears_who_was_faster(door: House) -> None:
    request, card = await ask(door, HALF)
    value = encode_instead(0, ref_of(request))
    assert await door.person("UALICE").click(card, INSTEAD, value)
    assert await door.person("UBOB").click(card, INSTEAD, value)
    assert "by Alice" in (await door.ephemerals("UBOB", "CTIER1"))[-1]


async def test_the_menu_is_drawn_afresh_so_that_the_same_choice_can_be_made_again(door: House) -> None:
    request, card = await ask(door, LONG)
    alice = door.person("UALICE")
    assert await alice.click(card, INSTEAD, encode_instead(0, ref_of(request)))
    await alice.close(await door.view("UALICE"))
    await door.deliver()
    again = await door.card("UALICE", request)
    rows = [[block["block_id"] for block in each["blocks"] if block["type"] == "actions"] for each in (card, again)]
    assert rows[0][1] != rows[1][1]
