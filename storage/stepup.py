"""Authenticators: a code counts once, because whoever checks it holds the row and moves its last step on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from graph.verbs.ports.stepup import Authenticator, Enrolled
from storage.schema import authenticators
from storage.session import Session
from storage.vault import Vault


class PgStepUp:
    def __init__(self, session: Session, vault: Vault) -> None:
        self._session = session
        self._vault = vault

    async def lock(self, user_id: str) -> Authenticator | None:
        row = await self._session.one(select(authenticators).where(*self._theirs(user_id)).with_for_update())
        if row is None:
            return None
        return Authenticator(
            user_id=row.user_id,
            secret=self._vault.open(row.secret, self._whose(user_id)),
            last_step=row.last_step,
            wrong_at=tuple(row.wrong_at),
            locked_until=row.locked_until,
        )

    async def took(self, user_id: str, step: int) -> None:
        moved = update(authenticators).where(*self._theirs(user_id), authenticators.c.last_step < step)
        if await self._session.count(moved.values(last_step=step, wrong_at=[], locked_until=None)) != 1:
            raise RuntimeError("a one-time code was taken by other hands")

    async def was_wrong(self, user_id: str, wrong_at: Sequence[datetime], locked_until: datetime | None) -> None:
        statement = update(authenticators).where(*self._theirs(user_id))
        await self._session.count(statement.values(wrong_at=list(wrong_at), locked_until=locked_until))

    async def enroll(self, user_id: str, secret: str, by: str) -> bool:
        values = {
            "workspace_id": self._session.workspace_id,
            "user_id": user_id,
            "secret": self._vault.seal(secret, self._whose(user_id)),
            "enrolled_by": by,
        }
        return await self._session.count(insert(authenticators).values(**values).on_conflict_do_nothing()) == 1

    async def remove(self, user_id: str) -> bool:
        return await self._session.count(delete(authenticators).where(*self._theirs(user_id))) == 1

    async def all(self) -> Sequence[Enrolled]:
        table = authenticators.c
        mine = table.workspace_id == self._session.workspace_id
        found = select(table.user_id, table.enrolled_at, table.enrolled_by, table.locked_until).where(mine)
        return [
            Enrolled(
                user_id=row.user_id,
                enrolled_at=row.enrolled_at,
                enrolled_by=row.enrolled_by,
                locked_until=row.locked_until,
            )
            for row in await self._session.all(found.order_by(table.user_id))
        ]

    def _theirs(self, user_id: str) -> tuple[Any, ...]:
        return authenticators.c.workspace_id == self._session.workspace_id, authenticators.c.user_id == user_id

    def _whose(self, user_id: str) -> str:
        return f"{self._session.workspace_id}/{user_id}"
