"""Working hours over all zones and years: never a moment that contradicts another, also when clocks jump."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from graph.law.duty import Absence, Hours, Schedule, Shift, Staff, moment_of, next_closing, next_opening, on_duty

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "America/Havana", "America/Sao_Paulo", "Africa/Casablanca",
         "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "Asia/Beirut", "America/Santiago"]  # fmt: skip
SECOND = timedelta(seconds=1)
moments = st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))
spans = st.tuples(st.integers(0, 1439), st.integers(0, 1440)).filter(lambda span: span[0] != span[1])
hours = st.builds(lambda days, span: Hours(frozenset(days), *span), st.sets(st.integers(0, 6), min_size=1), spans)
schedules = st.builds(
    Schedule,
    st.lists(hours, max_size=3).map(tuple),
    st.sampled_from(ZONES),
    st.sampled_from([None, None, "DE", "US-CA"]),
)


@given(schedules, moments)
def test_opening_and_closing_agree_with_being_on_duty(when: Schedule, at: datetime) -> None:
    here, opens, closes = on_duty(when, at), next_opening(when, at), next_closing(when, at)
    if opens is not None:
        assert opens > at
        assert on_duty(when, opens)
        assert not on_duty(when, opens - SECOND)
    if closes is not None:
        assert closes > at
        assert not on_duty(when, closes)
        assert on_duty(when, closes - SECOND)
    if here and closes is not None:
        assert opens is None or closes < opens, "it closes before it opens again"
    if not here and opens is not None:
        assert closes is None or opens < closes


@given(schedules, moments, st.integers(1, 72 * 60))
def test_nothing_changes_between_two_moments(when: Schedule, at: datetime, minutes: int) -> None:
    here = on_duty(when, at)
    turns = next_closing(when, at) if here else next_opening(when, at)
    later = at + timedelta(minutes=minutes)
    if turns is None or later < turns:
        assert on_duty(when, later) is here


@given(schedules, moments)
def test_away_from_jumps_it_is_what_the_clock_on_the_wall_says(when: Schedule, at: datetime) -> None:
    zone = ZoneInfo(when.timezone)
    local = at.astimezone(zone)
    offsets = {(at + timedelta(hours=hour)).astimezone(zone).utcoffset() for hour in range(-50, 51)}
    if len(offsets) > 1 or when.holidays:
        return
    minute = local.hour * 60 + local.minute
    said = not when.hours
    for one in when.hours:
        if one.start < one.end:
            said |= local.weekday() in one.days and one.start <= minute < one.end
        else:
            said |= local.weekday() in one.days and minute >= one.start
            said |= (local.weekday() - 1) % 7 in one.days and minute < one.end
    assert on_duty(when, at) is said


@given(st.sampled_from(ZONES), moments)
def test_every_reading_of_the_clock_is_a_moment(name: str, at: datetime) -> None:
    zone = ZoneInfo(name)
    wall = at.replace(tzinfo=None, microsecond=0)
    first, last = moment_of(wall, zone), moment_of(wall, zone, last=True)
    assert first <= last
    shown = first.astimezone(zone).replace(tzinfo=None)
    assert shown >= wall, "what the clock jumped over is when it jumped"
    assert (first - SECOND).astimezone(zone).replace(tzinfo=None) < wall


absences = st.builds(
    lambda user, deputy, start, length: Absence(
        user_id=user, deputy_id=deputy, starts_at=start, ends_at=start + timedelta(minutes=length)
    ),
    st.sampled_from("ABC"), st.sampled_from([None, "B", "D"]), moments, st.integers(1, 40_000),
)  # fmt: skip
shifts = st.builds(
    lambda user, start, length: Shift(
        source="x", user_id=user, starts_at=start, ends_at=start + timedelta(minutes=length)
    ),
    st.sampled_from("ABE"), moments, st.integers(1, 40_000),
)  # fmt: skip


@given(schedules, st.sets(st.sampled_from("AB")), st.lists(shifts, max_size=3), st.lists(absences, max_size=3), moments)
def test_the_next_to_come_and_the_last_to_leave(
    when: Schedule, people: set[str], turns: list[Shift], away: list[Absence], at: datetime
) -> None:
    staff = Staff(schedule=when, people=frozenset(people), shifts=tuple(turns), absences=tuple(away))
    opens = staff.opens(at)
    if staff.there(at):
        closes = staff.closes(at)
        assert opens == at
        assert closes is None or (closes > at and not staff.there(closes) and staff.there(closes - SECOND))
        assert not staff.there(at) & {one.user_id for one in away if one.covers(at)}
    elif opens is not None:
        assert opens > at
        assert staff.there(opens)
        assert not staff.there(opens - SECOND) or opens - SECOND < at
