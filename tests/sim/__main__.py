"""`make sim`: SIM_DAYS (90) of Gatepost in minutes, with everything going wrong that goes wrong in a quarter."""

import asyncio
import json
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import URL

from storage.migrate import migrate
from tests.sim.check import check, figures
from tests.sim.plan import Plot
from tests.sim.play import Play
from tests.support.db import fresh_database, server_url


async def simulate(url: URL, plot: Plot) -> tuple[dict[str, object], list[str]]:
    """Play and check; the figures, and what was wrong."""
    begun, cpu = time.monotonic(), time.process_time()
    play = Play(url, plot)
    await play.run()
    record = await check(play)
    await play.finish()
    found = figures(play, record)
    found |= {"wall_seconds": round(time.monotonic() - begun, 1), "cpu_seconds": round(time.process_time() - cpu, 1)}
    return found, record.problems


def quiet() -> None:
    """A killed connection is what this is about; the drivers' remarks on it are not."""
    for noisy in ("sqlalchemy.pool", "psycopg", "psycopg.pool"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)


def main() -> int:
    plot = Plot(
        days=float(os.environ.get("SIM_DAYS", "90")),
        runs=int(os.environ.get("SIM_RUNS", "0")),
        seed=int(os.environ.get("SIM_SEED") or random.SystemRandom().randrange(10**6)),
    )
    plot.runs = plot.runs or round(plot.days * 6)
    quiet()
    print(f"SIM_SEED={plot.seed} SIM_DAYS={plot.days:g} SIM_RUNS={plot.runs}", flush=True)
    with tempfile.TemporaryDirectory(prefix="gatepost-sim-") as home, fresh_database(server_url(Path(home))) as url:
        asyncio.run(migrate(url))
        found, problems = asyncio.run(simulate(url, plot))
    for name, value in found.items():
        print(f"{name:<34}{value}")
    for line in problems[:50]:
        print("VIOLATION", line)
    print(json.dumps({"seed": plot.seed, "days": plot.days, **found}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
