"""Telling one person alone why nothing happened: owed like everything else that is said, and shown only to them."""

from bot.listeners.clicks import Click
from bot.words import Json, literal, plain
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


def said(text: str) -> Json:
    """A modal that only says something: where a form has no field to show it at."""
    return {
        "type": "modal",
        "title": plain("Nothing was decided", 24),
        "close": plain("Close", 24),
        "blocks": [literal(text, limit=2000)],
    }
