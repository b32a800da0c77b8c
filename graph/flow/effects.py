"""The ledger at work: INTENT committed, then the call with its key, then DONE, FAILED or UNKNOWN.

What a lost answer means depends on what the receiver offers (the effect class): the same key again, a
look-up, or nothing but to say that nobody knows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from graph.failpoints import failpoint
from graph.flow.lease import Lease
from graph.flow.workflow import Call, Refused
from graph.law.request import Effect, EffectClass, Outcome
from graph.law.words import made_storable, storable_json
from graph.verbs.outcome import owe_outcome
from graph.verbs.ports import Store, Tx

KEY_HORIZON: Final = timedelta(hours=24)
"""How long receivers are trusted to remember an idempotency key (Stripe: at least 24 hours)."""
_QUICK_RETRIES: Final = (0.05, 0.3)
_MAX_ERROR: Final = 500


class RetryLater(Exception):
    """The outside isn't there or hasn't settled; the segment is owed again after `delay` seconds."""

    def __init__(self, reason: str, delay: float) -> None:
        super().__init__(reason)
        self.delay = delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One effect to carry out: how to do it, how to look it up, how long to wait for it."""

    effect: Effect
    perform: Callable[[Call], Awaitable[dict[str, Any]]]
    lookup: Callable[[Call], Awaitable[dict[str, Any] | None]]
    timeout: float


async def carry_out(store: Store, lease: Lease, deed: Deed, *, fresh: bool) -> Outcome:
    """Drive an effect whose INTENT is committed to its outcome. `fresh`: this process just wrote the INTENT."""
    effect = deed.effect
    if not fresh:
        if effect.effect_class is EffectClass.OPAQUE:
            return await _settle(store, lease, effect, Outcome.UNKNOWN, None, "the process died during the call")
        if effect.effect_class is EffectClass.QUERYABLE and (found := await _look_up(deed)) is not None:
            return await _settle(store, lease, effect, Outcome.DONE, found, "")
        await _again(store, lease, effect)
    return await _attempt(store, lease, deed)


async def _attempt(store: Store, lease: Lease, deed: Deed) -> Outcome:
    effect, error = deed.effect, ""
    for pause in (*_QUICK_RETRIES, None):
        lease.check()
        try:
            result = await asyncio.wait_for(deed.perform(_call(effect)), deed.timeout)
        except Refused as refusal:
            return await _settle(store, lease, effect, Outcome.FAILED, None, str(refusal))
        except Exception as problem:  # anything else leaves open whether it happened
            error = _describe(problem)
        else:
            failpoint("effect:after_call")
            return await _settle(store, lease, effect, Outcome.DONE, result, "")
        if effect.effect_class is EffectClass.OPAQUE:
            return await _settle(store, lease, effect, Outcome.UNKNOWN, None, error)
        if effect.effect_class is EffectClass.QUERYABLE:
            break  # the lost call may still be under way: let it settle before looking
        if pause is not None:
            await asyncio.sleep(pause)
    await _give_up_on_old(store, lease, effect, error)
    raise RetryLater(error, delay=min(60.0, 0.5 * 2 ** min(effect.attempts, 7)))


async def _look_up(deed: Deed) -> dict[str, Any] | None:
    try:
        return await asyncio.wait_for(deed.lookup(_call(deed.effect)), deed.timeout)
    except Exception as problem:  # without an answer nothing is known: neither done nor to be repeated
        raise RetryLater(f"could not look the effect up: {_describe(problem)}", delay=2.0) from problem


async def _again(store: Store, lease: Lease, effect: Effect) -> None:
    async with store.begin() as tx:
        await lease.hold(tx)
        await tx.effects.again(effect.id, lease.run.fence)


async def _give_up_on_old(store: Store, lease: Lease, effect: Effect, error: str) -> None:
    """Past the receiver's memory of our key, trying again would no longer be safe."""
    async with store.begin() as tx:
        now = await tx.now()
    if effect.effect_class is EffectClass.IDEMPOTENT and now - effect.intent_at > KEY_HORIZON:
        await _settle(store, lease, effect, Outcome.UNKNOWN, None, f"no answer for {KEY_HORIZON}: {error}")


async def _settle(
    store: Store, lease: Lease, effect: Effect, status: Outcome, result: dict[str, Any] | None, error: str
) -> Outcome:
    error = made_storable(error)[:_MAX_ERROR]
    async with store.begin() as tx:
        await lease.hold(tx)
        await tx.effects.settle(effect.id, status, storable_json(result), error, None)
        await tx.audit.record(
            f"effect_{status}",
            f"fence:{lease.run.fence}",
            run_id=effect.run_id,
            request_id=effect.request_id,
            effect=effect.id,
            undo_of=effect.undo_of,
            error=error,
        )
        await _tell(tx, effect, status)
    failpoint("effect:after_settle")
    return status


async def _tell(tx: Tx, effect: Effect, status: Outcome) -> None:
    await tx.cards.touch(effect.request_id)
    request = await tx.requests.get(effect.request_id)
    if request is not None and request.parent_id:
        # An edited request's card is the one in the channel; it tells what came of the edit.
        await tx.cards.touch(request.parent_id)
    if request is not None and effect.undo_of is None:
        await owe_outcome(tx, request)
    if status is Outcome.UNKNOWN:
        text = f"Nobody knows whether {effect.action_type} ({effect.id}) happened; a reconcile card is on its way."
        await tx.owed.add("operators", f"unknown:{effect.id}", {"text": text, "run_id": effect.run_id})


def _call(effect: Effect) -> Call:
    return Call(key=effect.id, run_id=effect.run_id, attempt=effect.attempts)


def _describe(problem: BaseException) -> str:
    """The kind of error and its words. Messages of HTTP libraries name URLs but no headers or bodies."""
    return f"{type(problem).__name__}: {problem}".strip(": ")


def new_effect(effect_id: str, request: Any, effect_class: EffectClass, undo_of: str | None, now: datetime) -> Effect:
    """A ledger row as it is at INTENT."""
    return Effect(
        id=effect_id,
        run_id=request.run_id,
        request_id=request.id,
        undo_of=undo_of,
        action_type=request.action_type,
        effect_class=effect_class,
        status=Outcome.INTENT,
        attempts=1,
        result=None,
        error="",
        intent_at=now,
        finished_at=None,
        reconciled_by=None,
    )
