"""LISTEN for hints that something is owed. A hint only makes things quick; polling finds the same work."""

import asyncio
from collections.abc import Callable
from typing import Final

import psycopg
import structlog
from sqlalchemy import URL

from storage.store import CHANNEL

_RECONNECT_SECONDS: Final = 5.0
_log: Final = structlog.get_logger("gatepost.hints")


async def listen(url: URL, heard: Callable[[str], None]) -> None:
    """Call `heard(topic)` for every hint, until cancelled; reconnects by itself."""
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
                await connection.execute(f"listen {CHANNEL}")
                async for notice in connection.notifies():
                    heard(notice.payload)
        except psycopg.Error as error:
            _log.warning("not listening for hints", error=type(error).__name__)
        await asyncio.sleep(_RECONNECT_SECONDS)
