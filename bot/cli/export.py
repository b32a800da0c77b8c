"""`gatepost audit export`: the record as a spreadsheet or as JSON lines. It holds no secrets and no formulas."""

import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from bot.cli.kit import USAGE, account, fail, say, with_house
from bot.house import House
from bot.words import csv_line, document
from graph.law.action import question
from graph.law.masking import shown_args, shown_value
from storage.exports import Asked, Entered, asked, entered

Values = Mapping[str, Any]
"""A line of the export: numbers are numbers, instants ISO 8601, what is nested is JSON."""
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)


class What(StrEnum):
    """What is exported: every request with its decision, or every entry of the audit chain."""

    REQUESTS = "requests"
    ENTRIES = "entries"


class Format(StrEnum):
    """CSV after RFC 4180 with a heading, or one JSON object a line."""

    CSV = "csv"
    JSON = "json"


HEADINGS: Final = {
    What.REQUESTS: (
        "request",
        "asked_at",
        "workflow",
        "action",
        "kind",
        "question",
        "arguments",
        "agent_says",
        "flags",
        "amount",
        "currency",
        "tier",
        "risk",
        "confidence",
        "policy_version",
        "rules",
        "requester",
        "status",
        "decision",
        "decided_at",
        "decided_by",
        "acting_for",
        "reason",
        "via",
        "digest",
        "outcome",
        "result",
        "error",
    ),
    What.ENTRIES: ("number", "at", "event", "by", "run", "request", "detail", "hash"),
}
"""The columns of a CSV file, there also when nothing else is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    what: What
    form: Format
    since: datetime
    until: datetime


def export(
    what: Annotated[What, typer.Argument(help="requests, or entries of the audit chain.")] = What.REQUESTS,
    form: Annotated[Format, typer.Option("--format", help="csv, or json: an object a line.")] = Format.CSV,
    since: Annotated[str | None, typer.Option(help="From this day on (UTC), as 2026-11-01.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this day (UTC).")] = None,
    out: Annotated[Path | None, typer.Option(help="Write to this new file, which only you can read.")] = None,
) -> None:
    """Export the record for auditors. Who exported what is itself on record."""
    wish = _Wish(what=what, form=form, since=_day(since, "--since", _FIRST), until=_day(until, "--until", _LAST))
    with _opened(out) as file:
        count = with_house(lambda house: _export(house, wish, file))
    if out is not None:
        say(f"{count} {what} are in {out}.")


async def _export(house: House, wish: _Wish, file: TextIO) -> int:
    count = 0
    if wish.form is Format.CSV:
        file.write(csv_line(HEADINGS[wish.what]))
    async for values in _lines(house, wish):
        if wish.form is Format.JSON:
            file.write(document(values, indent=None) + "\n")
        else:
            file.write(csv_line([_cell(values[name]) for name in HEADINGS[wish.what]]))
        count += 1
    when = {"since": wish.since.isoformat(), "until": wish.until.isoformat()}
    about: dict[str, Any] = {"what": wish.what, "count": count, **when}
    async with house.store.begin() as tx:
        await tx.audit.record("record_exported", account(), **about)
    return count


async def _lines(house: House, wish: _Wish) -> AsyncIterator[Values]:
    where = (house.engine, house.store.workspace_id, wish.since, wish.until)
    if wish.what is What.REQUESTS:
        async for one in asked(*where):
            yield request_values(one)
    else:
        async for entry in entered(*where):
            yield entry_values(entry)


def request_values(one: Asked) -> Values:
    """A request as a line: what was asked, why, who decided, and what came of it."""
    request, decision, effect = one.request, one.decision, one.effect
    return {
        "request": request.id,
        "asked_at": request.created_at.isoformat(),
        "workflow": request.workflow,
        "action": request.action_type,
        "kind": request.kind,
        "question": question(request.form, request.args),
        "arguments": shown_args(request.form, request.args),
        "agent_says": request.brief.rationale,
        "flags": list(request.brief.flags),
        "amount": request.value,
        "currency": request.currency,
        "tier": request.tier,
        "risk": request.risk,
        "confidence": request.confidence,
        "policy_version": request.policy_version,
        "rules": [match.rule for match in request.matched],
        "requester": request.requester,
        "status": request.status,
        "decision": decision.type if decision else None,
        "decided_at": decision.at.isoformat() if decision else None,
        "decided_by": decision.by if decision else None,
        "acting_for": decision.acting_for if decision else None,
        "reason": decision.reason if decision else None,
        "via": decision.via if decision else None,
        "digest": request.digest,
        "outcome": effect.status if effect else None,
        "result": shown_value(effect.result) if effect else None,
        "error": effect.error if effect else None,
    }


def entry_values(entry: Entered) -> Values:
    """An audit entry as a line. Its hash covers the entry as it is kept, secrets included."""
    return {
        "number": entry.seq,
        "at": entry.at.isoformat(),
        "event": entry.event,
        "by": entry.actor,
        "run": entry.run_id,
        "request": entry.request_id,
        "detail": entry.detail,
        "hash": entry.hash,
    }


def _cell(value: Any) -> Any:
    return document(value, indent=None) if isinstance(value, dict | list) else value


def _day(text: str | None, option: str, otherwise: datetime) -> datetime:
    if text is None:
        return otherwise
    try:
        # Digits of other scripts are digits to Python, too.
        return datetime.strptime(text if text.isascii() else "", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        fail(f"{option} {text[:40]}: write a day as 2026-11-01", USAGE)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    try:
        with open(out, "x", encoding="utf-8", newline="", opener=_private) as file:
            yield file
    except OSError as error:
        fail(f"--out {out}: {error.strerror}", USAGE)
