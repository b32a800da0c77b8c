"""Carrying out what was decided, and undoing it: by the ledger, never twice, never for a world that moved."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from graph.failpoints import failpoint
from graph.flow.effects import Deed, carry_out, new_effect, settle
from graph.flow.lease import Lease
from graph.flow.outside import asked
from graph.flow.workflow import Action, Call, Workflow
from graph.law.action import bind
from graph.law.canonical import Unfaithful
from graph.law.record import AGENT_FLAG, news
from graph.law.request import (
    Brief,
    DecisionType,
    Effect,
    EffectClass,
    Kind,
    Nature,
    Outcome,
    Request,
    Status,
    effect_id,
    undo_id,
)
from graph.law.words import made_storable, storable_json
from graph.verbs.authority import covers, gist, lapsed, outgrown
from graph.verbs.frame import impact_of, judge, own_flags
from graph.verbs.outcome import touch_family
from graph.verbs.ports import Run, Store, Tx
from graph.verbs.record import recall
from graph.verbs.review import open_review


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
class Execution:
    """What one segment does to the world, under its lease."""

    _store: Store
    _workflow: Workflow
    lease: Lease

    @property
    def run(self) -> Run:
        return self.lease.run

    async def execute(self, request_id: str) -> Settled | Moved | Unsure:
        """Carry out an approved request, once; a replay reads the ledger."""
        key = effect_id(request_id)
        async with self._store.begin() as tx:
            request, effect = await tx.requests.get(request_id), await tx.effects.get(key)
        if request is None:
            raise RuntimeError(f"request {request_id} vanished")
        if effect is not None and effect.status is not Outcome.INTENT:
            await self._reviewed(request, effect.status)
            return _result(effect.status, key)
        action = self._workflow.action(request.action_type)
        args = args_of(action, request)
        if action is None or args is None:
            return await self._impossible(request, effect, key)

        async def refusal() -> str | None:
            async with self._store.begin() as tx:
                lapse = await _authority_problem(tx, request, await tx.now())
            return lapse or await asked(action.still_valid(args))

        fresh = effect is None
        if effect is None:
            if why := await asked(action.still_valid(args)) or await self._changed(request, action, args):
                return await self._moved(request, why)
            intended = await self._intend(request, key)
            if isinstance(intended, Moved):
                return intended
            effect = intended

        async def look_up(call: Call) -> dict[str, Any] | None:
            return await action.lookup(args, call)

        async def perform(call: Call) -> dict[str, Any]:
            return await action.perform(args, call)

        deed = _deed(effect, action, perform, look_up, refusal)
        outcome, why = await carry_out(self._store, self.lease, deed, fresh=fresh)
        await self._reviewed(request, outcome)
        return await self._moved(request, why) if why and outcome is Outcome.FAILED else _result(outcome, key)

    async def _changed(self, request: Request, action: Action[Any], args: Any) -> str | None:
        """Why an edited action, judged on all that is true of it now, is not covered by its approval; or None.

        What is true of it takes the action's own code, which only runs here: whoever edited it saw what was
        true of the arguments before.
        """
        if request.revision == 0:
            return None
        bound = bind(request.workflow, request.action_type, request.args)
        nature, brief = await self.seen_now(request, action, args)
        async with self._store.begin() as tx:
            policy = await tx.policies.current()
            band = impact_of(policy.policy, bound, nature)
            known = await recall(tx, policy.policy, bound, nature, self.run.id, self.run.requester, band)
        sentiment = request.judged.get("sentiment")
        whose: dict[str, Any] = {"request": request.id, "requester": request.requester, "sentiment": sentiment}
        judged = judge(policy.policy, bound, nature, brief, known, **whose, edited=True)
        if fresh := news(brief.flags, request.brief.flags):
            return f"After the change: {'; '.join(fresh)}"
        return None if covers(request, judged.route) else f"After the change: {gist(judged.route)}"

    async def seen_now(self, request: Request, action: Action[Any], args: Any) -> tuple[Nature, Brief]:
        """What the action's own code says of a request at this moment, with what its agent said of it."""
        facts = await asked(action.facts(args))
        said = [flag for flag in own_flags(request) if flag.startswith(AGENT_FLAG)]
        flags = (*map(made_storable, action.flags(args, facts)), *said)
        nature = action.nature(args, action.impact(args, facts))
        return nature, replace(request.brief, flags=flags, facts=storable_json(facts))

    async def _reviewed(self, request: Request, outcome: Outcome) -> None:
        """What ran alone and was drawn for it is put before people now."""
        if not request.review_after or outcome is not Outcome.DONE:
            return
        async with self._store.begin() as tx:
            await open_review(tx, request, await tx.policies.current(), await tx.now())

    async def reverse(self) -> None:
        """Undo what ran alone in this run and people found wrong, newest first; operators learn of what fails."""
        async with self._store.begin() as tx:
            wrong = await self.found_wrong(tx)
        for effect in wrong:
            settled = await self.undo(effect)
            if isinstance(settled, Unsure) or settled.status is not Outcome.DONE:
                async with self._store.begin() as tx:
                    text = f"{effect.action_type} ({effect.id}) was found wrong, and its undo did not succeed."
                    await tx.owed.add("operators", f"not undone:{effect.id}", {"text": text, "run_id": self.run.id})

    async def found_wrong(self, tx: Tx) -> list[Effect]:
        """Effects that people found wrong and whose undo is still owed, newest first."""
        reviews = await tx.requests.of_run(self.run.id)
        wrong = {r.parent_id for r in reviews if r.kind is Kind.REVIEW and r.status is Status.REJECTED}
        effects = await tx.effects.of_run(self.run.id)
        tried = {undo.undo_of for undo in effects if undo.undo_of and undo.status is not Outcome.INTENT}
        return [
            effect
            for effect in reversed(effects)
            if effect.undo_of is None
            and effect.request_id in wrong
            and effect.status is Outcome.DONE
            and effect.id not in tried
        ]

    async def _impossible(self, request: Request, effect: Effect | None, key: str) -> Settled | Moved:
        """The code no longer knows this action as it was approved: on record as failed, nothing is called."""
        if effect is None:
            intended = await self._intend(request, key)
            if isinstance(intended, Moved):
                return intended
            effect = intended
        why = "this action changed since a deployment; what was approved can't be carried out any more"
        return Settled(await settle(self._store, self.lease, effect, Outcome.FAILED, None, why), key)

    async def _intend(self, request: Request, key: str) -> Effect | Moved:
        failpoint("effect:before_intent")
        async with self._store.begin() as tx:
            await self.lease.hold(tx)
            now = await tx.now()
            why = await _authority_problem(tx, request, now) or await outgrown(tx, request)
            if why is None:
                effect = new_effect(key, request, request.effect_class, None, now)
                await tx.effects.intend(effect, self.run.fence)
                await self._audit_intent(tx, effect)
        if why is not None:
            return await self._moved(request, why)
        failpoint("effect:after_intent")
        return effect

    async def _moved(self, request: Request, why: str) -> Moved:
        async with self._store.begin() as tx:
            await self.lease.hold(tx)
            await tx.audit.record(
                "effect_refused", "flow", run_id=self.run.id, request_id=request.id, why=why, digest=request.digest
            )
            await touch_family(tx, request)
        return Moved(why)

    async def next_undo(self) -> Effect | None:
        """The newest done effect that is still to be undone, or None when all that can be is."""
        effects, requests = await self._so_far()
        undos = {effect.undo_of: effect for effect in effects if effect.undo_of}
        for effect in reversed(effects):
            action = self._workflow.action(effect.action_type)
            if effect.undo_of or effect.status is not Outcome.DONE or action is None:
                continue
            if not requests[effect.request_id].reversible:
                continue
            undo = undos.get(effect.id)
            if undo is None or undo.reconciled_by is None:
                return effect
        return None

    async def not_undone(self) -> tuple[list[str], bool]:
        """Actions whose effects stand although the run was rolled back; whether an undo of one is still owed."""
        effects, requests = await self._so_far()
        left = [
            effect for effect in effects if effect.undo_of is None and effect.status in (Outcome.DONE, Outcome.UNKNOWN)
        ]
        owed = any(requests[effect.request_id].reversible for effect in left)
        return [effect.action_type for effect in left], owed

    async def _so_far(self) -> tuple[Sequence[Effect], Mapping[str, Request]]:
        """The run's effects, oldest first, and its requests by id."""
        async with self._store.begin() as tx:
            requests = await tx.requests.of_run(self.run.id)
            return await tx.effects.of_run(self.run.id), {request.id: request for request in requests}

    async def undo(self, effect: Effect) -> Settled | Unsure:
        """Compensate one done effect, once; its own ledger row, its own key."""
        key = undo_id(effect.id)
        async with self._store.begin() as tx:
            request, undo = await tx.requests.get(effect.request_id), await tx.effects.get(key)
        action = self._workflow.action(effect.action_type)
        args = args_of(action, request) if request else None
        if undo is not None and undo.status is not Outcome.INTENT:
            return _result(undo.status, key)
        if request is None or action is None:
            raise RuntimeError(f"effect {effect.id} can't be undone: its request or action is gone")
        fresh = undo is None
        if undo is None:
            undo = await self._intend_undo(request, effect, action.undo_effect, key)
        if args is None or effect.result is None:
            why = "what is needed to undo it is not known (a person found that it had happened)"
            return Settled(await settle(self._store, self.lease, undo, Outcome.FAILED, None, why), key)
        done = effect.result

        async def perform(call: Call) -> dict[str, Any]:
            return await action.undo(args, done, call)

        async def look_up(call: Call) -> dict[str, Any] | None:
            return await action.lookup(args, call)

        async def refusal() -> str | None:
            return None  # an undo that was begun is owed to its end

        deed = _deed(undo, action, perform, look_up, refusal)
        outcome, _ = await carry_out(self._store, self.lease, deed, fresh=fresh)
        return _result(outcome, key)

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
    return await lapsed(tx, request, decision)


def args_of(action: Action[Any] | None, request: Request) -> Any:
    """The arguments as the action's model reads them, or None when they no longer mean what was approved."""
    if action is None:
        return None
    try:
        args = action.args.model_validate_json(json.dumps(request.args))
        bound = bind(request.workflow, request.action_type, args.model_dump(mode="json"))
    except (ValidationError, Unfaithful):
        return None
    return args if bound.digest == request.digest else None


def _deed(
    effect: Effect,
    action: Action[Any],
    perform: Callable[[Call], Awaitable[dict[str, Any]]],
    lookup: Callable[[Call], Awaitable[dict[str, Any] | None]],
    refusal: Callable[[], Awaitable[str | None]],
) -> Deed:
    return Deed(
        effect=effect,
        perform=perform,
        lookup=lookup,
        refusal=refusal,
        timeout=action.timeout_seconds,
        settle=action.settle_seconds,
    )


def _result(status: Outcome, effect: str) -> Settled | Unsure:
    return Unsure(effect) if status is Outcome.UNKNOWN else Settled(status, effect)
