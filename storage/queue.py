"""The queue, a page at a time: read along its own index, whatever is left out on the way."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement as Element
from sqlalchemy import DateTime, and_, func, literal, or_, select, tuple_

from graph.law.request import Request, Status
from graph.verbs.ports import Made, Spot, Wanted
from storage import rows
from storage.schema import NOW, decisions, effects, requests
from storage.session import Session

DUE: Final[Element[Any]] = func.gp_due(requests.c.asked_at, requests.c.sla_seconds, type_=DateTime(timezone=True))
"""When a decision was promised, as the queue's index has it."""
_forward: Final = effects.alias("forward")
_undo: Final = effects.alias("undo")


class PgQueue:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def page(
        self, wanted: Wanted, limit: int, beyond: Spot | None = None, *, backwards: bool = False
    ) -> Sequence[Request]:
        order = (DUE.desc(), requests.c.id.desc()) if backwards else (DUE, requests.c.id)
        statement = select(requests).where(*self._fits(wanted), *_beyond(beyond, backwards)).order_by(*order)
        return [rows.request(row) for row in await self._session.all(statement.limit(limit))]

    async def length(self, wanted: Wanted, most: int, before: Spot | None = None) -> int:
        some = select(literal(1)).where(*self._fits(wanted), *_beyond(before, backwards=True)).limit(most)
        row = await self._session.one(select(func.count().label("number")).select_from(some.subquery()))
        return int(row.number) if row else 0

    async def types(self, wanted: Wanted, most: int) -> Sequence[str]:
        name = (requests.c.workflow + literal(".") + requests.c.action_type).label("name")
        statement = select(name).where(*self._fits(wanted)).distinct().order_by(name).limit(most)
        return [row.name for row in await self._session.all(statement)]

    async def decided_by(self, person: str, limit: int) -> Sequence[Made]:
        newest = (
            select(decisions)
            .where(decisions.c.workspace_id == self._session.workspace_id, decisions.c.person == person)
            .order_by(decisions.c.at.desc())
            .limit(limit)
            .subquery()
        )
        led_to = func.coalesce(newest.c.next_request_id, newest.c.request_id)
        undone = select(literal(1)).where(_undo.c.undo_of == _forward.c.id, _undo.c.status == "done").exists()
        answer = [newest.c[column.name].label(f"made_{column.name}") for column in decisions.c]
        effect = [_forward.c[column.name].label(f"effect_{column.name}") for column in effects.c]
        statement = (
            select(requests, *answer, *effect, undone.label("effect_undone"))
            .select_from(newest.join(requests, requests.c.id == newest.c.request_id))
            .outerjoin(_forward, and_(_forward.c.request_id == led_to, _forward.c.undo_of.is_(None)))
            .order_by(newest.c.at.desc())
        )
        return [_made(row) for row in await self._session.all(statement)]

    def _fits(self, wanted: Wanted) -> list[Element[bool]]:
        found: list[Element[bool]] = [
            requests.c.workspace_id == self._session.workspace_id,
            requests.c.status == Status.PENDING,
            requests.c.tier.in_(sorted(wanted.tiers)),
        ]
        if wanted.without:
            found.append(requests.c.workflow.not_in(sorted(wanted.without)))
        if wanted.not_asked_by:
            asked_by = requests.c.requester
            found.append(or_(asked_by.is_(None), asked_by.not_in(sorted(wanted.not_asked_by))))
        if wanted.overdue:
            found.append(DUE <= NOW)
        return [*found, _of_type(wanted.type)] if wanted.type else found


def _of_type(name: str) -> Element[bool]:
    workflow, _, action = name.partition(".")
    both = and_(requests.c.workflow == workflow, requests.c.action_type == action)
    return or_(requests.c.workflow == name, requests.c.action_type == name, both)


def _beyond(spot: Spot | None, backwards: bool) -> list[Element[bool]]:
    if spot is None:
        return []
    place = tuple_(DUE, requests.c.id)
    there = tuple_(literal(spot.due_at, DateTime(timezone=True)), literal(spot.id))
    return [place < there if backwards else place > there]


class _Part:
    """Some columns of a joined row under the names of their own table."""

    def __init__(self, row: Any, prefix: str) -> None:
        self._row, self._prefix = row, prefix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, self._prefix + name)


def _made(row: Any) -> Made:
    effect: Any = _Part(row, "effect_") if row.effect_id is not None else None
    answer: Any = _Part(row, "made_")
    return Made(
        request=rows.request(row), decision=rows.decision(answer), effect=rows.effect(effect) if effect else None
    )
