"""Sweep: what does the clock ask for? Every step is guarded by its row, so many sweepers do no harm."""

from graph.failpoints import failpoint
from graph.law.request import Decision, DecisionType, Request, next_step
from graph.verbs.outcome import settle
from graph.verbs.ports import Store, Tx

BATCH = 100


async def sweep(store: Store) -> int:
    """Expire what has expired and re-render what became more urgent; returns how many rows moved."""
    async with store.begin() as tx:
        due = await tx.requests.due(BATCH)
        for request in due:
            await _step(tx, request)
        failpoint("sweep:before_commit")
    return len(due)


async def _step(tx: Tx, request: Request) -> None:
    now = await tx.now()
    if request.expires_at is None:
        raise RuntimeError(f"pending request {request.id} has no expiry")
    if request.expires_at <= now:
        await _expire(tx, request)
        return
    await tx.requests.step(request, next_step(request.created_at, request.sla_seconds, request.expires_at, now))
    await tx.cards.touch(request.id)


async def _expire(tx: Tx, request: Request) -> None:
    decision = Decision(
        request_id=request.id,
        type=DecisionType.EXPIRE,
        by="clock",
        person=None,
        reason="nobody decided in time",
        digest=request.digest,
        at=await tx.now(),
        via="sweep",
    )
    await settle(tx, request, decision, await tx.policies.current())
