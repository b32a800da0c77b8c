"""`/approvals withdraw`: who asked for something doesn't want it any more."""

from collections.abc import Mapping
from typing import Final

from bot.cards.notice import refused, withdrawn
from bot.cards.view import Card
from bot.listeners.asked import Asked, Sub
from bot.listeners.services import Services
from graph.verbs.errors import Refusal
from graph.verbs.withdraw import Withdrawal, withdraw


async def _withdraw(services: Services, asked: Asked) -> Card:
    request_id, _, reason = asked.rest.partition(" ")
    wish = Withdrawal(request_id=request_id, user_id=asked.user, via="slack", reason=reason.strip())
    try:
        return withdrawn(await withdraw(services.store, wish))
    except Refusal as refusal:
        return refused(str(refusal))


COMMANDS: Final[Mapping[str, Sub]] = {"withdraw": _withdraw}
