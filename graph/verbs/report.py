"""Reports as plain JSON: runs, queue and one request. Field names are a stable interface."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from graph.law.action import question
from graph.law.authorization import authorize
from graph.law.masking import shown_args, shown_value
from graph.law.request import Alternative, DecisionType, Effect, Request, Status, urgency
from graph.law.stopping import ALL, Stop
from graph.verbs.authority import standing
from graph.verbs.errors import NotFound
from graph.verbs.ports import Question, Run, Store, Tx


async def queue(store: Store, limit: int = 100) -> list[dict[str, Any]]:
    """What waits for a person, due first first."""
    async with store.begin() as tx:
        now = await tx.now()
        stops = await tx.stops.in_force()
        return [_row(request, now) | _stopped(request, stops) for request in await tx.requests.pending(limit)]


async def run(store: Store, run_id: str) -> dict[str, Any]:
    """One run with its requests and effects."""
    async with store.begin() as tx:
        found = await tx.runs.get(run_id)
        if found is None:
            raise NotFound(f"There is no run {run_id}.")
        return await _run(tx, found)


async def runs(store: Store, limit: int = 20) -> list[dict[str, Any]]:
    """The newest runs."""
    async with store.begin() as tx:
        return [await _run(tx, found) for found in await tx.runs.recent(limit)]


async def show(store: Store, request_id: str) -> dict[str, Any]:
    """All of one request, `reviewers` who may decide it now included."""
    async with store.begin() as tx:
        request = await tx.requests.get(request_id)
        if request is None:
            raise NotFound(f"There is no request {request_id}.")
        now = await tx.now()
        decision = await tx.requests.decision(request.id)
        effects = [effect for effect in await tx.effects.of_run(request.run_id) if effect.request_id == request.id]
        votes = await tx.requests.votes(request.id, request.digest)
        return (_row(request, now) | _stopped(request, await tx.stops.in_force())) | {
            "question": question(request.form, request.args),
            "turn": request.turn,
            "kind": request.kind,
            "revision": request.revision,
            "parent": request.parent_id,
            "version": request.version,
            "route": request.route,
            "why": list(request.route_why),
            "policy_version": request.policy_version,
            "requester": request.requester,
            "effect_class": request.effect_class,
            "reversible": request.reversible,
            "approvals_required": request.approvals_required,
            "votes": [{"user": vote.user_id, "at": _iso(vote.at)} for vote in votes],
            "rationale": request.brief.rationale,
            "confidence": request.brief.confidence,
            "signals": request.brief.signals,
            "judged": _judged(request),
            "flags": list(request.brief.flags),
            "alternatives": [
                {"title": option.title, "type": option.type, "args": _args(option)}
                for option in request.brief.alternatives
            ],
            "context": shown_value(request.brief.context),
            "facts": shown_value(request.brief.facts),
            "created_at": _iso(request.created_at),
            "decided_at": _iso(request.decided_at),
            "execution_expires_at": _iso(request.execution_expires_at),
            "decision": None
            if decision is None
            else {
                "type": decision.type,
                "by": decision.by,
                "at": _iso(decision.at),
                "reason": decision.reason,
                "via": decision.via,
                "next_request": decision.next_request_id,
            },
            "effects": [effect_row(effect) for effect in effects],
            "cards": [
                {"target": card.target, "channel": card.channel, "ts": card.ts}
                for card in await tx.cards.of_request(request.id)
            ],
            "reviewers": await _reviewers(tx, request, now),
            "claimed_by": request.looked_at_by(now),
            "claimed_until": _iso(request.claimed_until if request.looked_at_by(now) else None),
            "assigned_to": request.assigned_to,
            "assigned_by": request.assigned_by,
            "held_at": _iso(request.held_at),
            "questions": [_question(one) for one in await tx.talk.of_request(request.id)],
        }


def _question(asked: Question) -> dict[str, Any]:
    return {
        "id": asked.id,
        "asked_by": asked.asked_by,
        "asked_at": _iso(asked.asked_at),
        "question": asked.question,
        "answered_by": asked.answered_by,
        "answered_at": _iso(asked.answered_at),
        "answer": asked.answer,
    }


def _judged(request: Request) -> dict[str, Any]:
    """What the law made of it: Gatepost's own confidence with its signals, impact, risk, reasons, rules."""
    return {
        "confidence": request.confidence,
        "signals": request.judged.get("computed", {}),
        "impact": request.impact,
        "risk": request.risk,
        "reasons": list(request.reasons),
        "rules": [{"rule": match.rule, "then": match.then, "basis": match.basis} for match in request.matched],
    }


async def _reviewers(tx: Tx, request: Request, now: datetime) -> list[str]:
    """User ids of those whose approval would count at this moment."""
    if request.status is not Status.PENDING:
        return []
    rights = await standing(tx, request, await tx.policies.current())
    people = await tx.people.many(rights.pool_now)
    return sorted(
        user for user, person in people.items() if authorize(request, person, DecisionType.APPROVE, rights, now).allowed
    )


async def _run(tx: Tx, found: Run) -> dict[str, Any]:
    requests: Sequence[Request] = await tx.requests.of_run(found.id)
    effects = await tx.effects.of_run(found.id)
    return {
        "id": found.id,
        "workflow": found.workflow,
        "status": found.status,
        "outcome": found.outcome,
        "requester": found.requester,
        "key": found.key,
        "input": shown_value(found.input),
        "created_at": _iso(found.created_at),
        "last_error": found.last_error,
        "requests": [
            {
                "id": request.id,
                "status": request.status,
                "kind": request.kind,
                "action": {"type": request.action_type, "args": shown_args(request.form, request.args)},
                "digest": request.digest,
                "tier": request.tier,
            }
            for request in requests
        ],
        "effects": [effect_row(effect) for effect in effects],
    }


def effect_row(effect: Effect) -> dict[str, Any]:
    """An effect as scripts see it; an undo is named `undo:<action>`."""
    return {
        "id": effect.id,
        "request": effect.request_id,
        "action": f"undo:{effect.action_type}" if effect.undo_of else effect.action_type,
        "outcome": effect.status,
        "undo_of": effect.undo_of,
        "error": effect.error,
        "result": shown_value(effect.result),
        "reconciled_by": effect.reconciled_by,
    }


def _row(request: Request, now: datetime) -> dict[str, Any]:
    end = request.decided_at or now
    return {
        "id": request.id,
        "run_id": request.run_id,
        "workflow": request.workflow,
        "action": {"type": request.action_type, "args": shown_args(request.form, request.args)},
        "digest": request.digest,
        "status": request.status,
        "tier": request.tier,
        "next_step_at": _iso(request.next_step_at),
        "expires_at": _iso(request.expires_at),
        "pending_seconds": max(0, int((end - request.created_at).total_seconds())),
        "urgency": urgency(request.since, request.due_at, now),
    }


def _stopped(request: Request, stops: Sequence[Stop]) -> dict[str, Any]:
    """The stop that covers a pending request, or None."""
    covers = (each for each in stops if request.status is Status.PENDING and each.workflow in (ALL, request.workflow))
    return {"stopped": next((stop_row(each) for each in covers), None)}


def stop_row(stop: Stop) -> dict[str, Any]:
    """A stop as scripts see it; `workflow` is `all` or the one."""
    return {
        "workflow": "all" if stop.workflow == ALL else stop.workflow,
        "by": stop.stopped_by,
        "at": _iso(stop.at),
        "reason": stop.reason,
        "via": stop.via,
    }


def _args(option: Alternative) -> Any:
    """An alternative's arguments as people may see them."""
    return shown_args(option.nature.form, option.args) if option.nature else shown_value(option.args)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
