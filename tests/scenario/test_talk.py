"""The conversation around a request as people have it in Slack: looking, handing on, asking, answering, withdrawing."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.ids import (
    ANSWER,
    ANSWER_SUBMIT,
    APPROVE,
    ASK_SUBMIT,
    HAND_SUBMIT,
    MORE,
    encode,
    encode_choice,
    ref_of,
)
from bot.listeners import dispatch, make_app
from graph.law.request import Request, Status
from graph.verbs.ports import Question
from tests.support.slack import HOME, House, until


def texts(message: dict[str, Any]) -> str:
    return str(message["blocks"])


async def choose(door: House, user: str, request: Request, choice: str) -> None:
    card = await door.card(user, request)
    assert await door.person(user).click(card, MORE, encode_choice(choice, ref_of(request)))


async def asked(door: House, request: Request, words: str = "Which invoice is it?") -> dict[str, Any]:
    """Alice asks; her card as it is then."""
    await choose(door, "UALICE", request, "ask")
    assert await door.person("UALICE").submit(await door.view("UALICE"), {"reason": words})
    await door.deliver()
    return await door.card("UALICE", request)


async def questions(door: House, request: Request) -> list[Question]:
    async with door.store.begin() as tx:
        return list(await tx.talk.of_request(request.id))


async def written(door: House, event: dict[str, Any]) -> None:
    """Slack tells of a message, and has its answer."""
    before = len(await door.sandbox.deliveries("message"))
    await door.sandbox.control("event", event=event)

    async def done() -> bool:
        return all(each["done"] for each in await told()) and len(await told()) > before

    async def told() -> list[dict[str, Any]]:
        return await door.sandbox.deliveries("message")

    await until(done)
    assert (await told())[-1]["status"] == 200


async def test_everybody_sees_who_is_looking_at_it(door: House) -> None:
    request = await door.propose()
    old = await door.card("UALICE", request)
    await choose(door, "UALICE", request, "claim")
    # His card isn't drawn anew yet.
    await choose(door, "UBOB", request, "claim")
    assert "You can still decide it" in (await door.ephemerals("UBOB"))[-1]
    card = await door.card("UBOB", request)
    assert "Alice is looking at it" in texts(card) and "Let go" in texts(card)
    assert "Alice is looking at it until" in card["text"]
    await choose(door, "UBOB", request, "release")
    assert "not you" in (await door.ephemerals("UBOB"))[-1]
    await choose(door, "UALICE", request, "release")
    await door.deliver()
    assert "looking at it" not in (await door.card("UBOB", request))["text"]
    assert await door.person("UBOB").click(old, APPROVE), "the button on the card as it was first is still good"
    assert (await door.request(request)).status is Status.APPROVED


async def test_a_request_handed_on_comes_as_a_message_with_the_same_buttons(door: House) -> None:
    request = await door.propose()
    await choose(door, "UALICE", request, "hand")
    view, alice = await door.view("UALICE"), door.person("UALICE")
    wrong = await alice.submit(view, {"to": "UCARA"}, force=True)
    assert "Cara could not decide it" in wrong.errors["to"] and "Bob" in wrong.errors["to"]
    assert set((await alice.submit(view, {}, force=True)).errors) == {"to"}
    assert await alice.submit(view, {"to": "UBOB", "reason": "he knows <!channel> the customer"})
    await door.deliver()
    bob = door.person("UBOB")
    card = await bob.see(await bob.dm(), lambda m: "Handed to Bob by Alice" in texts(m))
    assert "he knows <!channel> the customer" in texts(card), "as plain text, literally"
    assert "&lt;!channel&gt;" in card["text"]
    assert await bob.click(card, MORE, encode_choice("claim", ref_of(request)))
    await door.deliver()
    assert "Bob is looking at it" in texts(await door.card("UALICE", request))


async def test_the_requester_answers_by_button(door: House) -> None:
    request = await door.propose()
    card = await asked(door, request)
    assert "Asked by Alice" in texts(card) and "The clock waits for an answer" in texts(card)
    alice, remy = door.person("UALICE"), door.person("UREQ")
    under = await alice.see(card["channel"], lambda m: "Which invoice" in m["text"], thread_ts=card["ts"])
    assert under["ts"] != card["ts"] and "Remy can answer right here" in texts(under)
    letter = await remy.see(await remy.dm(), lambda m: "Which invoice is it?" in m["text"])
    assert await remy.click(letter, ANSWER)
    view = await door.view("UREQ")
    assert set((await remy.submit(view, {"reason": " "}, force=True)).errors) == {"reason"}
    assert await remy.submit(view, {"reason": "No. 17 *bold* <@UEVE>"})
    await door.deliver()
    card = await door.card("UALICE", request)
    assert "Answer (Remy)" in texts(card) and "No. 17" in texts(card)
    assert "The clock waits" not in texts(card)
    told = await alice.see(await alice.dm(), lambda m: "Remy answers" in m["text"])
    assert "<@UEVE>" not in told["text"], "nobody is pinged"
    await alice.see(card["channel"], lambda m: "Remy answers Alice" in m["text"], thread_ts=card["ts"])
    assert await remy.click(letter, ANSWER)
    assert "answered already" in (await door.ephemerals("UREQ", await remy.dm()))[-1]
    await choose(door, "UALICE", request, "details")
    assert "Questions and answers" in str((await door.view("UALICE"))["blocks"])


async def test_nobody_else_answers_by_that_button(door: House) -> None:
    request = await door.propose()
    await asked(door, request)
    remy, bob = door.person("UREQ"), door.person("UBOB")
    letter = await remy.see(await remy.dm(), lambda m: "Which invoice" in m["text"])
    await bob.click(letter, ANSWER, force=True)
    await door.deliver()
    assert not await bob.views()
    assert [one.answered_by for one in await questions(door, request)] == [None]


async def test_a_reply_in_the_thread_is_the_answer(door: House) -> None:
    request = await door.propose()
    card = await asked(door, request)
    for user in ("UBOB", "UGUEST"):
        assert await door.person(user).say(card["channel"], "I think it is 18", card["ts"])
    assert await door.person("UREQ").say(card["channel"], "not in the thread")
    assert await door.person("UREQ").say(card["channel"], "No. 17 & <that's it>", card["ts"])
    await until(lambda: _answered(door, request))
    (question,) = await questions(door, request)
    assert (question.answered_by, question.answer) == ("UREQ", "No. 17 & <that's it>")
    await door.deliver()
    assert "Answer (Remy)" in texts(await door.card("UALICE", request))
    replies = await door.person("UALICE").messages(card["channel"], card["ts"])
    assert not [each for each in replies if "Remy answers" in each["text"]], "they stand there already"
    assert (await door.request(request)).held_at is None


async def _answered(door: House, request: Request) -> bool:
    return all(one.answered_by for one in await questions(door, request))


@pytest.mark.parametrize(
    "change",
    [
        {"bot_id": "BOTHER"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"edited": {"user": "UREQ", "ts": "1.1"}},
        {"user": "UBOB"},
        {"user": "UGATEPOST"},
        {"user": "UEXT"},
        {"user": "UREQ\n"},
        {"user": {"id": "UREQ"}},
        {"text": ["No. 17"]},
        {"text": "\u200b"},
        {"text": "x" * 3001},
        {"text": "a\0b"},
        {"thread_ts": None},
        {"thread_ts": "1.1"},
        {"channel": "COTHER"},
        {"ts": 17},
    ],
)
async def test_other_peoples_talk_answers_nothing(door: House, change: dict[str, Any]) -> None:
    request = await door.propose()
    card = await asked(door, request)
    event = {
        "type": "message",
        "user": "UREQ",
        "text": "No. 17",
        "ts": "2100000000.000100",
        "thread_ts": card["ts"],
        "channel": card["channel"],
        "channel_type": "channel",
    }
    await written(door, {name: value for name, value in (event | change).items() if value is not None})
    assert [one.answered_by for one in await questions(door, request)] == [None]
    await written(door, event)
    await written(door, event)
    assert [one.answered_by for one in await questions(door, request)] == ["UREQ"]


@pytest.mark.parametrize("callback", [ASK_SUBMIT, HAND_SUBMIT, ANSWER_SUBMIT])
@pytest.mark.parametrize(
    "carried", ["", "req_x.1.0", "qst_" + "0" * 20, "qst_" + "g" * 20, "{ref}|C0COPY|1.1", "{newer}"]
)
async def test_a_form_that_was_tampered_with_does_nothing(door: House, callback: str, carried: str) -> None:
    request = await door.propose()
    ref = ref_of(request)
    carried = carried.format(ref=encode(ref), newer=encode(replace(ref, version=ref.version + 1)))
    values = {"reason": {"value": {"value": "Which invoice?"}}, "to": {"value": {"selected_user": "UBOB"}}}
    inputs = [{"type": "input", "block_id": "reason", "element": {"type": "plain_text_input"}}]
    view = {"type": "modal", "callback_id": callback, "private_metadata": carried, "blocks": inputs}
    payload = {
        "type": "view_submission",
        "team": {"id": HOME.team_id},
        "user": {"id": "UALICE"},
        "view": {**view, "state": {"values": values}},
    }
    answer = await dispatch(make_app(door.services, HOME), door.services, payload)
    assert answer.status == 200 and json.loads(answer.body)["response_action"] == "errors"
    assert await questions(door, request) == [] and (await door.request(request)).assigned_to is None
    assert not [event for event in await door.audit() if event.startswith(("question", "request_assigned"))]


async def test_the_requester_withdraws_and_nobody_else(door: House) -> None:
    request = await door.propose()
    remy, bob = door.person("UREQ"), door.person("UBOB")
    channel = await door.channel(request)
    assert await remy.command("/approvals mine", channel)
    mine = (await door.ephemerals("UREQ"))[-1]
    assert "You asked for" in mine and "420.00" in mine
    assert await bob.command(f"/approvals withdraw {request.id} no way", channel)
    assert "Only who asked for this can withdraw it" in (await door.ephemerals("UBOB"))[-1]
    assert (await door.request(request)).status is Status.PENDING
    assert await remy.command("/approvals withdraw", channel)
    assert "no such request" in (await door.ephemerals("UREQ"))[-1]
    assert await remy.command(f"/approvals withdraw {request.id} <!channel> wrong order", channel)
    assert "Withdrawn" in (await door.ephemerals("UREQ"))[-1]
    card = await door.card("UALICE", request)
    assert "Withdrawn by" in texts(card) and "Remy" in texts(card) and "wrong order" in texts(card)
    assert "Rejected" not in texts(card) and "<!channel>" not in card["text"]
    assert not any(block["type"] == "actions" for block in card["blocks"])
    assert (await door.audit())[-1] == "request_cancelled"
