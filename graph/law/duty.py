"""Duty: who can be asked when. Working hours of a tier in its own time zone, holidays, shifts, who is away.

Everything is asked and answered in UTC. A day's clock may jump or run twice: duty that begins in the gap begins
when the clock jumps, and an hour that comes twice is worked twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

DAY: Final = 24 * 60
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME: Final = r"([01][0-9]|2[0-4]):([0-5][0-9])"
_HOURS: Final = re.compile(rf"(?:([A-Za-z,-]+) +)?{_TIME}-{_TIME}", re.ASCII)
_AHEAD: Final = 400
"""So many days are searched: whoever has no hours in a year has none."""

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Hours:
    """Working hours on some days of the week (0: Monday), in minutes from midnight; over midnight `end` is smaller."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a tier works. No hours: always, but on holidays. `holidays`: a country, or one of its parts: `DE-BE`."""

    hours: tuple[Hours, ...] = ()
    timezone: str = "UTC"
    holidays: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Somebody is on call, as the calendar `source` says."""

    source: str
    user_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Somebody is away; `deputy_id` stands in."""

    user_id: str
    deputy_id: str | None
    starts_at: datetime
    ends_at: datetime

    def covers(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """Those whom a tier can ask: `people` whenever it works, others in their `shifts`; nobody while away.

    `absences` name every account of who is away; a deputy is there in their place.
    """

    schedule: Schedule
    people: frozenset[str] = frozenset()
    shifts: tuple[Shift, ...] = ()
    absences: tuple[Absence, ...] = ()

    def rostered(self, at: datetime) -> frozenset[str]:
        """Whose turn it is, away or not."""
        return self.people | {shift.user_id for shift in self.shifts if shift.starts_at <= at < shift.ends_at}

    def there(self, at: datetime) -> frozenset[str]:
        """User ids of who is on duty."""
        if not on_duty(self.schedule, at):
            return frozenset()
        turn, away = self.rostered(at), [absence for absence in self.absences if absence.covers(at)]
        deputies = {absence.deputy_id for absence in away if absence.user_id in turn and absence.deputy_id}
        return frozenset((turn | deputies) - {absence.user_id for absence in away})

    def opens(self, at: datetime) -> datetime | None:
        """When somebody is there: `at`, or the next such moment; None when nobody knows one."""
        begins = (
            moment if on_duty(self.schedule, moment) else next_opening(self.schedule, moment)
            for moment in (at, *self._changes(at))
        )
        return min((moment for moment in begins if moment is not None and self.there(moment)), default=None)

    def closes(self, at: datetime) -> datetime | None:
        """When the last one leaves, after `at`."""
        moments = {*self._changes(at), next_closing(self.schedule, at)}
        return min((moment for moment in moments if moment is not None and not self.there(moment)), default=None)

    def _changes(self, at: datetime) -> Iterator[datetime]:
        """The moments after `at` when a shift or an absence begins or ends."""
        turns: tuple[Shift | Absence, ...] = (*self.shifts, *self.absences)
        for turn in turns:
            yield from (moment for moment in (turn.starts_at, turn.ends_at) if moment > at)


def parse_hours(text: str) -> Hours:
    """Parse `Mon-Fri 09:00-17:00`, `Sat,Sun 10:00-14:00` or `22:00-06:00`; raises ValueError."""
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ValueError('write hours as "Mon-Fri 09:00-17:00", "Sat,Sun 10:00-14:00" or "22:00-06:00"')
    start, end = (int(match.group(at)) * 60 + int(match.group(at + 1)) for at in (2, 4))
    if max(start, end) > DAY or start == DAY:
        raise ValueError("a day ends at 24:00, and no hours begin then")
    if start == end:
        raise ValueError("hours must not end when they begin; the whole day is 00:00-24:00")
    return Hours(frozenset(_days(match.group(1) or "Mon-Sun")), start, end)


def check_holidays(code: str) -> str:
    """The code of a country or a part of one, as it came; raises ValueError."""
    holidays_in(code, 2026)
    return code


@lru_cache(maxsize=256)
def holidays_in(code: str, year: int) -> frozenset[date]:
    """The public holidays of a country (`DE`) or a part of one (`DE-BE`); raises ValueError for others."""
    # Loaded by whose policy names holidays: it takes a while.
    from holidays import country_holidays

    country, _, part = code.partition("-")
    try:
        return frozenset(country_holidays(country, subdiv=part or None, years=year))
    except NotImplementedError:
        raise ValueError('name a country, or one of its parts, as "DE", "DE-BE" or "US-CA"') from None


def on_duty(schedule: Schedule, at: datetime) -> bool:
    """Whether the tier works at this moment."""
    return any(start <= at < end for start, end in _spans(schedule, _local_day(schedule, at) - timedelta(days=1), 3))


def next_opening(schedule: Schedule, at: datetime) -> datetime | None:
    """When work begins next, after `at`; None when it never stops, or never begins."""
    return next((start for start, _ in _shifts_from(schedule, at) if start > at), None)


def next_closing(schedule: Schedule, at: datetime) -> datetime | None:
    """When work ends next, after `at`; None when it never does."""
    return next((end for _, end in _shifts_from(schedule, at) if end > at), None)


def _shifts_from(schedule: Schedule, at: datetime) -> Iterator[Span]:
    """Uninterrupted stretches of work, from the one before `at` on; what goes on beyond the horizon has no end."""
    if not schedule.holidays and _always(schedule):
        return
    first = _local_day(schedule, at) - timedelta(days=2)
    current: Span | None = None
    for start, end in _spans(schedule, first, _AHEAD):
        if current is not None and start <= current[1]:
            current = current[0], max(current[1], end)
            continue
        if current is not None:
            yield current
        current = start, end
    # The last one may go on after the days that were looked at.
    if current is not None and current[1] < _instant(schedule, first + timedelta(days=_AHEAD), 0):
        yield current


def _spans(schedule: Schedule, first: date, days: int) -> Iterator[Span]:
    """The work of each day, in order, as moments."""
    for ahead in range(days):
        day = first + timedelta(days=ahead)
        for start, end in _pieces(schedule, day):
            begins = _instant(schedule, day, start)
            # A day ends when the next begins, also where that hour comes twice.
            ends = _instant(schedule, day, end, last=end < DAY)
            if begins < ends:
                yield begins, ends


def _pieces(schedule: Schedule, day: date) -> list[tuple[int, int]]:
    """The work of one local day in minutes from midnight, in order."""
    if schedule.holidays and day in holidays_in(schedule.holidays, day.year):
        return []
    if not schedule.hours:
        return [(0, DAY)]
    found = []
    for hours in schedule.hours:
        over_midnight = hours.end < hours.start
        if day.weekday() in hours.days:
            found.append((hours.start, DAY if over_midnight else hours.end))
        if over_midnight and (day.weekday() - 1) % 7 in hours.days:
            found.append((0, hours.end))
    return sorted(found)


def _always(schedule: Schedule) -> bool:
    """Whether every minute of the week is worked."""
    monday = date(2024, 1, 1)
    for ahead in range(7):
        reached = 0
        for start, end in _pieces(schedule, monday + timedelta(days=ahead)):
            reached = max(reached, end) if start <= reached else reached
        if reached < DAY:
            return False
    return True


def _local_day(schedule: Schedule, at: datetime) -> date:
    return at.astimezone(ZoneInfo(schedule.timezone)).date()


def _instant(schedule: Schedule, day: date, minutes: int, *, last: bool = False) -> datetime:
    wall = datetime.combine(day, time.min) + timedelta(minutes=minutes)
    return moment_of(wall, ZoneInfo(schedule.timezone), last=last)


def moment_of(wall: datetime, zone: tzinfo, *, last: bool = False) -> datetime:
    """When clocks in a zone show this: the first time or the last; what they jump over is when they jump."""
    once, again = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if once <= again:
        return again if last else once
    # Jumped over: between the two readings lies the moment of the jump.
    before, after = again, once
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == offset else (before, middle)
    return (after + timedelta(milliseconds=500)).replace(microsecond=0)


def _days(text: str) -> Iterator[int]:
    for part in text.split(","):
        first, to, last = part.lower().partition("-")
        names = (first, last if to else first)
        if not all(name in _DAYS for name in names):
            raise ValueError("name days as Mon, Tue, Wed, Thu, Fri, Sat, Sun, as in Mon-Fri or Sat,Sun")
        begin, end = map(_DAYS.index, names)
        yield from ((begin + step) % 7 for step in range((end - begin) % 7 + 1))
