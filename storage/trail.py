"""What was decided before: in a run, and about the same thing. Light rows: of the wide columns only the question's."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement as Element
from sqlalchemy import Text, cast, select

from graph.law.request import Kind, Request
from graph.verbs.ports import Taken
from storage import rows
from storage.effects import PgEffects
from storage.schema import decisions, requests
from storage.session import Session


class PgTrail:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def of_run(self, request: Request, limit: int) -> Sequence[Taken]:
        return await self._newest(requests.c.run_id == request.run_id, requests.c.id != request.id, limit=limit)

    async def about(self, request: Request, limit: int) -> Sequence[Taken]:
        if request.target is None:
            return ()
        return await self._newest(
            requests.c.workflow == request.workflow,
            requests.c.target == request.target,
            requests.c.run_id != request.run_id,
            requests.c.kind.in_((Kind.ACTION, Kind.REVIEW)),
            limit=limit,
        )

    async def _newest(self, *which: Element[bool], limit: int) -> list[Taken]:
        columns = [requests.c[name] for name in ("run_id", "turn", "revision", "kind", "status", "canonical")]
        statement = (
            select(*columns, cast(requests.c.form, Text).label("form"), decisions)
            .join(decisions, decisions.c.request_id == requests.c.id)
            .where(requests.c.workspace_id == self._session.workspace_id, *which)
            .order_by(requests.c.created_at.desc(), requests.c.turn.desc(), requests.c.revision.desc())
            .limit(limit)
        )
        found = [rows.taken(row) for row in await self._session.all(statement)]
        effects = await PgEffects(self._session).of_requests({one.decision.request_id for one in found})
        return [replace(one, effect=effects.get(one.decision.request_id)) for one in found]
