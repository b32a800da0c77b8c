"""ISO weeks as a team lives them: from Monday 00:00 of its own time zone, whatever the clocks do in between."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_NAMED: Final = re.compile(r"([0-9]{4})-W([0-9]{2})", re.ASCII)
_MOMENT: Final = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class WeekMoment:
    """A moment that comes every week: `day` counts from Monday, 0."""

    day: int
    at: time

    @staticmethod
    def parse(text: str) -> "WeekMoment":
        """`Mon 08:00`; raises ValueError."""
        found = _MOMENT.fullmatch(text)
        if found is None:
            raise ValueError('write a day and a time as "Mon 08:00"')
        return WeekMoment(_DAYS.index(found.group(1)), time(int(found.group(2)), int(found.group(3))))


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """One ISO week. A year's first holds its first Thursday, so 1 January may be in week 53 of the year before."""

    year: int
    number: int

    @staticmethod
    def parse(text: str) -> "Week":
        """`2026-W47`; raises ValueError, also for a week that its year doesn't have."""
        found = _NAMED.fullmatch(text)
        if found is None:
            raise ValueError("write a week as 2026-W47")
        week = Week(int(found.group(1)), int(found.group(2)))
        if not 1970 <= week.year <= 9990:
            raise ValueError("write a week as 2026-W47")
        try:
            week.monday()
        except ValueError:
            raise ValueError(f"{week.year} has no week {week.number}") from None
        return week

    @staticmethod
    def of(moment: datetime, zone: ZoneInfo) -> "Week":
        """The week in which this moment lies for people in that zone."""
        year, number, _ = moment.astimezone(zone).isocalendar()
        return Week(year, number)

    def __str__(self) -> str:
        return f"{self.year:04}-W{self.number:02}"

    def monday(self) -> date:
        return date.fromisocalendar(self.year, self.number, 1)

    def shifted(self, weeks: int) -> "Week":
        """So many weeks later, or earlier."""
        year, number, _ = (self.monday() + timedelta(weeks=weeks)).isocalendar()
        return Week(year, number)

    def start(self, zone: ZoneInfo) -> datetime:
        """Its first moment, UTC; the week ends where the next one starts, 167, 168 or 169 hours later."""
        return self.at(WeekMoment(0, time(0)), zone)

    def end(self, zone: ZoneInfo) -> datetime:
        return self.shifted(1).start(zone)

    def at(self, moment: WeekMoment, zone: ZoneInfo) -> datetime:
        """That moment of this week, UTC: once, also when the clocks show it twice or skip it."""
        local = datetime.combine(self.monday() + timedelta(days=moment.day), moment.at, zone)
        return local.astimezone(UTC)


def last_due(now: datetime, moment: WeekMoment, zone: ZoneInfo) -> Week:
    """The newest week that is over and whose digest is due: it is due at `moment` of the week after."""
    week = Week.of(now, zone)
    return week.shifted(-1 if week.at(moment, zone) <= now else -2)
