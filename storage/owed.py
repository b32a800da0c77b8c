"""Owed chores: notices to people, mostly. Each is done at least once and remembered when done."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from graph.verbs.ports import OwedRow
from storage import rows
from storage.schema import NOW, owed
from storage.session import Session, after


class PgOwed:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, kind: str, key: str, payload: Mapping[str, Any], delay_seconds: float = 0.0) -> None:
        statement = insert(owed).values(
            id=f"{kind}:{key}",
            workspace_id=self._session.workspace_id,
            kind=kind,
            payload=dict(payload),
            not_before=after(delay_seconds),
        )
        await self._session.count(statement.on_conflict_do_nothing())
        self._session.hints.add("owed")

    async def add_many(self, kind: str, payloads: Mapping[str, Mapping[str, Any]]) -> None:
        if not payloads:
            return
        values = [
            {
                "id": f"{kind}:{key}",
                "workspace_id": self._session.workspace_id,
                "kind": kind,
                "payload": dict(payload),
                "not_before": NOW,
            }
            for key, payload in payloads.items()
        ]
        await self._session.count(insert(owed).values(values).on_conflict_do_nothing())
        self._session.hints.add("owed")

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[OwedRow]:
        due = (
            select(owed.c.id)
            .where(
                owed.c.workspace_id == self._session.workspace_id,
                owed.c.done_at.is_(None),
                owed.c.not_before <= NOW,
                or_(owed.c.leased_until.is_(None), owed.c.leased_until <= NOW),
            )
            .order_by(owed.c.not_before)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(owed)
            .where(owed.c.id.in_(due.scalar_subquery()))
            .values(leased_until=after(lease_seconds), attempts=owed.c.attempts + 1)
            .returning(owed)
        )
        return [rows.owed(row) for row in await self._session.all(statement)]

    async def done(self, row: OwedRow) -> None:
        # A response_url is a key to the conversation: not kept longer than it is needed.
        payload = owed.c.payload.op("-")("response_url")
        await self._update(row, done_at=NOW, leased_until=null(), last_error="", payload=payload)

    async def retry(self, row: OwedRow, delay_seconds: float, error: str) -> None:
        await self._update(row, not_before=after(delay_seconds), leased_until=null(), last_error=error)

    async def _update(self, row: OwedRow, **values: Any) -> None:
        claimed = update(owed).where(owed.c.id == row.id, owed.c.attempts == row.attempts)
        await self._session.count(claimed.values(**values))
