"""What people report as gone wrong."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from graph.verbs.ports import Incident
from storage import rows
from storage.schema import incidents
from storage.session import Session


class PgIncidents:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, incident: Incident) -> bool:
        values = {name: getattr(incident, name) for name in Incident.__dataclass_fields__}
        statement = insert(incidents).values(workspace_id=self._session.workspace_id, **values)
        return await self._session.count(statement.on_conflict_do_nothing()) == 1

    async def of_request(self, request_id: str) -> Sequence[Incident]:
        statement = select(incidents).where(
            incidents.c.workspace_id == self._session.workspace_id, incidents.c.request_id == request_id
        )
        return [rows.incident(row) for row in await self._session.all(statement.order_by(incidents.c.at))]
