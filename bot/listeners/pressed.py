"""The one shape of a button's listener: do it, tell whoever clicked what to know, and acknowledge only then."""

from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck

from bot.listeners.clicks import Click, click_of
from bot.listeners.home import refresh_home
from bot.listeners.notices import answer, owe_notice
from bot.listeners.services import Services
from graph.verbs.errors import Refusal

Deed = Callable[[Services, Click], Awaitable[str | None]]
"""What a click does, and what that person alone has to know; raises a verb's `Refusal`, whose words they are told."""
Listener = Callable[[AsyncAck, dict[str, Any]], Awaitable[None]]


def pressed(services: Services, deed: Deed) -> Listener:
    """A listener for Bolt's `block_action`."""

    async def listener(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = click_of(body)
        try:
            said = await deed(services, click)
        except Refusal as refusal:
            said = str(refusal)
        await tell(services, click, said)
        await ack()

    return listener


async def tell(services: Services, click: Click, said: str | None) -> None:
    """Say it, if there is anything to say, and show the Home tab as it is now where that was clicked."""
    if said and click.home:
        answer(services, click, said)
    elif said:
        await owe_notice(services.store, click, said)
    if click.home:
        refresh_home(services, click.user)
