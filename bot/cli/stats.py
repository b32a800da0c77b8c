"""`gatepost stats` and `digest`: how requests went, for people and for scripts."""

from typing import Annotated, Any

import typer

from bot.cards.digest import against, standing_out, week_name
from bot.cards.stats import HOW, Numbers, beside, by_tier, headline, rows
from bot.cli.kit import USAGE, account, fail, print_json, with_house
from bot.house import House
from graph.law.weeks import Week
from graph.verbs import digest as weekly
from graph.verbs.stats import recent


def register(app: typer.Typer) -> None:
    for command in (stats, digest):
        app.command()(command)


def stats(
    days: Annotated[int, typer.Option(min=1, max=366, help="The last so many days.")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Count how requests went: approval rate, time to decide, escalations, per action and confidence band."""
    found = with_house(lambda house: recent(house.store, days))
    if as_json:
        print_json(found)
        return
    total = found["total"]
    typer.echo("\n".join(_text(headline(f"Last {days} days", total), [beside(total), by_tier(total)], found)))


def digest(
    week: Annotated[str | None, typer.Option(help="An ISO week, as 2026-W47; without it the last full one.")] = None,
    post: Annotated[bool, typer.Option("--post", help="Post it as the policy says, unless that was done.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Show a week's figures beside those of the week before, or post them now."""
    found = with_house(lambda house: _digest(house, _week(week), post=post))
    if as_json:
        print_json(found)
        return
    total = found["total"]
    lines = [against(found), beside(total), by_tier(total), *(f"! {seen}" for seen in standing_out(found))]
    unfinished = "" if found["complete"] else " so far"
    typer.echo("\n".join(_text(headline(f"{week_name(found['week'])}{unfinished}", total), lines, found)))
    if post:
        typer.echo("Posted." if found["posted"] else f"Week {found['week']} was posted before; nothing was sent again.")


async def _digest(house: House, week: Week | None, *, post: bool) -> dict[str, Any]:
    posted = {"posted": await weekly.post_digest(house.store, week, by=account())} if post else {}
    return {**await weekly.digest(house.store, week), **posted}


def _week(text: str | None) -> Week | None:
    try:
        return None if text is None else Week.parse(text)
    except ValueError as error:
        fail(f"--week: {error}", USAGE)


def _text(title: str, lines: list[str], figures: Numbers) -> list[str]:
    """The headline, sentences, and the table with its columns aligned; all action types."""
    found = rows(figures, len(figures["actions"]))
    widths = [max(len(row[column]) for row in found) for column in range(len(found[0]))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in found]
    return [title, *(text for text in lines if text), "", *table, "", HOW]
