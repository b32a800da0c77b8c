"""Until when somebody is away, as people say it: `Monday`, `tomorrow 14:00`, `2026-12-01`, `3d`."""

import re
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from graph.law.duty import moment_of
from graph.law.policy_kit import parse_duration

LONGEST: Final = timedelta(days=90)
_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
HOW: Final = 'say until when, as "until Monday", "until tomorrow 14:00", "until 2026-12-01 18:00" or "3d"'


def parse_until(words: str, now: datetime, zone: ZoneInfo) -> datetime:
    """The moment that is meant, a day's beginning where no time is said; raises ValueError with what to say instead."""
    said = words.lower().removeprefix("until ").split()
    if not 1 <= len(said) <= 2:
        raise ValueError(HOW)
    if len(said) == 1 and said[0][0].isdigit() and not _ISO.fullmatch(said[0]):
        until = now + _duration(said[0])
    else:
        day = _day(said[0], now.astimezone(zone).date())
        until = moment_of(datetime.combine(day, _time(said[1]) if len(said) == 2 else time.min), zone)
    if until <= now:
        raise ValueError("that is over already; say when you will be back")
    if until - now > LONGEST:
        raise ValueError(f"at most {LONGEST.days} days; for longer, change who reviews in the policy")
    return until


def _duration(word: str) -> timedelta:
    try:
        return parse_duration(word)
    except ValueError:
        raise ValueError(HOW) from None


def _day(word: str, today: date) -> date:
    if word in ("today", "tomorrow"):
        return today + timedelta(days=word == "tomorrow")
    for number, name in enumerate(_DAYS):
        if word in (name, name[:3]):
            return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
    try:
        return date.fromisoformat(word if _ISO.fullmatch(word) else "")
    except ValueError:
        raise ValueError(HOW) from None


def _time(word: str) -> time:
    match = _TIME.fullmatch(word)
    if match is None:
        raise ValueError(HOW)
    return time(int(match.group(1)), int(match.group(2)))
