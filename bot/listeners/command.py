"""`/approvals`: looking and steering, from anywhere in Slack. The answer is seen by the asker alone."""

import re
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards import queue
from bot.cards.notice import refused
from bot.cards.view import Card
from bot.ids import COMMAND
from bot.listeners import absence, looking, numbers, stopping, taking_back
from bot.listeners.asked import Asked, Sub
from bot.listeners.flood import said
from bot.listeners.services import Services

SUBS: Final[Mapping[str, Sub]] = {
    **absence.COMMANDS,
    **looking.COMMANDS,
    **numbers.COMMANDS,
    **stopping.COMMANDS,
    **taking_back.COMMANDS,
}
_NEVER_TOO_OFTEN: Final = stopping.COMMANDS.keys()
"""The brake works however often somebody has asked before."""
_ANY: Final = re.compile("")


def register(app: AsyncApp, services: Services) -> None:
    async def approvals(ack: AsyncAck, body: dict[str, Any]) -> None:
        text, blocks = await _answer(services, body)
        await ack(text=text, blocks=blocks, response_type="ephemeral")

    async def stray(ack: AsyncAck) -> None:
        await ack(text="Gatepost does not know this command.", response_type="ephemeral")

    app.command(COMMAND)(approvals)
    app.command(_ANY)(stray)


async def _answer(services: Services, body: Mapping[str, Any]) -> Card:
    text, user = str(body.get("text") or ""), str(body["user_id"])
    word, _, rest = text.strip().partition(" ")
    name = word.lower()
    if name not in SUBS:
        return queue.usage(text if name != "help" else "")
    channel, trigger_id = (str(body.get(key) or "") for key in ("channel_id", "trigger_id"))
    asked = Asked(user=user, rest=rest.strip(), channel=channel, trigger_id=trigger_id)
    if name in _NEVER_TOO_OFTEN:
        return await SUBS[name](services, asked)
    with services.flood.passing(user) as wait:
        return refused(said(wait)) if wait else await SUBS[name](services, asked)
