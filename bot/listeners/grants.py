"""Taking back what was allowed for the rest of a run."""

from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.ids import REVOKE_GRANT, decode_grant
from bot.listeners.clicks import Click, click_of
from bot.listeners.notices import INVALID_BUTTON, owe_notice
from bot.listeners.services import Services
from graph.verbs.errors import Refusal
from graph.verbs.grant import Revocation, revoke


def register(app: AsyncApp, services: Services) -> None:
    async def taking_back(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = click_of(body)
        refusal = await _revoke(services, click)
        if refusal:
            await owe_notice(services.store, click, refusal)
        await ack()

    app.block_action(REVOKE_GRANT)(taking_back)


async def _revoke(services: Services, click: Click) -> str | None:
    """Take it back; or say why not."""
    grant_id = decode_grant(click.value)
    if grant_id is None:
        return INVALID_BUTTON
    try:
        await revoke(services.store, Revocation(grant_id=grant_id, user_id=click.user, via="slack"))
    except Refusal as refusal:
        return str(refusal)
    return None
