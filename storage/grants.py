"""Grants and their uses: a use is a row of the request that it decided, so that none counts twice."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import func, insert, select, update

from graph.law.grants import Grant
from storage.schema import NOW, grant_uses, grants
from storage.session import Session

_COLUMNS: Final = tuple(item.name for item in fields(Grant) if item.name != "used")


class PgGrants:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, grant: Grant) -> None:
        values = {name: getattr(grant, name) for name in _COLUMNS}
        lists = {"rules": list(grant.rules), "reasons": list(grant.reasons), "bounded": list(grant.bounded)}
        await self._session.count(insert(grants).values(workspace_id=self._session.workspace_id, **values | lists))

    async def get(self, grant_id: str, *, lock: bool = False) -> Grant | None:
        if lock:
            # Locked before it is read: its uses must be those of whoever held it before.
            row = select(grants.c.id).where(self._mine, grants.c.id == grant_id).with_for_update()
            if await self._session.one(row) is None:
                return None
        return await self._one(grants.c.id == grant_id)

    async def of_action(self, run_id: str, action_type: str) -> Sequence[Grant]:
        return await self._many(grants.c.run_id == run_id, grants.c.action_type == action_type, *_STANDING)

    async def given_with(self, request_id: str) -> Grant | None:
        return await self._one(grants.c.request_id == request_id)

    async def newest(self, limit: int, *, all: bool = False) -> Sequence[Grant]:
        return await self._many(*(() if all else _STANDING), limit=limit)

    async def use(self, grant: Grant, request_id: str) -> None:
        values = {"request_id": request_id, "workspace_id": self._session.workspace_id, "grant_id": grant.id}
        await self._session.count(insert(grant_uses).values(**values))

    async def revoke(self, grant_id: str, by: str) -> None:
        statement = update(grants).where(self._mine, grants.c.id == grant_id, grants.c.revoked_at.is_(None))
        await self._session.count(statement.values(revoked_at=NOW, revoked_by=by))

    async def _one(self, which: Any) -> Grant | None:
        row = await self._session.one(_counted().where(self._mine, which))
        return _grant(row) if row else None

    async def _many(self, *which: Any, limit: int | None = None) -> Sequence[Grant]:
        ordered = _counted().where(self._mine, *which).order_by(grants.c.given_at.desc(), grants.c.id)
        return [_grant(row) for row in await self._session.all(ordered.limit(limit))]

    @property
    def _mine(self) -> Any:
        return grants.c.workspace_id == self._session.workspace_id


_STANDING: Final = (grants.c.revoked_at.is_(None), grants.c.expires_at > NOW)


def _counted() -> Any:
    used = select(func.count()).where(grant_uses.c.grant_id == grants.c.id).scalar_subquery()
    return select(grants, used.label("used"))


def _grant(row: Any) -> Grant:
    values = {name: getattr(row, name) for name in _COLUMNS}
    lists = {"rules": tuple(row.rules), "reasons": tuple(row.reasons), "bounded": tuple(row.bounded)}
    return Grant(**values | lists | {"used": row.used})
