"""Absence: `/approvals away until Monday for @deputy`, `away back`, and `delegate @deputy 7d` for the same."""

import re
from collections.abc import Mapping
from typing import Final

from bot.cards.notice import refused
from bot.cards.view import Card
from bot.ids import COMMAND
from bot.listeners.asked import Asked, Sub
from bot.listeners.services import Services
from graph.law.until import HOW
from graph.verbs import away
from graph.verbs.away import Away
from graph.verbs.errors import Refusal

_MENTION: Final = r"<@([UW][A-Z0-9_]{2,40})(?:\|[^<>|]{0,80})?>"
_AWAY: Final = re.compile(rf"(?P<until>[A-Za-z0-9 :-]{{1,40}}?)(?: +for +{_MENTION})?", re.ASCII)
_DELEGATE: Final = re.compile(rf"{_MENTION} +(?:until +)?(?P<until>[A-Za-z0-9 :-]{{1,40}})", re.ASCII)
_BACK: Final = ("back", "stop", "off", "ended")
_PICK: Final = "pick the deputy with @ from Slack's list, so that their account is sure"


async def _away(services: Services, asked: Asked) -> Card:
    words = asked.rest.strip()
    if words.lower() in _BACK:
        was = await away.come_back(services.store, asked.user, "slack")
        return refused("You are back." if was else "You weren't away. Nothing was changed.")
    if not words:
        return refused(_state(await away.absent(services.store, asked.user)))
    match = _AWAY.fullmatch(words)
    if match is None:
        return refused(f"Not understood: {HOW}; {_PICK}. Nothing was changed.")
    return await _leave(services, asked.user, match.group("until"), match.group(2))


async def _delegate(services: Services, asked: Asked) -> Card:
    match = _DELEGATE.fullmatch(asked.rest.strip())
    if match is None:
        return refused(f"Say it as {COMMAND} away until Monday for @deputy; {_PICK}. Nothing was changed.")
    return await _leave(services, asked.user, match.group("until"), match.group(1))


async def _leave(services: Services, user: str, until: str, deputy: str | None) -> Card:
    try:
        return refused(_said(await away.leave(services.store, user, until, deputy, "slack")))
    except Refusal as refusal:
        return refused(f"{refusal} Nothing was changed.")


def _said(found: Away) -> str:
    until = f"You are away until {found.until()}."
    if not found.deputy:
        return f"{until} Nobody stands in for you. {COMMAND} away back ends it."
    return f"{until} {found.deputy} stands in for you. {COMMAND} away back ends it."


def _state(found: list[Away]) -> str:
    if not found:
        return f"You are not away. {COMMAND} away until Monday for @deputy says so when you are."
    return _said(found[0])


COMMANDS: Final[Mapping[str, Sub]] = {"away": _away, "delegate": _delegate}
