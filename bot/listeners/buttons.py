"""Clicks on cards, queues and the Home tab."""

import re
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.ids import (
    APPROVE,
    APPROVE_FORM,
    CHOICE_ASK,
    CHOICE_CLAIM,
    CHOICE_DETAILS,
    CHOICE_GRANT,
    CHOICE_HAND,
    CHOICE_RELEASE,
    CHOICE_RESPOND,
    EDIT,
    HAND,
    MORE,
    READ,
    REJECT,
    RESPOND,
    decode,
    decode_choice,
)
from bot.listeners.clicks import Click, click_of
from bot.listeners.deciding import take
from bot.listeners.forms import Form, open_form
from bot.listeners.notices import INVALID_BUTTON, owe_notice
from bot.listeners.pressed import pressed
from bot.listeners.services import Services
from bot.listeners.talk import look
from graph.law.request import DecisionType
from graph.verbs.decide import Answer

_FORMS: Final = {
    APPROVE_FORM: Form.APPROVE,
    EDIT: Form.EDIT,
    REJECT: Form.REJECT,
    RESPOND: Form.RESPOND,
    READ: Form.DETAILS,
    HAND: Form.HAND,
}
_CHOSEN: Final = {
    CHOICE_DETAILS: Form.DETAILS,
    CHOICE_RESPOND: Form.RESPOND,
    CHOICE_ASK: Form.ASK,
    CHOICE_HAND: Form.HAND,
    CHOICE_GRANT: Form.GRANT,
}
_OPENING: Final = re.compile("^(" + "|".join(re.escape(name) for name in (MORE, *_FORMS)) + ")$")
_ANY: Final = re.compile("")


def register(app: AsyncApp, services: Services) -> None:
    async def stray(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = click_of(body)
        # A link button sends its click as well; it has done its work in the browser.
        if not body["actions"][0].get("url"):
            await owe_notice(services.store, click, INVALID_BUTTON)
        await ack()

    app.block_action(APPROVE)(pressed(services, _approve))
    app.block_action(_OPENING)(pressed(services, _open))
    app.block_action(_ANY)(stray)


async def _approve(services: Services, click: Click) -> str | None:
    """Decide. Raises the verb's `Refusal`."""
    ref = decode(click.value)
    if ref is None or not click.decides():
        return INVALID_BUTTON
    answer = Answer(
        request_id=ref.request_id,
        type=DecisionType.APPROVE,
        user_id=click.user,
        digest=ref.digest,
        via="slack",
        version=ref.version,
        where=click.where,
    )
    await take(services, answer)
    return None


async def _open(services: Services, click: Click) -> str | None:
    """Open the form that was asked for, or mark who is looking; or say why not."""
    choice = decode_choice(click.value) if click.action_id == MORE else None
    if choice and choice[0] in (CHOICE_CLAIM, CHOICE_RELEASE):
        await look(services, click, choice[1], begin=choice[0] == CHOICE_CLAIM)
        return None
    if choice:
        return await open_form(services, click, _CHOSEN[choice[0]], choice[1])
    form, ref = _FORMS.get(click.action_id), decode(click.value)
    return await open_form(services, click, form, ref) if form and ref else INVALID_BUTTON
