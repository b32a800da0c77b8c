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
from bot.listeners.services import Services

NOT_YET: Final = ("shadow",)
SUBS: Final[Mapping[str, Sub]] = {
    **absence.COMMANDS,
    **looking.COMMANDS,
    **numbers.COMMANDS,
    **stopping.COMMANDS,
    **taking_back.COMMANDS,
}
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
    text = str(body.get("text") or "")
    word, _, rest = text.strip().partition(" ")
    name = word.lower()
    if name in SUBS:
        found = (str(body.get(key) or "") for key in ("channel_id", "trigger_id"))
        channel, trigger_id = found
        asked = Asked(user=body["user_id"], rest=rest.strip(), channel=channel, trigger_id=trigger_id)
        return await SUBS[name](services, asked)
    if name in NOT_YET:
        return refused(f"{COMMAND} {name} is not available yet. Nothing was changed.")
    return queue.usage(text if name != "help" else "")
