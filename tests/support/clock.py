"""The database's clock, moved by hand: `gp_now()` reads how far from a row."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_MOVABLE = """
create table if not exists moved_clock (by interval not null);
insert into moved_clock select '0' where not exists (select 1 from moved_clock);
create or replace function gp_now() returns timestamptz language sql stable as
    $$select transaction_timestamp() + by from moved_clock$$
"""


class Clock:
    """Moves the time of one database, for every process that uses it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._by = timedelta()

    async def forward(self, by: timedelta) -> None:
        """So much later, people and groups as freshly looked up as before."""
        self._by += by
        async with self._engine.begin() as connection:
            for statement in _MOVABLE.split(";\n"):
                await connection.execute(text(statement))
            await connection.execute(text("update moved_clock set by = :by"), {"by": self._by})
        async with self._engine.begin() as connection:
            await connection.execute(text("update people set checked_at = gp_now()"))
            await connection.execute(text("update groups set checked_at = gp_now()"))

    async def to(self, moment: datetime) -> None:
        """Forward to this moment; nothing happens when it has passed."""
        async with self._engine.connect() as connection:
            now: datetime = (await connection.execute(text("select gp_now()"))).scalar_one()
        await self.forward(max(moment - now, timedelta()))
