"""The runner: the only place that calls LangGraph. Claims owed runs, plays one segment, commits it whole."""

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import structlog
from langgraph.types import Command

import graph.flow  # noqa: F401  (strict msgpack before langgraph)
from graph.failpoints import failpoint
from graph.faults import report
from graph.flow.effects import RetryLater
from graph.flow.gateway import build
from graph.flow.lease import Lease
from graph.flow.places import Displaced, Places, config_of
from graph.flow.ports import Checkpoints, SegmentSaver
from graph.flow.segment import Segment
from graph.flow.workflow import Workflow
from graph.law.request import Status
from graph.spans import span
from graph.verbs.errors import Busy, Fenced
from graph.verbs.opening import ask, opening
from graph.verbs.outcome import touch_family
from graph.verbs.ports import Run, RunStatus, Store, Tx

MAX_ATTEMPTS: Final = 20
DRAIN_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 1.0
_BUSY_SECONDS: Final = 0.5
_log: Final = structlog.get_logger("gatepost.runner")


class Runner:
    """Plays segments of the given workflows. Any number of runners may share a database."""

    def __init__(
        self,
        store: Store,
        checkpoints: Checkpoints,
        workflows: Mapping[str, Workflow],
        *,
        lease_seconds: float = 30.0,
        parallel: int = 8,
        graph: Any = None,
    ) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self.workflows = workflows
        self._lease_seconds = lease_seconds
        self._parallel = parallel
        self.places = Places(store, checkpoints, (graph or build()).compile())

    async def work(self, run_id: str | None = None) -> int:
        """Claim what is owed (or just one run), play it; returns how many segments were played."""
        playing = await self._claim(self._parallel, run_id)
        await asyncio.gather(*playing)
        return len(playing)

    async def serve(self, stop: asyncio.Event, wake: asyncio.Event) -> None:
        """Play whatever is owed until `stop`, then finish what was begun. `wake` spares waiting for the poll."""
        playing: set[asyncio.Task[None]] = set()
        stopping = asyncio.create_task(stop.wait())
        while not stop.is_set():
            wake.clear()
            fresh = await self._claim_or_wait(self._parallel - len(playing))
            playing |= fresh
            if len(playing) < self._parallel and not fresh:
                waking = asyncio.create_task(wake.wait())
                await asyncio.wait({waking, stopping}, timeout=_POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                waking.cancel()
            elif len(playing) >= self._parallel:
                await asyncio.wait({*playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            playing = {task for task in playing if not task.done()}
        stopping.cancel()
        if playing:
            await asyncio.wait(playing, timeout=DRAIN_SECONDS)
        for task in playing:
            task.cancel()

    async def _claim_or_wait(self, limit: int) -> set[asyncio.Task[None]]:
        try:
            return await self._claim(limit)
        except Exception as problem:  # the database is away: nothing is claimed, nothing is lost
            report("nothing claimed", problem)
            return set()

    async def _claim(self, limit: int, run_id: str | None = None) -> set[asyncio.Task[None]]:
        claimed_at = time.monotonic()
        async with self._store.begin() as tx:
            runs = await tx.runs.claim(list(self.workflows), limit, self._lease_seconds, run_id)
        return {asyncio.create_task(self._play(run, claimed_at)) for run in runs}

    async def _play(self, run: Run, claimed_at: float) -> None:
        if run.attempts > MAX_ATTEMPTS:
            await self._safely(self._set_aside(run, run.last_error or "its worker died every time"))
            return
        lease = Lease(run, self._lease_seconds, claimed_at)
        segment = asyncio.create_task(self._told(lease))
        heart = asyncio.create_task(self._keep(lease, segment))
        try:
            await segment
        except asyncio.CancelledError:
            if not segment.cancelled() or _being_cancelled():
                raise
            _log.info("segment given up: the lease is lost", run=run.id)
        except Fenced as fenced:
            _log.info("segment given up", run=run.id, reason=str(fenced))
        except Displaced:
            await self._safely(self.places.displace(run))
        except Busy as busy:
            await self._safely(self._again(run, _BUSY_SECONDS, str(busy), blameless=True))
        except RetryLater as later:
            await self._safely(self._again(run, later.delay, str(later), blameless=True))
        except Exception as problem:  # whatever agents' code raises must not stop the worker
            reference = report(f"segment of run {run.id} failed", problem)
            error = f"{type(problem).__name__}, reference {reference} in the worker's log"
            delay = min(300.0, 0.5 * 2 ** min(run.attempts, 10))
            await self._safely(self._again(run, delay, error, blameless=False))
        finally:
            heart.cancel()

    async def _keep(self, lease: Lease, segment: "asyncio.Task[None]") -> None:
        """Renew the lease while the segment plays; cut the segment off when the lease is lost."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            try:
                async with self._store.begin() as tx:
                    await lease.hold(tx)
            except Fenced:
                segment.cancel()
                return
            except Exception as problem:  # the database may be back before the lease runs out
                report("lease not renewed", problem)

    async def _told(self, lease: Lease) -> None:
        run = lease.run
        with span("segment", run.id, workflow=run.workflow, fence=run.fence, attempt=run.attempts):
            await self._segment(lease)

    async def _segment(self, lease: Lease) -> None:
        run = lease.run
        segment = Segment(self._store, self.workflows[run.workflow], lease)
        if run.reversing:
            await self._reverse(segment)
            return
        await self.places.check(run)
        saver = self._checkpoints.saver()
        playing = self.places.playable(saver)
        values = await playing.ainvoke(await self._input(run), config_of(run), context=segment, durability="exit")
        failpoint("segment:before_commit")
        interrupts = values.get("__interrupt__", ())
        async with self._store.begin() as tx:
            await saver.flush(tx)
            if interrupts:
                await self._pause(tx, segment, interrupts)
            else:
                await self._end(tx, run, values)
        failpoint("segment:after_commit")

    async def _reverse(self, segment: Segment) -> None:
        """Until nothing more is found wrong: another review may be rejected while this one is being undone."""
        while True:
            await segment.reverse()
            async with self._store.begin() as tx:
                await segment.lease.hold(tx)  # from here on whoever rejects a review waits for this to commit
                if not await segment.found_wrong(tx):
                    await tx.runs.reversed(segment.run)
                    return

    async def _input(self, run: Run) -> Any:
        """A run that never paused starts; one that did is resumed with the decision it is owed, by id."""
        if run.interrupt_id is None:
            return {"run_id": run.id, "turn": 0, "mode": "forward"}
        async with self._store.begin() as tx:
            requests = await tx.requests.of_run(run.id)
        owed = [request for request in requests if request.interrupt_id == run.interrupt_id]
        if not owed or owed[-1].status in (Status.PENDING, Status.MODIFIED):
            raise RuntimeError(f"run {run.id} is owed a resume but its gate has no decision")
        answer = {"request_id": owed[-1].id, "status": str(owed[-1].status)}
        return Command(resume={run.interrupt_id: answer})

    async def _pause(self, tx: Tx, segment: Segment, interrupts: Sequence[Any]) -> None:
        draft, run = segment.draft, segment.run
        if draft is None or len(interrupts) != 1:
            raise RuntimeError(f"run {run.id} paused without exactly one request")
        interrupt_id = interrupts[0].id
        policy = await tx.policies.version(draft.policy_version)
        opened = await opening(tx, replace(draft, interrupt_id=interrupt_id), policy)
        if not await tx.requests.insert(opened.request):
            raise RuntimeError(f"request {draft.id} was opened twice")
        await tx.audit.record(
            "request_opened",
            f"agent:{run.workflow}",
            run_id=run.id,
            request_id=draft.id,
            digest=draft.digest,
            tier=draft.tier,
            risk=draft.risk,
            reasons=list(draft.reasons),
            parent=draft.parent_id,
            why=list(draft.route_why),
            policy_version=draft.policy_version,
            **opened.said,
        )
        await ask(tx, opened)
        if draft.parent_id:
            parent = await tx.requests.get(draft.parent_id)
            if parent is not None:
                await touch_family(tx, parent)
        await tx.runs.pause(run, interrupt_id, self.places.names)

    async def _end(self, tx: Tx, run: Run, values: Mapping[str, Any]) -> None:
        if values.get("next") != "end":
            # The graph stopped at a place it doesn't know: that is no end.
            raise Displaced
        status = RunStatus(values.get("status", RunStatus.FAILED))
        words = str(values.get("outcome", ""))
        await tx.runs.finish(run, status, words)
        await tx.audit.record(f"run_{status}", f"agent:{run.workflow}", run_id=run.id, outcome=words)
        for request in await tx.requests.of_run(run.id):
            if request.status is Status.APPROVED:
                await tx.cards.touch(request.id)
        if status is RunStatus.FAILED:
            text = f"Run {run.id} ({run.workflow}) ended, but not everything could be undone: {words[:300]}"
            await tx.owed.add("operators", f"failed:{run.id}", {"text": text, "run_id": run.id})
        if run.requester:
            await tx.owed.add("run_ended", run.id, {"run_id": run.id, "user": run.requester})

    async def _again(self, run: Run, delay: float, error: str, *, blameless: bool) -> None:
        async with self._store.begin() as tx:
            await tx.runs.retry(run, delay, error, blameless=blameless)

    async def _set_aside(self, run: Run, error: str) -> None:
        """Quarantine: nothing of it is tried again until an operator says so."""
        async with self._store.begin() as tx:
            if run.reversing:
                # The run itself is well, or over: only what was to be undone is given up.
                await tx.runs.reversed(run)
                text = f"What run {run.id} ({run.workflow}) did alone was found wrong and could not be undone: {error}"
                await tx.owed.add("operators", f"not reversed:{run.id}:{run.fence}", {"text": text, "run_id": run.id})
                return
            await tx.runs.finish(run, RunStatus.QUARANTINED, error)
            await tx.audit.record("run_quarantined", "flow", run_id=run.id, error=error)
            text = f"Run {run.id} ({run.workflow}) failed {MAX_ATTEMPTS} times and was set aside: {error}"
            text += f". Once mended: gatepost runs {run.id} --again"
            await tx.owed.add("operators", f"quarantine:{run.id}:{run.fence}", {"text": text, "run_id": run.id})
            for request in await tx.requests.of_run(run.id):
                await tx.cards.touch(request.id)

    async def _safely(self, writing: Awaitable[None]) -> None:
        """What can't be written down now is found again when the lease has run out."""
        try:
            await writing
        except Fenced as fenced:
            _log.info("not recorded: the lease is lost", reason=str(fenced))
        except Exception as problem:  # the database is away
            report("a segment's end could not be recorded", problem)


def _being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


__all__ = ["MAX_ATTEMPTS", "Runner", "SegmentSaver"]
