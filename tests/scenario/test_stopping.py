"""The emergency brake through Slack: the command, the Home tab, what cards and channels say."""

from typing import Any

import pytest

from bot.ids import APPROVE, LIFT, MORE, REJECT, STOP
from graph.flow.runner import Runner
from graph.law.request import Request
from graph.verbs.start import start
from graph.verbs.stop import in_force
from graph.verbs.sweep import sweep
from storage.checkpoints import PgCheckpoints
from tests.scenario.test_looking import answer
from tests.support.db import DEFAULT_POLICY
from tests.support.lawful import NAME, Ledger, lawful, pay
from tests.support.slack import House, until
from tests.support.slack_attacks import cases, user_id


async def _stopped(door: House) -> list[tuple[str, str, str]]:
    return [(each.workflow, each.stopped_by, each.reason) for each, _ in await in_force(door.store)]


async def _texts(door: House, channel: str) -> list[str]:
    await sweep(door.store)
    await door.deliver()
    return [m["text"] for m in await door.sandbox.messages(channel) if "ephemeral_to" not in m]


def _buttons(card: dict[str, Any]) -> list[str]:
    return [e["action_id"] for block in card["blocks"] if block["type"] == "actions" for e in block["elements"]]


async def test_stop_shows_on_the_card_and_lifting_brings_its_buttons_back(door: House) -> None:
    request = await door.propose()
    said = await answer(door, "UEVE", "stop all reason: incident 12")
    assert "Stopped all workflows" in said["text"] and "Waiting requests: 1" in said["text"]
    assert await _stopped(door) == [("*", "UEVE", "incident 12")]
    for channel in ("CTIER1", "COPS"):
        assert any("Eve has stopped all workflows: incident 12" in text for text in await _texts(door, channel))
    card = await door.card("UALICE", request)
    assert "⛔ Stopped by Eve since" in card["text"]
    assert "incident 12. Only rejecting works until it is lifted." in str(card["blocks"])
    assert _buttons(card) == [REJECT, MORE]
    assert await door.person("UALICE").click(card, REJECT)
    assert (await door.view("UALICE"))["callback_id"] == "gatepost.reject.submit"
    assert "You stopped it yourself" in (await answer(door, "UEVE", "resume all it is over"))["text"]
    assert "may go on" in (await answer(door, "UDIRK", "resume reason: it is over"))["text"]
    assert await _stopped(door) == []
    assert any("Dirk lets all workflows go on: it is over" in text for text in await _texts(door, "CTIER1"))
    card = await door.card("UALICE", request)
    assert APPROVE in _buttons(card) and "Stopped" not in card["text"]
    assert await door.person("UALICE").click(card, APPROVE)
    assert await door.decision(request) is not None


async def test_a_card_from_before_the_stop_approves_nothing(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await answer(door, "UEVE", "stop payments: wrong amounts")
    assert await door.person("UALICE").click(card, APPROVE)
    assert await door.decision(request) is None
    assert "only rejecting works" in (await door.ephemerals("UALICE"))[-1]
    assert "decision_denied" in await door.audit()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stop", "say why"),
        ("stop all", "say why"),
        ("stop all reason:   ", "say why"),
        ("stop paymets wrong amounts", "no workflow “paymets”"),
        ("stop <!channel> *boom* `x`", "no workflow “"),
        ("resume all we are fine", "Nothing is stopped"),
    ],
)
async def test_what_is_not_clear_stops_nothing(door: House, text: str, said: str) -> None:
    await door.propose()
    assert said in (await answer(door, "UEVE", text))["text"]
    assert await _stopped(door) == []


async def test_whoever_may_not_stop_is_told_and_recorded(door: House) -> None:
    assert "may not stop" in (await answer(door, "UOUT", "stop all reason: fun"))["text"]
    assert "stop_denied" in await door.audit()
    assert await _stopped(door) == []


async def test_approved_by_a_click_and_stopped_before_it_begins(door: House) -> None:
    """IP-28 of the attack cases: nothing runs, the card says so, and a person has to release it."""
    ledger = Ledger()
    runner = Runner(door.store, PgCheckpoints(door.store), {NAME: lawful(ledger)})
    await start(door.store, NAME, {"plan": [pay("90.00")]}, key="a", requester="UREQ")

    async def play() -> Request:
        while await runner.work():
            pass
        async with door.store.begin() as tx:
            [request] = await tx.requests.pending(10)
        await sweep(door.store)
        await door.deliver()
        return request

    asked, alice = await play(), door.person("UALICE")
    assert await alice.click(await door.card("UALICE", asked), APPROVE)
    await answer(door, "UEVE", "stop all reason: incident 12")
    again = await play()
    assert ledger.names() == [] and await door.decisions() == 1
    assert again.brief.flags[0].endswith("UTC: incident 12")
    assert "newer request" in (await door.card("UALICE", asked))["text"]
    card = await door.card("UALICE", again)
    assert "Approved before, but not carried out: Stopped by Eve since" in card["text"]
    assert _buttons(card) == [REJECT, MORE]
    await answer(door, "UDIRK", "resume all reason: it is over")
    await play()
    assert ledger.names() == []
    assert await alice.click(await door.card("UALICE", again), APPROVE)
    while await runner.work():
        pass
    assert ledger.names() == ["pay"]


SLASH = {case["id"]: case for case in cases("slash_command")}


@pytest.mark.parametrize("name", ["SC-09", "SC-10"])
async def test_who_pulls_the_brake_by_command(door: House, name: str) -> None:
    """SC-09 and SC-10 of the attack cases; the policy gives Ada the right and Olli none."""
    async with door.store.begin() as tx:
        await tx.policies.apply(DEFAULT_POLICY.read_text().replace("\nstop = [", '\nstop = ["UADMIN", '), "test")
    await door.directory.refresh()
    await door.propose()
    case = SLASH[name]
    spec, expected = case["input"]["$slash"], case["expected"]
    await answer(door, user_id(spec["user"]), spec["text"].strip())
    assert expected["audit_event"] in await door.audit()
    assert await _stopped(door) == ([("*", "UADMIN", "incident 12")] if name == "SC-10" else [])
    told = any("incident 12" in text for text in await _texts(door, "CTIER1"))
    assert told == (name == "SC-10"), "announced in the channel"
    assert await door.decisions() == expected["decisions_added"]


async def test_the_home_tab_stops_and_resumes(door: House) -> None:
    await door.propose()
    eve, dirk = door.person("UEVE"), door.person("UDIRK")
    assert await eve.open_home()
    assert await eve.click(await until(eve.home), STOP)
    view = await door.view("UEVE")
    assert [option["value"] for option in view["blocks"][1]["element"]["options"]] == ["*", "payments"]
    wrong = await eve.submit(view, {"scope": "payments", "reason": " x"})
    assert "reason" in wrong.errors
    assert await eve.submit(view, {"scope": "payments", "reason": "wrong amounts"})
    assert await _stopped(door) == [("payments", "UEVE", "wrong amounts")]
    assert await dirk.open_home()
    shown = await until(dirk.home)
    assert "Payments: Stopped by Eve since" in str(shown["blocks"])
    assert await dirk.click(shown, LIFT)
    assert await dirk.submit(await door.view("UDIRK"), {"reason": "amounts are right again"})
    assert await _stopped(door) == []


async def test_the_home_tab_of_others_has_no_brake(door: House) -> None:
    alice = door.person("UALICE")
    await answer(door, "UEVE", "stop all reason: incident 12")
    assert await alice.open_home()
    shown = str((await until(alice.home))["blocks"])
    assert "Stopped by Eve" in shown and STOP not in shown and LIFT not in shown
