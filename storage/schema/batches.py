"""Batches: similar requests on one card, each with its own row, and what happened that their cards have yet to show."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from storage.schema.base import NOW_DEFAULT, at, empty, made, metadata, workspace

batches: Final = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    workspace(),
    Column("workflow", Text, nullable=False),
    Column("action_type", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("alike", Text, nullable=False),
    made(),
    at("closed_at"),
    at("reminded_at"),
    Index("ix_batches_open", "workspace_id", "target", "alike", postgresql_where=text("closed_at is null")),
)

batch_items: Final = Table(
    "batch_items",
    metadata,
    Column("batch_id", Text, ForeignKey("batches.id"), nullable=False),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    workspace(),
    Column("seq", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("state", Text, nullable=False),
    empty("why"),
    at("at", nullable=False, server_default=NOW_DEFAULT),
    PrimaryKeyConstraint("batch_id", "request_id"),
    CheckConstraint("state in ('in','odd','left')", name="state_known"),
    Index("ix_batch_items_in", "request_id", unique=True, postgresql_where=text("state = 'in'")),
    Index("ix_batch_items_request", "request_id"),
)

batch_news: Final = Table(
    "batch_news",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    workspace(),
    Column("batch_id", Text, nullable=False),
)
