"""How parts of the installation are, a row each."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import case, null, select
from sqlalchemy.dialects.postgresql import insert

from graph.verbs.ports import Condition
from storage import rows
from storage.schema import NOW, health
from storage.session import Session


class PgHealth:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def well(self, name: str, gap: timedelta) -> None:
        unbroken = (health.c.ok_since.is_not(None)) & (health.c.last_ok_at > NOW - gap)
        statement = insert(health).values(
            workspace_id=self._session.workspace_id, name=name, ok_since=NOW, last_ok_at=NOW
        )
        values = {"ok_since": case((unbroken, health.c.ok_since), else_=NOW), "last_ok_at": NOW, "problem": ""}
        await self._session.count(statement.on_conflict_do_update(index_elements=["workspace_id", "name"], set_=values))

    async def ill(self, name: str, problem: str) -> None:
        values = {"ok_since": null(), "last_problem_at": NOW, "problem": problem[:500]}
        statement = insert(health).values(workspace_id=self._session.workspace_id, name=name, **values)
        await self._session.count(statement.on_conflict_do_update(index_elements=["workspace_id", "name"], set_=values))

    async def all(self) -> Sequence[Condition]:
        statement = select(health).where(health.c.workspace_id == self._session.workspace_id).order_by(health.c.name)
        return [rows.condition(row) for row in await self._session.all(statement)]
