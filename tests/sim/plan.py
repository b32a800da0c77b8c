"""The plan: what is to go wrong, when, and when work comes in. All of it follows from the seed."""

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from tests.sim.law import DIGEST_AT, DIGEST_ZONE

if TYPE_CHECKING:
    from tests.sim.play import Play

START: Final = datetime(2027, 1, 20, 6, tzinfo=UTC)
"""Ninety days from here, New York (14 March) and Berlin (28 March) put their clocks forward."""
HOUR: Final = timedelta(hours=1)
MINUTE: Final = timedelta(minutes=1)
Doing = Callable[[], Awaitable[None] | None]


@dataclass
class Plot:
    """How much is to happen."""

    days: float = 90.0
    runs: int = 1200
    """Proposed; each asks for one to three actions."""
    seed: int = 0


def plan(play: "Play") -> None:
    """Everything that will happen by itself."""
    days = play.plot.days
    _work(play)
    _digests(play)
    for day in range(int(days)):
        _outages(play, START + timedelta(days=day))
    for hours in range(0, int(days * 24), 12):
        play.at(START + HOUR * hours, lambda: play.all_of(["audit", "seal"]))
        play.at(START + HOUR * hours + MINUTE * 30, play.quiet)
    for hours in range(6, int(days * 24), 6):
        play.at(START + HOUR * hours, trouble(play.doom))
    for day in range(3, int(days) + 1, 3):
        begin = START + timedelta(days=day, hours=play.rng.uniform(-20, 2))
        # A day later the name is known again, beside the new one.
        for release, at in ((1, begin), (2, begin + HOUR * 24), (0, begin + HOUR * 40)):
            _deploy(play, release, at)


def trouble(what: Doing) -> Doing:
    """Something that no longer happens once the days are over."""

    def doing() -> Awaitable[None] | None:
        return what()

    doing.lasts = False  # type: ignore[attr-defined]
    return doing


def _work(play: "Play") -> None:
    """Bursts, the first one at once."""
    runs, at = 0, START
    while runs < play.plot.runs:
        for _ in range(play.rng.choice((1, 6, 12, 20))):
            play.at(at, functools.partial(play.people.propose, f"run {runs}"))
            runs += 1
        at = START + HOUR * play.rng.uniform(0, play.plot.days * 24)


def _digests(play: "Play") -> None:
    """Every replica at its moment, and again at the hours that a change of the clocks skips or repeats."""
    zone = ZoneInfo(DIGEST_ZONE)
    for day in range(int(play.plot.days) + 1):
        morning = datetime.combine((START + timedelta(days=day)).date(), DIGEST_AT, zone)
        moments = [morning + timedelta(seconds=2), morning + MINUTE * 5] if morning.weekday() == 0 else []
        if morning.weekday() in (0, 6):
            moments += [morning.replace(hour=hour, minute=30) for hour in (1, 2, 3)]
        for moment in moments:
            play.at(max(START, moment.astimezone(UTC)), lambda: play.all_of(["digest"]))


def _outages(play: "Play", day: datetime) -> None:
    """A day: Slack fails and asks for patience, and the database goes away."""
    for kind in ("down", "limited"):
        begin = day + HOUR * play.rng.uniform(0, 23)
        length = MINUTE * (120 if play.rng.random() < 0.02 else play.rng.uniform(1, 10))
        play.at(begin, trouble(functools.partial(play.slack_goes, kind)))
        play.at(begin + length, trouble(functools.partial(play.slack_goes, "")))
        if play.rng.random() < 0.3:
            play.at(begin + MINUTE * 3, trouble(lambda: play.all_of(["reroute"])))
    begin = day + HOUR * play.rng.uniform(0, 23)
    play.at(begin, trouble(functools.partial(play.power, on=False)))
    play.at(begin + MINUTE * play.rng.uniform(1, 40), trouble(functools.partial(play.power, on=True)))


def _deploy(play: "Play", release: int, at: datetime) -> None:
    """One replica after the other, so that two releases work side by side; sometimes all at once."""
    together = play.rng.random() < 0.3
    for number, wait in enumerate((0, 40, 80)):
        gone = at + timedelta(seconds=0 if together else wait)
        play.at(gone, trouble(functools.partial(play.leave, f"replica-{number}")))
        back = timedelta(seconds=play.rng.uniform(5, 30))
        play.at(gone + back, trouble(functools.partial(play.enter, f"replica-{number}", release)))
    play.at(at, trouble(functools.partial(play.counts.update, ["deploys"])))
