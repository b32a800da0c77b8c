"""`gatepost grant`: what reviewers have allowed for the rest of a run, and taking it back."""

from typing import Annotated, Any, Final

import typer

from bot.cli.kit import account, print_json, with_house
from bot.house import House, fresh_people
from bot.words import one_line
from graph.law.grants import Grant
from graph.verbs import grant as verb
from graph.verbs.grant import Revocation

_app: Final = typer.Typer(help="What reviewers have allowed for the rest of a run.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(_app, name="grant")


@_app.command("list")
def show(
    everything: Annotated[
        bool, typer.Option("--all", help="Those that have ended or were taken back as well.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """List what is allowed now."""
    found = with_house(lambda house: verb.listed(house.store, all=everything))
    if as_json:
        print_json([_json(grant, name) for grant, name in found])
    else:
        typer.echo("\n".join(_line(grant, name) for grant, name in found) or "Nothing is allowed for any run.")


@_app.command()
def revoke(
    grant: Annotated[str, typer.Argument(help="The id, as `gatepost grant list` shows it.")],
    user: Annotated[str, typer.Option("--as", help="Your Slack user id.")],
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Take it back: what it decided and has not begun is put before a person again."""
    wish = Revocation(grant_id=grant, user_id=user, via="cli", reason=reason, door=account())
    taken = with_house(lambda house: _revoke(house, wish), world=True)
    if as_json:
        print_json(_json(taken, taken.given_by))
    else:
        typer.echo(f"Taken back: {_what(taken)}.")


async def _revoke(house: House, wish: Revocation) -> Grant:
    await fresh_people(house)
    return await verb.revoke(house.store, wish)


def _line(grant: Grant, name: str) -> str:
    until = f"{grant.expires_at:%Y-%m-%d %H:%M} UTC"
    state = "taken back" if grant.revoked_at else f"{grant.used} of {grant.times} used, until {until}"
    return f"{grant.id}  {_what(grant)}, {state}, by {one_line(name)}: {one_line(grant.reason)}"


def _what(grant: Grant) -> str:
    """`rollout.roll_out_wave for ro-2231 up to 420.00 EUR in run_…`."""
    concerns = "" if grant.any_target or grant.target is None else f" for {one_line(grant.target)}"
    amount = "" if grant.up_to is None else f" up to {grant.up_to:,.2f} {grant.currency or ''}".rstrip()
    return f"{grant.workflow}.{grant.action_type}{concerns}{amount} in {grant.run_id}"


def _json(grant: Grant, name: str) -> dict[str, Any]:
    return {
        "id": grant.id,
        "run": grant.run_id,
        "request": grant.request_id,
        "action": f"{grant.workflow}.{grant.action_type}",
        "target": None if grant.any_target else grant.target,
        "any_target": grant.any_target,
        "up_to": None if grant.up_to is None else str(grant.up_to),
        "currency": grant.currency,
        "times": grant.times,
        "used": grant.used,
        "tier": grant.tier,
        "given_by": grant.given_by,
        "name": name,
        "reason": grant.reason,
        "given_at": grant.given_at.isoformat(),
        "expires_at": grant.expires_at.isoformat(),
        "revoked_at": grant.revoked_at.isoformat() if grant.revoked_at else None,
        "revoked_by": grant.revoked_by,
    }
