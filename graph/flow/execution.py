"""Carrying out what was decided: by the ledger, never twice, never for a world that moved."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from graph.failpoints import failpoint
from graph.flow.effects import carry_out, new_effect, settle
from graph.flow.outside import asked
from graph.flow.undoing import Settled, Undoing, Unsure, args_of, deed_of, result_of
from graph.flow.workflow import Action, Call
from graph.law.action import bind
from graph.law.grants import granted_by
from graph.law.record import AGENT_FLAG, news
from graph.law.request import Brief, DecisionType, Effect, Nature, Outcome, Request, Status, effect_id
from graph.law.words import made_storable, storable_json
from graph.verbs.authority import covers, gist, lapsed, outgrown
from graph.verbs.frame import impact_of, judge, own_flags
from graph.verbs.granted import withdrawn
from graph.verbs.outcome import touch_family
from graph.verbs.ports import Tx
from graph.verbs.record import recall
from graph.verbs.review import open_review
from graph.verbs.stop import said


@dataclass(frozen=True, slots=True)
class Moved:
    """Nothing was executed: the world is not the one that was approved for."""

    why: str


@dataclass(eq=False)
class Execution(Undoing):
    """What one segment does to the world, under its lease."""

    async def execute(self, request_id: str) -> Settled | Moved | Unsure:
        """Carry out an approved request, once; a replay reads the ledger."""
        key = effect_id(request_id)
        async with self._store.begin() as tx:
            request, effect = await tx.requests.get(request_id), await tx.effects.get(key)
        if request is None:
            raise RuntimeError(f"request {request_id} vanished")
        if effect is not None and effect.status is not Outcome.INTENT:
            await self._reviewed(request, effect.status)
            return result_of(effect.status, key)
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

        deed = deed_of(effect, action, perform, look_up, refusal)
        outcome, why = await carry_out(self._store, self.lease, deed, fresh=fresh)
        await self._reviewed(request, outcome)
        return await self._moved(request, why) if why and outcome is Outcome.FAILED else result_of(outcome, key)

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
            # Before anything is locked that somebody may hold who waits for the stop.
            await tx.stops.pass_by()
            await self.lease.hold(tx)
            now = await tx.now()
            why = await _stopped(tx, request) or await _authority_problem(tx, request, now)
            why = why or await outgrown(tx, request)
            if why is None:
                effect = new_effect(key, request, request.effect_class, None, now)
                await tx.effects.intend(effect, self.run.fence)
                await self.audit_intent(tx, effect)
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


async def _stopped(tx: Tx, request: Request) -> str | None:
    """Why what was approved may not begin: it is stopped, or was after somebody had approved it; or None.

    Only while the stop switch is passed by.
    """
    decision = await tx.requests.decision(request.id)
    stop = await tx.stops.bars(request.workflow, decision.at) if decision else None
    return await said(tx, stop) if stop else None


async def _authority_problem(tx: Tx, request: Request, now: datetime) -> str | None:
    """Why this approval doesn't carry an execution at this moment, or None."""
    decision = await tx.requests.decision(request.id)
    if request.status is not Status.APPROVED or decision is None or decision.type is not DecisionType.APPROVE:
        return "It was never approved."
    if decision.digest != request.digest:
        return "The approval was for another action."
    if request.execution_expires_at is None or now >= request.execution_expires_at:
        return f"It was approved at {decision.at:%Y-%m-%d %H:%M} UTC but not carried out in time."
    if granted_by(decision.by):
        return await withdrawn(tx, request, decision, now)
    return await lapsed(tx, request, decision)


__all__ = ["Execution", "Moved", "Settled", "Unsure", "args_of"]
