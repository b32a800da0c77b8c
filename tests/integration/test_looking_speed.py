"""What reviewers open stays quick with 10,000 requests waiting, and every list keeps to its index."""

import pytest
from sqlalchemy import URL, text

from storage.queue import DUE
from storage.store import PgStore
from tests.bench.figures import percentile
from tests.bench.looking import GOAL_MS, looks, prepare, took

ROUNDS = 3
TRIES = 20


async def test_every_view_is_quick_with_ten_thousand_waiting(store: PgStore, database: URL) -> None:
    await prepare(store, database, 10_000, 3_000)
    slow = dict(await looks(store))
    best = dict.fromkeys(slow, float("inf"))
    for _ in range(TRIES):
        # This machine may be busy with other things: what was quick once can be.
        for name, look in slow.items():
            best[name] = min(best[name], 1000 * percentile(await took(look, ROUNDS), 0.95))
        slow = {name: look for name, look in slow.items() if best[name] >= GOAL_MS}
        if not slow:
            break
    assert not slow, {name: f"{best[name]:.0f} ms" for name in slow}


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("workspace_id = 'THOME' and tier in (1, 2, 3)", "ix_requests_line"),
        ("workspace_id = 'THOME' and tier in (2) and workflow = 'loan'", "ix_requests_line"),
        ("workspace_id = 'THOME' and requester = 'UALICE'", "ix_requests_wished"),
    ],
)
async def test_a_page_is_read_along_its_index(store: PgStore, database: URL, where: str, index: str) -> None:
    await prepare(store, database, 3_000, 300)
    due = DUE.compile(compile_kwargs={"literal_binds": True})
    fits = f"status = 'pending' and {where}"
    statement = f"explain select * from requests where {fits} order by {due}, id limit 16"
    async with store.engine.connect() as connection:
        plan = "\n".join((await connection.execute(text(statement))).scalars())
    assert f"using {index}" in plan and "Sort" not in plan, plan
