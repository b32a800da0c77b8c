"""Ticks: one that fails is tried again at the next tick and holds up no other."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from structlog.testing import capture_logs

from bot.jobs import Every, Weekly, make_scheduler, ticks
from graph.law.weeks import WeekMoment
from tests.support.slack import until


async def test_a_failing_tick_comes_again() -> None:
    calls = {"good": 0, "bad": 0}

    async def good() -> None:
        calls["good"] += 1

    async def bad() -> None:
        calls["bad"] += 1
        raise RuntimeError("xoxb-secret")

    with capture_logs() as logs:
        scheduler = make_scheduler({"good": Every(0.05, good), "bad": Every(0.05, bad)})
        scheduler.start()
        await until(lambda: min(calls.values()) >= 3)
        scheduler.shutdown(wait=False)
    assert any(entry["event"] == "tick failed: bad" and "RuntimeError" in entry["errors"] for entry in logs)
    assert "xoxb" not in str(logs)


async def test_the_house_has_its_ticks() -> None:
    async def nothing() -> None: ...

    names = ("sweep", "probe", "reroute", "seal", "directory", "digest", "answers", "oncall")
    found = ticks(**dict.fromkeys(names, nothing))
    assert {name: each.seconds for name, each in found.items()} == {
        "sweep": 2.0,
        "probe": 10.0,
        "reroute": 5.0,
        "seal": 1.0,
        "directory": 600.0,
        "digest": 300.0,
        "answers": 2.0,
        "oncall": 300.0,
    }


async def test_a_weekly_tick_keeps_to_the_clocks_of_its_zone() -> None:
    async def nothing() -> None: ...

    weekly = Weekly(WeekMoment.parse("Mon 08:00"), ZoneInfo("Europe/Berlin"), nothing)
    scheduler = make_scheduler({"digest_weekly": weekly})
    scheduler.start(paused=True)
    trigger, at, found = scheduler.get_job("digest_weekly").trigger, datetime(2026, 10, 13, tzinfo=UTC), []
    for _ in range(3):
        at = trigger.get_next_fire_time(at, at)
        found.append(at.astimezone(UTC).isoformat(timespec="minutes"))
    scheduler.shutdown(wait=False)
    assert found == ["2026-10-19T06:00+00:00", "2026-10-26T07:00+00:00", "2026-11-02T07:00+00:00"]


async def test_what_may_have_been_missed_is_looked_for_at_the_start() -> None:
    calls: list[str] = []

    async def missed() -> None:
        calls.append("missed")

    scheduler = make_scheduler({"digest": Every(3600.0, missed, at_once=True)})
    scheduler.start()
    await until(lambda: calls)
    scheduler.shutdown(wait=False)
