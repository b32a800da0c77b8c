"""Sweep: what does the clock ask for? Every step is guarded by its row, so many sweepers do no harm."""

from graph.failpoints import failpoint
from graph.faults import report
from graph.law.request import Decision, DecisionType, Request, next_step
from graph.verbs.outcome import settle
from graph.verbs.ports import Store, Tx
from graph.verbs.reach import raise_unreachable

BATCH = 200
STUCK_SECONDS = 120.0


async def sweep(store: Store) -> int:
    """Expire what has expired, re-render what became more urgent, say what is stuck; returns how many rows moved.

    Each row in a transaction of its own: one that can't be read or moved holds up no other.
    """
    async with store.begin() as tx:
        due = await tx.requests.due(BATCH)
        for run in await tx.runs.stuck(STUCK_SECONDS):
            text = f"Run {run.id} has been owed a resume for over two minutes: is a worker for {run.workflow} up?"
            await tx.owed.add("operators", f"stuck:{run.id}:{run.fence}", {"text": text, "run_id": run.id})
    moved = await raise_unreachable(store)
    for request_id in due:
        try:
            async with store.begin() as tx:
                moved += await _step(tx, request_id)
                failpoint("sweep:before_commit")
        except Exception as problem:  # the others are due as well
            report(f"request {request_id} could not be swept", problem)
    return moved


async def _step(tx: Tx, request_id: str) -> int:
    request = await tx.requests.lock_due(request_id)
    if request is None:
        return 0
    now = await tx.now()
    if request.expires_at is None:
        raise RuntimeError(f"pending request {request.id} has no expiry")
    if request.expires_at <= now:
        await _expire(tx, request)
        return 1
    await tx.requests.step(request, next_step(request.created_at, request.sla_seconds, request.expires_at, now))
    await tx.cards.touch(request.id)
    return 1


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
