"""The audit trail, its seals, and how Gatepost itself fares."""

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, PrimaryKeyConstraint, Table, Text

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
