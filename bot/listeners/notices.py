"""Telling one person alone why nothing happened: owed like everything else that is said, and shown only to them."""

from bot.cards.notice import refused
from bot.listeners.clicks import Click
from bot.listeners.services import Services
from bot.modals import notice
from bot.slack import SlackProblem
from graph.verbs.ports import Store

INVALID_BUTTON = "This button is not valid any more. Please use the current card."
NOT_OPENED = "The form could not be opened. Please click again."


async def owe_notice(store: Store, click: Click, text: str) -> None:
    """Owe an ephemeral notice for this click, once however often the click is delivered."""
    payload = {"text": text, "user": click.user, "response_url": click.response_url}
    if click.where:
        payload["channel"] = click.where[0]
    async with store.begin() as tx:
        await tx.owed.add("ephemeral", click.key, {name: value for name, value in payload.items() if value})


def whisper(services: Services, click: Click, text: str) -> None:
    """Tell whoever clicked once, without writing it down: for what is worth no row of a database."""
    if click.response_url:
        message = {"response_type": "ephemeral", "replace_original": False, **refused(text)._asdict()}
        services.background.spawn("whisper", services.slack.respond(click.response_url, message))


def answer(services: Services, click: Click, text: str) -> None:
    """Tell whoever clicked on the Home tab, where no message can be answered: in a modal, else directly."""
    services.background.spawn("answer", _answer(services, click, text))


async def _answer(services: Services, click: Click, text: str) -> None:
    try:
        await services.slack.write("views.open", trigger_id=click.trigger_id, view=notice.build(text))
    except SlackProblem:
        await owe_notice(services.store, click, text)
