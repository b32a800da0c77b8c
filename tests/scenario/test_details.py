"""Details on the screen: the run's record beside the agent's account, and a conversation turned page by page."""

from dataclasses import replace
from typing import Any

from bot.ids import CHOICE_DETAILS, MORE, encode_choice, encode_page, ref_of
from graph.law.request import Brief, DecisionType, Request
from graph.verbs.decide import Answer, decide
from tests.support.slack import House, until

TURNS = [{"from": "customer" if n % 2 else "support", "text": f"Turn {n}. " + f"w{n} " * 500} for n in range(1, 501)]
TALK = Brief(rationale="It came late.", confidence=0.72, context={"goal": "Settle it.", "conversation": TURNS})
SHORT = replace(TALK, context={"conversation": TURNS[:30]})


async def opened(door: House, user: str, request: Request) -> dict[str, Any]:
    """Details, opened from the card's menu."""
    card = await door.card(user, request)
    assert await door.person(user).click(card, MORE, encode_choice(CHOICE_DETAILS, ref_of(request)))
    return await door.view(user)


async def turned(door: House, user: str, view: dict[str, Any], way: str) -> dict[str, Any]:
    """The same modal after a click on one of its buttons."""
    assert await door.person(user).click(view, f"gatepost.turns.{way}")
    return dict(await until(lambda: _other(door, user, view)))


async def _other(door: House, user: str, view: dict[str, Any]) -> dict[str, Any] | None:
    [now] = await door.person(user).views()
    return now if now["hash"] != view["hash"] else None


def heading(view: dict[str, Any]) -> str:
    return next(b["text"]["text"] for b in view["blocks"] if b["type"] == "header" and "Conversation" in str(b["text"]))


async def test_five_hundred_turns_are_kept_whole_and_turned_page_by_page(door: House) -> None:
    request = await door.propose(brief=TALK)
    assert (await door.request(request)).brief.context["conversation"] == TURNS
    view = await opened(door, "UALICE", request)
    assert heading(view).endswith("last 10 of 500 turns")
    assert "Turn 491." in str(view["blocks"]) and "Turn 490." not in str(view["blocks"])
    earlier = await turned(door, "UALICE", view, "earlier")
    assert earlier["id"] == view["id"] and heading(earlier).endswith("turns 481 to 490 of 500 turns")
    first = await turned(door, "UALICE", earlier, "first")
    assert "Turn 1. w1 w1" in str(first["blocks"]) and heading(first).endswith("turns 1 to 10 of 500 turns")
    later = await turned(door, "UALICE", first, "later")
    assert heading(later).endswith("turns 11 to 20 of 500 turns")
    assert heading(await turned(door, "UALICE", later, "last")) == heading(view)


async def test_what_is_approved_after_turning_pages_is_still_what_was_opened(door: House) -> None:
    long = {"order": "4711", "amount": "420.00", "currency": "EUR", "note": "n" * 2000}
    request = await door.propose(brief=SHORT, args=long)
    assert await door.person("UALICE").click(await door.card("UALICE", request), "gatepost.read")
    view = await turned(door, "UALICE", await door.view("UALICE"), "earlier")
    assert view["private_metadata"] and view["submit"]["text"] == "Approve"
    assert await door.person("UALICE").submit(view)
    decision = await door.decision(request)
    assert decision is not None and (decision.type, decision.by) == (DecisionType.APPROVE, "UALICE")


async def test_a_click_that_comes_twice_turns_one_page(door: House) -> None:
    request = await door.propose(brief=SHORT)
    view = await opened(door, "UALICE", request)
    await door.sandbox.fault("deliver", "duplicate_delivery")
    turned_to = await turned(door, "UALICE", view, "earlier")
    assert heading(turned_to).endswith("turns 11 to 20 of 30 turns")
    assert await door.ephemerals("UALICE") == []
    sent = await door.sandbox.calls("views.update")
    assert [call["answer"].get("error") for call in sent] == [None, "hash_conflict"]
    assert [now["hash"] for now in await door.person("UALICE").views()] == [turned_to["hash"]]


async def test_a_page_that_slack_does_not_turn_is_told(door: House) -> None:
    request = await door.propose(brief=SHORT)
    view = await opened(door, "UALICE", request)
    await door.sandbox.fault("views.update", "error500")
    assert await door.person("UALICE").click(view, "gatepost.turns.earlier")
    assert "could not be turned" in (await door.ephemerals("UALICE"))[-1]


async def test_forged_pages_and_strangers_get_nothing(door: House) -> None:
    request, other = await door.propose(brief=SHORT), await door.propose(order="4712", brief=SHORT)
    view = await opened(door, "UALICE", request)
    alice = door.person("UALICE")
    forgeries = ("1", "-1|x", encode_page(1, ref_of(other)), "9" * 300)
    for count, value in enumerate(forgeries, 1):
        assert await alice.click(view, "gatepost.turns.earlier", value, force=True)
        told = await door.ephemerals("UALICE")
        assert len(told) == count and "not valid any more" in told[-1]
    [now] = await alice.views()
    assert now["hash"] == view["hash"]
    await door.sql("update people set active = false where user_id = 'UALICE'")
    assert await alice.click(view, "gatepost.turns.earlier")
    assert "Only reviewers" in (await door.ephemerals("UALICE"))[-1]


async def test_the_runs_record_and_earlier_decisions_are_shown(door: House) -> None:
    before = await door.propose()
    await decide(
        door.store,
        Answer(
            request_id=before.id, type=DecisionType.REJECT, user_id="UALICE", digest=before.digest, via="slack",
            version=before.version, reason="not without the photos",
        ),
    )  # fmt: skip
    await door.sql(f"update requests set target = '4711' where id = '{before.id}'")
    request = await door.propose(brief=SHORT, target="4711")
    shown = str((await opened(door, "UALICE", request))["blocks"])
    assert "Earlier decisions on the same thing" in shown
    assert "Rejected by Alice" in shown and "not without the photos" in shown
