"""Release: a run that was set aside may be tried again, because somebody has mended what broke it."""

from graph.law.request import Kind, Status
from graph.verbs.errors import NotFound
from graph.verbs.ports import Store, Tx


async def release(store: Store, run_id: str, by: str) -> None:
    """The quarantined run goes back to where it was; raises `NotFound` when there is none of that id."""
    async with store.begin() as tx:
        if not await let_go(tx, run_id, by):
            raise NotFound(f"There is no run {run_id or '(none named)'} that was set aside.")


async def let_go(tx: Tx, run_id: str, by: str) -> bool:
    """It waits for people again, or is owed a segment when they have answered meanwhile; False when it isn't aside."""
    waits = await _waits(tx, run_id)
    if not await tx.runs.release(run_id, waits=waits):
        return False
    await tx.audit.record("run_released", by, run_id=run_id, waits=waits)
    for request in await tx.requests.of_run(run_id):
        await tx.cards.touch(request.id)
    return True


async def _waits(tx: Tx, run_id: str) -> bool:
    """Whether people are still asked. The request stays locked: a decision that comes now finds the run released."""
    while True:
        requests = await tx.requests.of_run(run_id)
        asked = next((one for one in requests if one.status is Status.PENDING and one.kind is not Kind.REVIEW), None)
        if asked is None:
            return False
        locked = await tx.requests.lock(asked.id)
        if locked is not None and locked.status is Status.PENDING:
            return True
