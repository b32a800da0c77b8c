"""`gatepost away`: say that a reviewer is away and who stands in, or see who is."""

from typing import Annotated, Any

import typer

from bot.cli.kit import USAGE, account, fail, print_json, with_house
from bot.house import House
from bot.words import one_line
from graph.verbs import away as verb
from graph.verbs.away import Away


def register(app: typer.Typer) -> None:
    app.command()(away)


def away(
    user: Annotated[str | None, typer.Option("--as", help="Your Slack user id; without, everybody's is shown.")] = None,
    until: Annotated[
        str | None, typer.Option(help='Until when: "Monday", "tomorrow 14:00", "2026-12-01 18:00" or "3d".')
    ] = None,
    deputy: Annotated[str | None, typer.Option("--for", help="The Slack user id of who stands in for you.")] = None,
    back: Annotated[bool, typer.Option("--back", help="You are there again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print who is away as JSON.")] = False,
) -> None:
    """Be away until a moment, with somebody standing in for you; or list who is away."""
    if (until is not None or back) and user is None:
        fail("say who you are: --as USER", USAGE)
    if (until is not None and back) or (deputy is not None and until is None):
        fail("--back goes without --until, and --for with it", USAGE)
    found = with_house(lambda house: _do(house, user, until, deputy, back=back))
    if as_json:
        print_json([_json(one) for one in found])
    else:
        typer.echo("\n".join(map(_line, found)) or ("Nobody is away." if user is None else "Not away."))


async def _do(house: House, user: str | None, until: str | None, deputy: str | None, *, back: bool) -> list[Away]:
    if user is not None and back:
        await verb.come_back(house.store, user, "cli", account())
    if user is not None and until is not None:
        await verb.leave(house.store, user, until, deputy, "cli", account())
    return await verb.absent(house.store, user)


def _line(found: Away) -> str:
    deputy = f", {one_line(found.deputy)} stands in" if found.deputy else ""
    return f"{one_line(found.name)} is away until {found.until()}{deputy}"


def _json(found: Away) -> dict[str, Any]:
    absence = found.absence
    return {
        "user": absence.user_id,
        "name": found.name,
        "deputy": absence.deputy_id,
        "since": absence.starts_at.isoformat(),
        "until": absence.ends_at.isoformat(),
    }
