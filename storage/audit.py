"""Audit entries, and the sealer that numbers, chains and signs them after they were committed.

Entries are inserted plainly in the transaction of what they record; sealing in a second step keeps the
chain's lock off the path of every click. hash(n) = SHA-256(hash(n-1) ‖ canonical entry); mac = HMAC(key, hash).
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from graph.verbs.ports import Entry
from storage.schema import audit, audit_seals
from storage.session import Session

GENESIS: Final = "0" * 64
_BATCH: Final = 5000
_LOOK_BACK: Final = 50_000


class PgAudit:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def record(
        self,
        event: str,
        actor: str,
        *,
        run_id: str | None = None,
        request_id: str | None = None,
        **detail: Any,
    ) -> None:
        await self.record_many([Entry(event=event, actor=actor, run_id=run_id, request_id=request_id, detail=detail)])

    async def record_many(self, entries: Sequence[Entry]) -> None:
        if not entries:
            return
        values = [
            {
                "workspace_id": self._session.workspace_id,
                "event": entry.event,
                "actor": entry.actor,
                "run_id": entry.run_id,
                "request_id": entry.request_id,
                "detail": json.dumps(dict(entry.detail), sort_keys=True, default=str),
            }
            for entry in entries
        ]
        await self._session.count(insert(audit).values(values))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What `verify` found: how many entries the chain covers, how many wait for it, and every break.

    `head`: number and hash of the newest seal. Written down elsewhere, they show later that nothing was cut off.
    """

    sealed: int
    unsealed: int
    problems: Sequence[str]
    head: tuple[int, str] = (0, GENESIS)


async def seal(engine: AsyncEngine, key: bytes) -> int:
    """Seal what was committed and isn't sealed; returns how many. Safe on many replicas at once."""
    async with engine.begin() as connection:
        locked = (
            await connection.execute(text("select pg_try_advisory_xact_lock(hashtext('gatepost.seal'))"))
        ).scalar()
        if not locked:
            return 0
        newest = (
            await connection.execute(
                select(audit_seals.c.seq, audit_seals.c.hash, audit_seals.c.audit_id)
                .order_by(audit_seals.c.seq.desc())
                .limit(1)
            )
        ).one_or_none()
        seq, previous, reached = (newest.seq, newest.hash, newest.audit_id) if newest else (0, GENESIS, 0)
        fresh = (
            select(audit)
            .outerjoin(audit_seals, audit_seals.c.audit_id == audit.c.id)
            # Ids commit out of order, but never this far: transactions are cut off after seconds.
            .where(audit_seals.c.seq.is_(None), audit.c.id > reached - _LOOK_BACK)
            .order_by(audit.c.id)
            .limit(_BATCH)
        )
        seals = []
        for row in (await connection.execute(fresh)).all():
            seq += 1
            chained = _chain(previous, row)
            seals.append(
                {
                    "seq": seq,
                    "audit_id": row.id,
                    "previous": previous,
                    "hash": chained,
                    "key_id": key_id(key),
                    "mac": _mac(key, chained),
                }
            )
            previous = chained
        if seals:
            await connection.execute(insert(audit_seals), seals)
        return len(seals)


async def verify(engine: AsyncEngine, key: bytes, anchors: Mapping[int, str] | None = None) -> Verified:
    """Walk the whole chain and name every place where it doesn't hold; `anchors`: hashes it had at some numbers."""
    problems: list[str] = []
    expected, previous = 0, GENESIS
    # Before the first entry there is nothing that could be gone.
    unmet = {seq: chained for seq, chained in (anchors or {}).items() if seq}
    joined = (
        select(
            audit_seals.c.seq,
            audit_seals.c.previous,
            audit_seals.c.hash,
            audit_seals.c.mac,
            audit_seals.c.key_id,
            audit,
        )
        .outerjoin(audit, audit.c.id == audit_seals.c.audit_id)
        .order_by(audit_seals.c.seq)
    )
    async with engine.connect() as connection:
        async for row in await connection.stream(joined):
            expected += 1
            problems += _problems(row, expected, previous, key)
            expected, previous = row.seq, row.hash
            if unmet.pop(row.seq, row.hash) != row.hash:
                problems.append(f"entry {row.seq} is not the one whose hash was written down")
        total = (await connection.execute(select(func.count()).select_from(audit))).scalar_one()
        sealed = (await connection.execute(select(func.count()).select_from(audit_seals))).scalar_one()
    problems += [f"entry {seq}, whose hash was written down, is gone" for seq in sorted(unmet)]
    return Verified(sealed=sealed, unsealed=max(0, total - sealed), problems=problems, head=(expected, previous))


def key_id(key: bytes) -> str:
    """A short public name of the signing key."""
    return hashlib.sha256(b"gatepost-key-id" + key).hexdigest()[:12]


def _problems(row: Row[Any], expected: int, previous: str, key: bytes) -> list[str]:
    found = []
    if row.seq != expected:
        found.append(f"entry {expected} is missing (next is {row.seq})")
    if row.previous != previous:
        found.append(f"entry {row.seq} does not follow the one before it")
    if row.id is None or _chain(row.previous, row) != row.hash:
        found.append(f"entry {row.seq} was changed or removed")
    if row.key_id != key_id(key):
        found.append(f"entry {row.seq} was signed with key {row.key_id}, which isn't this one: set GATEPOST_AUDIT_KEY")
    elif not hmac.compare_digest(_mac(key, row.hash), row.mac):
        found.append(f"entry {row.seq} has a forged signature")
    return found


def _chain(previous: str, row: Row[Any]) -> str:
    entry = [
        row.id,
        row.at.isoformat(),
        row.workspace_id,
        row.event,
        row.actor,
        row.run_id,
        row.request_id,
        row.detail,
    ]
    return hashlib.sha256((previous + json.dumps(entry, separators=(",", ":"))).encode()).hexdigest()


def _mac(key: bytes, chained: str) -> str:
    return hmac.new(key, chained.encode(), hashlib.sha256).hexdigest()
