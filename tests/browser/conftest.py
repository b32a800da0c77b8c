"""A headless Chromium, and the demo in front of it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.chromium import launched
from tests.support.demo import Demo, running_demo


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Not for the whole session: while playwright runs, no other event loop can run in this thread.
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    # Not under pytest's own folder: every other test run on this machine closes that to PostgreSQL's own user.
    with (
        tempfile.TemporaryDirectory(prefix="gatepost-demo-", ignore_cleanup_errors=True) as place,
        running_demo(Path(place) / "home") as running,
    ):
        yield running


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1360, "height": 940})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def shots() -> Path:
    """Where screenshots go, to be looked at."""
    place = Path(__file__).resolve().parents[2] / "artifacts" / "screenshots"
    place.mkdir(parents=True, exist_ok=True)
    return place
