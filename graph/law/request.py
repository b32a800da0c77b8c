"""The request's life: its values, its statuses and the moves that are legal."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final


class Status(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    MODIFIED = "modified"
    REJECTED = "rejected"
    HANDLED = "handled"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class DecisionType(StrEnum):
    """The four answers of a person, plus what the clock and the requester can do."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"
    EXPIRE = "expire"
    CANCEL = "cancel"


class Kind(StrEnum):
    """`action`: the agent wants to act. `reconcile`: nobody knows whether an effect happened.

    `checkpoint`: a long run asks whether to go on. `review`: it ran alone, and people look at it afterwards.
    """

    ACTION = "action"
    RECONCILE = "reconcile"
    CHECKPOINT = "checkpoint"
    REVIEW = "review"


class Risk(StrEnum):
    """How much an action can do, from its amount, its kind and the rules: the impact band."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 to 3."""
        return _RISKS[self]

    @property
    def needs_reason(self) -> bool:
        """From here on an approval needs a reason."""
        return self.rank >= _RISKS[Risk.HIGH]


_RISKS: Final = {risk: rank for rank, risk in enumerate(Risk)}


class Reason(StrEnum):
    """Why a run was interrupted for people."""

    HIGH_RISK = "high_risk_action"
    LOW_CONFIDENCE = "low_confidence"
    COST_THRESHOLD = "cost_threshold"
    PERIODIC_CHECKPOINT = "periodic_checkpoint"
    POLICY_VIOLATION = "policy_violation"
    HUMAN_CONTROL = "human_control"
    """People decide about this action every time: nobody has trusted the agent with it yet."""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that applied to an action: what it asks for, and on what basis."""

    rule: str
    then: str
    basis: str
    note: str = ""
    """Why it counts although nobody could tell: the condition failed, say."""
    risk: str = ""
    """The risk it puts the action at, if it says."""
    tier: int | None = None
    """The tier it asks for, if it says."""

    def words(self) -> str:
        """`rule payment-over-500: A wrong payment …`."""
        return f"rule {self.rule}: {self.basis}" + (f" ({self.note})" if self.note else "")


class EffectClass(StrEnum):
    """What the receiver offers, which fixes what Gatepost can promise (DESIGN section 3)."""

    IDEMPOTENT = "idempotent"
    QUERYABLE = "queryable"
    OPAQUE = "opaque"


class Outcome(StrEnum):
    """What came of an effect. `intent`: begun, the answer not yet known."""

    INTENT = "intent"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"
    COMPENSATED = "compensated"


ENDS: Final = {
    DecisionType.APPROVE: Status.APPROVED,
    DecisionType.EDIT: Status.MODIFIED,
    DecisionType.REJECT: Status.REJECTED,
    DecisionType.RESPOND: Status.HANDLED,
    DecisionType.EXPIRE: Status.EXPIRED,
    DecisionType.CANCEL: Status.CANCELLED,
}

PERSONAL: Final = (DecisionType.APPROVE, DecisionType.EDIT, DecisionType.REJECT, DecisionType.RESPOND)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What a card or a modal needs to know of an action type, so that no agent code is needed to render it.

    `question` is a template over argument names; `schema` is the JSON Schema of the arguments; `value_field`
    names the argument that holds the amount at stake, `currency_field` its currency, `target_field` whom or what
    the action touches.
    """

    title: str
    question: str
    schema: dict[str, Any]
    value_field: str | None = None
    currency_field: str | None = None
    target_field: str | None = None
    after_approve: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What an action type is, beside its arguments. `signals`: those that apply to it."""

    effect_class: EffectClass
    reversible: bool
    form: Form
    tags: tuple[str, ...] = ()
    impact: Risk = Risk.LOW
    signals: tuple[str, ...] = ("model", "tools", "retrieval", "precedent", "alignment")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another action that the agent would accept; `title` is the agent's wording.

    `nature` is filled in when the request is framed; an alternative without one can't be chosen.
    """

    title: str
    type: str
    args: dict[str, Any]
    nature: Nature | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a reviewer is told beside the action: the agent's words and the frozen facts, all of it data.

    `confidence` is the one the model stated, `signals` are those the agent stated beside it.
    """

    rationale: str = ""
    confidence: float | None = None
    signals: dict[str, float | None] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    cost_of_delay: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A durable record that a decision is wanted (or was taken by policy). Times are UTC."""

    id: str
    workspace_id: str
    run_id: str
    workflow: str
    turn: int
    revision: int
    kind: Kind
    parent_id: str | None
    action_type: str
    canonical: str
    args: dict[str, Any]
    digest: str
    status: Status
    version: int
    tier: int
    route: str
    route_why: tuple[str, ...]
    policy_version: int
    value: Decimal | None
    currency: str | None
    effect_class: EffectClass
    reversible: bool
    form: Form
    brief: Brief
    requester: str | None
    interrupt_id: str | None
    subject_effect: str | None
    approvals_required: int
    sla_seconds: int
    next_step_at: datetime | None
    expires_at: datetime | None
    decided_at: datetime | None
    execution_expires_at: datetime | None
    created_at: datetime
    impact: Risk = Risk.LOW
    risk: Risk = Risk.LOW
    reasons: tuple[Reason, ...] = ()
    matched: tuple[Match, ...] = ()
    confidence: float | None = None
    """Gatepost's own, from all signals that are known."""
    worth: Decimal | None = None
    """The value in the policy's unit."""
    target: str | None = None
    judged: dict[str, Any] = field(default_factory=dict)
    """The facts it was routed on, as `graph.law.facts` writes them."""
    review_after: bool = False
    asked_at: datetime | None = None
    """When its present tier was asked; None: when it was opened."""
    held_at: datetime | None = None
    """Since when its clock stands still, because something was asked about it."""
    claimed_by: str | None = None
    """Who is looking at it, until `claimed_until`."""
    claimed_until: datetime | None = None
    assigned_to: str | None = None
    """To whom it was handed, by `assigned_by`."""
    assigned_by: str | None = None
    assigned_why: str = ""
    first_tier: int | None = None
    """The tier at which it was opened; None: its present one."""
    moved_why: str = ""
    """Why it last went up."""

    @property
    def since(self) -> datetime:
        """From when its present tier's time counts."""
        return self.asked_at or self.created_at

    @property
    def due_at(self) -> datetime:
        """When a decision was promised."""
        return self.since + timedelta(seconds=self.sla_seconds)

    def looked_at_by(self, now: datetime) -> str | None:
        """The account of whoever is looking at it at `now`: a claim ends by itself."""
        return self.claimed_by if self.claimed_until is not None and now < self.claimed_until else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The terminal answer to a request. `by` is a user id, `policy:<version>` or `clock`."""

    request_id: str
    type: DecisionType
    by: str
    person: str | None
    reason: str
    digest: str
    at: datetime
    via: str
    next_request_id: str | None = None
    door: str = ""
    """What the door knew besides, for the audit only."""
    acting_for: str | None = None
    """Who was away, in whose place alone `by` could decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A ledger row: one intended call to the outside, and what is known of it."""

    id: str
    run_id: str
    request_id: str
    undo_of: str | None
    action_type: str
    effect_class: EffectClass
    status: Outcome
    attempts: int
    result: dict[str, Any] | None
    error: str
    intent_at: datetime
    finished_at: datetime | None
    reconciled_by: str | None


def request_id(run_id: str, turn: int, revision: int) -> str:
    """The id of a run's n-th turn and its m-th revision: the same after every replay."""
    return "req_" + hashlib.sha256(f"{run_id}/{turn}/{revision}".encode()).hexdigest()[:20]


def effect_id(request: str) -> str:
    """The idempotency key of a request's one effect."""
    return "eff_" + hashlib.sha256(request.encode()).hexdigest()[:24]


def undo_id(effect: str) -> str:
    """The idempotency key of the compensation of an effect."""
    return "und_" + hashlib.sha256(effect.encode()).hexdigest()[:24]


def urgency(asked_at: datetime, due_at: datetime | None, now: datetime) -> str:
    """low/medium/high/critical at 0/25/50/75 % of the SLA that has passed."""
    if due_at is None:
        return "low"
    total = (due_at - asked_at).total_seconds()
    passed = 1.0 if total <= 0 else (now - asked_at).total_seconds() / total
    return ("low", "medium", "high", "critical")[min(3, max(0, int(passed * 4)))]
