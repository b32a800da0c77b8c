"""The policy in force and what holds against it: stops."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from storage.schema.base import NOW_DEFAULT, at, empty, metadata, workspace

policies: Final = Table(
    "policies",
    metadata,
    Column("version", Integer, Identity(always=True), primary_key=True),
    workspace(),
    Column("digest", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("applied_by", Text, nullable=False),
    at("applied_at", nullable=False, server_default=NOW_DEFAULT),
    Column("parts", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_policies_newest", "workspace_id", "version"),
)

stops: Final = Table(
    "stops",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    workspace(),
    Column("workflow", Text, nullable=False),
    Column("stopped_by", Text, nullable=False),
    Column("person", Text),
    empty("reason"),
    Column("via", Text, nullable=False),
    at("at", nullable=False, server_default=NOW_DEFAULT),
    at("lifted_at"),
    Column("lifted_by", Text),
    empty("lift_reason"),
    Column("shown", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("(lifted_at is null) = (lifted_by is null)", name="lifted_whole"),
    Index("ix_stops_in_force", "workspace_id", "workflow", unique=True, postgresql_where=text("lifted_at is null")),
    Index("ix_stops_at", "workspace_id", "at"),
)
