"""One segment of a run: from its start or a resume to its next pause or end. What the gateway's nodes call.

Everything a replay would need again is a row before it is used, so a segment that dies runs again alike.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from graph.failpoints import failpoint
from graph.flow.effects import Deed, carry_out, new_effect
from graph.flow.framing import about_effect, from_proposal, once_more
from graph.flow.history import history
from graph.flow.lease import Lease
from graph.flow.workflow import Action, Call, Case, GiveUp, Proposal, Workflow
from graph.flow.workflow import Done as AgentDone
from graph.law.action import bind
from graph.law.canonical import Unfaithful
from graph.law.request import (
    Decision,
    DecisionType,
    Effect,
    EffectClass,
    Outcome,
    Request,
    Status,
    effect_id,
    undo_id,
)
from graph.law.routing import RouteKind
from graph.verbs.outcome import record
from graph.verbs.ports import PolicyVersion, Run, Store, Tx

MAX_REMARKS: Final = 3


@dataclass(frozen=True, slots=True)
class Ended:
    """The agent has nothing more to propose."""

    words: str
    give_up: bool


@dataclass(frozen=True, slots=True)
class Settled:
    """The effect is DONE or FAILED."""

    status: Outcome
    effect: str


@dataclass(frozen=True, slots=True)
class Moved:
    """Nothing was executed: the world is not the one that was approved for."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """Nobody knows whether the effect happened; a person has to look."""

    effect: str


@dataclass(eq=False)
class Segment:
    """The context of the gateway's nodes."""

    _store: Store
    _workflow: Workflow
    lease: Lease
    draft: Request | None = None
    """The request the gate is about to wait for; committed together with the pause."""

    @property
    def run(self) -> Run:
        return self.lease.run

    async def next_action(self, turn: int) -> Request | Ended:
        """The request of this turn: as recorded if it ran before, else what the agent proposes now."""
        async with self._store.begin() as tx:
            recorded = await tx.requests.of_turn(self.run.id, turn)
            told = await history(tx, self.run.id)
            policy = await tx.policies.current()
        if recorded is not None:
            return recorded
        remarks: list[str] = []
        while len(remarks) < MAX_REMARKS:
            case = Case(run_id=self.run.id, input=self.run.input, history=told, remarks=tuple(remarks))
            step = await self._workflow.agent.next(case)
            match step:
                case AgentDone(summary):
                    return Ended(summary, give_up=False)
                case GiveUp(reason):
                    return Ended(reason, give_up=True)
                case Proposal():
                    try:
                        return await self._framed(turn, step, policy, len(rejections(told)))
                    except (ValidationError, Unfaithful) as error:
                        remarks.append(_remark(step, error))
        return Ended(f"the agent made no valid proposal: {remarks[-1]}", give_up=True)

    async def ask_again(self, turn: int, again: dict[str, str]) -> Request:
        """The same action at a new gate, which says what has changed since it was approved."""
        async with self._store.begin() as tx:
            old = await tx.requests.get(again["request_id"])
            if old is None:
                raise RuntimeError(f"request {again['request_id']} vanished")
            self.draft = once_more(self.run, turn, old, again["why"], await tx.policies.current(), await tx.now())
        return self.draft

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
        args = action.args.model_validate(dict(step.args))
        facts = await action.facts(args)
        async with self._store.begin() as tx:
            now = await tx.now()
        request = from_proposal(self.run, turn, action, args, step, facts, policy, now, reformulations=reformulations)
        match RouteKind(request.route):
            case RouteKind.AUTO:
                return await self._decided_by_policy(request, policy, DecisionType.APPROVE)
            case RouteKind.REJECT:
                return await self._decided_by_policy(request, policy, DecisionType.REJECT)
        self.draft = request
        return request

    async def _decided_by_policy(self, request: Request, policy: PolicyVersion, answer: DecisionType) -> Request:
        """Record a request that needs no person, before anything follows from it."""
        approved = answer is DecisionType.APPROVE
        decision = Decision(
            request_id=request.id,
            type=answer,
            by=f"policy:{policy.version}",
            person=None,
            reason="; ".join(request.route_why),
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
        async with self._store.begin() as tx:
            await self.lease.hold(tx)
            if not await tx.requests.insert(settled):
                raise RuntimeError(f"request {request.id} was recorded twice")
            await tx.requests.add_decision(decision)
            await record(tx, settled, decision)
        return settled

    async def execute(self, request_id: str) -> Settled | Moved | Unsure:
        """Carry out an approved request, once; a replay reads the ledger."""
        key = effect_id(request_id)
        async with self._store.begin() as tx:
            request, effect = await tx.requests.get(request_id), await tx.effects.get(key)
        if request is None:
            raise RuntimeError(f"request {request_id} vanished")
        if effect is not None and effect.status is not Outcome.INTENT:
            return _result(effect.status, key)
        action = self._workflow.action(request.action_type)
        if action is None:
            raise RuntimeError(f"the workflow no longer knows the action {request.action_type!r}")
        args = action.args.model_validate(dict(request.args))
        if bind(request.workflow, request.action_type, args.model_dump(mode="json")).digest != request.digest:
            return await self._moved(request, "This action's arguments mean something else since a deployment.")
        fresh = effect is None
        if effect is None:
            why = await action.still_valid(args)
            if why:
                return await self._moved(request, why)
            intended = await self._intend(request, key)
            if isinstance(intended, Moved):
                return intended
            effect = intended

        async def look_up(call: Call) -> dict[str, Any] | None:
            return await action.lookup(args, call)

        async def perform(call: Call) -> dict[str, Any]:
            return await action.perform(args, call)

        return await self._carry_out(effect, action, perform, look_up, fresh)

    async def _intend(self, request: Request, key: str) -> Effect | Moved:
        failpoint("effect:before_intent")
        async with self._store.begin() as tx:
            await self.lease.hold(tx)
            now = await tx.now()
            why = await _authority_problem(tx, request, now)
            if why is None:
                effect = new_effect(key, request, request.effect_class, None, now)
                await tx.effects.intend(effect, self.run.fence)
                await self._audit_intent(tx, effect)
        if why is not None:
            return await self._moved(request, why)
        failpoint("effect:after_intent")
        return effect

    async def _carry_out(
        self,
        effect: Effect,
        action: Action[Any],
        perform: Callable[[Call], Awaitable[dict[str, Any]]],
        lookup: Callable[[Call], Awaitable[dict[str, Any] | None]],
        fresh: bool,
    ) -> Settled | Unsure:
        deed = Deed(effect=effect, perform=perform, lookup=lookup, timeout=action.timeout_seconds)
        return _result(await carry_out(self._store, self.lease, deed, fresh=fresh), effect.id)

    async def _moved(self, request: Request, why: str) -> Moved:
        async with self._store.begin() as tx:
            await self.lease.hold(tx)
            await tx.audit.record(
                "effect_refused", "flow", run_id=self.run.id, request_id=request.id, why=why, digest=request.digest
            )
            await tx.cards.touch(request.id)
        return Moved(why)

    async def next_undo(self) -> Effect | None:
        """The newest done effect that is still to be undone, or None when all that can be is."""
        async with self._store.begin() as tx:
            effects = await tx.effects.of_run(self.run.id)
        undos = {effect.undo_of: effect for effect in effects if effect.undo_of}
        for effect in reversed(effects):
            action = self._workflow.action(effect.action_type)
            if effect.undo_of or effect.status is not Outcome.DONE or action is None or not action.reversible:
                continue
            undo = undos.get(effect.id)
            if undo is None or undo.reconciled_by is None:
                return effect
        return None

    async def undo(self, effect: Effect) -> Settled | Unsure:
        """Compensate one done effect, once; its own ledger row, its own key."""
        key = undo_id(effect.id)
        async with self._store.begin() as tx:
            request, undo = await tx.requests.get(effect.request_id), await tx.effects.get(key)
        action = self._workflow.action(effect.action_type)
        if request is None or action is None:
            raise RuntimeError(f"effect {effect.id} can't be undone: its request or action is gone")
        if undo is not None and undo.status is not Outcome.INTENT:
            return _result(undo.status, key)
        args = action.args.model_validate(dict(request.args))
        fresh = undo is None
        if undo is None:
            undo = await self._intend_undo(request, effect, action.undo_effect, key)
        done = effect.result or {}

        async def perform(call: Call) -> dict[str, Any]:
            return await action.undo(args, done, call)

        async def look_up(call: Call) -> dict[str, Any] | None:
            return await action.lookup(args, call)

        return await self._carry_out(undo, action, perform, look_up, fresh)

    async def _intend_undo(self, request: Request, effect: Effect, effect_class: EffectClass, key: str) -> Effect:
        failpoint("effect:before_intent")
        async with self._store.begin() as tx:
            await self.lease.hold(tx)
            undo = new_effect(key, request, effect_class, effect.id, await tx.now())
            await tx.effects.intend(undo, self.run.fence)
            await self._audit_intent(tx, undo)
        failpoint("effect:after_intent")
        return undo

    async def _audit_intent(self, tx: Tx, effect: Effect) -> None:
        await tx.audit.record(
            "effect_intent",
            f"fence:{self.run.fence}",
            run_id=effect.run_id,
            request_id=effect.request_id,
            effect=effect.id,
            undo_of=effect.undo_of,
            effect_class=effect.effect_class,
        )


async def _authority_problem(tx: Tx, request: Request, now: datetime) -> str | None:
    """Why this approval doesn't carry an execution at this moment, or None."""
    decision = await tx.requests.decision(request.id)
    if request.status is not Status.APPROVED or decision is None or decision.type is not DecisionType.APPROVE:
        return "It was never approved."
    if decision.digest != request.digest:
        return "The approval was for another action."
    if request.execution_expires_at is None or now >= request.execution_expires_at:
        return f"It was approved at {decision.at:%Y-%m-%d %H:%M} UTC but not carried out in time."
    if decision.person is not None:
        person = await tx.people.get(decision.by)
        if person is None or not person.active:
            return "The person who approved it is no longer active."
    return None


def rejections(told: Any) -> list[Any]:
    """The newest unbroken row of proposals that policy sent back to the agent."""
    recent = []
    for turn in reversed(told):
        if turn.status != Status.REJECTED or not turn.by_policy:
            break
        recent.append(turn)
    return recent


def _result(status: Outcome, effect: str) -> Settled | Unsure:
    return Unsure(effect) if status is Outcome.UNKNOWN else Settled(status, effect)


def _remark(step: Proposal, error: ValidationError | Unfaithful) -> str:
    if isinstance(error, Unfaithful):
        return f"{step.action}: {error}"
    return f"{step.action}: " + "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False)
    )
