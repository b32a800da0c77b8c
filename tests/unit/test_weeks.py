"""ISO weeks in a team's own zone, and the bands in which confidence is counted."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.law.bands import BANDS, EDGES, UNKNOWN, band_of
from graph.law.policy import BadPolicy, parse_policy
from graph.law.weeks import Week, WeekMoment, last_due
from tests.support.db import DEFAULT_POLICY

BERLIN, UTC_ZONE = ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("week", "before", "after"),
    [
        ("2026-W47", "2026-W46", "2026-W48"),
        ("2026-W53", "2026-W52", "2027-W01"),  # 2026 has 53 weeks
        ("2027-W01", "2026-W53", "2027-W02"),
        ("2025-W01", "2024-W52", "2025-W02"),
    ],
)
def test_weeks_follow_each_other_across_years(week: str, before: str, after: str) -> None:
    found = Week.parse(week)
    assert (str(found), str(found.shifted(-1)), str(found.shifted(1))) == (week, before, after)
    assert found.shifted(-1) < found < found.shifted(1)


@pytest.mark.parametrize(
    "text",
    ["2025-W53", "2026-W00", "2026-W54", "2026-47", "26-W47", "2026-W4", "2026-W٤٧", " 2026-W47", "0000-W01"],
)
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write a week|has no week"):
        Week.parse(text)


def test_new_years_day_may_be_in_the_old_years_week() -> None:
    assert str(Week.of(datetime(2027, 1, 1, 12, tzinfo=UTC), UTC_ZONE)) == "2026-W53"
    # Where it is Monday already, the new week has begun; where it is Sunday still, it has not.
    midnight = datetime(2027, 1, 4, 0, 0, tzinfo=UTC)
    assert str(Week.of(midnight, ZoneInfo("Asia/Tokyo"))) == "2027-W01"
    assert str(Week.of(midnight, ZoneInfo("America/New_York"))) == "2026-W53"


@pytest.mark.parametrize(("week", "hours"), [("2026-W13", 167), ("2026-W43", 169), ("2026-W47", 168)])
def test_a_week_is_an_hour_shorter_or_longer_when_the_clocks_change(week: str, hours: int) -> None:
    found = Week.parse(week)
    assert found.end(BERLIN) - found.start(BERLIN) == hours * HOUR
    assert found.start(BERLIN).astimezone(BERLIN).hour == 0


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_every_moment_is_in_exactly_one_week(moment: datetime, zone: str) -> None:
    local = ZoneInfo(zone)
    week = Week.of(moment, local)
    assert week.start(local) <= moment < week.end(local)


@pytest.mark.parametrize(
    ("now", "week"),
    [
        ("2026-11-23T06:59:59", "2026-W46"),  # 07:59:59 in Berlin: not yet
        ("2026-11-23T07:00:00", "2026-W47"),
        ("2026-11-29T23:30:00", "2026-W47"),  # Monday in Berlin already, and before eight
        ("2026-11-30T07:00:00", "2026-W48"),
        ("2026-12-29T12:00:00", "2026-W52"),
        ("2027-01-04T07:00:00", "2026-W53"),
    ],
)
def test_the_newest_digest_that_is_due(now: str, week: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert str(last_due(at, WeekMoment.parse("Mon 08:00"), BERLIN)) == week


def test_a_moment_that_the_clocks_show_twice_or_never_comes_once() -> None:
    night = WeekMoment.parse("Sun 02:30")
    for week in ("2026-W13", "2026-W43"):
        due = Week.parse(week).at(night, BERLIN)
        near = [due + minutes * timedelta(minutes=15) for minutes in range(-12, 13)]
        found = [last_due(moment, night, BERLIN) for moment in near]
        assert found == sorted(found), "never back"
        assert len(set(found)) == 2
        assert found[12] == Week.parse(week).shifted(-1)


@pytest.mark.parametrize("edge", EDGES)
def test_an_edge_belongs_to_the_higher_band(edge: float) -> None:
    assert band_of(edge).low == edge
    assert band_of(edge - 1e-6).high == edge


def test_bands_are_named_by_their_bounds() -> None:
    assert [str(band) for band in BANDS] == ["0–0.5", "0.5–0.7", "0.7–0.85", "0.85–0.95", "0.95–1"]
    assert (band_of(0.0), band_of(1.0), band_of(None)) == (BANDS[0], BANDS[-1], UNKNOWN)
    assert str(UNKNOWN) == "unknown"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('timezone = "UTC"', 'timezone = "Mars/Phobos"', "write a time zone"),
        ('timezone = "UTC"', 'timezone = "../../etc/passwd"', "write a time zone"),
        ('timezone = "UTC"', 'timezone = "Europe"', "write a time zone"),
        ('at = "Mon 08:00"', 'at = "Mon 24:00"', "write a day and a time"),
        ('at = "Mon 08:00"', 'at = "monday"', "write a day and a time"),
        ('at = "Mon 08:00"', "when = 8", "unknown key"),
    ],
)
def test_a_policy_that_says_no_moment_is_refused(old: str, new: str, said: str) -> None:
    text = DEFAULT_POLICY.read_text()
    assert old in text
    with pytest.raises(BadPolicy, match=rf"digest.*line \d+.*{said}"):
        parse_policy(text.replace(old, new))


def test_a_digest_can_be_switched_off() -> None:
    text = DEFAULT_POLICY.read_text().replace('at = "Mon 08:00"', 'at = "never"')
    assert parse_policy(text).digest.moment is None
