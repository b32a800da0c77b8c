"""`/approvals away`: what is said and heard in Slack, and what the card shows of it."""

import pytest

from tests.scenario.test_looking import answer
from tests.support.slack import House


async def test_away_with_a_deputy_and_back(door: House) -> None:
    assert "You are not away" in (await answer(door, "UALICE", "away"))["text"]
    said = (await answer(door, "UALICE", "away until Monday for <@UCARA|cara>"))["text"]
    assert said.startswith("You are away until Mon ")
    assert "00:00 UTC" in said
    assert "stands in for you" in said
    assert "stands in for you" in (await answer(door, "UALICE", "away"))["text"]
    assert "You are back." in (await answer(door, "UALICE", "away back"))["text"]
    assert "You weren't away" in (await answer(door, "UALICE", "away back"))["text"]
    assert [event for event in await door.audit() if event.startswith("away")] == ["away", "away_ended"]


async def test_the_card_says_who_stands_in_and_for_whom_was_decided(door: House) -> None:
    await answer(door, "UALICE", "away 3d for <@UCARA>")
    request = await door.propose()
    card = await door.card("UBOB", request)
    assert "stands in for" in card["text"]
    assert "stands in for" in str(card["blocks"])
    assert await door.person("UCARA").click(card, "gatepost.approve", force=True)
    await door.deliver()
    decision = await door.decision(request)
    assert decision is not None
    assert (decision.by, decision.acting_for) == ("UCARA", "UALICE")
    card = await door.card("UBOB", request)
    assert "(for " in card["text"]


async def test_the_deputy_is_told(door: House) -> None:
    await answer(door, "UALICE", "away 3d for <@UBOB>")
    await door.deliver()
    bob = door.person("UBOB")
    assert await bob.see(await bob.dm(), lambda message: "you stand in for them" in message["text"])


@pytest.mark.parametrize("deputy", ["UEXT", "UGUEST", "UBOTX", "UNOBODY", "UOUT"])
async def test_own_reviews_are_not_handed_out_of_the_house(door: House, deputy: str) -> None:
    """SC-12."""
    said = (await answer(door, "UALICE", f"delegate <@{deputy}> 7d"))["text"]
    assert "Nothing was changed" in said
    assert "You are not away" in (await answer(door, "UALICE", "away"))["text"]
    assert "away_denied" in await door.audit()
    assert await door.decisions() == 0


async def test_the_requester_may_be_a_deputy_and_still_decides_nothing_of_their_own(door: House) -> None:
    """SC-13."""
    request = await door.propose()
    said = (await answer(door, "UALICE", "delegate <@UREQ> 7d"))["text"]
    assert "stands in for you" in said
    assert await door.person("UREQ").click(await door.card("UREQ", request), "gatepost.approve", force=True)
    assert (await door.request(request)).status == "pending"
    assert await door.decisions() == 0
    assert await door.approved() == 0


@pytest.mark.parametrize(
    "text",
    [
        "away until Monday for @cara",
        "away until Monday for <@UCARA> <@UBOB>",
        "away for <@UCARA>",
        "away someday",
        "away 91d",
        "away until 2020-01-01",
        "away until \u202eMonday",
        "away " + "x" * 3000,
        "delegate <@UCARA>",
        "delegate",
        "delegate 7d",
        "delegate <!channel> 7d",
    ],
)
async def test_what_is_not_understood_changes_nothing(door: House, text: str) -> None:
    said = (await answer(door, "UALICE", text))["text"]
    assert "Nothing was changed" in said
    assert "away" not in await door.audit()
