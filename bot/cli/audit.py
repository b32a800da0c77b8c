"""`gatepost audit verify`: does the record still hold?"""

from typing import Annotated

import typer

from bot.cli.kit import FOUND_WRONG, print_json, with_house
from bot.house import House
from storage.audit import Verified, seal
from storage.audit import verify as verify_chain


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The record of who decided what, and why.", no_args_is_help=True)
    group.command()(verify)
    app.add_typer(group, name="audit")


def verify(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Check every number, link and signature of the audit chain; exit 4 names what doesn't hold."""
    found = with_house(_verify)
    if as_json:
        print_json({"sealed": found.sealed, "unsealed": found.unsealed, "problems": list(found.problems)})
    else:
        for problem in found.problems:
            typer.echo(problem)
        typer.echo(f"{found.sealed} entries checked, {found.unsealed} not sealed yet, {len(found.problems)} problems")
    if found.problems:
        raise typer.Exit(FOUND_WRONG)


async def _verify(house: House) -> Verified:
    if house.settings.database_url is None:
        # A laptop may have no worker that seals; elsewhere this process's key may be the wrong one.
        await seal(house.engine, house.audit_key)
    return await verify_chain(house.engine, house.audit_key)
