"""Looking: the slash command, the Home tab, and who is shown what."""

from typing import Any

import pytest

from bot.ids import MORE, READ, encode_choice, ref_of
from tests.support.slack import House, until


async def answer(door: House, user: str, text: str) -> dict[str, Any]:
    """What this person alone sees after the command in the review channel."""
    before = {m["ts"] for m in await door.sandbox.messages("CTIER1")}
    assert await door.person(user).command(f"/approvals {text}".strip(), "CTIER1")
    [message] = [m for m in await door.sandbox.messages("CTIER1") if m["ts"] not in before]
    assert message["ephemeral_to"] == user
    return message


async def test_queue_mine_and_show(door: House) -> None:
    mine = await door.propose()
    await door.propose(amount="6000.00")
    assert "1 waiting" in (await answer(door, "UALICE", "queue"))["text"]
    assert "2 waiting" in (await answer(door, "UCARA", "queue"))["text"]
    assert "1 waiting for you" in (await answer(door, "UCARA", "mine"))["text"]
    assert "Nothing waits for you" in (await answer(door, "UREQ", "mine"))["text"]
    assert "Nothing waits for a decision" in (await answer(door, "UOUT", "queue"))["text"]
    for said in (mine.id, f"`{mine.id}`", f"  “{mine.id}” "):
        shown = await answer(door, "UALICE", f"show {said}")
        assert "420.00" in shown["text"] and "gatepost.approve" not in str(shown["blocks"])
    assert "no request" in (await answer(door, "UOUT", f"show {mine.id}"))["text"]
    assert "no request" in (await answer(door, "UALICE", "show \u202e' or 1=1"))["text"]


@pytest.mark.parametrize("text", ["", "help", "nonsense payload", "  HELP "])
async def test_help_for_everything_else(door: House, text: str) -> None:
    assert "/approvals queue" in (await answer(door, "UALICE", text))["text"]


async def test_home_shows_what_i_may_decide_and_opens_details(door: House) -> None:
    request = await door.propose()
    alice = door.person("UALICE")
    assert await alice.open_home()
    view = await until(alice.home)
    assert "420.00" in str(view["blocks"])
    assert await alice.click(view, MORE, encode_choice("details", ref_of(request)))
    assert (await door.view("UALICE"))["callback_id"] == "gatepost.details"


async def test_details_are_not_for_everybody(door: House) -> None:
    await door.propose()
    shown = await answer(door, "UALICE", "queue")
    assert await door.person("UOUT").click({**shown, "channel": "CTIER1"}, READ, force=True)
    assert "Only reviewers" in (await door.ephemerals("UOUT"))[-1]
    assert not await door.person("UOUT").views()


async def test_a_form_that_slack_does_not_open_is_told(door: House) -> None:
    request = await door.propose()
    await door.sandbox.fault("views.open", "error500")
    assert await door.person("UALICE").click(await door.card("UALICE", request), "gatepost.reject")
    assert "could not be opened" in (await door.ephemerals("UALICE"))[-1]


async def test_health_readiness_and_metrics(door: House) -> None:
    request = await door.propose()
    await door.person("UALICE").click(await door.card("UALICE", request), "gatepost.approve")
    base = door.url.removesuffix("/slack/events")
    http = door.sandbox.http
    assert (await http.get(f"{base}/healthz")).text == "ok"
    assert (await http.get(f"{base}/readyz")).status_code == 200
    metrics = (await http.get(f"{base}/metrics")).text
    assert 'gatepost_decisions_total{result="decided",type="approve"} 1.0' in metrics
    assert "xoxb" not in metrics and "UALICE" not in metrics
