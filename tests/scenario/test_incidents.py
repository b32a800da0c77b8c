"""The message shortcut: an incident is reported on a decided card, written down, and told to operators."""

import json
import time
from typing import Any
from urllib.parse import urlencode

from bot.ids import APPROVE, BATCH_APPROVE, BATCH_BUT, INCIDENT
from bot.sandbox.signing import headers
from graph.law.request import Request
from graph.verbs.ports import Incident
from tests.scenario.test_batches import batch_card
from tests.scenario.test_looking import answer
from tests.support.batches import confirmations
from tests.support.slack import SECRET, House, until

WHAT = "The customer had been refunded already, see ticket 8812."


async def approved(door: House) -> tuple[Request, dict[str, Any]]:
    """A decided request, and its card."""
    request = await door.propose()
    assert await door.person("UALICE").click(await door.card("UALICE", request), APPROVE)
    await door.deliver()
    return request, await door.card("UBOB", request)


async def reported(door: House, request: Request) -> list[Incident]:
    async with door.store.begin() as tx:
        return list(await tx.incidents.of_request(request.id))


async def forged(door: House, form: dict[str, Any], number: str) -> dict[str, Any]:
    """What the form answers to a choice that it never offered."""
    chosen = {
        "which": {"value": {"type": "static_select", "selected_option": {"value": number}}},
        "kind": {"value": {"type": "static_select", "selected_option": {"value": "execution"}}},
        "reason": {"value": {"type": "plain_text_input", "value": WHAT}},
    }
    view = form | {"state": {"values": chosen}}
    payload = {"type": "view_submission", "team": {"id": "THOME"}, "user": {"id": "UBOB"}, "view": view}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    signed = headers(SECRET, int(time.time()), body, "application/x-www-form-urlencoded")
    return dict((await door.sandbox.http.post(door.url, content=body, headers=signed)).json())


async def told(door: House) -> str:
    """What was said in the operators' channel."""
    await door.deliver()
    return str([m["text"] for m in await door.sandbox.messages("COPS")])


async def test_report_on_a_decided_card(door: House) -> None:
    request, card = await approved(door)
    bob = door.person("UBOB")
    assert await bob.shortcut(INCIDENT, card)
    form = await door.view("UBOB")
    assert "Approved by" in str(form["blocks"]) and "420.00" in str(form["blocks"])
    missing = await bob.submit(form, {"reason": " "}, force=True)
    assert missing.errors and not await reported(door, request)
    assert await bob.submit(form, {"kind": "execution", "reason": WHAT})
    [incident] = await reported(door, request)
    assert (incident.kind, incident.what, incident.reported_by) == ("execution", WHAT, "UBOB")
    assert incident.person == "ubob@example.com" or incident.person
    assert "Thank you" in str((await bob.views())[-1]["blocks"])
    assert "incident_reported" in await door.audit()
    said = await told(door)
    assert "Bob reports about request" in said and "8812" in said and request.id in said
    assert "Reported as wrong by Bob" in (await door.card("UALICE", request))["text"]
    # Nothing was decided anew, and nothing undone.
    assert await door.decisions() == 1


async def test_the_same_words_count_once_and_others_are_another_report(door: House) -> None:
    request, card = await approved(door)
    for user, words in (("UBOB", WHAT), ("UBOB", WHAT), ("UREQ", WHAT), ("UBOB", "And nobody told the customer.")):
        person = door.person(user)
        assert await person.shortcut(INCIDENT, card)
        assert await person.submit((await until(person.views))[-1], {"reason": words})
        assert await person.close((await person.views())[-1], clear=True)
    assert [incident.reported_by for incident in await reported(door, request)] == ["UBOB", "UREQ", "UBOB"]


async def test_what_waits_is_to_be_decided_instead(door: House) -> None:
    request = await door.propose()
    assert await door.person("UALICE").shortcut(INCIDENT, await door.card("UALICE", request))
    assert "If it is wrong, reject it" in str(await door.ephemerals("UALICE"))
    assert not await door.person("UALICE").views()


async def test_report_on_one_item_of_a_batchs_card(door: House) -> None:
    asked = await confirmations(door.store, 4)
    alice, bob = door.person("UALICE"), door.person("UBOB")
    assert await alice.click(await batch_card(door), BATCH_BUT)
    assert await alice.submit(await door.view("UALICE"), {"but": ["2"], "then": "alone", "reason": ""})
    card = await batch_card(door, "UBOB")
    assert await bob.shortcut(INCIDENT, card)
    form = await door.view("UBOB")
    [which] = [block for block in form["blocks"] if block.get("block_id") == "which"]
    offered = {option["value"]: option["text"]["text"] for option in which["element"]["options"]}
    # What left it has a card of its own.
    assert list(offered) == ["1", "3", "4"] and all(len(text) <= 75 for text in offered.values())
    assert offered["3"].startswith("3 · Send the confirmation of order 5002 over 42.50 EUR?")
    assert "3 approved by Alice" in str(form["blocks"])
    for number in ("2", "5", asked[1].id):
        assert set((await forged(door, form, number))["errors"]) == {"which"}
    assert set((await bob.submit(form, {"reason": WHAT}, force=True)).errors) == {"which"}
    assert await bob.submit(form, {"which": "3", "kind": "execution", "reason": WHAT})
    [incident] = await reported(door, asked[2])
    assert (incident.kind, incident.what, incident.reported_by) == ("execution", WHAT, "UBOB")
    assert not [each for request in (asked[0], asked[1], asked[3]) for each in await reported(door, request)]
    assert asked[2].id in await told(door)


async def test_a_batch_of_which_nothing_is_decided(door: House) -> None:
    await confirmations(door.store, 3)
    card = await batch_card(door)
    assert await door.person("UALICE").shortcut(INCIDENT, card)
    assert "If it is wrong, reject it" in str(await door.ephemerals("UALICE"))
    await door.person("UOUT").shortcut(INCIDENT, card)
    await door.services.background.drain()
    for user in ("UALICE", "UOUT"):
        assert not await door.person(user).views()


async def test_on_a_batchs_card_outsiders_report_nothing_and_a_requester_only_what_is_theirs(door: House) -> None:
    await confirmations(door.store, 3, requester="UBOB")
    [own] = await confirmations(door.store, 1, first=3, requester="UOUT")
    assert await door.person("UALICE").click(await batch_card(door), BATCH_APPROVE)
    card = await batch_card(door)
    await door.person("UEXT").shortcut(INCIDENT, card)
    await door.services.background.drain()
    assert not await door.person("UEXT").views()
    outer = door.person("UOUT")
    assert await outer.shortcut(INCIDENT, card)
    form = await door.view("UOUT")
    [which] = [block for block in form["blocks"] if block.get("block_id") == "which"]
    [offered] = which["element"]["options"]
    assert "order 5003" in offered["text"]["text"]
    assert await outer.submit(form, {"which": offered["value"], "reason": WHAT})
    assert len(await reported(door, own)) == 1


async def test_a_message_that_is_no_card(door: House) -> None:
    assert await door.person("UBOB").say("CTIER1", "what do you think?")
    message = await door.person("UALICE").see("CTIER1", lambda m: "what do you think" in m["text"])
    assert await door.person("UALICE").shortcut(INCIDENT, message)
    assert "none of Gatepost's cards" in str(await door.ephemerals("UALICE"))


async def test_outsiders_report_nothing(door: House) -> None:
    request, card = await approved(door)
    for user in ("UOUT", "UEXT"):
        await door.person(user).shortcut(INCIDENT, card)
        await door.services.background.drain()
        assert not await door.person(user).views()
    assert not await reported(door, request)


async def test_a_forged_form_reports_nothing(door: House) -> None:
    request, card = await approved(door)
    bob = door.person("UBOB")
    assert await bob.shortcut(INCIDENT, card)
    form = await door.view("UBOB")
    await door.sql("update people set active = false where user_id = 'UBOB'")
    refused = await bob.submit(form, {"reason": WHAT})
    assert refused.errors and "Only reviewers" in str(refused.errors)
    assert not await reported(door, request)


async def test_it_speaks_against_letting_the_like_run_alone(door: House) -> None:
    request, card = await approved(door)
    await door.sql(
        "insert into effects (id, workspace_id, run_id, request_id, action_type, effect_class, digest, status, fence,"
        " finished_at) select 'eff_1', workspace_id, run_id, id, action_type, effect_class, digest, 'done', 1, now()"
        " from requests"
    )
    async with door.store.begin() as tx:
        before = await tx.past.outcomes("payments", "refund", request.impact)
    assert await door.person("UBOB").shortcut(INCIDENT, card)
    assert await door.person("UBOB").submit(await door.view("UBOB"), {"kind": "decision", "reason": WHAT})
    async with door.store.begin() as tx:
        after = await tx.past.outcomes("payments", "refund", request.impact)
    assert (before.asked, before.well, after.asked, after.well) == (1, 1, 1, 0)
    assert "1 asked, 1 unchanged, 0 changed, 0 rejected, 1 reported" in (await answer(door, "UALICE", "shadow"))["text"]
