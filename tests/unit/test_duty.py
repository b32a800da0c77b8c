"""Working hours, shifts, absences: who is there when, and the moments that say so."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from graph.law.duty import (
    Absence,
    Schedule,
    Shift,
    Staff,
    moment_of,
    next_closing,
    next_opening,
    on_duty,
    parse_hours,
)
from graph.law.policy import BadPolicy, parse_policy
from graph.law.until import parse_until
from tests.support.db import DEFAULT_POLICY

BERLIN = ZoneInfo("Europe/Berlin")


def schedule(*hours: str, zone: str = "Europe/Berlin", holidays: str | None = None) -> Schedule:
    return Schedule(tuple(map(parse_hours, hours)), zone, holidays)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ALWAYS = Schedule()
WEEK = schedule("Mon-Fri 09:00-17:00")
NIGHT = schedule("Fri 22:00-06:00")
HALVES = schedule("Mon-Fri 09:00-12:00", "Mon-Fri 13:00-17:00")
GERMAN = schedule("Mon-Fri 09:00-17:00", holidays="DE")


@pytest.mark.parametrize(
    ("sentence", "when", "at", "there"),
    [
        ("at the first minute", WEEK, berlin("2026-11-23 09:00"), True),
        ("a second before", WEEK, berlin("2026-11-23 08:59:59"), False),
        ("not at the last", WEEK, berlin("2026-11-23 17:00"), False),
        ("not at the weekend", WEEK, berlin("2026-11-22 12:00"), False),
        ("the zone counts: 08:30 UTC is 09:30 in winter", WEEK, utc("2026-11-23 08:30"), True),
        ("and 10:30 in summer", WEEK, utc("2026-07-20 06:30"), False),
        ("over midnight, before it", NIGHT, berlin("2026-11-27 23:00"), True),
        ("over midnight, after it", NIGHT, berlin("2026-11-28 05:59"), True),
        ("the morning of the day itself is none", NIGHT, berlin("2026-11-27 05:00"), False),
        ("the lunch break", HALVES, berlin("2026-11-23 12:30"), False),
        ("a holiday is no day of work", GERMAN, berlin("2026-12-25 12:00"), False),
        ("the day before it is", GERMAN, berlin("2026-12-24 12:00"), True),
        ("no hours: always", Schedule(), utc("2026-11-22 03:00"), True),
        ("no hours, but a holiday: a whole local day", schedule(holidays="DE"), berlin("2026-12-25 00:00"), False),
        ("which ends at midnight", schedule(holidays="DE"), berlin("2026-12-27 00:00"), True),
        ("the whole day", schedule("00:00-24:00"), berlin("2026-11-22 23:59"), True),
        ("days that wrap around the week", schedule("Sat-Mon 10:00-11:00"), berlin("2026-11-22 10:00"), True),
        (
            "a part of a country has its own",
            schedule("Mon-Fri 09:00-17:00", holidays="DE-BE"),
            berlin("2027-03-08 10:00"),
            False,
        ),
    ],
)
def test_on_duty(sentence: str, when: Schedule, at: datetime, there: bool) -> None:
    assert on_duty(when, at) is there, sentence


@pytest.mark.parametrize(
    ("sentence", "when", "at", "opens", "closes"),
    [
        ("over the weekend", WEEK, berlin("2026-11-27 18:00"), berlin("2026-11-30 09:00"), berlin("2026-11-30 17:00")),
        ("while it works", WEEK, berlin("2026-11-23 10:00"), berlin("2026-11-24 09:00"), berlin("2026-11-23 17:00")),
        ("over Christmas", GERMAN, berlin("2026-12-24 18:00"), berlin("2026-12-28 09:00"), berlin("2026-12-28 17:00")),
        (
            "hours that touch are one",
            schedule("09:00-12:00", "12:00-17:00"),
            berlin("2026-11-23 10:00"),
            berlin("2026-11-24 09:00"),
            berlin("2026-11-23 17:00"),
        ),
        ("always: never opens, never closes", Schedule(), utc("2026-11-22 03:00"), None, None),
        ("round the clock, said in words", schedule("Mon-Sun 00:00-24:00"), utc("2026-11-22 03:00"), None, None),
        (
            "round the clock until the next holiday",
            schedule(holidays="DE"),
            berlin("2026-12-24 18:00"),
            berlin("2026-12-27 00:00"),
            berlin("2026-12-25 00:00"),
        ),
        (
            "in the gap: when the clock jumps",
            schedule("02:30-05:00"),
            utc("2027-03-27 12:00"),
            utc("2027-03-28 01:00"),
            utc("2027-03-28 03:00"),
        ),
        (
            "an hour that comes twice: from its first",
            schedule("02:30-05:00"),
            utc("2026-10-24 12:00"),
            utc("2026-10-25 00:30"),
            utc("2026-10-25 04:00"),
        ),
        (
            "to its last",
            schedule("01:00-02:30"),
            utc("2026-10-24 12:00"),
            utc("2026-10-24 23:00"),
            utc("2026-10-25 01:30"),
        ),
    ],
)
def test_next_moments(
    sentence: str, when: Schedule, at: datetime, opens: datetime | None, closes: datetime | None
) -> None:
    assert (next_opening(when, at), next_closing(when, at)) == (opens, closes), sentence


def test_a_day_that_a_country_skipped() -> None:
    """Samoa had no 30 December 2011."""
    apia = ZoneInfo("Pacific/Apia")
    skipped = moment_of(datetime(2011, 12, 30, 9), apia)
    assert skipped.astimezone(apia) == datetime(2011, 12, 31, tzinfo=apia)
    when = schedule("09:00-17:00", zone="Pacific/Apia")
    opened = next_opening(when, datetime(2011, 12, 29, 20, tzinfo=apia))
    assert opened is not None
    assert opened.astimezone(apia).date() == date(2011, 12, 31)


def shift(user: str, start: str, end: str) -> Shift:
    return Shift(source="x", user_id=user, starts_at=utc(start), ends_at=utc(end))


def away(user: str, until: str, deputy: str | None = None) -> Absence:
    return Absence(user_id=user, deputy_id=deputy, starts_at=utc("2026-11-01"), ends_at=utc(until))


def staff(people: str, *turns: Shift | Absence, when: Schedule = ALWAYS) -> Staff:
    return Staff(
        schedule=when,
        people=frozenset(people),
        shifts=tuple(turn for turn in turns if isinstance(turn, Shift)),
        absences=tuple(turn for turn in turns if isinstance(turn, Absence)),
    )


NOON = utc("2026-11-23 12:00")


@pytest.mark.parametrize(
    ("sentence", "given", "there", "opens", "closes"),
    [
        ("nobody at all", staff(""), set(), None, None),
        ("one, always", staff("A"), {"A"}, NOON, None),
        ("away", staff("A", away("A", "2026-11-25")), set(), utc("2026-11-25"), None),
        ("a deputy", staff("A", away("A", "2026-11-25", "B")), {"B"}, NOON, None),
        (
            "a deputy who is away",
            staff("A", away("A", "2026-11-25", "B"), away("B", "2026-11-24", "C")),
            set(),
            utc("2026-11-24"),
            None,
        ),
        (
            "back at night: in the morning",
            staff("A", away("A", "2026-11-24 23:00"), when=WEEK),
            set(),
            berlin("2026-11-25 09:00"),
            None,
        ),
        ("a shift", staff("", shift("A", "2026-11-23 08:00", "2026-11-24")), {"A"}, NOON, utc("2026-11-24")),
        (
            "shifts that overlap",
            staff("", shift("A", "2026-11-23 08:00", "2026-11-23 20:00"), shift("B", "2026-11-23 18:00", "2026-11-24")),
            {"A"},
            NOON,
            utc("2026-11-24"),
        ),
        ("one to come", staff("", shift("A", "2026-11-23 20:00", "2026-11-25")), set(), utc("2026-11-23 20:00"), None),
        (
            "a shift ends before the hours do",
            staff("", shift("A", "2026-11-23 08:00", "2026-11-23 13:00"), when=WEEK),
            {"A"},
            NOON,
            utc("2026-11-23 13:00"),
        ),
        (
            "whoever is on shift may be away",
            staff("", shift("A", "2026-11-23 08:00", "2026-11-25"), away("A", "2026-11-24")),
            set(),
            utc("2026-11-24"),
            None,
        ),
    ],
)  # fmt: skip
def test_staff(sentence: str, given: Staff, there: set[str], opens: datetime | None, closes: datetime | None) -> None:
    assert given.there(NOON) == there, sentence
    assert given.opens(NOON) == opens, sentence
    if there:
        assert given.closes(NOON) == closes, sentence


@pytest.mark.parametrize(
    "text",
    [
        *("", "9-17", "Mon 25:00-26:00", "Foo 09:00-10:00", "09:00-09:00", "24:00-25:00", "Mon- 09:00-10:00"),
        *("09:00-24:30", "Mon-Fri 9:00-17:00", "Mon-Fri 09:00 - 17:00", "Mon,,Fri 09:00-17:00"),
    ],
)
def test_hours_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"hours|days|day ends"):
        parse_hours(text)


TIER = 'sla = "15m"'
MISTAKES = [
    (TIER, TIER + '\nhours = "9-17"', r"tiers\.1\.hours \(line \d+\): write hours as"),
    (TIER, TIER + '\nhours = ["09:00-10:00", "Foo 09:00-10:00"]', "name days as"),
    (TIER, TIER + "\nhours = []", "write hours as"),
    (TIER, TIER + '\ntimezone = "Mars/Olympus"', r"tiers\.1\.timezone \(line \d+\): write a time zone"),
    (TIER, TIER + '\ntimezone = "../../etc/passwd"', "write a time zone"),
    (TIER, TIER + '\nholidays = "DE-XX"', r"tiers\.1\.holidays \(line \d+\): name a country"),
    ('["@tier-1-reviewers"]', '["oncall:first"]', r"tiers\.1\.reviewers \(line \d+\): there is no \[oncall\.first\]"),
    ('stop = ["@tier-2-reviewers", "@tier-3-managers"]', 'stop = ["oncall:x"]', r"roles\.stop \(line \d+\): there"),
    ("[[lifts]]", '[oncall.first]\nical = "ftp://h0st/s3cret"\n[[lifts]]', r"oncall\.first\.ical \(line \d+\): give a"),
    ("[[lifts]]", '[oncall.first]\nical = "http://h0st/s3cret"\n[[lifts]]', "http only on this machine"),
    ("[[lifts]]", '[oncall.first]\nical = "file:///h0st/s3cret"\n[[lifts]]', "https"),
    ("[[lifts]]", '[oncall.first]\nical = " "\n[[lifts]]', "path to a file"),
    ("[[lifts]]", '[oncall.first]\nical = "x"\ntimezone = "Mars"\n[[lifts]]', "write a time zone"),
    ("[[lifts]]", "[oncall.first]\n[[lifts]]", r"oncall\.first\.ical"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), MISTAKES)
def test_mistakes_in_the_policy_are_named_with_their_line_and_without_secrets(old: str, new: str, said: str) -> None:
    text = DEFAULT_POLICY.read_text().replace(old, new, 1)
    with pytest.raises(BadPolicy, match=said) as error:
        parse_policy(text)
    assert "s3cret" not in str(error.value)
    assert "h0st" not in str(error.value)


def test_a_calendar_says_its_address_to_nobody_by_accident() -> None:
    where = "https://calendar.example.com/s3cret/basic.ics"
    text = f'{DEFAULT_POLICY.read_text()}\n[oncall.first]\nical = "{where}"\n'
    policy = parse_policy(text.replace('["@tier-1-reviewers"]', '["oncall:first", "UALICE"]', 1))
    assert policy.oncall["first"].ical.get_secret_value() == where
    assert "s3cret" not in f"{policy!r}{policy}{policy.model_dump()}{policy.model_dump_json()}"


SUNDAY = berlin("2026-11-22 12:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("words", "until"),
    [
        ("until Monday", berlin("2026-11-23 00:00")),
        ("mon", berlin("2026-11-23 00:00")),
        ("until Sunday", berlin("2026-11-29 00:00")),
        ("until tomorrow", berlin("2026-11-23 00:00")),
        ("tomorrow 9:30", berlin("2026-11-23 09:30")),
        ("today 18:00", berlin("2026-11-22 18:00")),
        ("until 2026-12-01", berlin("2026-12-01 00:00")),
        ("2026-12-01 18:00", berlin("2026-12-01 18:00")),
        ("3d", SUNDAY + timedelta(days=3)),
        ("90d", SUNDAY + timedelta(days=90)),
    ],
)
def test_until(words: str, until: datetime) -> None:
    assert parse_until(words, SUNDAY, BERLIN) == until


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "say until when"),
        ("until", "say until when"),
        ("someday", "say until when"),
        ("until 2026-13-01", "say until when"),
        ("monday 25:00", "say until when"),
        ("a b c", "say until when"),
        ("3x", "say until when"),
        ("-3d", "say until when"),
        ("9999d", "say until when"),
        ("2026-11-22", "over already"),
        ("2020-01-01", "over already"),
        ("91d", "at most 90 days"),
        ("2027-12-01", "at most 90 days"),
    ],
)
def test_until_never(words: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_until(words, SUNDAY, BERLIN)
