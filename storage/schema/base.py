"""What all tables share: their naming, their clock, their usual columns."""

from typing import Any, Final

from sqlalchemy import Column, DateTime, Integer, MetaData, Text, literal_column, text

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NOW: Final = literal_column("gp_now()", DateTime(timezone=True))
NOW_DEFAULT: Final = text("gp_now()")


def at(name: str, **options: Any) -> Column[Any]:
    return Column(name, DateTime(timezone=True), **options)


def made() -> Column[Any]:
    return at("created_at", nullable=False, server_default=NOW_DEFAULT)


def workspace() -> Column[Any]:
    return Column("workspace_id", Text, nullable=False)


def zero(name: str, kind: Any = Integer) -> Column[Any]:
    return Column(name, kind, nullable=False, server_default=text("0"))


def empty(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False, server_default=text("''"))
