"""How long a decision click waits: `python -m tests.bench.ack [--pending 10000 --rate 20 --seconds 15]`.

Against 10,000 pending requests: `decide()` alone at 20 a second and flat out, then the click through the real
doors: `gatepost serve` (a web and a worker process, resuming what is decided), signed block_actions over HTTP,
a Slack that takes every post. Every process runs on this machine and is counted.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg

from bot.ids import APPROVE, DIGEST_DIGITS, Ref, encode
from bot.sandbox.signing import headers
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, decide
from storage.migrate import migrate
from tests.bench.cpu import used
from tests.bench.figures import latencies
from tests.support.chaos_plan import POLICY, simple
from tests.support.chaos_seed import Ask, seed_pending
from tests.support.chaos_stage import Stage
from tests.support.chaos_world import ChaosWorld
from tests.support.db import WORKSPACE, dsn, fresh_database, server_url

ROOT = Path(__file__).resolve().parents[2]
SECRET = "bench-signing-secret"
FORM = "application/x-www-form-urlencoded"
GOAL_MS = 250


class Failed(RuntimeError):
    """A click was not acknowledged: no figure makes up for that."""


async def at_rate(rate: float, asks: Sequence[Ask], click: Callable[[Ask], Awaitable[object]]) -> list[float]:
    """Clicks arrive as from many people (Poisson), whether or not earlier ones were answered."""
    rng, begun, due, took = random.Random(1), time.perf_counter(), 0.0, []

    async def one(ask: Ask, at: float) -> None:
        await asyncio.sleep(max(0.0, begun + at - time.perf_counter()))
        start = time.perf_counter()
        await click(ask)
        took.append(time.perf_counter() - start)

    tasks = []
    for ask in asks:
        due += rng.expovariate(rate)
        tasks.append(one(ask, due))
    failed = [each for each in await asyncio.gather(*tasks, return_exceptions=True) if each is not None]
    if failed:
        raise Failed(f"{len(failed)} of {len(asks)} clicks failed, the first with {failed[0]!r}")
    return took


async def flat_out(asks: Sequence[Ask], click: Callable[[Ask], Awaitable[object]], at_once: int = 8) -> list[float]:
    queue, took = list(asks), []

    async def one() -> None:
        while queue:
            start = time.perf_counter()
            await click(queue.pop())
            took.append(time.perf_counter() - start)

    await asyncio.gather(*(one() for _ in range(at_once)))
    return took


def deciding(stage: Stage) -> Callable[[Ask], Awaitable[object]]:
    async def click(ask: Ask) -> object:
        answer = Answer(
            request_id=ask.id, type=DecisionType.APPROVE, user_id="UALICE", digest=ask.digest, via="slack", version=1
        )
        return await decide(stage.store, answer)

    return click


def clicking(client: httpx.AsyncClient, places: dict[str, tuple[str, str]]) -> Callable[[Ask], Awaitable[object]]:
    """A signed block_actions as Slack sends it."""

    async def click(ask: Ask) -> object:
        channel, ts = places[ask.id]
        value = encode(Ref(ask.id, 1, ask.digest[:DIGEST_DIGITS]))
        payload = {
            "type": "block_actions",
            "team": {"id": WORKSPACE, "domain": "home"},
            "user": {"id": "UALICE", "username": "alice", "name": "alice", "team_id": WORKSPACE},
            "api_app_id": "A1",
            "token": "unused",
            "enterprise": None,
            "is_enterprise_install": False,
            "container": {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": False},
            "trigger_id": f"1.2.{ask.id}",
            "channel": {"id": channel, "name": "approvals"},
            "message": {"type": "message", "ts": ts, "text": "", "user": "UGATE"},
            "state": {"values": {}},
            "response_url": "http://127.0.0.1:9/unused",
            "actions": [
                {
                    "type": "button",
                    "action_id": APPROVE,
                    "block_id": "b",
                    "value": value,
                    "action_ts": f"{time.time():.6f}",
                }
            ],
        }
        body = ("payload=" + quote(json.dumps(payload))).encode()
        answer = await client.post("/slack/events", content=body, headers=headers(SECRET, int(time.time()), body, FORM))
        answer.raise_for_status()
        return answer

    return click


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def served(stage: Stage, home: Path) -> Iterator[tuple[str, dict[int, str]]]:
    """`gatepost serve` and its Slack, as processes of their own: the web's URL, and what each process is called."""
    port, slack = free_port(), free_port()
    policy = home / "policy.toml"
    policy.write_text(POLICY)
    env = os.environ | {
        "DATABASE_URL": stage.url.set(drivername="postgresql").render_as_string(hide_password=False),
        "SLACK_BOT_TOKEN": "xoxb-bench",
        "SLACK_SIGNING_SECRET": SECRET,
        "SLACK_API_URL": f"http://127.0.0.1:{slack}/api/",
        "GATEPOST_HOME": str(home / "house"),
        "GATEPOST_POLICY": str(policy),
        "GATEPOST_WORKFLOWS": "tests.bench.flow",
        "BENCH_WORLD": str(stage.world.path),
        "PORT": str(port),
    }
    log = (home / "serve.log").open("w")
    processes = [
        subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env, stdout=log, stderr=log)
        for command in (["tests.bench.sink", str(slack)], ["bot", "serve"])
    ]
    try:
        _await_ready(f"http://127.0.0.1:{port}", dsn(stage.url), home / "serve.log")
        roots = {processes[0].pid: "slack sink", processes[1].pid: "supervisor"}
        yield f"http://127.0.0.1:{port}", roots | _postmaster(stage)
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(timeout=30)


def _postmaster(stage: Stage) -> dict[int, str]:
    """The server, when it runs on this machine."""
    with psycopg.connect(dsn(stage.url)) as connection:
        row = connection.execute("select pg_backend_pid()").fetchone()
        stat = Path(f"/proc/{row[0] if row else 0}/stat")
        if not stat.exists() or "postgres" not in stat.read_text():
            return {}
        return {int(stat.read_text().rpartition(")")[2].split()[1]): "postgres"}


def _await_ready(base: str, database: str, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(base + "/readyz", timeout=1).status_code == 200 and _worker_listens(database):
                return
        except httpx.HTTPError:
            pass  # not up yet
        time.sleep(0.2)
    raise RuntimeError("gatepost serve did not get ready:\n" + log.read_text()[-3000:])


def _worker_listens(database: str) -> bool:
    """A worker that has loaded everything listens for hints."""
    with psycopg.connect(database) as connection:
        found = connection.execute("select 1 from pg_stat_activity where query = 'listen gatepost'")
        return found.fetchone() is not None


def real_asks(stage: Stage, count: int) -> tuple[list[Ask], dict[str, tuple[str, str]]]:
    """Real paused runs whose resume the worker really plays, with cards as if posted."""

    async def propose() -> None:
        for n in range(count):
            await stage.propose(f"real {n}", simple("pay", order=f"real{n}"))
        await stage.settle()

    stage.run(propose)
    with psycopg.connect(dsn(stage.url)) as connection:
        rows = connection.execute(
            "with mine as (select r.id, r.digest, r.canonical, 'CBENCH' as channel,"
            " '1750000000.' || lpad((row_number() over ())::text, 6, '0') as ts"
            " from requests r join runs u on u.id = r.run_id where u.key like 'real %' and r.status = 'pending'),"
            " posted as (update cards set channel = mine.channel, ts = mine.ts, shown = wanted from mine"
            " where cards.request_id = mine.id) select * from mine"
        ).fetchall()
    asks = [Ask(row[0], row[1], json.loads(row[2])["args"]) for row in rows]
    return asks, {row[0]: (row[3], row[4]) for row in rows}


def bench(stage: Stage, home: Path, pending: int, rate: float, seconds: float) -> float:
    """Print the figures; returns the p99 of the whole click in milliseconds."""
    stage.prepare()
    count = int(rate * seconds)
    stage.run(lambda: stage.propose("template", simple("pay")))
    stage.run(stage.settle)
    (template,) = stage.run(stage.pending)
    asks = seed_pending(stage.url, template["id"], pending + 2 * count + 20, "copy")
    load = f"{os.getloadavg()[0]:.1f}"
    print(f"{pending} pending requests, {os.cpu_count()} processors, load before {load}")
    took = stage.run(lambda: _warm(rate, asks[: count + 20], deciding(stage)))
    print(latencies(f"decide() at {rate:g}/s", took))
    begun = time.perf_counter()
    took = stage.run(lambda: flat_out(asks[count + 20 : 2 * count + 20], deciding(stage)))
    print(latencies("decide() flat out, 8 at once", took, f"{len(took) / (time.perf_counter() - begun):.0f}/s"))
    real, places = real_asks(stage, count + 20)
    with served(stage, home) as (base, roots):
        before, begun = used(roots), time.perf_counter()
        took = asyncio.run(_clicks(base, rate, real, places))
        done = _await_done(stage, len(real))
        spent, wall = used(roots) - before, time.perf_counter() - begun
    print(latencies(f"click over HTTP at {rate:g}/s, web + worker", took, f"{done} of {len(real)} runs done"))
    shares = "  ".join(f"{label} {1000 * value / len(real):.0f} ms" for label, value in spent.most_common())
    print(f"{'CPU per click, resumed to its end':<46}{shares}  ({100 * spent.total() / wall:.0f} % of one core)")
    if done < len(real):
        raise RuntimeError("not every clicked run was resumed to its end")
    return 1000 * sorted(took)[min(len(took) - 1, int(0.99 * len(took)))]


async def _clicks(base: str, rate: float, asks: list[Ask], places: dict[str, tuple[str, str]]) -> list[float]:
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=50)
    async with httpx.AsyncClient(base_url=base, timeout=10, limits=limits) as client:
        return await _warm(rate, asks, clicking(client, places))


async def _warm(rate: float, asks: Sequence[Ask], click: Callable[[Ask], Awaitable[object]]) -> list[float]:
    """Slack's connections are warm, and so is a web process that has been up for a while: the first 20 don't count."""
    for ask in asks[:20]:
        await click(ask)
    return await at_rate(rate, asks[20:], click)


def _await_done(stage: Stage, wanted: int) -> int:
    until, done = time.monotonic() + 60, 0
    while done < wanted and time.monotonic() < until:
        time.sleep(0.5)
        with psycopg.connect(dsn(stage.url)) as connection:
            row = connection.execute("select count(*) from runs where key like 'real %' and status = 'done'").fetchone()
        done = int(row[0]) if row else 0
    return done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=20.0)
    parser.add_argument("--seconds", type=float, default=15.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        home = Path(name)
        with fresh_database(server_url(home)) as url:
            asyncio.run(migrate(url))
            stage = Stage(url, ChaosWorld(home / "world.sqlite"), lease=30.0)
            try:
                p99 = bench(stage, home, asked.pending, asked.rate, asked.seconds)
            except Failed as failed:
                print(f"goal MISSED: {failed}")
                return 1
    print(f"goal: p99 under {GOAL_MS} ms: {'met' if p99 < GOAL_MS else 'MISSED'}")
    return 0 if p99 < GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
