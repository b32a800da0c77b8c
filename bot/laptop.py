"""Without a Slack workspace: the sandbox stands in, started on demand, with its shop for the shipped workflows."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import structlog
from pydantic import SecretStr
from starlette.types import ASGIApp

from bot.ids import COMMAND, INCIDENT, INCIDENT_NAME
from bot.settings import Settings

BOT_TOKEN: Final = "xoxb-sandbox"  # noqa: S105  (opens only the local sandbox)
APP_TOKEN: Final = "xapp-sandbox"  # noqa: S105
SIGNING_SECRET: Final = "sandbox-signing-secret"  # noqa: S105


_log: Final = structlog.get_logger("gatepost")


def sandbox_home(home: Path) -> Path:
    """Where the sandbox keeps its state."""
    return home / "sandbox"


def announce(home: Path, url: str) -> None:
    """Leave word for other processes where the sandbox listens."""
    place = sandbox_home(home)
    place.mkdir(parents=True, exist_ok=True)
    temporary = place / f"running.{os.getpid()}"
    temporary.write_text(json.dumps({"url": url}))
    temporary.replace(place / "running.json")


async def running_sandbox(home: Path) -> str | None:
    """The URL of a sandbox that answers right now, or None."""
    try:
        url = str(json.loads((sandbox_home(home) / "running.json").read_text())["url"])
        async with httpx.AsyncClient(timeout=2) as client:
            answer = await client.post(f"{url}/api/api.test")
    except (OSError, ValueError, KeyError, httpx.HTTPError):
        return None
    return url if answer.status_code == 200 else None


@asynccontextmanager
async def serving(
    home: Path, *, port: int = 0, app_url: str | None = None, mounts: Mapping[str, ASGIApp] | None = None
) -> AsyncIterator[str]:
    """Run a sandbox in this process, delivering clicks to `app_url`; yields its own URL."""
    # Nothing in production imports the sandbox.
    from bot.sandbox.server import create_app, running
    from bot.sandbox.shop import create_shop
    from bot.sandbox.world import AppConfig, Shortcut

    place = sandbox_home(home)
    place.mkdir(parents=True, exist_ok=True)
    app = create_app(
        store_path=place / "slack.sqlite",
        app_config=AppConfig(
            interactivity_url=app_url,
            events_url=app_url,
            commands={COMMAND: app_url} if app_url else {},
            shortcuts=(Shortcut(INCIDENT, INCIDENT_NAME),) if app_url else (),
        ),
        mounts={"/shop": create_shop(place / "shop.sqlite"), **(mounts or {})},
    )
    async with running(app, port=port) as url:
        yield url


@asynccontextmanager
async def furnished(settings: Settings) -> AsyncIterator[Settings]:
    """The settings with what is missing for a laptop filled in: a Slack, a shop for the shipped workflows."""
    shipped = [name for name in settings.gatepost_workflows if "." not in name]
    needs_shop = settings.gatepost_shop_url is None and bool(shipped)
    if not settings.laptop and not needs_shop:
        yield settings
        return
    if not settings.laptop:
        _log.warning(
            "GATEPOST_SHOP_URL is not set: workflows act on the sandbox's make-believe shop", workflows=shipped
        )
    url = await running_sandbox(settings.gatepost_home)
    if url:
        yield _with(settings, url)
        return
    async with serving(settings.gatepost_home) as started:
        yield _with(settings, started)


def _with(settings: Settings, url: str) -> Settings:
    shop = settings.gatepost_shop_url or f"{url}/shop"
    # Workflows read their own configuration from the environment.
    os.environ["GATEPOST_SHOP_URL"] = shop
    update: dict[str, object] = {"gatepost_shop_url": shop}
    if settings.laptop:
        update |= {
            "slack_bot_token": SecretStr(BOT_TOKEN),
            "slack_signing_secret": SecretStr(SIGNING_SECRET),
            "slack_api_url": f"{url}/api/",
        }
    return settings.model_copy(update=update)
