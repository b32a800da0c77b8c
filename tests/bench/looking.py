"""How long looking takes: `python -m tests.bench.looking [--pending 10000]`.

Every view that a reviewer opens, with so many requests waiting and 20,000 decided: each `/approvals` sub-command,
the Home tab, Details, and a card's rendering. Each is loaded and rendered as the web process does it, without Slack.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bot.cards.home import home
from bot.cards.review import card
from bot.delivery.view import load_view
from bot.ids import ref_of
from bot.listeners import Services
from bot.listeners.asked import Asked
from bot.listeners.command import SUBS
from bot.listeners.home import desk
from bot.listeners.looking import _page
from bot.listeners.reading import details_view
from bot.slack import Slack
from graph.law.looking import parse
from graph.law.request import Status
from graph.verbs.queue import Turn, spot
from storage.migrate import migrate
from storage.store import PgStore
from tests.bench.figures import percentile
from tests.support.crowd import crowd, decided
from tests.support.db import dsn, fresh_database, open_store, server_url
from tests.support.people import mirror_people
from tests.support.slack import pending

GOAL_MS = 300
MANY_GOAL_MS = 1000
MANY = 100_000
DECIDED = 20_000
ROUNDS = 30
Look = Callable[[], Awaitable[object]]
COMMANDS = (
    *("queue", "queue mine", "queue overdue", "queue tier 3", "queue payments", "queue content.publish"),
    *("queue confirm tier 2 overdue", "queue nothing.such", "mine", "show {id}", "stats", "stats 30d by tier"),
    *("stats 30d by reviewer", "shadow 90d", "help", "away"),
)


async def prepare(store: PgStore, url: Any, waiting: int, made: int = DECIDED) -> None:
    """So many requests that wait, and so many that were decided."""
    await mirror_people(store)
    template = await pending(store)
    crowd(url, template.id, waiting + made)
    decided(url, made)
    with psycopg.connect(dsn(url)) as connection:
        connection.execute("update people set checked_at = now() + interval '1 day'")
        connection.execute("update groups set checked_at = now() + interval '1 day'")


async def looks(store: PgStore, user: str = "UEVE") -> dict[str, Look]:
    """What is measured, by name; somebody who sees all tiers and decides the highest."""
    services = Services(store=store, slack=Slack("xoxb-bench", "http://127.0.0.1:9/api/"))
    async with store.begin() as tx:
        [middle] = [(await tx.requests.pending(40))[-1]]
        old = (await tx.queue.decided_by(f"{user.lower()}@example.com", 1))[0].request

    def command(words: str) -> Look:
        name, _, rest = words.format(id=middle.id).partition(" ")
        return lambda: SUBS[name](services, Asked(user=user, rest=rest)) if name in SUBS else _nothing()

    async def deep() -> object:
        return await _page(services, user, parse("") or None, Turn(spot(middle)))  # type: ignore[arg-type]

    async def back() -> object:
        return await _page(services, user, parse("overdue") or None, Turn(spot(middle), back=True))  # type: ignore[arg-type]

    async def tab(of: str) -> object:
        async with store.begin() as tx:
            return home(await desk(tx, of))

    async def details() -> object:
        async with store.begin() as tx:
            return await details_view(tx, middle, ref_of(middle), None, None)

    async def rendered(request_id: str, status: Status) -> object:
        async with store.begin() as tx:
            request = await tx.requests.get(request_id)
            assert request is not None and (request.status is Status.PENDING) == (status is Status.PENDING)
            return card(await load_view(tx, request))

    return {
        **{f"/approvals {words}": command(words) for words in COMMANDS},
        "the next page, from the middle": deep,
        "the page before, overdue": back,
        "Home of a manager": lambda: tab(user),
        "Home of a reviewer": lambda: tab("UALICE"),
        "Details": details,
        "card that waits": lambda: rendered(middle.id, Status.PENDING),
        "card that was decided": lambda: rendered(old.id, old.status),
    }


async def took(look: Look, rounds: int = ROUNDS) -> list[float]:
    """Seconds of each; the first, which fills caches that a running web process has, left out."""
    await look()
    found = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await look()
        found.append(time.perf_counter() - begun)
    return found


async def _nothing() -> None:
    """Help is answered without looking anything up."""


def line(name: str, seconds: Sequence[float]) -> str:
    p50, p95, worst = (1000 * value for value in (percentile(seconds, 0.5), percentile(seconds, 0.95), max(seconds)))
    return f"{name:<46}{len(seconds):>6}  p50 {p50:7.1f} ms  p95 {p95:7.1f} ms  max {worst:7.1f} ms"


async def bench(url: Any, waiting: int) -> float:
    """The slowest p95, in milliseconds."""
    async with open_store(url) as store:
        await prepare(store, url, waiting)
        slowest = 0.0
        for name, look in (await looks(store)).items():
            seconds = await took(look)
            print(line(name, seconds), flush=True)
            slowest = max(slowest, 1000 * percentile(seconds, 0.95))
    return slowest


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=10_000)
    asked = parser.parse_args(arguments)
    goal = GOAL_MS if asked.pending < MANY else MANY_GOAL_MS
    with (
        tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name,
        fresh_database(server_url(Path(name))) as url,
    ):
        asyncio.run(migrate(url))
        print(f"{asked.pending} requests wait, {DECIDED} were decided")
        slowest = asyncio.run(bench(url, asked.pending))
    print(f"goal: p95 under {goal} ms: {slowest:.0f} ms, {'met' if slowest < goal else 'MISSED'}")
    return 0 if slowest < goal else 1


if __name__ == "__main__":
    sys.exit(main())
