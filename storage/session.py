"""What the repositories of one transaction share."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Executable, Row, column, values
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.schema import NOW


class Session:
    """A connection inside a transaction, the workspace it speaks for, and hints to send on commit."""

    def __init__(self, connection: AsyncConnection, workspace_id: str) -> None:
        self.connection = connection
        self.workspace_id = workspace_id
        self.now: datetime | None = None
        self.hints: set[str] = set()

    async def all(self, statement: Executable) -> list[Row[Any]]:
        return list((await self.connection.execute(statement)).all())

    async def one(self, statement: Executable) -> Row[Any] | None:
        return (await self.connection.execute(statement)).one_or_none()

    async def first(self, statement: Executable) -> Row[Any] | None:
        return (await self.connection.execute(statement)).first()

    async def count(self, statement: Executable) -> int:
        """Execute and say how many rows were touched."""
        options = {"preserve_rowcount": True}
        return (await self.connection.execute(statement, execution_options=options)).rowcount

    async def each(self, statement: Executable, found: Sequence[Mapping[str, Any]]) -> None:
        """Execute for each of these rows of parameters, in one exchange with the server."""
        if found:
            await self.connection.execute(statement, found)


def after(seconds: float) -> ColumnElement[Any]:
    """The database's now plus some seconds."""
    return NOW + timedelta(seconds=seconds)


def given(columns: Mapping[str, Any], found: Sequence[tuple[Any, ...]]) -> Any:
    """Rows of ours as a table that a statement can join."""
    return values(*(column(name, kind) for name, kind in columns.items()), name="given").data(list(found))
