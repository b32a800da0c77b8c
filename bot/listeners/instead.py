"""Another of the agent's ideas, chosen in the card's menu: decided at once where the menu said all of it."""

from typing import Final

from slack_bolt.async_app import AsyncApp

from bot.cards.alternatives import choosable
from bot.cards.buttons import at_once
from bot.ids import INSTEAD, INSTEAD_NONE, Ref, decode_instead
from bot.listeners.clicks import Click
from bot.listeners.deciding import take
from bot.listeners.forms import Form, open_form
from bot.listeners.notices import INVALID_BUTTON
from bot.listeners.pressed import pressed
from bot.listeners.services import Services
from graph.law.request import DecisionType, Request
from graph.verbs.decide import Answer
from graph.verbs.errors import Invalid
from graph.verbs.stepup import CODE

GONE: Final = "That alternative can't be chosen any more. Please use the current card."


def register(app: AsyncApp, services: Services) -> None:
    app.block_action(INSTEAD)(pressed(services, _choose))


async def _choose(services: Services, click: Click) -> str | None:
    """Decide, or open the form that does; or say why not."""
    found = decode_instead(click.value)
    if found is None or not click.decides():
        return INVALID_BUTTON
    index, ref = found
    request = await _renewed(services, ref)
    if request is None:
        return INVALID_BUTTON
    if index == INSTEAD_NONE:
        return await open_form(services, click, Form.REJECT, ref)
    choice = next((choice for choice in choosable(request) if choice.index == index), None)
    if choice is None:
        return GONE
    if not at_once(choice):
        return await open_form(services, click, Form.EDIT, ref, alternative=index)
    answer = Answer(
        request_id=ref.request_id,
        type=DecisionType.EDIT,
        user_id=click.user,
        digest=ref.digest,
        via="slack",
        version=ref.version,
        alternative=index,
        where=click.where,
    )
    try:
        await take(services, answer)
    except Invalid as invalid:
        if not {"reason", CODE} & invalid.fields.keys():
            raise
        return await open_form(services, click, Form.EDIT, ref, alternative=index)
    return None


async def _renewed(services: Services, ref: Ref) -> Request | None:
    """The request; its card is owed a rendering, so that Slack forgets the choice and it can be made again."""
    async with services.store.begin() as tx:
        request = await tx.requests.get(ref.request_id)
        if request is not None:
            await tx.cards.touch(request.id)
        return request
