"""On-call calendars: from files and the web into shifts, by whoever wrote them, in good and in bad faith."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.oncall import Rosters, Unreadable, expand, fetch
from graph.law.duty import Shift
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.integration.test_law import DEFAULT, House
from tests.support.clock import Clock
from tests.support.lawful import pay

SECRET = "s3cret-t0ken"
MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//test//EN\r\n"


def calendar(*events: str, head: str = "") -> bytes:
    """Events as `KEY:value` lines apart by `|`."""
    lines = [
        f"BEGIN:VEVENT|UID:{number}|DTSTAMP:20260101T000000Z|{event}|END:VEVENT|" for number, event in enumerate(events)
    ]
    return f"{HEAD}{head}{''.join(lines)}END:VCALENDAR|".replace("|", "\r\n").encode()


async def turns(text: bytes, zone: str | None = None) -> list[tuple[str, str, str]]:
    """(from, to, who) of what the calendar says of the three weeks from Monday on."""
    found = await expand(text, MONDAY, MONDAY + timedelta(days=21), zone)
    shown = [(one["start"][5:16], one["end"][5:16], " ".join(one["addresses"] + one["users"])) for one in found]
    return sorted(shown)


DAY = "DTSTART:20261123T080000Z|DTEND:20261123T200000Z"
BERLIN = "DTSTART;TZID=Europe/Berlin:20261123T080000|DTEND;TZID=Europe/Berlin:20261123T200000"


@pytest.mark.parametrize(
    ("sentence", "text", "zone", "said"),
    [
        (
            "a rule, an exception, a zone",
            calendar(f"{BERLIN}|RRULE:FREQ=DAILY;COUNT=3|EXDATE;TZID=Europe/Berlin:20261124T080000|SUMMARY:<@UBOB>"),
            None,
            [("11-23T07:00", "11-23T19:00", "UBOB"), ("11-25T07:00", "11-25T19:00", "UBOB")],
        ),
        (
            "one of the series was moved",
            calendar(
                f"{DAY}|RRULE:FREQ=WEEKLY;COUNT=2|SUMMARY:UBOB",
                "RECURRENCE-ID:20261130T080000Z|DTSTART:20261201T080000Z|DTEND:20261201T090000Z|SUMMARY:UCARA",
            ).replace(b"UID:1", b"UID:0"),
            None,
            [("11-23T08:00", "11-23T20:00", "UBOB"), ("12-01T08:00", "12-01T09:00", "UCARA")],
        ),
        (
            "whole days, in the zone that the policy names",
            calendar("DTSTART;VALUE=DATE:20261124|DTEND;VALUE=DATE:20261126|SUMMARY:bob@example.com"),
            "America/New_York",
            [("11-24T05:00", "11-26T05:00", "bob@example.com")],
        ),
        (
            "or the calendar",
            calendar("DTSTART;VALUE=DATE:20261124|SUMMARY:UBOB", head="X-WR-TIMEZONE:Europe/Berlin\r\n"),
            None,
            [("11-23T23:00", "11-24T23:00", "UBOB")],
        ),
        ("times of no zone", calendar("DTSTART:20261124T090000|DTEND:20261124T100000|SUMMARY:UBOB"), "Europe/Berlin",
         [("11-24T08:00", "11-24T09:00", "UBOB")]),
        (
            "who attends counts, not the title; who declined, rooms and other addresses don't",
            calendar(
                f"{DAY}|SUMMARY:for UEVE|ATTENDEE:mailto:Alice@Example.com"
                "|ATTENDEE;PARTSTAT=DECLINED:mailto:bob@example.com"
                "|ATTENDEE;CUTYPE=ROOM:mailto:room@example.com|ATTENDEE:https://example.com/x"
            ),
            None,
            [("11-23T08:00", "11-23T20:00", "alice@example.com")],
        ),
        ("two at once", calendar(f"{DAY}|SUMMARY:UBOB and cara@example.com", f"{DAY}|SUMMARY:UEVE"), None,
         [("11-23T08:00", "11-23T20:00", "UEVE"), ("11-23T08:00", "11-23T20:00", "cara@example.com UBOB")]),
        ("cancelled, and without length", calendar(f"{DAY}|STATUS:CANCELLED|SUMMARY:UBOB",
                                                   "DTSTART:20261124T090000Z|SUMMARY:UBOB"), None, []),
        ("nobody", calendar(), None, []),
    ],
)  # fmt: skip
async def test_what_a_calendar_says(sentence: str, text: bytes, zone: str | None, said: list[tuple[str, ...]]) -> None:
    assert await turns(text, zone) == said, sentence


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("no calendar", b"<html>hello</html>"),
        ("nothing", b""),
        ("binary", bytes(range(256)) * 100),
        ("never closed", b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\n" * 20_000),
        ("a rule without end, every second", calendar("DTSTART:20000101T000000Z|DURATION:PT1S|RRULE:FREQ=SECONDLY")),
        ("a rule that never comes true", calendar(f"{DAY}|RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30")),
        ("too many", calendar(*[f"{DAY}|RRULE:FREQ=HOURLY|SUMMARY:UBOB"] * 12)),
    ],
)  # fmt: skip
@pytest.mark.timeout(60)
async def test_what_is_no_calendar_ends(sentence: str, text: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.oncall.READ_SECONDS", 8.0)
    with pytest.raises(Unreadable) as problem:
        await expand(text, MONDAY, MONDAY + timedelta(days=21), None)
    assert len(str(problem.value)) < 200


# The web


@asynccontextmanager
async def web(answer: Callable[[str], bytes]) -> AsyncIterator[str]:
    """A server on this machine that answers what it is told to."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).decode().split(" ")[1]
        writer.write(answer(path))
        await writer.drain()
        if b"hang" in path.encode():
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def response(status: str = "200 OK", body: bytes = b"", *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "connection: close", *headers, "", ""]).encode() + body


def answers(path: str) -> bytes:
    match path.strip("/").split("/")[0]:
        case "fine":
            return response(body=b"hello")
        case "moved":
            return response("302 Found", b"", "location: /fine")
        case "away":
            return response("302 Found", b"", "location: http://example.com/x")
        case "file":
            return response("302 Found", b"", "location: file:///etc/passwd")
        case "round":
            return response("302 Found", b"", "location: /round")
        case "large":
            return response(body=b"x" * 1_100_000)
        case "packed":
            return response("200 OK", b"\x1f\x8b", "content-encoding: gzip")
        case "hang":
            return b"HTTP/1.1 200 OK\r\n"
        case _:
            return response("404 Not Found", SECRET.encode())


async def test_what_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.oncall.FETCH_SECONDS", 1.0)
    async with web(answers) as url:
        assert await fetch(f"{url}/fine/{SECRET}") == b"hello"
        assert await fetch(f"{url}/moved/{SECRET}") == b"hello"
        for path, said in (
            ("away", "not https"),
            ("file", "not https"),
            ("round", "on and on"),
            ("large", "larger than 1 MB"),
            ("packed", "packed"),
            ("hang", "longer than 1 seconds"),
            ("none", "answers 404"),
        ):
            with pytest.raises(Unreadable, match=said) as problem:
                await fetch(f"{url}/{path}/{SECRET}")
            assert SECRET not in str(problem.value)
    with pytest.raises(Unreadable, match="could not be reached") as problem:
        await fetch(f"{url}/fine/{SECRET}")
    assert SECRET not in str(problem.value)


@pytest.mark.parametrize("path", ["/no/such/file", "/dev/zero", "/etc", "bad\0path"])
async def test_files_that_are_none(path: str) -> None:
    with pytest.raises(Unreadable):
        await fetch(path)


async def test_a_large_file(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 1_000_001)
    with pytest.raises(Unreadable, match="larger"):
        await fetch(str(tmp_path / "large"))


# In the house


class Duty(House):
    """The house whose first tier is on call, as a file says."""

    def __init__(self, store: PgStore, path: Path) -> None:
        super().__init__(store)
        self.path, self.clock, self.known = path, Clock(store.engine), list[str]()
        self.rosters = Rosters(store, self._know)

    async def _know(self, user: str) -> bool:
        self.known.append(user)
        return True

    async def open(self, reviewers: str = '["oncall:first"]', where: str | None = None) -> None:
        source = DEFAULT.replace('["@tier-1-reviewers"]', reviewers, 1)
        await self.policy(f'{source}\n[oncall.first]\nical = "{where or self.path}"\n')

    async def says(self, *shifts: tuple[str, float, float]) -> None:
        """The calendar: who, from and to in hours from now; and it is read."""
        async with self.store.begin() as tx:
            now = await tx.now()
        hours = timedelta(hours=1)
        events = [(who, now + start * hours, now + end * hours) for who, start, end in shifts]
        form = "%Y%m%dT%H%M%SZ"
        self.path.write_bytes(
            calendar(*(f"DTSTART:{start:{form}}|DTEND:{end:{form}}|SUMMARY:{who}" for who, start, end in events))
        )
        await self.read()

    async def read(self) -> int:
        async with self.store.engine.begin() as connection:
            # As after five minutes.
            await connection.execute(text("update rosters set checked_at = checked_at - interval '5 minutes'"))
        return await self.rosters.refresh()

    async def shifts(self) -> list[Shift]:
        async with self.store.begin() as tx:
            return list(await tx.duty.shifts())

    async def problem(self) -> str:
        async with self.store.begin() as tx:
            [roster] = await tx.duty.rosters()
        return roster.problem

    async def everything(self) -> str:
        """All that was written down that anybody may read."""
        async with self.store.engine.connect() as connection:
            written = ("select detail from audit", "select payload::text from owed", "select problem from rosters")
            rows = await connection.execute(text(" union all ".join(written)))
            return "\n".join(row[0] for row in rows)


@pytest.fixture
def duty(store: PgStore, tmp_path: Path) -> Duty:
    return Duty(store, tmp_path / "oncall.ics")


async def test_whoever_is_on_call_decides_and_nobody_else(duty: Duty) -> None:
    await duty.open()
    await duty.says(("ubob@example.com", -1, 2), ("<@UALICE>", 2, 4))
    await duty.propose(pay("90.00"), key="a")
    asked = await duty.one()
    assert asked.tier == 1
    with pytest.raises(Exception, match="not a reviewer of tier 1"):
        await duty.answer("approve", "UALICE")
    await duty.answer("approve", "UBOB")
    assert duty.ledger.names() == ["pay"]


async def test_the_shift_changes_and_with_the_last_one_the_tier(duty: Duty) -> None:
    await duty.open()
    await duty.policy(
        DEFAULT.replace('["@tier-1-reviewers"]', '["oncall:first"]', 1).replace('sla = "15m"', 'sla = "12h"', 1)
        + f'\n[oncall.first]\nical = "{duty.path}"\n'
    )
    await duty.says(("UBOB", -1, 2), ("UALICE", 2, 4))
    await duty.propose(pay("90.00"), key="a")
    asked = await duty.one()
    async with duty.store.begin() as tx:
        start = (await tx.now()).replace(microsecond=0)
    for hours, tier in ((2.5, 1), (3.99, 1), (4.01, 2)):
        await duty.clock.to(start + timedelta(hours=hours))
        await sweep(duty.store)
        assert (await duty.one()).tier == tier, hours
    assert (await duty.one()).moved_why == "nobody of tier 1 is on call"
    assert asked.tier == 1


async def test_with_nobody_on_call_the_next_tier_is_asked_at_once(duty: Duty) -> None:
    await duty.open()
    await duty.says(("UBOB", 48, 60))
    await duty.propose(pay("90.00"), key="a")
    asked = await duty.one()
    assert (asked.tier, asked.first_tier) == (2, 1)
    assert asked.moved_why.startswith("nobody of tier 1 is on call until ")


async def test_a_shift_that_is_taken_away_is_noticed_at_once(duty: Duty) -> None:
    await duty.open()
    await duty.says(("UBOB", -1, 8))
    await duty.propose(pay("90.00"), key="a")
    await duty.says(("UBOB", 48, 60))
    await sweep(duty.store)
    assert (await duty.one()).tier == 2


async def test_a_calendar_that_goes_bad_keeps_its_shifts_and_is_told_once_a_day(duty: Duty) -> None:
    await duty.open()
    await duty.says(("UBOB", -1, 8))
    before = await duty.shifts()
    duty.path.write_bytes(b"broken")
    for _ in range(3):
        assert await duty.read() == 0
    assert await duty.shifts() == before
    assert "no calendar" in await duty.problem()
    told = [text for text in await duty.told_operators() if "on-call calendar first" in text]
    assert len(told) == 1
    assert str(duty.path) not in await duty.everything()
    await duty.says(("UBOB", -1, 8))
    assert await duty.problem() == ""


async def test_what_was_not_read_for_too_long_gives_no_rights(duty: Duty) -> None:
    await duty.open()
    await duty.says(("UBOB", -1, 72))
    await duty.propose(pay("90.00"), key="a")
    duty.path.unlink()
    await duty.clock.forward(timedelta(hours=23))
    await duty.read()
    async with duty.store.begin() as tx:
        fresh = await tx.now() - timedelta(hours=24)
        assert await tx.people.members(["oncall:first"], fresh) == {"UBOB"}
    await duty.clock.forward(timedelta(hours=2))
    async with duty.store.begin() as tx:
        fresh = await tx.now() - timedelta(hours=24)
        assert await tx.people.members(["oncall:first"]) == {"UBOB"}
        assert await tx.people.members(["oncall:first"], fresh) == set()


async def test_people_whom_nobody_knows_are_told_of(duty: Duty) -> None:
    await duty.open()
    await duty.says(("nobody@example.org UPTIME U0NEWPERSON1", -1, 8))
    assert {shift.user_id for shift in await duty.shifts()} == {"U0NEWPERSON1"}, "a word in capitals is no account"
    assert duty.known == ["U0NEWPERSON1"]
    assert "nobody@example.org" in await duty.problem()
    assert [text for text in await duty.told_operators() if "nobody@example.org" in text]


async def test_a_secret_address_is_nowhere(duty: Duty) -> None:
    async with web(answers) as url:
        await duty.open(where=f"{url}/none/{SECRET}")
        with capture_logs() as logs:
            assert await duty.read() == 0
    assert SECRET not in await duty.everything()
    assert SECRET not in str(logs)
    assert "answers 404" in await duty.problem()


async def test_an_address_may_stand_in_the_environment(duty: Duty, monkeypatch: pytest.MonkeyPatch) -> None:
    await duty.open(where="env:FIRST_ICAL")
    with pytest.raises(Unreadable, match="FIRST_ICAL names no calendar"):
        await fetch("env:FIRST_ICAL")
    monkeypatch.setenv("FIRST_ICAL", str(duty.path))
    await duty.says(("UALICE", -1, 1))
    assert [shift.user_id for shift in await duty.shifts()] == ["UALICE"]


async def test_another_worker_has_just_read_it(duty: Duty) -> None:
    await duty.open()
    await duty.says(("UBOB", -1, 8))
    assert await duty.rosters.refresh() == 0
    assert await duty.read() == 1
