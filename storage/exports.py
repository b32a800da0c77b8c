"""The record for those who audit it, read page by page from one moment's view of the database."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, Table, and_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from graph.law.request import Decision, Effect, Request
from storage import rows
from storage.effects import PgEffects
from storage.schema import audit, audit_seals, decisions, requests
from storage.session import Session

_PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with the decision that ended it and what came of it."""

    request: Request
    decision: Decision | None
    effect: Effect | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """An audit entry with its place in the chain; `seq` and `hash` are None until it is sealed."""

    seq: int | None
    at: datetime
    event: str
    actor: str
    run_id: str | None
    request_id: str | None
    detail: dict[str, Any]
    hash: str | None


async def asked(engine: AsyncEngine, workspace: str, since: datetime, until: datetime) -> AsyncIterator[Asked]:
    """Every request opened in `[since, until)`, oldest first."""
    mine = _within(requests, requests.c.created_at, workspace, since, until)
    place = (requests.c.created_at, requests.c.id)
    async with _one_view(engine) as connection:
        async for page in _pages(connection, select(requests).where(mine), place):
            ids = [row.id for row in page]
            taken = await connection.execute(select(decisions).where(decisions.c.request_id.in_(ids)))
            ended = {row.request_id: rows.decision(row) for row in taken}
            done = await PgEffects(Session(connection, workspace)).of_requests(ids)
            for row in page:
                yield Asked(request=rows.request(row), decision=ended.get(row.id), effect=done.get(row.id))


async def entered(engine: AsyncEngine, workspace: str, since: datetime, until: datetime) -> AsyncIterator[Entered]:
    """Every audit entry of `[since, until)`, in the order in which they were written."""
    statement = (
        select(audit, audit_seals.c.seq, audit_seals.c.hash)
        .outerjoin(audit_seals, audit_seals.c.audit_id == audit.c.id)
        .where(_within(audit, audit.c.at, workspace, since, until))
    )
    async with _one_view(engine) as connection:
        async for page in _pages(connection, statement, (audit.c.id,)):
            for row in page:
                values = {name: getattr(row, name) for name in ("seq", "at", "event", "actor", "hash")}
                about = {"run_id": row.run_id, "request_id": row.request_id, "detail": json.loads(row.detail)}
                yield Entered(**values, **about)


@asynccontextmanager
async def _one_view(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as connection:
        yield await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


async def _pages(
    connection: AsyncConnection, statement: Select[Any], place: tuple[ColumnElement[Any], ...]
) -> AsyncIterator[list[Row[Any]]]:
    """The statement's rows in the order of `place`, which is unique, a page at a time."""
    ordered = statement.order_by(*place).limit(_PAGE)
    page = list((await connection.execute(ordered)).all())
    while page:
        yield page
        reached = [getattr(page[-1], str(column.key)) for column in place]
        page = list((await connection.execute(ordered.where(tuple_(*place) > tuple_(*reached)))).all())


def _within(
    table: Table, at: ColumnElement[datetime], workspace: str, since: datetime, until: datetime
) -> ColumnElement[bool]:
    return and_(table.c.workspace_id == workspace, at >= since, at < until)
