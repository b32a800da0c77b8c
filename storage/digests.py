"""Digests: one row a week, so that whoever inserts it is the one who posts."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from storage.schema import digests
from storage.session import Session


class PgDigests:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, week: str, figures: Mapping[str, Any]) -> bool:
        values = {"workspace_id": self._session.workspace_id, "week": week, "figures": dict(figures)}
        return await self._session.count(insert(digests).values(**values).on_conflict_do_nothing()) == 1

    async def get(self, week: str) -> Mapping[str, Any] | None:
        statement = select(digests.c.figures).where(
            digests.c.workspace_id == self._session.workspace_id, digests.c.week == week
        )
        row = await self._session.one(statement)
        return None if row is None else dict(row.figures)
