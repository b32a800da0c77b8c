"""The effects ledger: INTENT before the call, then DONE, FAILED or UNKNOWN, each written once."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import exists, insert, select, update

from graph.law.request import Effect, Outcome
from storage import rows
from storage.schema import NOW, effects, requests
from storage.session import Session

_undo = effects.alias("undo")
_SELECT = select(effects, exists().where(_undo.c.undo_of == effects.c.id, _undo.c.status == "done").label("undone"))


class PgEffects:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, effect_id: str) -> Effect | None:
        row = await self._session.one(_SELECT.where(self._mine, effects.c.id == effect_id))
        return rows.effect(row) if row else None

    async def of_run(self, run_id: str) -> Sequence[Effect]:
        statement = _SELECT.where(self._mine, effects.c.run_id == run_id)
        ordered = statement.order_by(effects.c.intent_at, effects.c.id)
        return [rows.effect(row) for row in await self._session.all(ordered)]

    async def of_requests(self, request_ids: Collection[str]) -> Mapping[str, Effect]:
        which = effects.c.request_id.in_(request_ids), effects.c.undo_of.is_(None)
        found = [rows.effect(row) for row in await self._session.all(_SELECT.where(self._mine, *which))]
        return {effect.request_id: effect for effect in found}

    async def intend(self, effect: Effect, fence: int) -> None:
        digest = select(requests.c.digest).where(requests.c.id == effect.request_id).scalar_subquery()
        await self._session.count(
            insert(effects).values(
                id=effect.id,
                workspace_id=self._session.workspace_id,
                run_id=effect.run_id,
                request_id=effect.request_id,
                undo_of=effect.undo_of,
                action_type=effect.action_type,
                effect_class=effect.effect_class,
                digest=digest,
                status=Outcome.INTENT,
                fence=fence,
            )
        )

    async def again(self, effect_id: str, fence: int) -> None:
        statement = self._row(effect_id, (Outcome.INTENT,))
        await self._session.count(statement.values(attempts=effects.c.attempts + 1, fence=fence))

    async def settle(
        self, effect_id: str, status: Outcome, result: dict[str, Any] | None, error: str, reconciled_by: str | None
    ) -> bool:
        # By hand, a person also closes an undo that certainly failed.
        before = (Outcome.UNKNOWN, Outcome.FAILED) if reconciled_by else (Outcome.INTENT,)
        values = {
            "status": status,
            "result": result,
            "error": error,
            "reconciled_by": reconciled_by,
            "finished_at": NOW,
        }
        return await self._session.count(self._row(effect_id, before).values(**values)) == 1

    @property
    def _mine(self) -> Any:
        return effects.c.workspace_id == self._session.workspace_id

    def _row(self, effect_id: str, before: tuple[Outcome, ...]) -> Any:
        return update(effects).where(self._mine, effects.c.id == effect_id, effects.c.status.in_(before))
