"""Shortcuts: Gatepost has none yet; whatever arrives is acknowledged and has no effect."""

import re

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.services import Services


def register(app: AsyncApp, services: Services) -> None:
    async def stray(ack: AsyncAck) -> None:
        await ack()

    app.shortcut(re.compile(""))(stray)
