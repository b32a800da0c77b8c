"""The system's Chromium, headless and quiet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
EVEN = ("--disable-lcd-text", "--font-render-hinting=none")
"""Letters look the same on every screen."""


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser; while it runs, no other event loop can run in this thread."""
    if not Path(CHROMIUM).exists():
        raise FileNotFoundError(f"{CHROMIUM} is missing: install Debian's package chromium, or set CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *EVEN])
        yield browser
        browser.close()
