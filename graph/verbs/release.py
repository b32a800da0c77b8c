"""Release: a run that was set aside may be tried again, because somebody has mended what broke it."""

from graph.verbs.errors import NotFound
from graph.verbs.ports import Store


async def release(store: Store, run_id: str, by: str) -> None:
    """The quarantined run is owed a segment again; raises `NotFound` when there is none of that id."""
    async with store.begin() as tx:
        if not await tx.runs.release(run_id):
            raise NotFound(f"There is no run {run_id or '(none named)'} that was set aside.")
        await tx.audit.record("run_released", by, run_id=run_id)
