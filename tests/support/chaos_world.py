"""A hostile outside that counts: every effect that really happened, in a file that outlives every process.

Faults follow from the seed, the key and the number of the call, so that a run is repeated by its seed.
It also keeps what people were told (a proposal taken, a decision recorded): nothing told may be lost.
"""

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from graph.flow.workflow import Call, Refused

_TABLES: Final = """
create table if not exists happened (seq integer primary key, name text, key text, digest text);
create index if not exists happened_key on happened (key);
create table if not exists calls (key text primary key, n integer not null);
create table if not exists moved (place text primary key);
create table if not exists told (seq integer primary key, what text, subject text, kind text, who text);
"""


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what goes wrong, as shares of calls. `refuse` hangs on the key alone: the answer stays no."""

    refuse: float = 0.0
    before: float = 0.0
    lose: float = 0.0
    slow: float = 0.0
    moved: float = 0.0


CALM: Final = Faults()
HOSTILE: Final = Faults(refuse=0.05, before=0.08, lose=0.1, slow=0.15, moved=0.05)


@dataclass(frozen=True, slots=True)
class Happened:
    seq: int
    name: str
    key: str
    digest: str


class ChaosWorld:
    """The receiver of all effects."""

    def __init__(self, path: Path, seed: int = 0, faults: Faults = CALM) -> None:
        self.path, self.seed, self.faults = path, seed, faults
        with self._open() as db:
            db.execute("pragma journal_mode=wal")
            db.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        # Not synced: what a killed process wrote stays written, and only processes are killed here.
        db = sqlite3.connect(self.path, timeout=20, isolation_level=None)
        try:
            db.execute("pragma synchronous=off")
            yield db
        finally:
            db.close()

    async def do(self, name: str, call: Call, digest: str, *, once: bool) -> dict[str, Any]:
        """Happen, or not, or without an answer; with `once`, a known key is answered without happening again."""
        with self._open() as db:
            (n,) = db.execute(
                "insert into calls values (?, 1) on conflict (key) do update set n = n + 1 returning n", (call.key,)
            ).fetchone()
        faults = self.faults
        if self._roll("refuse", call.key) < faults.refuse:
            raise Refused("the receiver said no")
        if self._roll("before", call.key, n) < faults.before:
            raise ConnectionError("nothing was sent")
        if self._roll("slow", call.key, n) < faults.slow:
            await asyncio.sleep(0.15 * self._roll("wait", call.key, n))
        self.act(name, call.key, digest, once=once)
        if self._roll("slow after", call.key, n) < faults.slow:
            await asyncio.sleep(0.15 * self._roll("wait after", call.key, n))
        if self._roll("lose", call.key, n) < faults.lose:
            raise TimeoutError("the answer was lost")
        return {"digest": digest}

    def act(self, name: str, key: str, digest: str, *, once: bool) -> None:
        with self._open() as db:
            db.execute("begin immediate")
            known = once and db.execute("select 1 from happened where key = ?", (key,)).fetchone()
            if not known:
                db.execute("insert into happened (name, key, digest) values (?, ?, ?)", (name, key, digest))
            db.execute("commit")

    def find(self, key: str) -> dict[str, Any] | None:
        with self._open() as db:
            row = db.execute("select digest from happened where key = ?", (key,)).fetchone()
        return {"digest": row[0]} if row else None

    def happened(self) -> list[Happened]:
        with self._open() as db:
            return [Happened(*row) for row in db.execute("select seq, name, key, digest from happened order by seq")]

    def moves(self, place: str) -> bool:
        """Whether the ground shifts under an approved action, the first time it is asked."""
        if self._roll("moved", place) >= self.faults.moved:
            return False
        with self._open() as db:
            return db.execute("insert or ignore into moved values (?)", (place,)).rowcount == 1

    def tell(self, what: str, subject: str, kind: str = "", who: str = "") -> None:
        """Somebody was told this; from now on it may not be lost."""
        with self._open() as db:
            db.execute("insert into told (what, subject, kind, who) values (?, ?, ?, ?)", (what, subject, kind, who))

    def told(self, what: str) -> list[tuple[str, str, str]]:
        with self._open() as db:
            return list(db.execute("select subject, kind, who from told where what = ? order by seq", (what,)))

    def _roll(self, kind: str, key: str, n: int = 0) -> float:
        raw = hashlib.sha256(f"{self.seed}/{kind}/{key}/{n}".encode()).digest()
        return int.from_bytes(raw[:6], "big") / 2**48
