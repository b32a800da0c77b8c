"""`gatepost policy diff`: what another policy would have meant for what agents really proposed."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from bot import policy_file
from bot.cli.kit import print_json, with_house
from bot.house import House
from bot.words import one_line
from graph.law.policy import BadPolicy, Policy, parse_policy
from graph.verbs.compare import Compared, compare
from graph.verbs.errors import Invalid

_SHOWN: Final = 50
_DIGITS: Final = 10
_WHICH: Final = 'A policy file, a version number, or "current".'


def register(group: typer.Typer) -> None:
    group.command()(diff)


def diff(
    old: Annotated[str, typer.Argument(help=_WHICH)],
    new: Annotated[str, typer.Argument(help=_WHICH)],
    days: Annotated[int, typer.Option(min=1, max=3650, help="What was proposed in this many days.")] = 30,
    limit: Annotated[int, typer.Option(min=0, help="List at most so many requests; all are counted.")] = _SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON, with all requests that differ.")] = False,
) -> None:
    """Route every recorded action under both policies, and say what differs."""
    keep = None if as_json else limit
    found = with_house(lambda house: _diff(house, old, new, timedelta(days=days), keep))
    told = found.as_json()
    print_json({"days": days, **told}) if as_json else typer.echo(_text(told, days, limit))


async def _diff(house: House, old: str, new: str, within: timedelta, keep: int | None) -> Compared:
    return await compare(house.store, await _named(house, old), await _named(house, new), within, keep=keep)


async def _named(house: House, name: str) -> Policy:
    """A version, or a file with what domains ship today."""
    async with house.store.begin() as tx:
        if name.isdecimal() and len(name) < _DIGITS:
            return (await tx.policies.version(int(name))).policy
        current = await tx.policies.current()
        if name == "current":
            return current.policy
        parts = (await tx.policies.text(current.version)).parts
    try:
        return parse_policy(policy_file.read(Path(name)), parts)
    except policy_file.Unreadable as error:
        raise Invalid(str(error)) from None
    except BadPolicy as error:
        raise Invalid("\n".join(f"{name}: {line}" for line in str(error).splitlines())) from None


def _text(told: Mapping[str, Any], days: int, limit: int) -> str:
    lines = [
        f"{row['id']}  {one_line(row['question'])}\n    {_route(row['old'])} → {_route(row['new'])}"
        for row in told["requests"]
    ]
    if told["differ"] > len(lines):
        lines.append(f"… and {told['differ'] - len(lines)} more; --json lists all")
    lines.append(f"{told['differ']} of {told['routed']} requests of the last {days} days would be routed differently")
    names = {
        "reviews": "reviews by people",
        "approvals": "approvals needed",
        "alone": "run alone",
        "sent_back": "sent back to the agent",
    }
    lines += [
        f"  {words:<22} {told['old'][name]:>7} → {told['new'][name]:>7}  ({told['more'][name]:+d})"
        for name, words in names.items()
    ]
    return "\n".join(lines)


def _route(said: Mapping[str, Any]) -> str:
    after = ", looked at afterwards" if said["review_after"] else ""
    if said["route"] in ("auto", "reject"):
        return f"{said['route']}{after}"
    return f"{said['route']}, tier {said['tier']}, {said['approvals']} to agree, {said['risk']} risk"
