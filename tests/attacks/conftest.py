"""A scene for the attacks that are about what people see."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.store import PgStore
from tests.support.db import one_by_one
from tests.support.scene import Scene
from tests.support.slack import house
from tests.support.tools import Tools


@pytest.fixture
async def scene(store: PgStore, tmp_path: Path) -> AsyncIterator[Scene]:
    # Each on a card of its own, however many are alike.
    await one_by_one(store)
    async with house(store, tmp_path) as door:
        yield Scene(Tools(store, tmp_path), door)
