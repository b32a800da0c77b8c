"""Migrations: safe when started together, and the tables are what the code says."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine, text

from storage.engine import make_engine
from storage.migrate import HEAD, _config, behind, migrate
from storage.schema import metadata
from tests.support.db import fresh_database


async def test_four_at_once_on_an_empty_database(pg_server: URL) -> None:
    with fresh_database(pg_server) as url:
        engine = make_engine(url)
        assert await behind(engine)
        await asyncio.gather(*(migrate(url) for _ in range(4)))
        assert not await behind(engine)
        async with engine.connect() as connection:
            langgraph = (await connection.execute(text("select count(*) from checkpoint_migrations"))).scalar_one()
        assert langgraph >= 9
        await engine.dispose()


def test_the_tables_are_those_of_the_schema(database: URL) -> None:
    engine = create_engine(database)
    with engine.connect() as connection:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in metadata.tables}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_names_the_newest_revision() -> None:
    assert ScriptDirectory.from_config(_config()).get_current_head() == HEAD
