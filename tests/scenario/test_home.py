"""The Home tab: what waits for me is decided there, and it shows what I did."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import URL

from bot.ids import APPROVE, APPROVE_FORM, EDIT, INSTEAD, MORE, REJECT, encode_choice, encode_instead, ref_of
from bot.sandbox.signing import headers
from graph.law.request import Brief, DecisionType, Request, Status
from graph.verbs.stop import Order, stop
from tests.scenario.test_batches import batch_card
from tests.scenario.test_instead import HALF, newest
from tests.scenario.test_looking import answer
from tests.support.batches import confirmations
from tests.support.crowd import crowd
from tests.support.slack import SECRET, House, until

Json = dict[str, Any]


async def opened(door: House, user: str) -> Json:
    """The Home tab of somebody who has just opened it."""
    before = len(await door.sandbox.calls("views.publish"))
    assert await door.person(user).open_home()

    async def published() -> bool:
        return len(await door.sandbox.calls("views.publish")) > before

    await until(published)
    return await fresh(door, user)


async def fresh(door: House, user: str) -> Json:
    """The Home tab as it is shown after what was just done."""
    await door.services.background.drain()
    view = await door.person(user).home()
    assert view is not None
    return view


async def details_of(door: House, view: Json, request: Request) -> Json:
    """Details, opened from the menu of this request's row."""
    opens = encode_choice("details", ref_of(request))
    assert await door.person("UALICE").click(view, MORE, opens, block_id=at(view, request))
    return await door.view("UALICE")


def text_of(view: Json) -> str:
    return str(view["blocks"])


def row_of(view: Json, request: Request) -> list[str]:
    """What the buttons of this request's row say."""
    tail = request.id[-12:]
    found = [b for b in view["blocks"] if b["type"] == "actions" and tail in b["block_id"]]
    return [element["text"]["text"] if "text" in element else "⋯" for block in found for element in block["elements"]]


def at(view: Json, request: Request) -> str:
    """The block that holds this request's buttons."""
    return next(b["block_id"] for b in view["blocks"] if b["type"] == "actions" and request.id[-12:] in b["block_id"])


async def test_approve_on_the_home_tab(door: House) -> None:
    request, other = await door.propose(), await door.propose(order="4712")
    view = await opened(door, "UALICE")
    assert "Waiting for you: 2" in text_of(view)
    assert row_of(view, request) == ["Approve", "Modify…", "Reject…", "⋯"]
    assert await door.person("UALICE").click(view, APPROVE, block_id=at(view, request))
    decision = await door.decision(request)
    assert decision is not None and decision.by == "UALICE" and decision.type is DecisionType.APPROVE
    assert await door.decision(other) is None
    view = await fresh(door, "UALICE")
    assert "Waiting for you: 1" in text_of(view) and not row_of(view, request)
    assert "What you decided" in text_of(view) and "Approved by" in text_of(view)
    assert "Last 7 days: 1 decided" in text_of(view)
    await door.deliver()
    assert APPROVE not in str((await door.card("UBOB", request))["blocks"])


async def test_reject_on_the_home_tab_asks_for_the_reason(door: House) -> None:
    request = await door.propose()
    view = await opened(door, "UALICE")
    assert await door.person("UALICE").click(view, REJECT, block_id=at(view, request))
    form = await door.view("UALICE")
    refused = await door.person("UALICE").submit(form, {"reason": " "}, force=True)
    assert refused.errors and await door.decision(request) is None
    assert await door.person("UALICE").submit(form, {"reason": "another parcel"})
    assert (await door.request(request)).status is Status.REJECTED
    view = await fresh(door, "UALICE")
    assert "Nothing waits for you" in text_of(view) and "another parcel" in text_of(view)


async def test_whatever_a_card_offers_opens_from_the_home_tab(door: House) -> None:
    request = await door.propose()
    view = await opened(door, "UALICE")
    alice = door.person("UALICE")
    for button, choice, callback in (
        (EDIT, None, "gatepost.edit.submit"),
        (MORE, "details", "gatepost.details"),
        (MORE, "ask", "gatepost.ask.submit"),
        (MORE, "respond", "gatepost.respond.submit"),
    ):
        value = encode_choice(choice, ref_of(request)) if choice else None
        assert await alice.click(view, button, value, block_id=at(view, request))
        form = (await until(alice.views))[-1]
        assert form["callback_id"] == callback
        assert await alice.close(form)


async def test_who_looks_at_it_is_seen_there(door: House) -> None:
    request = await door.propose()
    view = await opened(door, "UALICE")
    claims = encode_choice("claim", ref_of(request))
    assert await door.person("UALICE").click(view, MORE, claims, block_id=at(view, request))
    assert "Alice is looking at it" in text_of(await fresh(door, "UALICE"))
    assert "Alice is looking at it" in text_of(await opened(door, "UBOB"))


async def test_another_of_its_ideas_is_chosen_there_in_one_step(door: House) -> None:
    request = await door.propose(brief=Brief(rationale="late", confidence=0.7, alternatives=(HALF,)))
    view = await opened(door, "UALICE")
    menu = next(block["block_id"] for block in view["blocks"] if "instead" in block.get("block_id", ""))
    assert await door.person("UALICE").click(view, INSTEAD, encode_instead(0, ref_of(request)), block_id=menu)
    first, new = await door.decision(request), await newest(door, request)
    assert first is not None and (first.type, first.by) == (DecisionType.EDIT, "UALICE")
    assert (new.args, new.status) == (HALF.args, Status.APPROVED)
    assert "Nothing waits for you" in text_of(await fresh(door, "UALICE"))


async def test_what_needs_a_reason_has_its_form_there_too(door: House) -> None:
    request = await door.propose(amount="6000.00")
    view = await opened(door, "UCARA")
    assert row_of(view, request)[0] == "Approve…"
    assert await door.person("UCARA").click(view, APPROVE_FORM, block_id=at(view, request))
    form = await door.view("UCARA")
    assert await door.person("UCARA").submit(form, {"reason": "checked with the bank"})
    assert (await door.request(request)).status is Status.APPROVED
    assert "Nothing waits for you" in text_of(await fresh(door, "UCARA"))


async def test_a_stale_home_tab_says_who_was_faster(door: House) -> None:
    request = await door.propose()
    view = await opened(door, "UALICE")
    assert await door.person("UBOB").click(await door.card("UBOB", request), APPROVE)
    assert await door.person("UALICE").click(view, APPROVE, block_id=at(view, request))
    await door.services.background.drain()
    said = (await door.person("UALICE").views())[-1]
    assert said["title"]["text"] == "Nothing was decided" and "Already approved by Bob" in str(said["blocks"])
    assert "Nothing waits for you" in text_of(await fresh(door, "UALICE"))
    assert await door.decisions() == 1


async def test_where_no_modal_opens_it_is_said_directly(door: House) -> None:
    request = await door.propose()
    view = await opened(door, "UALICE")
    assert await door.person("UBOB").click(await door.card("UBOB", request), APPROVE)
    await door.sandbox.fault("views.open", "error500")
    assert await door.person("UALICE").click(view, APPROVE, block_id=at(view, request))
    await door.deliver()
    alice = door.person("UALICE")
    assert "Already approved by Bob" in str(await alice.messages(await alice.dm()))


async def test_a_stop_leaves_rejecting_there(door: House) -> None:
    request = await door.propose()
    await stop(door.store, Order(workflow="all", user_id="UEVE", reason="incident 12", via="cli"))
    view = await opened(door, "UALICE")
    assert "Stopped by Eve" in text_of(view) or "incident 12" in text_of(view)
    assert row_of(view, request) == ["Reject…", "⋯"]


@pytest.mark.parametrize("user", ["UOUT", "UGUEST", "UREQ"])
async def test_others_are_shown_nothing_to_decide(door: House, user: str) -> None:
    await door.propose()
    view = await opened(door, user)
    assert "4711" not in text_of(view) and "Nothing waits for you" in text_of(view)


async def test_an_approve_from_a_view_that_is_no_home_tab_counts_for_nothing(door: House) -> None:
    request = await door.propose()
    view = await opened(door, "UALICE")
    details = await details_of(door, view, request)
    row = next(b for b in view["blocks"] if b["type"] == "actions")
    button = next(e for e in row["elements"] if e["action_id"] == APPROVE)
    payload = {
        "type": "block_actions",
        "team": {"id": "THOME"},
        "user": {"id": "UALICE"},
        "container": {"type": "view", "view_id": details["id"]},
        "view": details,
        "trigger_id": "1.2.3",
        "actions": [{"type": "button", "block_id": "b", "action_id": APPROVE, "value": button["value"]}],
    }
    body = urlencode({"payload": json.dumps(payload)}).encode()
    signed = headers(SECRET, int(time.time()), body, "application/x-www-form-urlencoded")
    assert (await door.sandbox.http.post(door.url, content=body, headers=signed)).status_code == 200
    assert await door.decision(request) is None


async def test_a_crowd_fits_on_one_tab(door: House, database: URL) -> None:
    template = await door.propose()
    crowd(database, template.id, 60)
    view = await opened(door, "UALICE")
    assert len(view["blocks"]) <= 100
    rows = [b for b in view["blocks"] if b["type"] == "actions" and "buttons" in b["block_id"]]
    assert len(rows) == 10 and "lists all that wait for you" in text_of(view)


async def test_opened_again_and_again_it_is_published_one_at_a_time(door: House) -> None:
    await door.propose()
    for _ in range(40):
        assert await door.person("UALICE").open_home()

    async def delivered() -> bool:
        return len(await door.sandbox.deliveries("app_home_opened")) >= 40

    async def at_rest() -> bool:
        await door.services.background.drain()
        return not door.services.homes.busy and not door.services.homes.again

    await until(delivered)
    await until(at_rest)
    assert 1 <= len(await door.sandbox.calls("views.publish")) <= 30


async def test_what_is_on_one_card_with_others_says_so_and_leads_there(door: House) -> None:
    alone = await door.propose()
    asked = await confirmations(door.store, 4)
    card = await batch_card(door)
    await door.sql("update workspaces set url = 'https://home.slack.test/'")
    view = await opened(door, "UALICE")
    place = card["ts"].replace(".", "")
    for request in [alone, *asked]:
        said = facts_of(view, request)
        assert ("one of 4 similar on one card" in said) == (request in asked), said
        assert (f"/p{place}|" in said) == (request in asked), said
    said = str((await answer(door, "UALICE", f"show {asked[0].id}"))["blocks"])
    assert "decide on the card of 4 similar requests" in said and f"/p{place}|" in said
    said = str((await answer(door, "UALICE", f"show {alone.id}"))["blocks"])
    assert "decide on its card in the review channel" in said


def facts_of(view: Json, request: Request) -> str:
    """The line above this row's buttons."""
    place = next(n for n, block in enumerate(view["blocks"]) if block.get("block_id") == at(view, request))
    return str(view["blocks"][place - 1])


async def test_a_flood_of_clicks_is_told_there(door: House) -> None:
    request = await door.propose()
    view = await opened(door, "UALICE")
    door.services.flood.most, door.services.flood.seconds = 1, 3600.0
    alice = door.person("UALICE")
    assert await alice.close(await details_of(door, view, request))
    opens = encode_choice("details", ref_of(request))
    assert await alice.click(await fresh(door, "UALICE"), MORE, opens, block_id=at(view, request))
    said = await door.view("UALICE")
    assert said.get("callback_id") != "gatepost.details" and "That was a lot at once" in str(said["blocks"])
