"""Frame a request: an action bound to its digest, judged by the law, with everything a reviewer needs."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from graph.law.action import Bound, currency_of, value_of
from graph.law.confidence import STATED, Signal
from graph.law.escalation import next_step
from graph.law.facts import Facts, Record, draw_of, to_json
from graph.law.policy import Policy
from graph.law.record import unusual_amounts
from graph.law.request import (
    Brief,
    Form,
    Kind,
    Nature,
    Request,
    Risk,
    Status,
    request_id,
)
from graph.law.routing import Route, route, stricter
from graph.verbs.ports import PolicyVersion, Run
from graph.verbs.record import target_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the law saw and what it said."""

    facts: Facts
    route: Route


def impact_of(policy: Policy, bound: Bound, nature: Nature) -> Risk:
    """The impact band of the action alone: whose precedents count."""
    return max(nature.impact, policy.impact.of(_worth(policy, bound, nature.form)), key=lambda band: band.rank)


def judge(
    policy: Policy,
    bound: Bound,
    nature: Nature,
    brief: Brief,
    record: Record,
    *,
    request: str,
    requester: str | None,
    sentiment: float | None = None,
    reformulations: int = 0,
    world_moved: bool = False,
    edited: bool = False,
) -> Judged:
    """Freeze the facts, what the record finds unusual among them, and route on them."""
    value = _worth(policy, bound, nature.form)
    target = target_of(nature, bound)
    facts = Facts(
        action=f"{bound.workflow}.{bound.type}",
        args=bound.args,
        value=value,
        currency=currency_of(nature.form, bound.args),
        target=target,
        requester=requester,
        effect_class=nature.effect_class,
        reversible=nature.reversible,
        tags=nature.tags,
        impact=nature.impact,
        signals=_signals(nature, brief),
        flags=(*brief.flags, *unusual_amounts(policy, value, target, record), *record.rejected),
        facts=brief.facts,
        sentiment=sentiment,
        record=record,
        reformulations=reformulations,
        world_moved=world_moved,
        edited=edited,
        draw=draw_of(request),
    )
    return _with_total(policy, facts)


def judge_again(policy: Policy, facts: Facts) -> Judged:
    """Route facts that were frozen before, under this policy."""
    return Judged(facts=facts, route=route(policy, facts))


def _with_total(policy: Policy, facts: Facts) -> Judged:
    """Where earlier ones make this one weigh more, the card says so."""
    routed = route(policy, facts)
    total = facts.at_stake()
    if facts.record.totals and stricter(routed, route(policy, replace(facts, record=replace(facts.record, totals={})))):
        flag = f"{total:,.2f} together with earlier ones"
        facts = replace(facts, flags=(*facts.flags, flag))
        routed = route(policy, facts)
    return Judged(facts=facts, route=routed)


def frame(
    run: Run,
    turn: int,
    bound: Bound,
    nature: Nature,
    brief: Brief,
    judged: Judged,
    policy: PolicyVersion,
    now: datetime,
) -> Request:
    """A new pending request, revision 0 of the run's turn."""
    return Request(
        id=request_id(run.id, turn, 0),
        workspace_id=run.workspace_id,
        run_id=run.id,
        workflow=run.workflow,
        turn=turn,
        revision=0,
        kind=Kind.ACTION,
        parent_id=None,
        requester=run.requester,
        interrupt_id=None,
        subject_effect=None,
        **_asked(bound, nature, brief, judged, policy, now),
    )


def revise(
    old: Request, bound: Bound, nature: Nature, brief: Brief, record: Record, policy: PolicyVersion, now: datetime
) -> tuple[Request, Route]:
    """The request that replaces `old` after an edit or a choice: the same turn, its next revision, routed afresh."""
    revision = request_id(old.run_id, old.turn, old.revision + 1)
    judged = judge(
        policy.policy,
        bound,
        nature,
        brief,
        record,
        request=revision,
        requester=old.requester,
        sentiment=old.judged.get("sentiment"),
        edited=True,
    )
    new = replace(
        old,
        id=revision,
        revision=old.revision + 1,
        parent_id=old.id,
        **_asked(bound, nature, brief, judged, policy, now),
    )
    return new, judged.route


def _asked(
    bound: Bound, nature: Nature, brief: Brief, judged: Judged, policy: PolicyVersion, now: datetime
) -> dict[str, Any]:
    """What is the same of everything that is asked: the action under its digest, the route, the timers."""
    routed, facts = judged.route, judged.facts
    expires = now + timedelta(seconds=routed.expires_seconds)
    return {
        "action_type": bound.type,
        "canonical": bound.canonical,
        "args": bound.args,
        "digest": bound.digest,
        "status": Status.PENDING,
        "version": 1,
        "tier": routed.tier,
        "route": routed.kind,
        "route_why": routed.why,
        "policy_version": policy.version,
        "value": value_of(nature.form, bound.args),
        "currency": facts.currency,
        "effect_class": nature.effect_class,
        "reversible": nature.reversible,
        "form": nature.form,
        "brief": replace(brief, flags=facts.flags),
        "approvals_required": routed.approvals,
        "sla_seconds": routed.sla_seconds,
        "next_step_at": next_step(policy.policy.tiers[routed.tier].timing, now, expires, now),
        "expires_at": expires,
        "decided_at": None,
        "execution_expires_at": None,
        "created_at": now,
        "asked_at": now,
        "first_tier": routed.tier,
        "held_at": None,
        "claimed_by": None,
        "claimed_until": None,
        "assigned_to": None,
        "assigned_by": None,
        "assigned_why": "",
        "moved_why": "",
        "impact": routed.impact,
        "risk": routed.risk,
        "reasons": routed.reasons,
        "matched": routed.matched,
        "confidence": routed.confidence,
        "worth": facts.value,
        "target": facts.target,
        "judged": to_json(facts)
        | {"own_flags": list(brief.flags)}
        | {"computed": dict(routed.signals), "opened": {"tier": routed.tier, "approvals": routed.approvals}},
        "review_after": routed.review_after,
    }


def own_flags(request: Request) -> tuple[str, ...]:
    """What the action and the agent found unusual, without what the record adds each time it is asked."""
    return tuple(request.judged.get("own_flags", request.brief.flags))


def nature_of(request: Request) -> Nature:
    """What the action type of a stored request is, as it was framed."""
    judged = request.judged
    return Nature(
        effect_class=request.effect_class,
        reversible=request.reversible,
        form=request.form,
        tags=tuple(judged.get("tags", ())),
        impact=Risk(judged.get("impact", Risk.LOW)),
        signals=tuple(judged.get("signals", ())),
    )


def _signals(nature: Nature, brief: Brief) -> dict[Signal, float | None]:
    """The applicable signals: what the agent stated; Gatepost's own are worked out when routing."""
    stated = {**brief.signals, Signal.MODEL: brief.confidence}
    applicable = (signal for signal in Signal if signal in nature.signals)
    return {signal: stated.get(signal) if signal in STATED else None for signal in applicable}


def _worth(policy: Policy, bound: Bound, form: Form) -> Any:
    return policy.worth(value_of(form, bound.args), currency_of(form, bound.args))
