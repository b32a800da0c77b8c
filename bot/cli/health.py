"""`gatepost health`: is everything where it should be? Works with Slack down."""

from datetime import datetime
from typing import Annotated, Any

import typer

from bot.cli.kit import FOUND_WRONG, print_json, say, with_house
from bot.house import House
from graph.verbs.auditor import Finding, inspect, trouble
from graph.verbs.ports import Condition


def register(app: typer.Typer) -> None:
    app.command()(health)


def health(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
    """Look for what is overdue, owed, unknown or lost, and say how each part is; exit 4 when something is wrong."""
    conditions, findings, now = with_house(_look)
    clean = not any(finding.grave for finding in findings)
    if as_json:
        parts = [_part(condition, now) for condition in conditions]
        print_json({"clean": clean, "parts": parts, "findings": [_row(finding) for finding in findings]})
    else:
        for condition in conditions:
            problem = trouble(condition, now)
            say(f"{'BAD ' if problem else 'ok  '} {condition.name}{f': {problem}' if problem else ''}")
        for finding in findings:
            say(f"{'BAD ' if finding.grave else 'note'} {finding.said(now)}")
        say("Nothing is wrong." if clean else "Something is wrong.")
    if not clean:
        raise typer.Exit(FOUND_WRONG)


async def _look(house: House) -> tuple[list[Condition], list[Finding], datetime]:
    async with house.store.begin() as tx:
        return list(await tx.health.all()), await inspect(tx), await tx.now()


def _part(condition: Condition, now: datetime) -> dict[str, Any]:
    problem = trouble(condition, now)
    return {"name": condition.name, "ok": not problem, "problem": problem, "last_ok_at": _iso(condition.last_ok_at)}


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.name,
        "grave": finding.grave,
        "count": finding.count,
        "oldest": _iso(finding.oldest),
        "ids": list(finding.ids),
        "what": finding.what,
        "mend": finding.mend,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
