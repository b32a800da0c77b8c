"""Foresee: what would happen to a workflow's next action under a policy, and why. Reads the record, writes nothing."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from graph.flow.effects import RetryLater
from graph.flow.framing import Proposed, from_proposal, understood
from graph.flow.outside import AGENT_SECONDS, asked
from graph.flow.workflow import Case, Done, Proposal, Step, Workflow
from graph.law.action import question
from graph.law.canonical import Unfaithful
from graph.law.explain import grounds, taken
from graph.law.facts import from_json
from graph.law.masking import shown_args
from graph.law.words import storable_json
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.frame import impact_of
from graph.verbs.ports import PolicyVersion, Run, RunStatus, Store
from graph.verbs.record import recall

_NO_RUN: Final = "run_explain"


async def foresee(
    store: Store,
    workflow: Workflow,
    policy: PolicyVersion,
    value: Mapping[str, Any],
    *,
    requester: str | None = None,
    step: Proposal | None = None,
) -> dict[str, Any]:
    """The route of the agent's first proposal for this input, or of `step`, as plain JSON.

    Raises `Invalid` for what is no action of the workflow, `Refusal` when the agent or the world can't be asked.
    """
    try:
        proposal = step if step is not None else await _next(workflow, value)
        if not isinstance(proposal, Proposal):
            words = proposal.summary if isinstance(proposal, Done) else proposal.reason
            return {"workflow": workflow.name, "proposes": None, "says": words}
        run = await _imagined(store, workflow, value, requester)
        return await _routed(store, run, await _understood(run, workflow, proposal), policy)
    except RetryLater as away:
        raise Refusal(str(away)) from away


async def _next(workflow: Workflow, value: Mapping[str, Any]) -> Step:
    return await asked(workflow.agent.next(Case(run_id=_NO_RUN, input=value, history=())), AGENT_SECONDS)


async def _understood(run: Run, workflow: Workflow, step: Proposal) -> Proposed:
    action = workflow.action(step.action)
    if action is None:
        names = ", ".join(known.name for known in workflow.actions)
        raise Invalid(f"{workflow.name} has no action {step.action!r}; it has: {names}")
    try:
        args = action.args.model_validate_json(json.dumps(storable_json(step.args)))
        return understood(run, workflow, action, args, step, await asked(action.facts(args)))
    except ValidationError as error:
        problems = error.errors(include_input=False, include_url=False)
        said = "; ".join(f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}" for item in problems)
        raise Invalid(f"{step.action}: {said}") from None
    except Unfaithful as error:
        raise Invalid(f"{step.action}: {error}") from None


async def _routed(store: Store, run: Run, proposed: Proposed, policy: PolicyVersion) -> dict[str, Any]:
    band = impact_of(policy.policy, proposed.bound, proposed.nature)
    async with store.begin() as tx:
        now = await tx.now()
        known = await recall(tx, policy.policy, proposed.bound, proposed.nature, run.id, run.requester, band)
    request, route = from_proposal(run, 0, proposed, known, policy, now, reformulations=0)
    facts = from_json(request.judged, request.args)
    return {
        "request": None,
        "question": question(request.form, request.args),
        "workflow": request.workflow,
        "action": {"type": request.action_type, "args": shown_args(request.form, request.args)},
        "policy_version": policy.version,
        **taken(route),
        "channel": policy.policy.channel(request.workflow, route.tier),
        "sla_seconds": route.sla_seconds,
        "rationale": request.brief.rationale,
        "grounds": grounds(policy.policy, facts, route),
    }


async def _imagined(store: Store, workflow: Workflow, value: Mapping[str, Any], requester: str | None) -> Run:
    """A run that is nowhere on record."""
    async with store.begin() as tx:
        now, workspace = await tx.now(), tx.workspace_id
    return Run(
        id=_NO_RUN,
        workspace_id=workspace,
        workflow=workflow.name,
        key="",
        requester=requester,
        input=dict(value),
        status=RunStatus.READY,
        outcome="",
        interrupt_id=None,
        fence=0,
        attempts=0,
        last_error="",
        created_at=now,
        updated_at=now,
    )
