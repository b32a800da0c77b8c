"""`gatepost migrate`: our tables and LangGraph's, safe when several processes start it at once."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.ext.asyncio import AsyncEngine

from storage.engine import NoDatabase

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0004"
"""The newest revision under migrations/versions; known here so that only migrating loads Alembic."""

_REVISION: Final = re.compile(r"\d{4}", re.ASCII)
_LOCK: Final = 4_727_001
_POLL_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 120


class MigrationTimeout(RuntimeError):
    """Another process has been migrating for too long."""


async def migrate(url: URL) -> None:
    """Bring the database to this release's schema. Idempotent."""
    async with _alone(url) as connection:
        await asyncio.to_thread(_upgrade, url)
        await _langgraph(connection)


async def behind(engine: AsyncEngine) -> bool:
    """Whether this database lacks this release's tables."""
    async with engine.connect() as connection:
        if not (await connection.execute(text("select to_regclass('gatepost_migrations')"))).scalar():
            return True
        version = (await connection.execute(text("select max(version_num) from gatepost_migrations"))).scalar()
    if version is not None and not _REVISION.fullmatch(str(version)):
        raise NoDatabase(f"the database says it is of release {version!s:.40}, which is none of Gatepost's; restore it")
    # A newer database serves an older process, so that a deploy can go back: migrations only add.
    return version is None or str(version) < HEAD


@asynccontextmanager
async def _alone(url: URL) -> AsyncIterator[AsyncConnection[dict[str, object]]]:
    # Polled, not awaited: a session that waits inside pg_advisory_lock holds a snapshot, and LangGraph's
    # CREATE INDEX CONCURRENTLY waits for every snapshot: the two would wait for each other.
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    async with await AsyncConnection.connect(
        dsn, autocommit=True, prepare_threshold=None, row_factory=dict_row
    ) as connection:
        for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
            row = await (await connection.execute("select pg_try_advisory_lock(%s) as got", (_LOCK,))).fetchone()
            if row and row["got"]:
                break
            await asyncio.sleep(_POLL_SECONDS)
        else:
            raise MigrationTimeout("another process holds the migration lock; look for a stuck `gatepost migrate`")
        try:
            yield connection
        finally:
            await connection.execute("select pg_advisory_unlock(%s)", (_LOCK,))


def _upgrade(url: URL) -> None:
    from alembic import command

    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()


async def _langgraph(connection: AsyncConnection[dict[str, object]]) -> None:
    # Imported here: migrating is the only thing in this module that pays for LangGraph.
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    await AsyncPostgresSaver(connection).setup()


def _config() -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
