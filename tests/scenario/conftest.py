"""Every scenario has the whole door: database, web app, sandbox."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import PgStore
from tests.support.slack import House, house


@pytest.fixture
async def door(store: PgStore, tmp_path: Path) -> AsyncIterator[House]:
    async with house(store, tmp_path) as made:
        yield made
