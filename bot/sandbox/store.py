"""What survives `kill -9`: JSON documents by kind and key in one SQLite file, mirrored in memory.

Every change is committed before the caller goes on, so an answer is never ahead of the disk.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.sandbox.wire import Json

_SCHEMA = "CREATE TABLE IF NOT EXISTS doc (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))"

# An upsert, not a replace: a changed document keeps its place in the order of loading.
_PUT = "INSERT INTO doc VALUES (?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body"


class Store:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        # NORMAL loses nothing when the process dies; only a power cut could cost the last commits.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(_SCHEMA)
        self._docs: dict[str, dict[str, Json]] = {}
        for kind, key, body in self._db.execute("SELECT kind, key, body FROM doc ORDER BY rowid"):
            self._docs.setdefault(kind, {})[key] = json.loads(body)

    def all(self, kind: str) -> dict[str, Json]:
        """The live documents of a kind; change them only through `put` and `drop`."""
        return self._docs.setdefault(kind, {})

    def put(self, kind: str, key: str, doc: Json) -> None:
        self._db.execute(_PUT, (kind, key, json.dumps(doc)))
        self.all(kind)[key] = doc

    def drop(self, kind: str, key: str) -> None:
        self._db.execute("DELETE FROM doc WHERE kind = ? AND key = ?", (kind, key))
        self.all(kind).pop(key, None)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Several changes in one commit. A raised error rolls the file back; it is then a bug, not a case."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def clear(self) -> None:
        self._db.execute("DELETE FROM doc")
        # Holders of `all()` keep their reference, so empty the dicts in place.
        for docs in self._docs.values():
            docs.clear()

    def close(self) -> None:
        self._db.close()
