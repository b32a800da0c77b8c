"""The one clock, moved by hand, and the power switch of the database.

`gp_now()` reads a row that only this module writes. It is written between moments, when no transaction is open,
so the time stands still within each.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final

import psycopg
from sqlalchemy import URL

from bot import delivery
from bot.delivery import attempt
from graph.flow import effects
from tests.support.db import dsn

DIRECTORY_EVERY: Final = timedelta(minutes=10)
_MOVED: Final = """
create unlogged table sim_clock (at timestamptz not null);
insert into sim_clock values ('{start}');
create or replace function gp_now() returns timestamptz language sql stable as 'select at from public.sim_clock'
"""
_NEXT: Final = """
select (select min(next_step_at) from requests where status = 'pending') as sweep,
       (select min(greatest(wake_at, leased_until)) from runs where status = 'ready' or reversing) as work,
       least((select min(greatest(not_before, leased_until, next_at)) from cards
                  left join paces on paces.target = case when ts is null then cards.target else 'chat.update' end
                  where shown < wanted),
             (select min(greatest(not_before, leased_until, next_at)) from owed
                  left join paces on paces.target = owed.target where done_at is null)) as deliver
"""


@contextmanager
def local_clocks(now: Callable[[], datetime]) -> Iterator[None]:
    """What processes measure with clocks of their own (how long Slack has been failing) is measured with this one,
    and pauses of a moment before a call is tried again take none.
    """
    told = SimpleNamespace(monotonic=lambda: now().timestamp())
    made = attempt.Attempt
    with ExitStack() as undo:
        for module, name, value in (
            (attempt, "time", told),
            (delivery, "Attempt", lambda result: made(result, told.monotonic())),
            (effects, "_QUICK_RETRIES", (0.0, 0.0)),
        ):
            undo.callback(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        yield


class Clock:
    """`now` is what the database says, too, whenever it can be asked."""

    def __init__(self, url: URL, start: datetime) -> None:
        self._url, self.now = url, start
        self._connection: psycopg.AsyncConnection[dict[str, Any]] | None = None
        self._asked_slack = start

    async def start(self) -> None:
        connection = await self._open()
        # Only processes die here, never the server: it need not wait for the disk.
        await connection.execute(f'alter database "{self._url.database}" set synchronous_commit = off')
        for statement in _MOVED.format(start=self.now.isoformat()).split(";\n"):
            await connection.execute(statement)

    async def to(self, moment: datetime, *, slack_up: bool) -> None:
        """Move on. The directory asks Slack every ten minutes, where Slack answers."""
        self.now = max(self.now, moment)
        connection = await self._open()
        await connection.execute("update sim_clock set at = %s", (self.now,))
        if slack_up and self.now - self._asked_slack >= DIRECTORY_EVERY:
            self._asked_slack = self.now
            await connection.execute("update people set checked_at = %s", (self.now,))
            await connection.execute("update groups set checked_at = %s", (self.now,))

    async def next(self) -> dict[str, datetime]:
        """When the rows next have something to do, by kind of tick."""
        (row,) = await self.rows(_NEXT)
        return {kind: at for kind, at in row.items() if at is not None}

    async def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        connection = await self._open()
        return await (await connection.execute(statement, values or None)).fetchall()

    async def health(self, *, slack: datetime | None, web: datetime) -> None:
        """Since when Slack and the web door are well (None: Slack is not), as whoever sees them says."""
        for name, since in (("slack", slack), ("web", web)):
            await self.rows(
                "insert into health (workspace_id, name, ok_since, last_ok_at) values ('THOME', %s, %s, %s)"
                " on conflict (workspace_id, name) do update set ok_since = excluded.ok_since,"
                " last_ok_at = excluded.last_ok_at returning name",
                *(name, since, self.now),
            )

    async def power(self, *, on: bool) -> None:
        """Take the database away from everybody, in mid-work, or give it back."""
        await self.close()
        name = self._url.database
        await self._server(f'alter database "{name}" with allow_connections {str(on).lower()}')
        if not on:
            await self._server("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", name)

    async def cut(self, application: str) -> None:
        """End a dead process's connections, as the operating system does."""
        ending = "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name = %s"
        await self._server(ending, self._url.database, application)

    async def _server(self, statement: str, *values: Any) -> None:
        server = dsn(self._url.set(database="postgres"))
        async with await psycopg.AsyncConnection.connect(server, autocommit=True) as connection:
            await connection.execute(statement, values or None)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _open(self) -> "psycopg.AsyncConnection[dict[str, Any]]":
        while self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection.connect(
                dsn(self._url),
                autocommit=True,
                row_factory=psycopg.rows.dict_row,
                options="-c application_name=sim -c timezone=UTC",
            )
            await asyncio.sleep(0)
        return self._connection
