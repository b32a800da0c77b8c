"""The tables, as SQLAlchemy sees them; migrations/ makes them, and a test compares the two.

Every time is `timestamptz`; `gp_now()` is the database's clock (a function, so that a simulation can
replace the one clock everywhere).
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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


def _at(name: str, **options: Any) -> Column[Any]:
    return Column(name, DateTime(timezone=True), **options)


def _made() -> Column[Any]:
    return _at("created_at", nullable=False, server_default=NOW_DEFAULT)


def _workspace() -> Column[Any]:
    return Column("workspace_id", Text, nullable=False)


def _zero(name: str, kind: Any = Integer) -> Column[Any]:
    return Column(name, kind, nullable=False, server_default=text("0"))


def _empty(name: str) -> Column[Any]:
    return Column(name, Text, nullable=False, server_default=text("''"))


runs: Final = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    _workspace(),
    Column("workflow", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("requester", Text),
    Column("input", Text, nullable=False),
    Column("status", Text, nullable=False),
    _empty("outcome"),
    Column("interrupt_id", Text),
    _at("wake_at"),
    _at("leased_until"),
    _zero("fence", BigInteger),
    _zero("attempts"),
    _empty("last_error"),
    _made(),
    _at("updated_at", nullable=False, server_default=NOW_DEFAULT),
    Column("reversing", Boolean, nullable=False, server_default=text("false")),
    _empty("graph"),
    Column("displaced", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("workspace_id", "workflow", "key"),
    CheckConstraint("status in ('ready','paused','done','rolled_back','failed','quarantined')", name="status_known"),
    CheckConstraint("(status = 'ready') = (wake_at is not null)", name="ready_has_wake_time"),
    CheckConstraint("status <> 'paused' or interrupt_id is not null", name="paused_has_interrupt"),
    Index("ix_runs_owed", "wake_at", postgresql_where=text("status = 'ready'")),
    Index("ix_runs_turn", "workflow", "wake_at", postgresql_where=text("status = 'ready'")),
    Index("ix_runs_recent", "workspace_id", "created_at"),
    Index("ix_runs_reversing", "updated_at", postgresql_where=text("reversing")),
    Index("ix_runs_paused", "graph", postgresql_where=text("status = 'paused'")),
    Index("ix_runs_aside", "updated_at", postgresql_where=text("status = 'quarantined'")),
)

policies: Final = Table(
    "policies",
    metadata,
    Column("version", Integer, Identity(always=True), primary_key=True),
    _workspace(),
    Column("digest", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("applied_by", Text, nullable=False),
    _at("applied_at", nullable=False, server_default=NOW_DEFAULT),
    Column("parts", JSONB, nullable=False, server_default=text("'{}'")),
    Index("ix_policies_newest", "workspace_id", "version"),
)

requests: Final = Table(
    "requests",
    metadata,
    Column("id", Text, primary_key=True),
    _workspace(),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("workflow", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    _zero("revision"),
    Column("kind", Text, nullable=False),
    Column("parent_id", Text, ForeignKey("requests.id")),
    Column("action_type", Text, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("tier", Integer, nullable=False),
    Column("route", Text, nullable=False),
    Column("route_why", ARRAY(Text), nullable=False),
    Column("policy_version", Integer, ForeignKey("policies.version"), nullable=False),
    Column("value", Numeric),
    Column("currency", Text),
    Column("effect_class", Text, nullable=False),
    Column("reversible", Boolean, nullable=False),
    Column("form", JSONB, nullable=False),
    Column("brief", JSONB, nullable=False),
    Column("requester", Text),
    Column("interrupt_id", Text),
    Column("subject_effect", Text),
    Column("approvals_required", Integer, nullable=False, server_default=text("1")),
    Column("sla_seconds", Integer, nullable=False),
    _at("next_step_at"),
    _at("expires_at"),
    _at("decided_at"),
    _at("execution_expires_at"),
    _made(),
    Column("impact", Text, nullable=False, server_default=text("'low'")),
    Column("risk", Text, nullable=False, server_default=text("'low'")),
    Column("reasons", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("matched", JSONB, nullable=False, server_default=text("'[]'")),
    Column("confidence", Double),
    Column("worth", Numeric),
    Column("target", Text),
    Column("judged", JSONB, nullable=False, server_default=text("'{}'")),
    Column("review_after", Boolean, nullable=False, server_default=text("false")),
    Column("checked_policy", Integer, nullable=False, server_default=text("0")),
    _at("asked_at", nullable=False),
    _at("held_at"),
    Column("claimed_by", Text),
    _at("claimed_until"),
    Column("assigned_to", Text),
    Column("assigned_by", Text),
    _empty("assigned_why"),
    Column("first_tier", Integer, nullable=False),
    _empty("moved_why"),
    Column("reachable", Boolean, nullable=False, server_default=text("true")),
    UniqueConstraint("run_id", "turn", "revision"),
    CheckConstraint(
        "status in ('pending','approved','modified','rejected','handled','expired','cancelled')",
        name="status_known",
    ),
    CheckConstraint("kind in ('action','reconcile','checkpoint','review')", name="kind_known"),
    CheckConstraint("impact in ('low','medium','high','critical')", name="impact_known"),
    CheckConstraint("risk in ('low','medium','high','critical')", name="risk_known"),
    CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest_shape"),
    CheckConstraint("encode(sha256(convert_to(canonical, 'UTF8')), 'hex') = digest", name="digest_true"),
    CheckConstraint("(status = 'pending') = (decided_at is null)", name="decided_has_time"),
    CheckConstraint(
        "status <> 'pending' or (next_step_at is not null and expires_at is not null)", name="pending_has_timers"
    ),
    CheckConstraint("status <> 'approved' or execution_expires_at is not null", name="approved_has_window"),
    CheckConstraint("(kind = 'reconcile') = (subject_effect is not null)", name="reconcile_has_effect"),
    CheckConstraint("(claimed_by is null) = (claimed_until is null)", name="claimed_whole"),
    CheckConstraint("(assigned_by is null) = (assigned_to is null)", name="assigned_whole"),
    Index("ix_requests_frozen", "workspace_id", "workflow", postgresql_where=text("status = 'pending'")),
    Index(
        "ix_requests_one_pending",
        "run_id",
        unique=True,
        postgresql_where=text("status = 'pending' and kind <> 'review'"),
    ),
    Index("ix_requests_checked", "checked_policy", postgresql_where=text("status = 'pending'")),
    Index(
        "ix_requests_past",
        "workspace_id",
        "workflow",
        "action_type",
        "created_at",
        postgresql_where=text("kind = 'action'"),
    ),
    Index(
        "ix_requests_target",
        "workspace_id",
        "workflow",
        "target",
        "created_at",
        postgresql_where=text("target is not null"),
    ),
    Index(
        "ix_requests_requester", "workspace_id", "requester", "created_at", postgresql_where=text("worth is not null")
    ),
    Index(
        "ix_requests_rejected",
        "workspace_id",
        "decided_at",
        postgresql_where=text("status = 'rejected' and route <> 'reject'"),
    ),
    Index(
        "ix_requests_asked",
        "workspace_id",
        "workflow",
        "action_type",
        "impact",
        "created_at",
        postgresql_where=text("kind = 'action' and route <> 'auto'"),
    ),
    Index(
        "ix_requests_alone",
        "workspace_id",
        "workflow",
        "action_type",
        "impact",
        "created_at",
        postgresql_where=text("kind = 'action' and route = 'auto'"),
    ),
    Index("ix_requests_parent", "parent_id", postgresql_where=text("parent_id is not null")),
    Index("ix_requests_due", "next_step_at", postgresql_where=text("status = 'pending'")),
    Index("ix_requests_stranded", "created_at", postgresql_where=text("status = 'pending' and not reachable")),
    Index("ix_requests_queue", "workspace_id", "tier", "next_step_at", postgresql_where=text("status = 'pending'")),
)

decisions: Final = Table(
    "decisions",
    metadata,
    Column("request_id", Text, ForeignKey("requests.id"), primary_key=True),
    _workspace(),
    Column("type", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("person", Text),
    _empty("reason"),
    Column("digest", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("next_request_id", Text),
    _at("at", nullable=False, server_default=NOW_DEFAULT),
    Column("acting_for", Text),
    CheckConstraint("type in ('approve','edit','reject','respond','expire','cancel')", name="type_known"),
    CheckConstraint("via in ('slack','cli','rest','policy','sweep')", name="via_known"),
    Index("ix_decisions_at", "workspace_id", "at"),
)

votes: Final = Table(
    "votes",
    metadata,
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("person", Text, nullable=False),
    Column("digest", Text, nullable=False),
    _workspace(),
    Column("user_id", Text, nullable=False),
    _empty("reason"),
    _at("at", nullable=False, server_default=NOW_DEFAULT),
    PrimaryKeyConstraint("request_id", "person", "digest"),
    UniqueConstraint("request_id", "digest", "user_id"),
)

effects: Final = Table(
    "effects",
    metadata,
    Column("id", Text, primary_key=True),
    _workspace(),
    Column("run_id", Text, ForeignKey("runs.id"), nullable=False),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("undo_of", Text, ForeignKey("effects.id")),
    Column("action_type", Text, nullable=False),
    Column("effect_class", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("fence", BigInteger, nullable=False),
    Column("result", JSONB),
    _empty("error"),
    Column("reconciled_by", Text),
    _at("intent_at", nullable=False, server_default=NOW_DEFAULT),
    _at("finished_at"),
    CheckConstraint("status in ('intent','done','failed','unknown')", name="status_known"),
    CheckConstraint("(status = 'intent') = (finished_at is null)", name="finished_has_time"),
    Index("ix_effects_one_forward", "request_id", unique=True, postgresql_where=text("undo_of is null")),
    Index("ix_effects_one_undo", "undo_of", unique=True, postgresql_where=text("undo_of is not null")),
    Index("ix_effects_run", "run_id"),
    Index("ix_effects_window", "workspace_id", "intent_at", postgresql_where=text("undo_of is null")),
    Index("ix_effects_open", "status", postgresql_where=text("status in ('intent','unknown')")),
)

cards: Final = Table(
    "cards",
    metadata,
    Column("id", Text, primary_key=True),
    _workspace(),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("target", Text, nullable=False),
    Column("channel", Text),
    Column("ts", Text),
    _zero("shown"),
    Column("wanted", Integer, nullable=False, server_default=text("1")),
    _empty("shown_text"),
    _at("posted_at"),
    _at("not_before", nullable=False, server_default=NOW_DEFAULT),
    _at("leased_until"),
    _zero("attempts"),
    _empty("last_error"),
    _made(),
    Column("tier", Integer, nullable=False, server_default=text("0")),
    Column("rank", Integer, nullable=False, server_default=text("3")),
    _at("due_at", nullable=False, server_default=NOW_DEFAULT),
    _zero("tries"),
    Column("rerouted", Boolean, nullable=False, server_default=text("false")),
    _at("owed_since", nullable=False, server_default=NOW_DEFAULT),
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
    _workspace(),
    Column("kind", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    _at("not_before", nullable=False, server_default=NOW_DEFAULT),
    _at("leased_until"),
    _zero("attempts"),
    _empty("last_error"),
    _at("done_at"),
    _made(),
    _empty("target"),
    _zero("tries"),
    Index("ix_owed_open", "not_before", postgresql_where=text("done_at is null")),
    Index("ix_owed_turn", "workspace_id", "target", "not_before", postgresql_where=text("done_at is null")),
)

paces: Final = Table(
    "paces",
    metadata,
    _workspace(),
    Column("target", Text, nullable=False),
    _at("next_at", nullable=False),
    _empty("problem"),
    PrimaryKeyConstraint("workspace_id", "target"),
)

stops: Final = Table(
    "stops",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _workspace(),
    Column("workflow", Text, nullable=False),
    Column("stopped_by", Text, nullable=False),
    Column("person", Text),
    _empty("reason"),
    Column("via", Text, nullable=False),
    _at("at", nullable=False, server_default=NOW_DEFAULT),
    _at("lifted_at"),
    Column("lifted_by", Text),
    _empty("lift_reason"),
    Column("shown", Boolean, nullable=False, server_default=text("false")),
    CheckConstraint("(lifted_at is null) = (lifted_by is null)", name="lifted_whole"),
    Index("ix_stops_in_force", "workspace_id", "workflow", unique=True, postgresql_where=text("lifted_at is null")),
    Index("ix_stops_at", "workspace_id", "at"),
)

shifts: Final = Table(
    "shifts",
    metadata,
    _workspace(),
    Column("source", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    _at("starts_at", nullable=False),
    _at("ends_at", nullable=False),
    PrimaryKeyConstraint("workspace_id", "source", "user_id", "starts_at"),
    CheckConstraint("ends_at > starts_at", name="forward"),
)

rosters: Final = Table(
    "rosters",
    metadata,
    _workspace(),
    Column("source", Text, nullable=False),
    _at("checked_at", nullable=False),
    _empty("problem"),
    PrimaryKeyConstraint("workspace_id", "source"),
)

absences: Final = Table(
    "absences",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _workspace(),
    Column("user_id", Text, nullable=False),
    Column("deputy_id", Text),
    _at("starts_at", nullable=False),
    _at("ends_at", nullable=False),
    _made(),
    CheckConstraint("ends_at >= starts_at", name="forward"),
    Index("ix_absences_until", "workspace_id", "ends_at"),
)

questions: Final = Table(
    "questions",
    metadata,
    Column("id", Text, primary_key=True),
    _workspace(),
    Column("request_id", Text, ForeignKey("requests.id"), nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("question", Text, nullable=False),
    _at("asked_at", nullable=False, server_default=NOW_DEFAULT),
    Column("answered_by", Text),
    _empty("answer"),
    _at("answered_at"),
    _empty("answered_in"),
    _at("agent_due_at", server_default=NOW_DEFAULT),
    CheckConstraint("(answered_at is null) = (answered_by is null)", name="answered_whole"),
    Index("ix_questions_request", "request_id"),
    Index("ix_questions_for_agents", "agent_due_at", postgresql_where=text("agent_due_at is not null")),
)

health: Final = Table(
    "health",
    metadata,
    _workspace(),
    Column("name", Text, nullable=False),
    _at("ok_since"),
    _at("last_ok_at"),
    _at("last_problem_at"),
    _empty("problem"),
    PrimaryKeyConstraint("workspace_id", "name"),
)

digests: Final = Table(
    "digests",
    metadata,
    _workspace(),
    Column("week", Text, nullable=False),
    _at("made_at", nullable=False, server_default=NOW_DEFAULT),
    Column("figures", JSONB, nullable=False),
    PrimaryKeyConstraint("workspace_id", "week"),
)

people: Final = Table(
    "people",
    metadata,
    _workspace(),
    Column("user_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("guest", Boolean, nullable=False),
    Column("external", Boolean, nullable=False),
    Column("bot", Boolean, nullable=False),
    _at("checked_at", nullable=False),
    PrimaryKeyConstraint("workspace_id", "user_id"),
)

groups: Final = Table(
    "groups",
    metadata,
    _workspace(),
    Column("group_id", Text, nullable=False),
    Column("handle", Text, nullable=False),
    Column("members", ARRAY(Text), nullable=False),
    _at("checked_at", nullable=False, server_default=NOW_DEFAULT),
    PrimaryKeyConstraint("workspace_id", "group_id"),
)

workspaces: Final = Table(
    "workspaces",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("bot_user", Text, nullable=False),
    _at("seen_at", nullable=False, server_default=NOW_DEFAULT),
)

audit: Final = Table(
    "audit",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _at("at", nullable=False, server_default=NOW_DEFAULT),
    _workspace(),
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
