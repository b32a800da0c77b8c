"""Taking back what was allowed for the rest of a run."""

from slack_bolt.async_app import AsyncApp

from bot.ids import REVOKE_GRANT, decode_grant
from bot.listeners.clicks import Click
from bot.listeners.notices import INVALID_BUTTON
from bot.listeners.pressed import pressed
from bot.listeners.services import Services
from graph.verbs.grant import Revocation, revoke


def register(app: AsyncApp, services: Services) -> None:
    app.block_action(REVOKE_GRANT)(pressed(services, _revoke))


async def _revoke(services: Services, click: Click) -> str | None:
    grant_id = decode_grant(click.value)
    if grant_id is None:
        return INVALID_BUTTON
    await revoke(services.store, Revocation(grant_id=grant_id, user_id=click.user, via="slack"))
    return None
