"""One segment of a run: from its start or a resume to its next pause or end. What the gateway's nodes call.

Everything a replay would need again is a row before it is used, so a segment that dies runs again alike.
"""

import json
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import ValidationError

from graph.flow.execution import Execution, args_of
from graph.flow.framing import about_effect, from_proposal, once_more, to_continue, understood
from graph.flow.history import history
from graph.flow.outside import AGENT_SECONDS, asked
from graph.flow.workflow import Case, GiveUp, Proposal
from graph.flow.workflow import Done as AgentDone
from graph.law.action import Bound, bind
from graph.law.canonical import Unfaithful
from graph.law.facts import Record, from_json
from graph.law.grants import decider, seen
from graph.law.request import (
    Decision,
    DecisionType,
    Nature,
    Request,
    Status,
)
from graph.law.routing import Route, RouteKind, sampled
from graph.law.words import all_storable, storable_json
from graph.verbs.authority import GRANT
from graph.verbs.bounds import bounded
from graph.verbs.frame import impact_of, nature_of
from graph.verbs.granted import applicable, count, said
from graph.verbs.outcome import record
from graph.verbs.ports import PolicyVersion, Tx
from graph.verbs.record import recall

MAX_REMARKS: Final = 3


@dataclass(frozen=True, slots=True)
class Ended:
    """The agent has nothing more to propose."""

    words: str
    give_up: bool


@dataclass(eq=False)
class Segment(Execution):
    """The context of the gateway's nodes."""

    draft: Request | None = None
    """The request the gate is about to wait for; committed together with the pause."""

    async def next_action(self, turn: int) -> Request | Ended:
        """The request of this turn: as recorded if it ran before, else what the agent proposes now."""
        async with self._store.begin() as tx:
            recorded = await tx.requests.of_turn(self.run.id, turn)
            told = await history(tx, self.run.id)
            policy = await tx.policies.current()
            checkpoint = await self._checkpoint(tx, turn, policy) if recorded is None else None
        if recorded is not None:
            return recorded
        sent_back = rejections(told)
        if len(sent_back) > policy.policy.max_reformulations:
            words = f"policy sent {len(sent_back)} proposals back, the last because: {sent_back[0].reason}"
            return Ended(words, give_up=True)
        remarks: list[str] = []
        while len(remarks) < MAX_REMARKS:
            case = Case(run_id=self.run.id, input=self.run.input, history=told, remarks=tuple(remarks))
            step = await asked(self._workflow.agent.next(case), AGENT_SECONDS)
            match step:
                case AgentDone(summary):
                    return Ended(summary, give_up=False)
                case GiveUp(reason):
                    return Ended(reason, give_up=True)
                case Proposal() if checkpoint is not None:
                    # There is more to do, so people are asked first; the agent is asked again afterwards.
                    self.draft = checkpoint
                    return checkpoint
                case Proposal():
                    try:
                        return await self._framed(turn, step, policy, len(sent_back))
                    except (ValidationError, Unfaithful) as error:
                        remarks.append(_remark(step, error))
        return Ended(f"the agent made no valid proposal: {remarks[-1]}", give_up=True)

    async def _checkpoint(self, tx: Tx, turn: int, policy: PolicyVersion) -> Request | None:
        """The question whether to go on, when this run has gone far enough without a person."""
        row = policy.policy.checkpoint(self._workflow.name)
        if row is None:
            return None
        (steps, since), now = await tx.past.progress(self.run.id), await tx.now()
        far = row.every_steps is not None and steps >= row.every_steps
        long = row.every is not None and steps > 0 and now - since >= row.every
        return to_continue(self.run, turn, row, steps, since, policy, now) if far or long else None

    async def ask_again(self, turn: int, again: dict[str, str]) -> Request:
        """The same action at a new gate, which says what has changed since it was approved."""
        async with self._store.begin() as tx:
            recorded = await tx.requests.of_turn(self.run.id, turn)
            old = await tx.requests.get(again["request_id"])
            policy = await tx.policies.current()
            if old is None:
                raise RuntimeError(f"request {again['request_id']} vanished")
        if recorded is not None:
            return recorded
        bound, nature, brief = bind(old.workflow, old.action_type, old.args), nature_of(old), old.brief
        action = self._workflow.action(old.action_type)
        args = args_of(action, old)
        if action is not None and args is not None:
            # The world has moved: what was true of it when it was first proposed may not be true any more.
            nature, brief = await self.seen_now(old, action, args)
        async with self._store.begin() as tx:
            known = await self._recall(tx, policy, bound, nature)
            framed, routed = once_more(self.run, turn, old, nature, brief, again["why"], known, policy, await tx.now())
        if routed.kind is RouteKind.REJECT:
            return await self._decided_by_policy(framed, policy, DecisionType.REJECT)
        self.draft = framed
        return framed

    async def _recall(self, tx: Tx, policy: PolicyVersion, bound: Bound, nature: Nature) -> Record:
        band = impact_of(policy.policy, bound, nature)
        return await recall(tx, policy.policy, bound, nature, self.run.id, self.run.requester, band)

    async def ask_about_effect(self, turn: int, effect: str) -> Request:
        """A gate at which a person says whether an effect happened."""
        async with self._store.begin() as tx:
            found = await tx.effects.get(effect)
            about = await tx.requests.get(found.request_id) if found else None
            if found is None or about is None:
                raise RuntimeError(f"effect {effect} vanished from the ledger")
            policy = await tx.policies.current()
            self.draft = about_effect(self.run, turn, about, found, policy, await tx.now())
        return self.draft

    async def _framed(self, turn: int, step: Proposal, policy: PolicyVersion, reformulations: int) -> Request:
        action = self._workflow.action(step.action)
        if action is None:
            raise Unfaithful(f"there is no action {step.action!r} in this workflow")
        if not all_storable(step.args):
            raise Unfaithful("the arguments hold a NUL or half a character")
        # By way of JSON: what was proposed must mean the same when it is read back from its row.
        args = action.args.model_validate_json(json.dumps(storable_json(step.args)))
        facts = await asked(action.facts(args))
        proposed = understood(self.run, self._workflow, action, args, step, facts)
        async with self._store.begin() as tx:
            now = await tx.now()
            known = await self._recall(tx, policy, proposed.bound, proposed.nature)
            request, routed = from_proposal(self.run, turn, proposed, known, policy, now, reformulations=reformulations)
            if granted := await self._granted(tx, request, routed, policy):
                return granted
            request = await bounded(tx, request, policy)
        match RouteKind(request.route):
            case RouteKind.AUTO:
                return await self._decided_by_policy(request, policy, DecisionType.APPROVE)
            case RouteKind.REJECT:
                return await self._decided_by_policy(request, policy, DecisionType.REJECT)
        self.draft = request
        return request

    async def _decided_by_policy(self, request: Request, policy: PolicyVersion, answer: DecisionType) -> Request:
        """Record a request that needs no person, before anything follows from it."""
        async with self._store.begin() as tx:
            await self.lease.hold(tx)
            why = "; ".join(request.route_why)
            return await _recorded(tx, request, policy, answer, f"policy:{policy.version}", why)

    async def _granted(self, tx: Tx, request: Request, routed: Route, policy: PolicyVersion) -> Request | None:
        """Record a request that a reviewer has allowed for the rest of the run; None: a person is asked."""
        if (
            routed.kind is not RouteKind.REVIEW
            or policy.policy.grant(f"{request.workflow}.{request.action_type}") is None
        ):
            return None
        await self.lease.hold(tx)
        grant = await applicable(tx, request, policy)
        if grant is None:
            return None
        why = await said(tx, grant)
        alone = replace(
            request,
            route=RouteKind.AUTO,
            route_why=(why, *request.route_why),
            judged=request.judged | {GRANT: grant.id},
            review_after=sampled(policy.policy, seen(grant, from_json(request.judged, request.args))),
        )
        settled = await _recorded(tx, alone, policy, DecisionType.APPROVE, decider(grant.id), why)
        await count(tx, grant, settled)
        return settled


async def _recorded(
    tx: Tx, request: Request, policy: PolicyVersion, answer: DecisionType, by: str, why: str
) -> Request:
    """The request with its decision, which no person takes now, stored and on record."""
    approved = answer is DecisionType.APPROVE
    decision = Decision(
        request_id=request.id,
        type=answer,
        by=by,
        person=None,
        reason=why,
        digest=request.digest,
        at=request.created_at,
        via="policy",
    )
    settled = replace(
        request,
        status=Status.APPROVED if approved else Status.REJECTED,
        next_step_at=None,
        decided_at=request.created_at,
        execution_expires_at=request.created_at + policy.policy.execution_window if approved else None,
    )
    if not await tx.requests.insert(settled):
        raise RuntimeError(f"request {request.id} was recorded twice")
    await tx.requests.add_decision(decision)
    await record(tx, settled, decision)
    return settled


def rejections(told: Any) -> list[Any]:
    """The newest unbroken row of proposals that policy sent back to the agent."""
    recent = []
    for turn in reversed(told):
        if turn.status != Status.REJECTED or not turn.by_policy:
            break
        recent.append(turn)
    return recent


def _remark(step: Proposal, error: ValidationError | Unfaithful) -> str:
    if isinstance(error, Unfaithful):
        return f"{step.action}: {error}"
    return f"{step.action}: " + "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )
