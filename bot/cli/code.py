"""`gatepost code`: authenticator apps for tiers at which approving takes a one-time code."""

import json
from typing import Annotated, Any, Final

import segno
import typer

from bot.cli.kit import account, print_json, with_house
from bot.words import one_line
from graph.verbs import stepup
from graph.verbs.ports.stepup import Enrolled

_app: Final = typer.Typer(help="One-time codes: who has an authenticator app.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(_app, name="code")


@_app.command()
def enroll(
    user: Annotated[str, typer.Argument(help="The Slack user id of whoever is to have one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the otpauth:// address as JSON.")] = False,
) -> None:
    """Set up an authenticator app; what it has to scan is shown this once."""
    address, name = with_house(lambda house: stepup.enroll(house.store, user, account()))
    if as_json:
        # As it is: everything else that is printed has its secrets taken out.
        typer.echo(json.dumps({"user": user, "name": name, "otpauth": address}))
        return
    typer.echo(f"For {one_line(name)} alone, and not shown again. Scan it with the app, or enter the address:\n")
    segno.make(address, error="m").terminal(border=2, compact=True)
    typer.echo(f"\n{address}")


@_app.command()
def remove(user: Annotated[str, typer.Argument(help="The Slack user id.")]) -> None:
    """Forget somebody's authenticator app: from now on its codes count for nothing."""
    with_house(lambda house: stepup.remove(house.store, user, account()))
    typer.echo(f"Codes of {one_line(user)} count no more.")


@_app.command("list")
def show(as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    """List who has an authenticator app."""
    found = with_house(lambda house: stepup.enrolled(house.store))
    if as_json:
        print_json([_json(one, name) for one, name in found])
    else:
        typer.echo("\n".join(_line(one, name) for one, name in found) or "Nobody has an authenticator app.")


def _line(one: Enrolled, name: str) -> str:
    since = f"{one.enrolled_at:%Y-%m-%d %H:%M} UTC"
    return f"{one.user_id}  {one_line(name)}, since {since}, set up by {one_line(one.enrolled_by)}"


def _json(one: Enrolled, name: str) -> dict[str, Any]:
    return {
        "user": one.user_id,
        "name": name,
        "since": one.enrolled_at.isoformat(),
        "set_up_by": one.enrolled_by,
        "locked_until": one.locked_until.isoformat() if one.locked_until else None,
    }
