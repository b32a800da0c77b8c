"""What reviewers gather and allow: grants for the rest of a run, one-time codes."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from storage.schema.base import NOW_DEFAULT, at, metadata, workspace, zero

grants: Final = Table(
    "grants",
    metadata,
    Column("id", Text, primary_key=True),
    workspace(),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("workflow", Text, nullable=False),
    Column("action_type", Text, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("any_target", Boolean, nullable=False),
    Column("target", Text),
    Column("up_to", Numeric),
    Column("currency", Text),
    Column("times", Integer, nullable=False),
    Column("rules", ARRAY(Text), nullable=False),
    Column("reasons", ARRAY(Text), nullable=False),
    Column("reason", Text, nullable=False),
    zero("earlier"),
    Column("confidence", Double),
    Column("fixed", JSONB, nullable=False),
    Column("bounded", ARRAY(Text), nullable=False),
    Column("given_by", Text, nullable=False),
    Column("person", Text, nullable=False),
    at("given_at", nullable=False, server_default=NOW_DEFAULT),
    at("expires_at", nullable=False),
    at("revoked_at"),
    Column("revoked_by", Text),
    UniqueConstraint("request_id"),
    CheckConstraint("times > 0", name="times_some"),
    CheckConstraint("expires_at > given_at", name="forward"),
    CheckConstraint("(revoked_at is null) = (revoked_by is null)", name="revoked_whole"),
    Index("ix_grants_run", "run_id", "action_type"),
    Index("ix_grants_newest", "workspace_id", "given_at"),
)

grant_uses: Final = Table(
    "grant_uses",
    metadata,
    Column("request_id", Text, ForeignKey("requests.id"), primary_key=True),
    workspace(),
    Column("grant_id", Text, ForeignKey("grants.id"), nullable=False),
    at("at", nullable=False, server_default=NOW_DEFAULT),
    Index("ix_grant_uses_grant", "grant_id"),
)

authenticators: Final = Table(
    "authenticators",
    metadata,
    workspace(),
    Column("user_id", Text, nullable=False),
    Column("secret", Text, nullable=False),
    zero("last_step", BigInteger),
    Column("wrong_at", ARRAY(DateTime(timezone=True)), nullable=False, server_default=text("'{}'")),
    at("locked_until"),
    at("enrolled_at", nullable=False, server_default=NOW_DEFAULT),
    Column("enrolled_by", Text, nullable=False),
    PrimaryKeyConstraint("workspace_id", "user_id"),
)
