"""From a proposal, a moved world or a doubtful effect to the request that people will see."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from graph.flow.workflow import Action, Args, Proposal
from graph.law.action import bind, question
from graph.law.request import Brief, Effect, EffectClass, Form, Kind, Outcome, Request
from graph.law.routing import Route, RouteKind
from graph.law.words import made_storable, storable_json
from graph.verbs.frame import Nature, frame, judge
from graph.verbs.ports import PolicyVersion, Run

AGENT_FLAG: Final = "agent: "
"""What the agent itself finds unusual is marked as its words."""
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


def from_proposal(
    run: Run,
    turn: int,
    action: Action[Any],
    args: Args,
    step: Proposal,
    facts: Mapping[str, Any],
    policy: PolicyVersion,
    now: datetime,
    *,
    reformulations: int,
) -> Request:
    """Bind, freeze and route what the agent proposed. Raises `Unfaithful` when it can't be bound."""
    bound = bind(run.workflow, action.name, args.model_dump(mode="json"))
    brief = Brief(
        rationale=made_storable(step.rationale),
        confidence=step.confidence,
        signals=storable_json(step.signals),
        flags=tuple(map(made_storable, (*action.flags(args, facts), *(f"{AGENT_FLAG}{flag}" for flag in step.flags)))),
        alternatives=tuple(
            replace(option, title=made_storable(option.title), args=storable_json(option.args))
            for option in step.alternatives
        ),
        cost_of_delay=made_storable(step.cost_of_delay),
        context=storable_json(step.context),
        facts=storable_json(facts),
    )
    nature = Nature(effect_class=action.effect, reversible=action.reversible, form=action.form())
    routed = judge(policy, bound, nature, brief, reformulations=reformulations)
    return frame(run, turn, bound, nature, brief, routed, policy, now)


def once_more(run: Run, turn: int, old: Request, why: str, policy: PolicyVersion, now: datetime) -> Request:
    """The same action for another decision, led by what has changed."""
    bound = bind(old.workflow, old.action_type, old.args)
    nature = Nature(effect_class=old.effect_class, reversible=old.reversible, form=old.form)
    brief = replace(old.brief, flags=(f"Approved before, but not carried out: {made_storable(why)}", *old.brief.flags))
    routed = judge(policy, bound, nature, brief, world_moved=True)
    return replace(frame(run, turn, bound, nature, brief, routed, policy, now), parent_id=old.id)


def about_effect(run: Run, turn: int, about: Request, effect: Effect, policy: PolicyVersion, now: datetime) -> Request:
    """Ask a person whether an effect happened (or was undone by hand)."""
    asked = question(about.form, about.args).rstrip("?")
    what = f"Undo: {asked}" if effect.undo_of else asked
    args = {"what": what, "effect": effect.id, "sent_at": effect.intent_at.strftime("%Y-%m-%d %H:%M:%S UTC")}
    failed = effect.status is Outcome.FAILED
    flag = "The undo failed and needs doing by hand" if failed else "It was sent, and what came of it is not known"
    brief = Brief(
        flags=(f"{flag}: {effect.error}" if effect.error else flag,),
        context={"Original request": about.id, "Arguments": dict(about.args), "Attempts": effect.attempts},
    )
    tier = policy.policy.tiers[min(about.tier, len(policy.policy.tiers))]
    routed = Route(
        kind=RouteKind.REVIEW,
        tier=min(about.tier, len(policy.policy.tiers)),
        approvals=1,
        sla_seconds=int(tier.sla.total_seconds()),
        expires_seconds=int(timedelta(days=RECONCILE_DAYS).total_seconds()),
        why=("an effect's outcome is unknown",),
    )
    nature = Nature(effect_class=EffectClass.IDEMPOTENT, reversible=False, form=_RECONCILE_FORM)
    bound = bind(run.workflow, "reconcile", args)
    framed = frame(run, turn, bound, nature, brief, routed, policy, now)
    return replace(framed, kind=Kind.RECONCILE, parent_id=about.id, subject_effect=effect.id)
