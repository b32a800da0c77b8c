"""Places: is the gate at which a run waits in this release's graph at all?

LangGraph takes a resume at a node that it doesn't know for the end of the run and says nothing. So a run that paused
in another graph is looked up first; where its place is missing it is set aside, until a release has it again.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import structlog
from langgraph._internal._constants import CONFIG_KEY_STRICT_RESUME

from graph.faults import report
from graph.flow.ports import Checkpoints
from graph.verbs.ports import Run, RunStatus, Store, Tx
from graph.verbs.release import let_go

PAGE: Final = 10
"""As many as one message to operators can name."""
SETTLED_SECONDS: Final = 120.0
"""While a deploy is under way, two releases would else pass a run to and fro."""
_MAX_STEPS: Final = 1000
_log: Final = structlog.get_logger("gatepost.places")


class Displaced(Exception):
    """The place where the run waits is not in this graph."""


class Places:
    """The places of one compiled gateway graph."""

    def __init__(self, store: Store, checkpoints: Checkpoints, graph: Any) -> None:
        self._store, self._checkpoints, self._graph = store, checkpoints, graph
        self.names = ",".join(sorted(name for name in graph.nodes if not name.startswith("__")))
        """What is written down with a pause: as long as it stays the same, nothing needs looking up."""
        self._foreign: set[tuple[str, int]] = set()
        """Runs, each under its fence, whose places are known not to be in this graph."""

    def playable(self, saver: Any) -> Any:
        """The graph on this saver."""
        return self._graph.copy({"checkpointer": saver})

    async def check(self, run: Run) -> None:
        """Raise `Displaced` unless a resume of this run would be heard."""
        if run.interrupt_id is not None and run.graph != self.names and not await self._known(run):
            raise Displaced

    async def look(self, workflows: Sequence[str]) -> int:
        """Look at what paused in another graph: set aside what can't go on here, take back what can again."""
        return await self._set_aside(workflows) + await self._take_back(workflows)

    async def displace(self, run: Run) -> None:
        """Set a claimed run aside; raises `Fenced`."""
        async with self._store.begin() as tx:
            await tx.runs.finish(run, RunStatus.QUARANTINED, self._why, displaced=True)
            await self._tell(tx, [run])

    async def _known(self, run: Run) -> bool:
        state = await self.playable(self._checkpoints.saver()).aget_state(config_of(run))
        return run.interrupt_id in {interrupt.id for interrupt in state.interrupts}

    async def _set_aside(self, workflows: Sequence[str]) -> int:
        seen, last = 0, ""
        while True:
            async with self._store.begin() as tx:
                found = await tx.runs.elsewhere(workflows, self.names, last, PAGE)
            if not found:
                return seen
            lost = await self._lost(found)
            async with self._store.begin() as tx:
                await tx.runs.stamp([run.id for run in found if lost.get(run.id) is False], self.names)
                await self._tell(tx, await tx.runs.displace([run.id for run in found if lost.get(run.id)], self._why))
            seen, last = seen + len(found), found[-1].id

    async def _lost(self, runs: Sequence[Run]) -> dict[str, bool]:
        """By run id, whether its place is missing; what can't be read is left for the next time."""
        lost = {}
        for run in runs:
            try:
                lost[run.id] = not await self._known(run)
            except Exception as problem:
                report(f"the checkpoint of run {run.id} could not be read", problem)
        return lost

    async def _take_back(self, workflows: Sequence[str]) -> int:
        """What another release set aside goes on where this graph has its place, also if it has more beside it."""
        taken, last = 0, ""
        while True:
            async with self._store.begin() as tx:
                found = await tx.runs.displaced(workflows, SETTLED_SECONDS, last, PAGE)
            if not found:
                return taken
            fresh = [run for run in found if (run.id, run.fence) not in self._foreign]
            lost = await self._lost(fresh)
            # Neither the run nor this graph changes: one look at each is enough.
            self._foreign |= {(run.id, run.fence) for run in fresh if lost.get(run.id)}
            back = [run.id for run in fresh if lost.get(run.id) is False]
            if back:
                async with self._store.begin() as tx:
                    taken += sum([await let_go(tx, run_id, "flow") for run_id in back])
            last = found[-1].id

    @property
    def _why(self) -> str:
        return f"the place where this run waits is not in this release (it has {self.names})"

    async def _tell(self, tx: Tx, runs: Sequence[Run]) -> None:
        """On record, to operators (all of them in one message), and on the cards."""
        if not runs:
            return
        for run in runs:
            await tx.audit.record("run_displaced", "flow", run_id=run.id, paused_in=run.graph, release=self.names)
        ids, had = sorted(run.id for run in runs), sorted({run.graph for run in runs if run.graph})
        text = (
            f"The places where these runs wait are not in this release: {', '.join(ids)}. Nothing is lost:"
            f" deploy a release that has {' or '.join(had) or 'them'}. They go on by themselves a few minutes"
            " later, or at once: gatepost runs ID --again"
        )
        key = hashlib.sha256(" ".join((self.names, *ids)).encode()).hexdigest()
        await tx.owed.add("operators", f"displaced:{key}", {"text": text, "run_id": ids[0]})
        requests = [request.id for run in runs for request in await tx.requests.of_run(run.id)]
        await tx.cards.touch_many(requests)
        _log.warning("places where runs wait are not in this release", runs=ids, paused_in=had)


def config_of(run: Run) -> dict[str, Any]:
    """How LangGraph is told which run is meant; strict: an answer to something else is an error."""
    return {"configurable": {"thread_id": run.id, CONFIG_KEY_STRICT_RESUME: True}, "recursion_limit": _MAX_STEPS}


__all__ = ["Displaced", "Places", "config_of"]
