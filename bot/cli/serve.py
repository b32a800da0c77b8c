"""`gatepost serve`, `migrate`, `sandbox`: the processes that stay."""

import asyncio
import json
import os
from enum import StrEnum
from typing import Annotated, Final

import typer

from bot.cli.kit import CANT_START, USAGE, fail
from bot.house import CantStart, open_house
from bot.laptop import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, announce, furnished, running_sandbox, serving
from bot.logs import configure
from bot.settings import BadSettings, Settings, load
from bot.supervisor import stop_on_signals, supervise
from storage.engine import NoDatabase, locate
from storage.migrate import MigrationTimeout
from storage.migrate import migrate as migrate_database

SANDBOX_PORT: Final = 8471
_WORKER_NICE: Final = 19
_NO_SLACK: Final = (
    "SLACK_BOT_TOKEN is missing: create the app from manifest.yml and set SLACK_BOT_TOKEN with"
    " SLACK_SIGNING_SECRET (HTTP) or SLACK_APP_TOKEN (Socket Mode).\n"
    "To try Gatepost without a Slack workspace: gatepost demo"
)


class Role(StrEnum):
    WEB = "web"
    WORKER = "worker"


def register(app: typer.Typer) -> None:
    for command in (serve, migrate, sandbox):
        app.command()(command)


def serve(
    role: Annotated[Role | None, typer.Option(help="Only this process; without it, both.")] = None,
) -> None:
    """Serve Slack and play runs: a web and a worker process."""
    settings = _settings()
    try:
        code = asyncio.run(_serve(settings, role))
    except (CantStart, NoDatabase, MigrationTimeout) as error:
        fail(str(error), CANT_START)
    raise typer.Exit(code)


async def _serve(settings: Settings, role: Role | None) -> int:
    stop = asyncio.Event()
    stop_on_signals(stop)
    if role is None:
        await migrate_database(await locate(_database_url(settings), settings.gatepost_home))
        roles = {str(one): ("serve", "--role", one) for one in Role}
        return await supervise(roles, {}, stop)
    if role is Role.WEB:
        await _web(settings, stop)
    else:
        await _worker(settings, stop)
    return 0


async def _web(settings: Settings, stop: asyncio.Event) -> None:
    from bot.app import serve_web

    async with open_house(settings, may_migrate=False, import_policy=True) as house:
        await serve_web(house, stop)


async def _worker(settings: Settings, stop: asyncio.Event) -> None:
    from bot.worker import work

    # Agents' CPU must not delay a click's acknowledgement where both share a machine.
    os.nice(_WORKER_NICE)
    async with furnished(settings) as complete, open_house(complete, may_migrate=False, import_policy=True) as house:
        await work(house, house.engine.url, stop)


def migrate() -> None:
    """Bring the database to this release's tables, LangGraph's included. Safe to start several times at once."""
    try:
        settings = load()
        asyncio.run(_migrate(settings))
    except (BadSettings, NoDatabase, MigrationTimeout, OSError) as error:
        fail(str(error), CANT_START)
    typer.echo("The database has this release's tables.")


async def _migrate(settings: Settings) -> None:
    await migrate_database(await locate(_database_url(settings), settings.gatepost_home))


def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the page listens on this machine.")] = SANDBOX_PORT,
    app_url: Annotated[
        str | None, typer.Option(help="Where the app listens. Default: this machine's PORT, path /slack/events.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what an app needs as one line of JSON.")] = False,
) -> None:
    """Run only the sandbox: a local Slack in the browser, with the demo workflow's shop."""
    try:
        settings = load()
    except BadSettings as error:
        fail(str(error), CANT_START)
    configure(settings.log_level)
    try:
        asyncio.run(_sandbox(settings, port, app_url or f"http://127.0.0.1:{settings.port}/slack/events", as_json))
    except OSError as error:
        fail(f"port {port} can't be used ({error.strerror}); choose another with --port", USAGE)


async def _sandbox(settings: Settings, port: int, app_url: str, as_json: bool) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    if other := await running_sandbox(settings.gatepost_home):
        fail(f"a sandbox is running already at {other}", USAGE)
    async with serving(settings.gatepost_home, port=port, app_url=app_url) as url:
        announce(settings.gatepost_home, url)
        env = {
            "SLACK_API_URL": f"{url}/api/",
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_SIGNING_SECRET": SIGNING_SECRET,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "GATEPOST_SHOP_URL": f"{url}/shop",
        }
        if as_json:
            typer.echo(json.dumps({"url": url, "app_url": app_url, "env": env}))
        else:
            typer.echo(f"The sandbox is at {url} and delivers to {app_url}. An app in it needs:")
            typer.echo("".join(f"  {name}={value}\n" for name, value in env.items()))
            typer.echo("(SLACK_SIGNING_SECRET for HTTP, or SLACK_APP_TOKEN for Socket Mode.)")
        await stop.wait()


def _settings() -> Settings:
    try:
        settings = load()
    except BadSettings as error:
        fail(str(error), CANT_START)
    configure(settings.log_level)
    if settings.laptop:
        fail(_NO_SLACK, CANT_START)
    return settings


def _database_url(settings: Settings) -> str | None:
    return settings.database_url.get_secret_value() if settings.database_url else None
