"""The audit trail, its seals, what people report as gone wrong, and how Gatepost itself fares."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from storage.schema.base import NOW_DEFAULT, at, empty, metadata, workspace

audit: Final = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    at("at", nullable=False, server_default=NOW_DEFAULT),
    workspace(),
    Column("event", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("run_id", Text),
    Column("request_id", Text),
    Column("detail", Text, nullable=False),
    Index("ix_audit_request", "request_id"),
    Index("ix_audit_at", "workspace_id", "at"),
)

audit_seals: Final = Table(
    "audit_seals",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("audit_id", BigInteger, ForeignKey("audit.id"), nullable=False, unique=True),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("mac", Text, nullable=False),
)

incidents: Final = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    workspace(),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("reported_by", Text, nullable=False),
    Column("person", Text),
    Column("via", Text, nullable=False),
    at("at", nullable=False, server_default=NOW_DEFAULT),
    CheckConstraint("kind in ('decision','execution','other')", name="kind_known"),
    Index("ix_incidents_request", "request_id"),
)

health: Final = Table(
    "health",
    metadata,
    workspace(),
    Column("name", Text, nullable=False),
    at("ok_since"),
    at("last_ok_at"),
    at("last_problem_at"),
    empty("problem"),
    PrimaryKeyConstraint("workspace_id", "name"),
)
