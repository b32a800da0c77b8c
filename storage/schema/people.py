"""Who is who, who is on call, who is away."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Index, PrimaryKeyConstraint, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from storage.schema.base import NOW_DEFAULT, at, empty, made, metadata, workspace

workspaces: Final = Table(
    "workspaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("bot_user", Text, nullable=False),
    at("seen_at", nullable=False, server_default=NOW_DEFAULT),
    empty("url"),
)

people: Final = Table(
    "people",
    metadata,
    workspace(),
    Column("user_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("guest", Boolean, nullable=False),
    Column("external", Boolean, nullable=False),
    Column("bot", Boolean, nullable=False),
    at("checked_at", nullable=False),
    PrimaryKeyConstraint("workspace_id", "user_id"),
)

groups: Final = Table(
    "groups",
    metadata,
    workspace(),
    Column("group_id", Text, nullable=False),
    Column("handle", Text, nullable=False),
    Column("members", ARRAY(Text), nullable=False),
    at("checked_at", nullable=False, server_default=NOW_DEFAULT),
    PrimaryKeyConstraint("workspace_id", "group_id"),
)

shifts: Final = Table(
    "shifts",
    metadata,
    workspace(),
    Column("source", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    at("starts_at", nullable=False),
    at("ends_at", nullable=False),
    PrimaryKeyConstraint("workspace_id", "source", "user_id", "starts_at"),
    CheckConstraint("ends_at > starts_at", name="forward"),
)

rosters: Final = Table(
    "rosters",
    metadata,
    workspace(),
    Column("source", Text, nullable=False),
    at("checked_at", nullable=False),
    empty("problem"),
    PrimaryKeyConstraint("workspace_id", "source"),
)

absences: Final = Table(
    "absences",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    workspace(),
    Column("user_id", Text, nullable=False),
    Column("deputy_id", Text),
    at("starts_at", nullable=False),
    at("ends_at", nullable=False),
    made(),
    CheckConstraint("ends_at >= starts_at", name="forward"),
    Index("ix_absences_until", "workspace_id", "ends_at"),
)
