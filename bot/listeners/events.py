"""Events: the Home tab was opened, accounts and groups changed. Acknowledged first, done afterwards."""

import re
from typing import Any, Final

from slack_bolt.async_app import AsyncApp

from bot.guard.shape import USER_ID
from bot.listeners import talk
from bot.listeners.home import refresh_home
from bot.listeners.services import Services

_PEOPLE: Final = ("user_change", "subteam_members_changed", "subteam_updated", "subteam_created")
EVENTS: Final = ("app_home_opened", *_PEOPLE, *talk.EVENTS)
"""What manifest.yml subscribes to."""
_ANY: Final = re.compile("")


def register(app: AsyncApp, services: Services) -> None:
    async def opened(event: dict[str, Any]) -> None:
        user = _id(event.get("user"))
        # Who opens it again and again sees what was there a moment ago.
        if event.get("tab", "home") == "home" and user and not services.flood.wait(user):
            refresh_home(services, user)

    async def people(event: dict[str, Any]) -> None:
        directory = services.directory
        if directory is None:
            return
        user, group = _id(event.get("user")), _id(event.get("subteam_id") or event.get("subteam"))
        if event["type"] == "user_change" and user:
            services.background.spawn("refresh user", directory.refresh_user(user))
        elif group:
            services.background.spawn("refresh group", directory.refresh_group(group))

    async def stray() -> None:
        """Subscribed to more than is used: acknowledged, nothing else."""

    app.event("app_home_opened")(opened)
    app.event(re.compile("^(" + "|".join(_PEOPLE) + ")$"))(people)
    app.event(_ANY)(stray)


def _id(value: object) -> str:
    """An id, given as such or as an object that has one."""
    found = value.get("id") if isinstance(value, dict) else value
    return found if isinstance(found, str) and USER_ID.fullmatch(found) else ""
