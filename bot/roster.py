"""A calendar's text → whose turn it is when. Runs as a process of its own (`python -m bot.roster`), because a calendar
is somebody else's: a rule that never ends or a million of turns must not hold up a worker.

Reads the text from stdin; arguments: from, to (ISO), and the time zone of what names none. Prints JSON.
"""

import json
import re
import resource
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events  # type: ignore[import-untyped]

from graph.law.duty import moment_of

MOST: Final = 5_000
CPU_SECONDS: Final = 10
MEMORY: Final = 1 << 30
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,190}", re.ASCII)
_USER: Final = re.compile(r"\b[UW][A-Z0-9_]{2,40}\b", re.ASCII)
_NOBODY: Final = ("ROOM", "RESOURCE")


def turns(text: bytes, since: datetime, until: datetime, zone: str | None) -> list[dict[str, Any]]:
    """All turns that touch the time between; raises ValueError for what is no calendar, or too much of one."""
    calendar = icalendar.Calendar.from_ical(text)
    if calendar.name != "VCALENDAR":
        raise ValueError("it is no calendar")
    local = ZoneInfo(zone or _own_zone(calendar))
    found: list[dict[str, Any]] = []
    for event in recurring_ical_events.of(calendar).between(since, until):
        if len(found) >= MOST:
            raise ValueError(f"it has more than {MOST} turns in three weeks")
        start, end = _moment(event.start, local), _moment(event.end, local)
        if start < end and since < end and start < until and str(event.get("STATUS", "")).upper() != "CANCELLED":
            found.append({"start": start.isoformat(), "end": end.isoformat(), **_people(event)})
    return found


def _own_zone(calendar: Any) -> str:
    name = str(calendar.get("X-WR-TIMEZONE", "UTC"))
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError):
        return "UTC"


def _moment(at: date, zone: ZoneInfo) -> datetime:
    """A whole day begins at its local midnight; a time without a zone is local."""
    if not isinstance(at, datetime):
        return moment_of(datetime.combine(at, time.min), zone)
    return moment_of(at, zone) if at.tzinfo is None else at.astimezone(UTC)


def _people(event: Any) -> dict[str, list[str]]:
    """The addresses of who attends; of an event without, the addresses and user ids in its title."""
    addresses = [_address(one) for one in _attendees(event)]
    title = str(event.get("SUMMARY", ""))[:500]
    if any(addresses):
        return {"addresses": sorted({address for address in addresses if address}), "users": []}
    named = {match.group().lower() for match in _ADDRESS.finditer(title)}
    return {"addresses": sorted(named), "users": sorted(set(_USER.findall(_ADDRESS.sub(" ", title))))}


def _attendees(event: Any) -> Iterable[Any]:
    named = event.get("ATTENDEE", [])
    for one in named if isinstance(named, list) else [named]:
        said = {key: str(value).upper() for key, value in getattr(one, "params", {}).items()}
        if said.get("PARTSTAT") != "DECLINED" and said.get("CUTYPE") not in _NOBODY:
            yield one


def _address(attendee: Any) -> str:
    scheme, _, address = str(attendee).partition(":")
    match = _ADDRESS.fullmatch(address.strip()) if scheme.lower() == "mailto" else None
    return match.group().lower() if match else ""


def main() -> None:
    """The process."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    since, until = (datetime.fromisoformat(text) for text in sys.argv[1:3])
    try:
        found = turns(sys.stdin.buffer.read(), since, until, sys.argv[3] or None)
        answer: dict[str, Any] = {"turns": found}
    except Exception as problem:  # whatever a parser says of somebody else's text
        # Only our own words are repeated: theirs may quote the calendar.
        ours = type(problem) is ValueError and str(problem).startswith("it ")
        answer = {"problem": str(problem) if ours else f"it is no calendar that can be read ({type(problem).__name__})"}
    sys.stdout.write(json.dumps(answer))


WINDOW: Final = (timedelta(days=1), timedelta(days=21))
"""So far back and ahead turns are looked at."""

if __name__ == "__main__":
    main()
