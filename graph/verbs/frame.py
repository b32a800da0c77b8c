"""Frame a request: an action bound to its digest, judged by the law, with everything a reviewer needs."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from graph.law.action import Bound, currency_of, value_of
from graph.law.request import (
    Brief,
    EffectClass,
    Form,
    Kind,
    Request,
    Status,
    next_step,
    request_id,
)
from graph.law.routing import Facts, Route, RouteKind, route
from graph.verbs.ports import PolicyVersion, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What an action type is, beside its arguments."""

    effect_class: EffectClass
    reversible: bool
    form: Form


def judge(
    policy: PolicyVersion,
    bound: Bound,
    nature: Nature,
    brief: Brief,
    *,
    reformulations: int = 0,
    world_moved: bool = False,
) -> Route:
    """Route the bound action by the policy and the frozen facts."""
    facts = Facts(
        action=f"{bound.workflow}.{bound.type}",
        value=value_of(nature.form, bound.args),
        confidence=brief.confidence,
        effect_class=nature.effect_class,
        reversible=nature.reversible,
        flags=brief.flags,
        reformulations=reformulations,
        world_moved=world_moved,
    )
    return route(policy.policy, facts)


def frame(
    run: Run,
    turn: int,
    bound: Bound,
    nature: Nature,
    brief: Brief,
    routed: Route,
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
        action_type=bound.type,
        route=routed.kind,
        effect_class=nature.effect_class,
        reversible=nature.reversible,
        form=nature.form,
        brief=brief,
        requester=run.requester,
        interrupt_id=None,
        subject_effect=None,
        **_asked(bound, nature.form, routed, policy, now),
    )


def revise(old: Request, bound: Bound, brief: Brief, policy: PolicyVersion, now: datetime) -> Request:
    """The request that replaces `old` after an edit: the same turn, its next revision, routed afresh."""
    nature = Nature(effect_class=old.effect_class, reversible=old.reversible, form=old.form)
    routed = judge(policy, bound, nature, brief)
    return replace(
        old,
        id=request_id(old.run_id, old.turn, old.revision + 1),
        revision=old.revision + 1,
        parent_id=old.id,
        # A person changed it, so a person has to answer for it, whatever the agent's confidence was.
        route=RouteKind.REVIEW,
        brief=brief,
        **_asked(bound, old.form, routed, policy, now),
    )


def _asked(bound: Bound, form: Form, routed: Route, policy: PolicyVersion, now: datetime) -> dict[str, Any]:
    """What is the same of everything that is asked: the action under its digest, the route, the timers."""
    expires = now + timedelta(seconds=routed.expires_seconds)
    return {
        "canonical": bound.canonical,
        "args": bound.args,
        "digest": bound.digest,
        "status": Status.PENDING,
        "version": 1,
        "tier": routed.tier,
        "route_why": routed.why,
        "policy_version": policy.version,
        "value": value_of(form, bound.args),
        "currency": currency_of(form, bound.args),
        "approvals_required": routed.approvals,
        "sla_seconds": routed.sla_seconds,
        "next_step_at": next_step(now, routed.sla_seconds, expires, now),
        "expires_at": expires,
        "decided_at": None,
        "execution_expires_at": None,
        "created_at": now,
    }
