"""The processes of production on real parts: one trace of both, signs of life, and an end within thirty seconds."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from bot.ids import APPROVE
from graph.spans import trace_id
from graph.verbs.start import start
from tests.support.collector import collecting
from tests.support.db import one_by_one
from tests.support.processes import served
from tests.support.slack import House, until

SECRET_WORD = "quite-confidential-parcel"


async def asked(door: House, parcel: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """A run that waits for approval, and its card as Alice sees it."""
    run = await start(door.store, "slow", {"parcel": parcel, **more}, key=parcel, requester=None)

    async def card() -> dict[str, Any] | None:
        found = [m for m in await door.sandbox.messages("CTIER1") if parcel in str(m["blocks"])]
        return {**found[0], "channel": "CTIER1"} if found else None

    return run.id, await until(card, within=60)


async def status(door: House, run_id: str) -> str:
    async with door.store.begin() as tx:
        run = await tx.runs.get(run_id)
    return str(run.status) if run else ""


async def count(door: House, query: str) -> int:
    async with door.store.engine.connect() as connection:
        return int((await connection.execute(text(query))).scalar_one())


@pytest.mark.timeout(300)
async def test_one_run_is_one_trace_of_both_processes(door: House, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with collecting() as collector:
        env = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            "GATEPOST_TRACE_URL": "https://traces.example.com/t/{trace_id}",
        }
        async with served(door, "web", home, **env) as web, served(door, "worker", home, **env) as worker:
            run_id, card = await asked(door, SECRET_WORD)
            alice = door.person("UALICE")
            assert await alice.click(card, APPROVE)
            await until(lambda: _ended(door, run_id), within=30)
            async with httpx.AsyncClient() as http:
                assert (await http.get(f"{web.url}/livez")).text == "ok"
                assert (await http.get(f"{web.url}/healthz")).text == "ok"
                metrics = (await http.get(f"{web.url}/metrics")).text
            assert 'gatepost_well{part="web"} 1.0' in metrics
            assert run_id not in metrics and SECRET_WORD not in metrics
            for process in (web, worker):
                code, seconds = await process.terminate()
                assert (code, seconds < 30) == (0, True), process.log.read_text()
        mine = [span for span in collector.spans() if span.get("gatepost.run") == run_id]
        assert {span["trace"] for span in mine} == {trace_id(run_id)}
        assert {(span["role"], span["name"]) for span in mine} == {
            *(("web", "decide"), ("worker", "segment"), ("worker", "effect"), ("worker", "deliver"))
        }
        assert {span["gatepost.outcome"] for span in mine if span["name"] == "effect"} == {"done"}
        assert not any(SECRET_WORD.encode() in body or b"it was ordered" in body for body in collector.bodies)


async def _ended(door: House, run_id: str) -> bool:
    return await status(door, run_id) == "done"


@pytest.mark.timeout(300)
async def test_a_worker_that_is_told_to_end_finishes_what_it_began(door: House, tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with served(door, "worker", home) as worker:
        run_id, card = await asked(door, "slow-one", seconds=6)
        waiting, _ = await asked(door, "waiting-one")
        assert await door.person("UALICE").click(card, APPROVE)
        await until((home / "slow-one.begun").exists, within=30)
        code, seconds = await worker.terminate()
    assert (code, seconds < 30) == (0, True), worker.log.read_text()
    assert await status(door, run_id) == "done"
    assert len((home / "slow-one.shipped").read_text().split()) == 1
    assert await status(door, waiting) == "paused"
    assert await count(door, "select count(*) from effects where status = 'done'") == 1
    assert await count(door, "select count(*) from runs where leased_until is not null") == 0


@pytest.mark.timeout(300)
async def test_what_takes_longer_than_the_end_may_is_carried_on_by_another(door: House, tmp_path: Path) -> None:
    home = tmp_path / "home"
    async with served(door, "worker", home, GATEPOST_LEASE_SECONDS="5") as worker:
        run_id, card = await asked(door, "endless", seconds=25)
        assert await door.person("UALICE").click(card, APPROVE)
        await until((home / "endless.begun").exists, within=30)
        code, seconds = await worker.terminate()
    assert (code, seconds < 30) == (0, True), worker.log.read_text()
    assert await status(door, run_id) == "ready"
    assert await count(door, "select count(*) from effects where status = 'intent'") == 1


@pytest.mark.timeout(300)
async def test_a_web_process_under_load_ends_with_every_answered_click_decided(door: House, tmp_path: Path) -> None:
    await one_by_one(door.store)
    requests = [await door.propose(amount="20.00", order=str(n)) for n in range(24)]
    cards = [await door.card("UALICE", request) for request in requests]
    alice = door.person("UALICE")
    async with served(door, "web", tmp_path / "home") as web:
        clicks = [asyncio.create_task(alice.click(card, APPROVE)) for card in cards]
        await until(lambda: any(click.done() for click in clicks), within=30)
        code, seconds = await web.terminate()
        answers = await asyncio.gather(*clicks)
    assert (code, seconds < 30) == (0, True), web.log.read_text()
    decided = [(await door.request(request)).status == "approved" for request in requests]
    assert any(decided)
    assert all(found for answered, found in zip(answers, decided, strict=True) if answered)
