"""The conversation around a request: who looks at it, who gets it, what is asked, and the answers people give."""

import re
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.guard.shape import USER_ID
from bot.ids import ANSWER, ANSWER_SUBMIT, ASK_SUBMIT, HAND_SUBMIT, Ref, decode_origin, decode_question
from bot.listeners.clicks import CHANNEL, TS, Click
from bot.listeners.forms import open_view
from bot.listeners.notices import INVALID_BUTTON
from bot.listeners.pressed import pressed
from bot.listeners.services import Services
from bot.listeners.submissions import BROKEN, shown
from bot.modals import answer, ask, hand
from bot.modals.frame import REASON
from graph.verbs.approach import Approach
from graph.verbs.ask import Reply, answer_in_thread, answer_question, answerable
from graph.verbs.ask import ask as ask_verb
from graph.verbs.claim import claim, unclaim
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.reassign import reassign

EVENT: Final = "message"
EVENTS: Final = ("message.channels", "message.groups")
_WRITTEN: Final = (None, "thread_broadcast")
"""Subtypes of what a person wrote just now; edits, joins and other people's machines have others."""
_OURS: Final = re.compile("^(" + "|".join(map(re.escape, (ASK_SUBMIT, HAND_SUBMIT, ANSWER_SUBMIT))) + ")$")


def register(app: AsyncApp, services: Services) -> None:
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        view, user = body["view"], body["user"]["id"]
        try:
            errors = await _submit(services, user, view)
        except Invalid as invalid:
            await ack(**shown(view, {REASON: str(invalid)}, ""))
        except Refusal as refusal:
            await ack(**shown(view, {}, str(refusal)))
        else:
            await ack(**shown(view, errors, "") if errors else {})

    async def written(event: dict[str, Any]) -> None:
        await _reply(services, event)

    app.block_action(ANSWER)(pressed(services, _open_answer))
    app.view_submission(_OURS)(submitted)
    app.event(EVENT)(written)


async def look(services: Services, click: Click, ref: Ref, *, begin: bool) -> None:
    """Mark who is looking at it, or let go. Raises the verb's `Refusal`."""
    approach = Approach(
        request_id=ref.request_id,
        user_id=click.user,
        via="slack",
        digest=ref.digest,
        version=ref.version,
        where=click.where,
    )
    await (claim if begin else unclaim)(services.store, approach)


async def _open_answer(services: Services, click: Click) -> str | None:
    question_id = decode_question(click.value)
    if question_id is None:
        return INVALID_BUTTON
    async with services.store.begin() as tx:
        question, request = await answerable(tx, question_id, click.user)
    open_view(services, click, answer.build(request, question))
    return None


async def _submit(services: Services, user: str, view: Mapping[str, Any]) -> dict[str, str]:
    """Do what the form asks for; errors by block_id. Raises the verb's `Refusal`."""
    state, carried = view.get("state"), view.get("private_metadata")
    if view["callback_id"] == ANSWER_SUBMIT:
        question_id = decode_question(carried)
        text, errors = answer.parse(state)
        if question_id is None:
            raise Refusal(BROKEN)
        if not errors:
            await answer_question(services.store, Reply(question_id=question_id, user_id=user, text=text, via="slack"))
        return errors
    origin = decode_origin(carried)
    if origin is None:
        raise Refusal(BROKEN)
    placed = origin.channel is not None and origin.ts is not None
    approach = Approach(
        request_id=origin.ref.request_id,
        user_id=user,
        via="slack",
        digest=origin.ref.digest,
        version=origin.ref.version,
        where=(origin.channel or "", origin.ts or "") if placed else None,
    )
    if view["callback_id"] == ASK_SUBMIT:
        text, errors = ask.parse(state)
        if not errors:
            await ask_verb(services.store, approach, text)
        return errors
    to, why, errors = hand.parse(state)
    if not errors:
        await reassign(services.store, approach, to, why)
    return errors


async def _reply(services: Services, event: Mapping[str, Any]) -> None:
    """Words under a card may be the answer to a question; whatever else is written there is people's own talk."""
    user, channel, text = event.get("user"), event.get("channel"), event.get("text")
    ts, thread = event.get("ts"), event.get("thread_ts")
    ids = ((user, USER_ID), (channel, CHANNEL), (ts, TS), (thread, TS))
    if not all(isinstance(value, str) and pattern.fullmatch(value) for value, pattern in ids):
        return
    strange = event.get("bot_id") or event.get("edited") or event.get("subtype") not in _WRITTEN
    if strange or thread == ts or not isinstance(text, str):
        return
    async with services.store.begin() as tx:
        request_id = await tx.talk.request_at(str(channel), str(thread))
    if request_id is not None:
        place = f"{channel}:{ts}"
        await answer_in_thread(services.store, request_id, str(user), _unescaped(text), place)


def _unescaped(text: str) -> str:
    """What was typed: Slack escapes three characters in what it sends."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
