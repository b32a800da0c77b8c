"""What people are told and asked: cards, messages, questions, digests."""

from typing import Final

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.schema.base import NOW_DEFAULT, at, empty, made, metadata, workspace, zero

cards: Final = Table(
    "cards",
    metadata,
    Column("id", Text, primary_key=True),
    workspace(),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("target", Text, nullable=False),
    Column("channel", Text),
    Column("ts", Text),
    zero("shown"),
    Column("wanted", Integer, nullable=False, server_default=text("1")),
    empty("shown_text"),
    at("posted_at"),
    at("not_before", nullable=False, server_default=NOW_DEFAULT),
    at("leased_until"),
    zero("attempts"),
    empty("last_error"),
    made(),
    Column("tier", Integer, nullable=False, server_default=text("0")),
    Column("rank", Integer, nullable=False, server_default=text("3")),
    at("due_at", nullable=False, server_default=NOW_DEFAULT),
    zero("tries"),
    Column("rerouted", Boolean, nullable=False, server_default=text("false")),
    at("owed_since", nullable=False, server_default=NOW_DEFAULT),
    UniqueConstraint("request_id", "target"),
    Index("ix_cards_request", "request_id"),
    Index(
        "ix_cards_new",
        "workspace_id",
        "target",
        "rank",
        "due_at",
        postgresql_where=text("ts is null and shown < wanted"),
    ),
    Index(
        "ix_cards_renewed",
        "workspace_id",
        "rank",
        "not_before",
        postgresql_where=text("ts is not null and shown < wanted"),
    ),
    Index(
        "ix_cards_stranded",
        "workspace_id",
        "created_at",
        postgresql_where=text("ts is null and shown < wanted and not rerouted"),
    ),
    Index("ix_cards_posted", "workspace_id", "posted_at", postgresql_where=text("posted_at is not null")),
    CheckConstraint("(ts is null) = (channel is null)", name="posted_whole"),
    CheckConstraint("shown <= wanted", name="shown_not_ahead"),
    Index("ix_cards_message", "channel", "ts", unique=True, postgresql_where=text("ts is not null")),
    Index("ix_cards_owed", "not_before", postgresql_where=text("shown < wanted")),
)

owed: Final = Table(
    "owed",
    metadata,
    Column("id", Text, primary_key=True),
    workspace(),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    at("not_before", nullable=False, server_default=NOW_DEFAULT),
    at("leased_until"),
    zero("attempts"),
    empty("last_error"),
    at("done_at"),
    made(),
    empty("target"),
    zero("tries"),
    Index("ix_owed_open", "not_before", postgresql_where=text("done_at is null")),
    Index("ix_owed_turn", "workspace_id", "target", "not_before", postgresql_where=text("done_at is null")),
)

paces: Final = Table(
    "paces",
    metadata,
    workspace(),
    Column("target", Text, nullable=False),
    at("next_at", nullable=False),
    empty("problem"),
    PrimaryKeyConstraint("workspace_id", "target"),
)

questions: Final = Table(
    "questions",
    metadata,
    Column("id", Text, primary_key=True),
    workspace(),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("question", Text, nullable=False),
    at("asked_at", nullable=False, server_default=NOW_DEFAULT),
    Column("answered_by", Text),
    empty("answer"),
    at("answered_at"),
    empty("answered_in"),
    at("agent_due_at", server_default=NOW_DEFAULT),
    CheckConstraint("(answered_at is null) = (answered_by is null)", name="answered_whole"),
    Index("ix_questions_request", "request_id"),
    Index("ix_questions_for_agents", "agent_due_at", postgresql_where=text("agent_due_at is not null")),
)

digests: Final = Table(
    "digests",
    metadata,
    workspace(),
    Column("week", Text, nullable=False),
    at("made_at", nullable=False, server_default=NOW_DEFAULT),
    Column("figures", JSONB, nullable=False),
    PrimaryKeyConstraint("workspace_id", "week"),
)
