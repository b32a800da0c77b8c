"""`gatepost audit`: does the record still hold, and what does it say?"""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import typer

from bot.cli.export import export
from bot.cli.kit import FOUND_WRONG, USAGE, fail, print_json, with_house
from bot.house import House
from storage.audit import Verified, seal
from storage.audit import verify as verify_chain

_ANCHOR: Final = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="The record of who decided what, and why.", no_args_is_help=True)
    group.command()(verify)
    group.command()(export)
    app.add_typer(group, name="audit")


def verify(
    expect: Annotated[
        list[str] | None, typer.Option(help="SEQ:HASH as an earlier check named it; may stand several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Check every number, link and signature of the audit chain; exit 4 names what doesn't hold.

    The last line names the chain's head. Kept outside the database and given as --expect, it shows later that
    nothing was cut off or written anew.
    """
    anchors = dict(map(_anchor, expect or ()))
    found = with_house(lambda house: _verify(house, anchors))
    head = f"{found.head[0]}:{found.head[1]}"
    if as_json:
        figures = {"sealed": found.sealed, "unsealed": found.unsealed, "head": head}
        print_json({**figures, "problems": list(found.problems)})
    else:
        for problem in found.problems:
            typer.echo(problem)
        typer.echo(f"{found.sealed} entries checked, {found.unsealed} not sealed yet, {len(found.problems)} problems")
        typer.echo(f"head {head}")
    if found.problems:
        raise typer.Exit(FOUND_WRONG)


def _anchor(text: str) -> tuple[int, str]:
    found = _ANCHOR.fullmatch(text)
    if found is None:
        fail(f"--expect {text[:80]}: write SEQ:HASH as `gatepost audit verify` names the head", USAGE)
    return int(found[1]), found[2]


async def _verify(house: House, anchors: Mapping[int, str]) -> Verified:
    if house.settings.database_url is None:
        # A laptop may have no worker that seals; elsewhere this process's key may be the wrong one.
        await seal(house.engine, house.audit_key)
    return await verify_chain(house.engine, house.audit_key, anchors)
