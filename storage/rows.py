"""Rows ↔ the values that the law knows."""

import json
from dataclasses import asdict, fields, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Row

from graph.law.action import question as question_of
from graph.law.authorization import Person
from graph.law.escalation import Timer
from graph.law.request import (
    Alternative,
    Brief,
    Decision,
    DecisionType,
    Effect,
    EffectClass,
    Form,
    Kind,
    Match,
    Nature,
    Outcome,
    Reason,
    Request,
    Risk,
    Status,
)
from graph.law.stopping import Stop
from graph.verbs.ports import (
    Batch,
    CardRow,
    Condition,
    Incident,
    Item,
    ItemState,
    OwedRow,
    Proposed,
    Question,
    Run,
    RunStatus,
    Taken,
    Vote,
    Wrong,
)

T = TypeVar("T")


def run(row: Row[Any]) -> Run:
    return Run(
        id=row.id,
        workspace_id=row.workspace_id,
        workflow=row.workflow,
        key=row.key,
        requester=row.requester,
        input=json.loads(row.input),
        status=RunStatus(row.status),
        outcome=row.outcome,
        interrupt_id=row.interrupt_id,
        fence=row.fence,
        attempts=row.attempts,
        last_error=row.last_error,
        created_at=row.created_at,
        updated_at=row.updated_at,
        reversing=row.reversing,
        graph=row.graph,
        displaced=row.displaced,
    )


def proposed(row: Row[Any]) -> Proposed:
    return Proposed(
        id=row.id,
        workflow=row.workflow,
        action_type=row.action_type,
        args=json.loads(row.canonical)["args"],
        form=_form(row.form),
        judged=row.judged,
        created_at=row.created_at,
    )


@lru_cache(maxsize=256)
def _form(text: str) -> Form:
    return Form(**_known(Form, json.loads(text)))


def request(row: Row[Any]) -> Request:
    return Request(
        id=row.id,
        workspace_id=row.workspace_id,
        run_id=row.run_id,
        workflow=row.workflow,
        turn=row.turn,
        revision=row.revision,
        kind=Kind(row.kind),
        parent_id=row.parent_id,
        action_type=row.action_type,
        canonical=row.canonical,
        args=json.loads(row.canonical)["args"],
        digest=row.digest,
        status=Status(row.status),
        version=row.version,
        tier=row.tier,
        route=row.route,
        route_why=tuple(row.route_why),
        policy_version=row.policy_version,
        value=row.value,
        currency=row.currency,
        effect_class=EffectClass(row.effect_class),
        reversible=row.reversible,
        form=Form(**_known(Form, row.form)),
        brief=_brief(row.brief),
        requester=row.requester,
        interrupt_id=row.interrupt_id,
        subject_effect=row.subject_effect,
        approvals_required=row.approvals_required,
        sla_seconds=row.sla_seconds,
        next_step_at=row.next_step_at,
        expires_at=row.expires_at,
        decided_at=row.decided_at,
        execution_expires_at=row.execution_expires_at,
        created_at=row.created_at,
        impact=Risk(row.impact),
        risk=Risk(row.risk),
        reasons=tuple(Reason(reason) for reason in row.reasons if reason in set(Reason)),
        matched=tuple(Match(**_known(Match, item)) for item in row.matched),
        confidence=row.confidence,
        worth=row.worth,
        target=row.target,
        judged=row.judged,
        review_after=row.review_after,
        asked_at=row.asked_at,
        held_at=row.held_at,
        claimed_by=row.claimed_by,
        claimed_until=row.claimed_until,
        assigned_to=row.assigned_to,
        assigned_by=row.assigned_by,
        assigned_why=row.assigned_why,
        first_tier=row.first_tier,
        moved_why=row.moved_why,
    )


def timer(row: Row[Any]) -> Timer:
    return Timer(
        id=row.id,
        run_id=row.run_id,
        workflow=row.workflow,
        action_type=row.action_type,
        kind=Kind(row.kind),
        version=row.version,
        tier=row.tier,
        asked_at=row.asked_at,
        sla=timedelta(seconds=row.sla_seconds),
        next_step_at=row.next_step_at,
        expires_at=row.expires_at,
        held_at=row.held_at,
        claimed_by=row.claimed_by,
        claimed_until=row.claimed_until,
        approvals_required=row.approvals_required,
        reversible=row.reversible,
        risk=Risk(row.risk),
    )


def request_columns(value: Request) -> dict[str, Any]:
    """The columns of a new request. `created_at` is taken as given: timers were computed from it."""
    columns = {name: getattr(value, name) for name in Request.__dataclass_fields__ if name != "args"}
    return columns | {
        "form": asdict(value.form),
        "brief": asdict(value.brief),
        "route_why": list(value.route_why),
        "reasons": list(value.reasons),
        "matched": [asdict(match) for match in value.matched],
        "asked_at": value.since,
        "first_tier": value.tier if value.first_tier is None else value.first_tier,
        "checked_policy": value.policy_version,
    }


def _brief(stored: dict[str, Any]) -> Brief:
    known = _known(Brief, stored)
    options = map(_alternative, known.get("alternatives", ()))
    return Brief(**known | {"flags": tuple(known.get("flags", ())), "alternatives": tuple(options)})


def _alternative(stored: dict[str, Any]) -> Alternative:
    nature = stored.get("nature")
    return Alternative(**_known(Alternative, stored) | {"nature": _nature(nature) if nature else None})


def _nature(stored: dict[str, Any]) -> Nature:
    known = _known(Nature, stored)
    return Nature(
        **known
        | {
            "effect_class": EffectClass(known["effect_class"]),
            "form": Form(**_known(Form, known["form"])),
            "impact": Risk(known.get("impact", Risk.LOW)),
            "tags": tuple(known.get("tags", ())),
            "signals": tuple(known.get("signals", ())),
        }
    )


def _known(kind: type[Any], stored: dict[str, Any]) -> dict[str, Any]:
    """What this release knows of a stored document: a newer one may have written more."""
    return {name: value for name, value in stored.items() if name in kind.__dataclass_fields__}


def decision(row: Row[Any]) -> Decision:
    return Decision(
        request_id=row.request_id,
        type=DecisionType(row.type),
        by=row.decided_by,
        person=row.person,
        reason=row.reason,
        digest=row.digest,
        at=row.at,
        via=row.via,
        next_request_id=row.next_request_id,
        acting_for=row.acting_for,
    )


def taken(row: Row[Any]) -> Taken:
    """Of a request joined to its decision; `form` as text."""
    return Taken(
        run_id=row.run_id,
        turn=row.turn,
        revision=row.revision,
        kind=Kind(row.kind),
        status=Status(row.status),
        question=question_of(_form(row.form), json.loads(row.canonical)["args"]),
        decision=decision(row),
    )


def vote(row: Row[Any]) -> Vote:
    return _same(Vote, row)


def effect(row: Row[Any]) -> Effect:
    """`compensated` is a fact about the undo row, which the query joins in as `undone`."""
    return Effect(
        id=row.id,
        run_id=row.run_id,
        request_id=row.request_id,
        undo_of=row.undo_of,
        action_type=row.action_type,
        effect_class=EffectClass(row.effect_class),
        status=Outcome.COMPENSATED if row.undone and row.status == "done" else Outcome(row.status),
        attempts=row.attempts,
        result=row.result,
        error=row.error,
        intent_at=row.intent_at,
        finished_at=row.finished_at,
        reconciled_by=row.reconciled_by,
    )


def card(row: Row[Any]) -> CardRow:
    """A card of a request, or of a batch: then `request_id` is empty."""
    return replace(_same(CardRow, row), request_id=row.request_id or "")


def batch(row: Row[Any]) -> Batch:
    return _same(Batch, row)


def item(row: Row[Any], of: Request) -> Item:
    return Item(
        request=of, seq=row.seq, version=row.version, digest=row.digest, state=ItemState(row.state), why=row.why
    )


def owed(row: Row[Any]) -> OwedRow:
    return _same(OwedRow, row)


def stop(row: Row[Any]) -> Stop:
    return _same(Stop, row)


def condition(row: Row[Any]) -> Condition:
    return _same(Condition, row)


def question(row: Row[Any]) -> Question:
    return _same(Question, row)


def incident(row: Row[Any]) -> Incident:
    return replace(_same(Incident, row), kind=Wrong(row.kind))


def person(row: Row[Any]) -> Person:
    return _same(Person, row)


def _same(kind: type[T], row: Row[Any]) -> T:
    """The columns of the fields' names, as they are."""
    return kind(**{field.name: getattr(row, field.name) for field in fields(kind)})  # type: ignore[arg-type]
