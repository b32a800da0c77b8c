"""What the commands share: opening the house, printing, exit codes."""

import asyncio
import getpass
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final, NoReturn, TypeVar

import typer
from psycopg import Error as PsycopgError
from sqlalchemy.exc import SQLAlchemyError

from bot.house import CantStart, House, UnknownWorkspace, open_house
from bot.laptop import furnished
from bot.logs import configure
from bot.settings import BadSettings, Settings, load
from bot.words import document, visible
from graph.verbs.errors import Busy, Invalid, Refusal
from storage.migrate import MigrationTimeout

REFUSED: Final = 1
USAGE: Final = 2
CANT_START: Final = 3
FOUND_WRONG: Final = 4
NOT_PLAYED: Final = 5

T = TypeVar("T")


class NotPlayed(Exception):
    """What was asked for is on record, but the run could not be played to its next pause or end."""


def settings() -> Settings:
    """The settings of this command, or exit."""
    try:
        loaded = load()
    except BadSettings as error:
        fail(str(error), CANT_START)
    # A command's own output is what matters; logs speak up only when something is wrong.
    configure("WARNING" if loaded.log_level == "INFO" else loaded.log_level)
    return loaded


def with_house(work: Callable[[House], Awaitable[T]], *, world: bool = False) -> T:
    """Open the house, do the work, close it; every expected problem becomes one clear line.

    `world`: the work speaks to Slack or to what workflows act on, so a laptop's stand-ins have to be up.
    """
    chosen = settings()
    try:
        return asyncio.run(_in_house(chosen, work, world=world))
    except Invalid as error:
        fail(str(error), USAGE)
    except Refusal as error:
        fail(str(error), REFUSED)
    except NotPlayed as error:
        fail(str(error), NOT_PLAYED)
    except (CantStart, BadSettings, MigrationTimeout) as error:
        fail(str(error), CANT_START)
    except Busy as error:
        fail(f"{error}; nothing half-done was kept, please try again", CANT_START)
    except (SQLAlchemyError, PsycopgError) as error:
        fail(f"the database stopped answering ({type(error).__name__}); nothing half-done was kept", CANT_START)


async def _in_house(chosen: Settings, work: Callable[[House], Awaitable[T]], *, world: bool) -> T:
    if not world:
        try:
            async with open_house(chosen, may_migrate=_own(chosen), ask_slack=False) as house:
                return await work(house)
        except UnknownWorkspace:
            pass  # the first command on a fresh database: ask Slack below
    async with furnished(chosen) as complete, open_house(complete, may_migrate=_own(chosen)) as house:
        return await work(house)


def _own(chosen: Settings) -> bool:
    """Whether the database is this machine's own; a shared one is migrated on purpose only."""
    return chosen.database_url is None


def fail(message: str, code: int) -> NoReturn:
    """Say what is wrong, on stderr, and leave."""
    for line in visible(message).splitlines():
        typer.secho(f"gatepost: {line}", err=True, fg="red")
    raise typer.Exit(code)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    typer.echo(document(value))


def say(text: str, *, err: bool = False) -> None:
    """Lines for people, whoever wrote what they say."""
    typer.echo(visible(text), err=err)


def parse_json(text: str, what: str) -> Any:
    """JSON given on the command line, or `@file`."""
    from graph.law.canonical import Unfaithful, strict_loads

    if text.startswith("@"):
        try:
            text = open(text[1:], encoding="utf-8").read()  # noqa: SIM115
        except (OSError, UnicodeDecodeError) as error:
            fail(f"{what}: {text[1:]} can't be read ({getattr(error, 'strerror', 'it is no UTF-8')})", USAGE)
    try:
        return strict_loads(text)
    except Unfaithful as error:
        fail(f"{what}: {error}", USAGE)


def account() -> str:
    """Whose terminal this is, for the record (never an identity that may decide)."""
    return f"{getpass.getuser()}@{socket.gethostname()}"
