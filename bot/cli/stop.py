"""`gatepost stop`, `resume`, `stops`: the emergency brake, also while Slack is down."""

from typing import Annotated

import typer

from bot.cli.kit import account, print_json, with_house
from bot.house import House, fresh_people
from bot.words import visible
from graph.law.stopping import Stop, scope
from graph.verbs.report import stop_row
from graph.verbs.stop import Lifted, Order, Pulled, in_force, lift
from graph.verbs.stop import stop as stop_verb

_As = Annotated[str, typer.Option("--as", help="Your Slack user id.")]


def register(app: typer.Typer) -> None:
    for command in (stop, resume, stops):
        app.command()(command)


def stop(
    user: _As,
    reason: Annotated[str, typer.Option(help="What happened; everybody concerned reads it.")],
    workflow: Annotated[str, typer.Argument(help="A workflow's name, or all.")] = "all",
) -> None:
    """Stop a workflow, or all: nothing new begins; what has begun is finished and reported."""
    order = Order(workflow=workflow, user_id=user, reason=reason, via="cli", door=account())
    pulled = with_house(lambda house: _stop(house, order))
    typer.echo(f"stopped {scope(pulled.stop.workflow)}; begun: {pulled.begun}, waiting: {pulled.waiting}")


def resume(
    user: _As,
    reason: Annotated[str, typer.Option(help="Why it may go on.")],
    workflow: Annotated[
        str, typer.Argument(help="What was stopped: a name, or all; may be left out if it's one.")
    ] = "",
) -> None:
    """Let go on what was stopped; what was approved before and had not begun is asked again."""
    order = Order(workflow=workflow, user_id=user, reason=reason, via="cli", door=account())
    lifted = with_house(lambda house: _lift(house, order))
    still = ", ".join(scope(each.workflow) for each in lifted.still)
    typer.echo(f"{scope(lifted.stop.workflow)} may go on" + (f"; still stopped: {still}" if still else ""))


def stops(as_json: Annotated[bool, typer.Option("--json", help="Print an array.")] = False) -> None:
    """Show what is stopped now."""
    found = with_house(lambda house: in_force(house.store))
    if as_json:
        print_json([stop_row(each) | {"name": name} for each, name in found])
        return
    typer.echo("\n".join(_line(each, name) for each, name in found) or "Nothing is stopped.")


async def _stop(house: House, order: Order) -> Pulled:
    async with house.store.begin() as tx:
        known = await tx.people.get(order.user_id)
    if known is None:
        # Only then: a Slack that hangs must not hold up the brake.
        await fresh_people(house)
    return await stop_verb(house.store, order)


async def _lift(house: House, order: Order) -> Lifted:
    await fresh_people(house)
    return await lift(house.store, order)


def _line(stop: Stop, name: str) -> str:
    return f"{scope(stop.workflow)}: {visible(stop.said(name))}"
