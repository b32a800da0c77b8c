"""A warm stage on a database of its own, from which the tests of this directory fork their processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from tests.support.chaos_stage import Stage
from tests.support.chaos_world import ChaosWorld
from tests.support.db import fresh_database


@pytest.fixture(scope="module")
def stage(pg_server: URL, pg_template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Shared by a module: warming up costs more than most of its tests, and every case has its own run."""
    path: Path = tmp_path_factory.mktemp("world") / "world.sqlite"
    with fresh_database(pg_server, pg_template) as url:
        made = Stage(url, ChaosWorld(path), lease=1.0)
        made.prepare()
        yield made
