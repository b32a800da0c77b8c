"""Undoing: compensating what was done, newest first, one ledger row each; and what a worker shares to do so."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from graph.failpoints import failpoint
from graph.flow.effects import Deed, RetryLater, carry_out, new_effect, settle
from graph.flow.lease import Lease
from graph.flow.workflow import Action, Call, Workflow
from graph.law.action import bind
from graph.law.canonical import Unfaithful
from graph.law.request import Effect, EffectClass, Kind, Outcome, Request, Status, undo_id
from graph.verbs.ports import Run, Store, Tx
from graph.verbs.stop import barred

_STOPPED_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Settled:
    """The effect is DONE or FAILED."""

    status: Outcome
    effect: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """Nobody knows whether the effect happened; a person has to look."""

    effect: str


@dataclass(eq=False)
class Undoing:
    """What one segment can take back, under its lease."""

    _store: Store
    _workflow: Workflow
    lease: Lease

    @property
    def run(self) -> Run:
        return self.lease.run

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
            return result_of(undo.status, key)
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

        deed = deed_of(undo, action, perform, look_up, refusal)
        outcome, _ = await carry_out(self._store, self.lease, deed, fresh=fresh)
        return result_of(outcome, key)

    async def _intend_undo(self, request: Request, effect: Effect, effect_class: EffectClass, key: str) -> Effect:
        failpoint("effect:before_intent")
        async with self._store.begin() as tx:
            if why := await barred(tx, request.workflow):
                raise RetryLater(why, _STOPPED_SECONDS)
            await self.lease.hold(tx)
            undo = new_effect(key, request, effect_class, effect.id, await tx.now())
            await tx.effects.intend(undo, self.run.fence)
            await self.audit_intent(tx, undo)
        failpoint("effect:after_intent")
        return undo

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

    async def audit_intent(self, tx: Tx, effect: Effect) -> None:
        await tx.audit.record(
            "effect_intent",
            f"fence:{self.run.fence}",
            run_id=effect.run_id,
            request_id=effect.request_id,
            effect=effect.id,
            undo_of=effect.undo_of,
            effect_class=effect.effect_class,
        )


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


def deed_of(
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


def result_of(status: Outcome, effect: str) -> Settled | Unsure:
    return Unsure(effect) if status is Outcome.UNKNOWN else Settled(status, effect)
