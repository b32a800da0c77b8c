"""From a proposal, a moved world or a doubtful effect to the request that people will see."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from graph.flow.workflow import Action, Args, Proposal, Workflow
from graph.law.action import Bound, bind, question
from graph.law.canonical import Unfaithful
from graph.law.confidence import credible, sentiment
from graph.law.facts import Facts, Record
from graph.law.masking import shown_args
from graph.law.policy_rows import Checkpoint
from graph.law.record import AGENT_FLAG
from graph.law.request import (
    Alternative,
    Brief,
    Effect,
    EffectClass,
    Form,
    Kind,
    Nature,
    Outcome,
    Reason,
    Request,
    Risk,
    request_id,
)
from graph.law.routing import Route, RouteKind
from graph.law.words import made_storable, storable_json
from graph.verbs.frame import Judged, frame, judge
from graph.verbs.ports import PolicyVersion, Run

RECONCILE_DAYS: Final = 30
_RECONCILE_FORM: Final = Form(
    title="Did this happen?",
    question="Did this happen: {what}",
    schema={
        "type": "object",
        "properties": {
            "what": {"type": "string", "title": "What", "editable": False},
            "effect": {"type": "string", "title": "Reference", "editable": False},
            "sent_at": {"type": "string", "title": "Sent at", "editable": False},
        },
    },
    after_approve="The ledger records that it happened, and the run goes on.",
)
_CONTINUE_FORM: Final = Form(
    title="Continue this run?",
    question="Let {workflow} go on after {steps} steps in {minutes} minutes?",
    schema={
        "type": "object",
        "properties": {
            "run": {"type": "string", "title": "Run", "editable": False},
            "workflow": {"type": "string", "title": "Workflow", "editable": False},
            "steps": {"type": "integer", "title": "Steps since a person decided", "editable": False},
            "minutes": {"type": "integer", "title": "Minutes since then", "editable": False},
        },
    },
    after_approve="The run goes on; what it did so far stands.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A proposal that was bound and whose facts are known; what the record says comes next."""

    bound: Bound
    nature: Nature
    brief: Brief
    sentiment: float | None


def understood(
    run: Run, workflow: Workflow, action: Action[Any], args: Args, step: Proposal, facts: Mapping[str, Any]
) -> Proposed:
    """Bind what the agent proposed and freeze what was found. Raises `Unfaithful` when it can't be bound."""
    flags = (*action.flags(args, facts), *(f"{AGENT_FLAG}{flag}" for flag in step.flags))
    return Proposed(
        bound=bind(run.workflow, action.name, args.model_dump(mode="json")),
        nature=action.nature(args, action.impact(args, facts)),
        brief=Brief(
            rationale=made_storable(step.rationale),
            confidence=_stated(step.confidence),
            signals={str(name): credible(value) for name, value in storable_json(step.signals).items()},
            flags=tuple(map(made_storable, flags)),
            alternatives=tuple(_option(workflow, option) for option in step.alternatives),
            cost_of_delay=made_storable(step.cost_of_delay),
            context=storable_json(step.context),
            facts=storable_json(facts),
        ),
        sentiment=sentiment(step.sentiment),
    )


def from_proposal(
    run: Run,
    turn: int,
    proposed: Proposed,
    record: Record,
    policy: PolicyVersion,
    now: datetime,
    *,
    reformulations: int,
) -> tuple[Request, Route]:
    """Route what the agent proposed on what is known of it."""
    judged = judge(
        policy.policy,
        proposed.bound,
        proposed.nature,
        proposed.brief,
        record,
        request=request_id(run.id, turn, 0),
        requester=run.requester,
        sentiment=proposed.sentiment,
        reformulations=reformulations,
    )
    framed = frame(run, turn, proposed.bound, proposed.nature, proposed.brief, judged, policy, now)
    return framed, judged.route


def once_more(
    run: Run,
    turn: int,
    old: Request,
    nature: Nature,
    brief: Brief,
    why: str,
    record: Record,
    policy: PolicyVersion,
    now: datetime,
) -> tuple[Request, Route]:
    """The same action for another decision, as it is seen now, led by what has changed."""
    bound = bind(old.workflow, old.action_type, old.args)
    brief = replace(brief, flags=(f"Approved before, but not carried out: {made_storable(why)}", *brief.flags))
    judged = judge(
        policy.policy,
        bound,
        nature,
        brief,
        record,
        request=request_id(run.id, turn, 0),
        requester=run.requester,
        sentiment=old.judged.get("sentiment"),
        world_moved=True,
    )
    framed = frame(run, turn, bound, nature, brief, judged, policy, now)
    return replace(framed, parent_id=old.id), judged.route


def to_continue(
    run: Run, turn: int, row: Checkpoint, steps: int, since: datetime, policy: PolicyVersion, now: datetime
) -> Request:
    """Ask whether a long run should go on: the action is "continue", its arguments the progress."""
    minutes = int((now - since) / timedelta(minutes=1))
    args = {"run": run.id, "workflow": run.workflow, "steps": steps, "minutes": minutes}
    tier = min(row.tier, len(policy.policy.tiers))
    level = policy.policy.tiers[tier]
    routed = Route(
        kind=RouteKind.REVIEW,
        tier=tier,
        approvals=level.approvals,
        sla_seconds=int(level.sla.total_seconds()),
        expires_seconds=int(level.expires.total_seconds()),
        why=(f"{steps} steps and {minutes} minutes since a person last decided in this run",),
        reasons=(Reason.PERIODIC_CHECKPOINT,),
    )
    bound = bind(run.workflow, "continue", args)
    nature = Nature(effect_class=EffectClass.IDEMPOTENT, reversible=True, form=_CONTINUE_FORM)
    judged = Judged(facts=Facts(action=f"{run.workflow}.continue", args=args), route=routed)
    framed = frame(run, turn, bound, nature, Brief(), judged, policy, now)
    return replace(framed, kind=Kind.CHECKPOINT)


def about_effect(run: Run, turn: int, about: Request, effect: Effect, policy: PolicyVersion, now: datetime) -> Request:
    """Ask a person whether an effect happened (or was undone by hand)."""
    asked = question(about.form, about.args).rstrip("?")
    what = f"Undo: {asked}" if effect.undo_of else asked
    args = {"what": what, "effect": effect.id, "sent_at": effect.intent_at.strftime("%Y-%m-%d %H:%M:%S UTC")}
    failed = effect.status is Outcome.FAILED
    flag = "The undo failed and needs doing by hand" if failed else "It was sent, and what came of it is not known"
    brief = Brief(
        flags=(f"{flag}: {effect.error}" if effect.error else flag,),
        context={
            "Original request": about.id,
            "Arguments": shown_args(about.form, about.args),
            "Attempts": effect.attempts,
        },
    )
    tier = policy.policy.tiers[min(about.tier, len(policy.policy.tiers))]
    routed = Route(
        kind=RouteKind.REVIEW,
        tier=min(about.tier, len(policy.policy.tiers)),
        approvals=1,
        sla_seconds=int(tier.sla.total_seconds()),
        expires_seconds=int(timedelta(days=RECONCILE_DAYS).total_seconds()),
        why=("an effect's outcome is unknown",),
        risk=about.risk,
    )
    nature = Nature(effect_class=EffectClass.IDEMPOTENT, reversible=False, form=_RECONCILE_FORM)
    bound = bind(run.workflow, "reconcile", args)
    judged = Judged(facts=Facts(action=f"{run.workflow}.reconcile", args=args, flags=brief.flags), route=routed)
    framed = frame(run, turn, bound, nature, brief, judged, policy, now)
    return replace(framed, kind=Kind.RECONCILE, parent_id=about.id, subject_effect=effect.id)


def _option(workflow: Workflow, option: Alternative) -> Alternative:
    """The alternative with what the law needs to know of it, if it is an action that could be carried out."""
    title, args = made_storable(option.title), storable_json(option.args)
    action = workflow.action(option.type)
    try:
        if action is None:
            raise Unfaithful(f"there is no action {option.type!r}")
        read = action.args.model_validate_json(json.dumps(args))
        bound = bind(workflow.name, action.name, read.model_dump(mode="json"))
    except (ValidationError, Unfaithful):
        return replace(option, title=title, args=args, nature=None)
    return replace(option, title=title, args=bound.args, nature=action.nature(read, _unseen_impact(action, read)))


def _unseen_impact(action: Action[Any], args: Args) -> Risk:
    """The impact of an action whose facts nobody has loaded; where it rests on them, more rather than less."""
    try:
        return action.impact(args, {})
    except Exception:  # it is other people's code, asked for less than it is used to
        return Risk.HIGH


def _stated(confidence: object) -> float | None:
    """The number as it was stated, credible or not; -1 for what is no number at all."""
    if confidence is None:
        return None
    number = isinstance(confidence, int | float) and not isinstance(confidence, bool) and math.isfinite(confidence)
    return float(confidence) if number else -1.0  # type: ignore[arg-type]
