"""`gatepost runs`, `queue`, `show`: what there is, for people and for scripts."""

from typing import Annotated

import typer

from bot.cli.kit import account, print_json, with_house
from bot.cli.words import queue_text, request_text, run_text
from graph.verbs import report
from graph.verbs.release import release


def register(app: typer.Typer) -> None:
    for command in (runs, queue, show):
        app.command()(command)


def runs(
    run: Annotated[str | None, typer.Argument(help="One run's id; without it, the newest runs.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 20,
    again: Annotated[bool, typer.Option("--again", help="Let a run that was set aside be tried again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON: an object for one run, else an array.")] = False,
) -> None:
    """Show runs with their requests and effects."""
    if again:
        with_house(lambda house: release(house.store, run or "", account()))
    if run is not None:
        one = with_house(lambda house: report.run(house.store, run))
        print_json(one) if as_json else typer.echo(run_text(one))
        return
    many = with_house(lambda house: report.runs(house.store, limit))
    print_json(many) if as_json else typer.echo("\n".join(map(run_text, many)) or "No runs yet.")


def queue(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print an array.")] = False,
) -> None:
    """Show what waits for a decision, due first first."""
    rows = with_house(lambda house: report.queue(house.store, limit))
    print_json(rows) if as_json else typer.echo(queue_text(rows))


def show(
    request: Annotated[str, typer.Argument(help="A request's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Show one request and who may decide it now."""
    found = with_house(lambda house: report.show(house.store, request))
    print_json(found) if as_json else typer.echo(request_text(found))
