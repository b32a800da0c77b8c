"""Fixtures that every test may use: a real PostgreSQL, migrated once and copied for each test."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from sqlalchemy import URL

from storage.migrate import migrate
from storage.store import PgStore
from tests.support.db import fresh_database, hurried_server, open_store
from tests.support.people import mirror_people


def pytest_collection_finish() -> None:
    """What is loaded by now stays: a tenth of the run would be spent on looking through it for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture(autouse=True)
def _loud() -> None:
    """Every test begins with logs as they are by default; some turn them down for their own sake."""
    structlog.reset_defaults()
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])


@pytest.fixture(scope="session")
def pg_server() -> URL:
    return hurried_server()


@pytest.fixture(scope="session")
def pg_template(pg_server: URL) -> Iterator[str]:
    """The name of a migrated database that others are copied from."""
    with fresh_database(pg_server) as url:
        asyncio.run(migrate(url))
        assert url.database
        yield url.database


@pytest.fixture
def database(pg_server: URL, pg_template: str) -> Iterator[URL]:
    """The URL of a fresh, migrated database."""
    with fresh_database(pg_server, pg_template) as url:
        yield url


@pytest.fixture
async def store(database: URL) -> AsyncIterator[PgStore]:
    """A store on a fresh database with the default policy in force and the sandbox's people mirrored."""
    async with open_store(database) as opened:
        await mirror_people(opened)
        yield opened
