"""Ticks: one that fails is tried again at the next tick and holds up no other."""

from structlog.testing import capture_logs

from bot.jobs import Every, make_scheduler, ticks
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


async def test_the_house_has_four_ticks() -> None:
    async def nothing() -> None: ...

    found = ticks(sweep=nothing, deliver=nothing, seal=nothing, directory=nothing)
    assert {name: each.seconds for name, each in found.items()} == {
        "sweep": 5.0,
        "deliver": 1.0,
        "seal": 1.0,
        "directory": 600.0,
    }
