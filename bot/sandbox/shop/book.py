"""The shop's SQLite file: its tables, and one short transaction per request. Several processes may share it."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

BUSY_SECONDS: Final = 10.0

_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS customers (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, since TEXT NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS orders (
        id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, cents INTEGER NOT NULL,
        currency TEXT NOT NULL, placed_at TEXT NOT NULL, item TEXT NOT NULL, card TEXT NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS cases (
        id TEXT PRIMARY KEY, customer TEXT NOT NULL REFERENCES customers, order_id TEXT NOT NULL REFERENCES orders,
        cents INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL
        CHECK (status IN ('open', 'withdrawn', 'closed')),
        opened_at TEXT NOT NULL, changed_at TEXT NOT NULL, conversation TEXT NOT NULL) STRICT""",
    # Refunds from before the ledger begins: the customer's history, which is no deed of ours.
    """CREATE TABLE IF NOT EXISTS past_refunds (
        customer TEXT NOT NULL REFERENCES customers, cents INTEGER NOT NULL, currency TEXT NOT NULL,
        at TEXT NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS ledger (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL
        CHECK (kind IN ('credit', 'credit_release', 'refund', 'refund_reversal', 'message')),
        key TEXT, reference TEXT, undoes INTEGER UNIQUE REFERENCES ledger, case_id TEXT NOT NULL,
        order_id TEXT, customer TEXT NOT NULL, cents INTEGER, currency TEXT, detail TEXT NOT NULL) STRICT""",
    "CREATE INDEX IF NOT EXISTS ledger_reference ON ledger (reference)",
    "CREATE INDEX IF NOT EXISTS ledger_case ON ledger (case_id)",
    "CREATE INDEX IF NOT EXISTS ledger_customer ON ledger (customer, kind)",
    "CREATE INDEX IF NOT EXISTS ledger_order ON ledger (order_id, kind)",
    """CREATE TABLE IF NOT EXISTS deeds (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, domain TEXT NOT NULL, kind TEXT NOT NULL,
        subject TEXT NOT NULL, title TEXT NOT NULL, cents INTEGER, currency TEXT, reference TEXT, key TEXT,
        undoes INTEGER UNIQUE REFERENCES deeds, detail TEXT NOT NULL) STRICT""",
    "CREATE INDEX IF NOT EXISTS deeds_reference ON deeds (reference)",
    "CREATE INDEX IF NOT EXISTS deeds_domain ON deeds (domain)",
    "CREATE INDEX IF NOT EXISTS deeds_subject ON deeds (subject)",
    # Only subjects that were withdrawn: whatever is not in here is open.
    """CREATE TABLE IF NOT EXISTS subjects (
        id TEXT PRIMARY KEY, closed_at TEXT NOT NULL, reason TEXT NOT NULL) STRICT""",
    """CREATE TABLE IF NOT EXISTS answers (
        scope TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, answer TEXT NOT NULL,
        PRIMARY KEY (scope, key)) STRICT""",
    """CREATE TABLE IF NOT EXISTS faults (
        id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, mode TEXT NOT NULL, times INTEGER,
        seconds REAL NOT NULL, probability REAL NOT NULL) STRICT""",
)

Row = sqlite3.Row


class Book:
    """The file at `path`; every `reading` and `writing` is one transaction on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(self._connect()) as connection:
            _use_wal(connection)
        with self.writing() as connection:
            for table in _TABLES:
                connection.execute(table)

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its beginning, so that check and deed are one."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees one state and waits for nobody."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(self._connect()) as connection:
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite's busy timeout does not cover this switch, so a race is settled here."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def stamp(at: datetime | None = None) -> str:
    """An instant as the shop writes it: ISO 8601, UTC, sortable as text."""
    return (at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="microseconds")


def to_cents(amount: str) -> int:
    """`420.00` → 42000; the text has been checked by then."""
    return int(Decimal(amount).scaleb(2))


def to_amount(cents: int) -> str:
    """42000 → `420.00`."""
    return format(Decimal(cents).scaleb(-2), ".2f")


def to_json(value: Any) -> str:
    """One text per value, whatever the order of its keys."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
