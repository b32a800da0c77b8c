"""The ledger at work: INTENT committed, then the call with its key, then DONE, FAILED or UNKNOWN.

What a lost answer means depends on what the receiver offers (the effect class): the same key again, a
look-up, or nothing but to say that nobody knows.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NoReturn

from graph.failpoints import failpoint
from graph.flow.lease import Lease
from graph.flow.workflow import Call, Refused, Unreached
from graph.law.request import Effect, EffectClass, Outcome
from graph.law.words import made_storable, storable_json
from graph.spans import span
from graph.verbs.errors import Fenced
from graph.verbs.outcome import tell_outcome
from graph.verbs.ports import Store

KEY_HORIZON: Final = timedelta(hours=24)
"""How long receivers are trusted to remember an idempotency key (Stripe: at least 24 hours)."""
ALARM_AFTER: Final = timedelta(minutes=1)
_QUICK_RETRIES: Final = (0.05, 0.3)
_MAX_ERROR: Final = 500


class RetryLater(Exception):
    """The outside isn't there or hasn't settled; the segment is owed again after `delay` seconds."""

    def __init__(self, reason: str, delay: float) -> None:
        super().__init__(reason)
        self.delay = delay


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One effect to carry out: how to do it, how to look it up, how long to wait for it.

    `refusal` says why it may no longer be done (or None); it is asked again before every later attempt.
    """

    effect: Effect
    perform: Callable[[Call], Awaitable[dict[str, Any]]]
    lookup: Callable[[Call], Awaitable[dict[str, Any] | None]]
    refusal: Callable[[], Awaitable[str | None]]
    timeout: float
    settle: float


async def carry_out(store: Store, lease: Lease, deed: Deed, *, fresh: bool) -> tuple[Outcome, str]:
    """Drive an effect whose INTENT is committed to its outcome; `fresh`: this process just wrote the INTENT.

    Returns the outcome and, where a later attempt was refused before anything had happened, why.
    """
    effect = deed.effect
    with span("effect", effect.run_id, effect=effect.id, action=effect.action_type, request=effect.request_id) as told:
        outcome, why = await _carry_out(store, lease, deed, fresh=fresh)
        told.say(outcome=outcome)
    return outcome, why


async def _carry_out(store: Store, lease: Lease, deed: Deed, *, fresh: bool) -> tuple[Outcome, str]:
    effect = deed.effect
    if not fresh:
        if effect.effect_class is EffectClass.OPAQUE:
            return await settle(store, lease, effect, Outcome.UNKNOWN, None, "the process died during the call"), ""
        if effect.effect_class is EffectClass.QUERYABLE:
            found = await _look_up(store, lease, deed)
            if found is not None:
                return await settle(store, lease, effect, Outcome.DONE, found, ""), ""
        if why := await deed.refusal():
            return await _refused_midway(store, lease, effect, why), why
        await _again(store, lease, effect)
    return await _attempt(store, lease, deed), ""


async def _refused_midway(store: Store, lease: Lease, effect: Effect, why: str) -> Outcome:
    """An earlier attempt was lost and another may not be made: known where it can be looked up, else not."""
    if effect.effect_class is EffectClass.QUERYABLE:
        return await settle(store, lease, effect, Outcome.FAILED, None, why)
    return await settle(store, lease, effect, Outcome.UNKNOWN, None, f"an answer was lost, and since then: {why}")


async def _attempt(store: Store, lease: Lease, deed: Deed) -> Outcome:
    effect, error = deed.effect, ""
    for pause in (*_QUICK_RETRIES, None):
        unreached = False
        try:
            result = await asyncio.wait_for(deed.perform(_call(effect)), min(deed.timeout, lease.remaining()))
        except Unreached as away:
            unreached, error = True, str(away)
        except Refused as refusal:
            return await settle(store, lease, effect, Outcome.FAILED, None, str(refusal))
        except Fenced:
            raise
        except Exception as problem:  # anything else leaves open whether it happened
            error = _describe(problem)
        else:
            failpoint("effect:after_call")
            return await settle(store, lease, effect, Outcome.DONE, result, "")
        if effect.effect_class is EffectClass.OPAQUE:
            status = Outcome.FAILED if unreached else Outcome.UNKNOWN
            return await settle(store, lease, effect, status, None, error)
        if effect.effect_class is EffectClass.QUERYABLE and not unreached:
            break  # the lost call may still be under way: let it settle before looking
        if pause is not None:
            await asyncio.sleep(pause)
    delay = min(60.0, 0.5 * 2 ** min(effect.attempts, 7))
    await _later(store, lease, deed, error, max(delay, deed.settle) if _queryable(effect) else delay)


async def _look_up(store: Store, lease: Lease, deed: Deed) -> dict[str, Any] | None:
    try:
        return await asyncio.wait_for(deed.lookup(_call(deed.effect)), min(deed.timeout, lease.remaining()))
    except Fenced:
        raise
    except Exception as problem:  # without an answer nothing is known: neither done nor to be repeated
        error = f"could not look the effect up: {_describe(problem)}"
    await _later(store, lease, deed, error, 2.0)


def _queryable(effect: Effect) -> bool:
    return effect.effect_class is EffectClass.QUERYABLE


async def _again(store: Store, lease: Lease, effect: Effect) -> None:
    async with store.begin() as tx:
        await lease.hold(tx)
        await tx.effects.again(effect.id, lease.run.fence)


async def _later(store: Store, lease: Lease, deed: Deed, error: str, delay: float) -> NoReturn:
    """Try again after a while, tell operators when that goes on, and stop before it would no longer be safe."""
    effect = deed.effect
    async with store.begin() as tx:
        await lease.hold(tx)
        age = await tx.now() - effect.intent_at
        if age > ALARM_AFTER:
            text = f"{effect.action_type} ({effect.id}) has had no answer for over a minute; it is being tried again."
            await tx.owed.add("operators", f"waiting:{effect.id}", {"text": text, "run_id": effect.run_id})
    if age > KEY_HORIZON:
        await settle(store, lease, effect, Outcome.UNKNOWN, None, f"no answer for {KEY_HORIZON}: {error}")
    raise RetryLater(error, delay)


async def settle(
    store: Store, lease: Lease, effect: Effect, status: Outcome, result: dict[str, Any] | None, error: str
) -> Outcome:
    """Write what came of an effect, once, and owe the news."""
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
        await tell_outcome(tx, effect, status)
    failpoint("effect:after_settle")
    return status


def _call(effect: Effect) -> Call:
    return Call(key=effect.id, run_id=effect.run_id, attempt=effect.attempts)


def _describe(problem: BaseException) -> str:
    """The kind of error only: its words may hold what the receiver or a library put there, secrets included."""
    return f"no certain answer ({type(problem).__name__})"


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
