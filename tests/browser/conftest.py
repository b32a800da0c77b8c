"""A headless Chromium, and the demo in front of it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.demo import Demo, running_demo

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Not for the whole session: while playwright runs, no other event loop can run in this thread.
    if not Path(CHROMIUM).exists():
        pytest.fail(f"{CHROMIUM} is missing: install Debian's package chromium, or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


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
