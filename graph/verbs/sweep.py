"""Sweep: what does the clock ask for? Requests are taken in batches under their locks, so that many sweepers do no
harm and thousands that come due at once are soon through.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from graph.failpoints import failpoint
from graph.faults import report
from graph.law.escalation import Due, Timer, next_step, steps_due
from graph.law.request import Kind
from graph.spans import span
from graph.verbs.escalate import Ladder, go_up
from graph.verbs.hold import unhold
from graph.verbs.outcome import expire_all
from graph.verbs.ports import Move, Store, Tx
from graph.verbs.reach import raise_unreachable
from graph.verbs.silence import consent

BATCH = 100
"""So many are locked at a time: a click on one of them waits for the whole batch."""
ROUNDS = 100
SET_BACK = timedelta(minutes=1)
QUIET = timedelta(minutes=5)
"""After a reminder of a batch there is none of it for so long: its items come due one after the other."""
STUCK_SECONDS = 120.0


async def sweep(store: Store) -> int:
    """Remind, ask the next tier, expire, say what is stuck; returns how many rows moved."""
    async with store.begin() as tx:
        for run in await tx.runs.stuck(STUCK_SECONDS):
            text = f"Run {run.id} has been owed a resume for over two minutes: is a worker for {run.workflow} up?"
            await tx.owed.add("operators", f"stuck:{run.id}:{run.fence}", {"text": text, "run_id": run.id})
    moved = await raise_unreachable(store)
    for _ in range(ROUNDS):
        stepped = await _batch(store)
        moved += stepped
        if stepped < BATCH:
            break
    async with store.begin() as tx:
        moved += await tx.stops.show()
    return moved


async def _batch(store: Store) -> int:
    """Step what is due, all in one transaction; where one spoils it, each in its own."""
    try:
        with span("sweep") as told:
            async with store.begin() as tx:
                due = await tx.requests.lock_due(BATCH)
                await _step(tx, due)
                failpoint("sweep:before_commit")
            told.say(count=len(due)) if due else told.drop()
        return len(due)
    except Exception as problem:  # one of them, or the database
        report("a batch could not be swept; each of it is tried by itself", problem)
    async with store.begin() as tx:
        ids = await tx.requests.due(BATCH)
    return sum([await _alone(store, request_id) for request_id in ids])


async def _alone(store: Store, request_id: str) -> int:
    try:
        async with store.begin() as tx:
            timer = await tx.requests.lock_timer(request_id)
            if timer is not None:
                await _step(tx, [timer])
            return int(timer is not None)
    except Exception as problem:  # the others are due as well
        reference = report(f"request {request_id} could not be swept", problem)
    async with store.begin() as tx:
        # Set back a little, so that it keeps no others from their turn.
        await tx.requests.step_many({request_id: await tx.now() + SET_BACK})
        text = f"The clock of request {request_id} can't be read; see reference {reference} in the worker's log."
        await tx.owed.add("operators", f"unswept:{request_id}", {"text": text})
    return 0


@dataclass(eq=False)
class _Plan:
    """What one batch comes to."""

    ladder: Ladder
    now: datetime
    steps: dict[str, datetime] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    reminding: list[Timer] = field(default_factory=list)
    direct: list[tuple[str, str, int]] = field(default_factory=list)
    expiring: list[str] = field(default_factory=list)
    held: list[Timer] = field(default_factory=list)


async def _step(tx: Tx, due: Sequence[Timer]) -> None:
    if not due:
        return
    now = await tx.now()
    plan = _Plan(ladder=Ladder(tx, await tx.policies.current(), now), now=now)
    for timer in due:
        await _plan(tx, plan, timer)
    if plan.expiring:
        await expire_all(tx, await tx.requests.many(plan.expiring))
    for timer in plan.held:
        await unhold(tx, timer, plan.ladder.timing(timer), now)
    if plan.moves:
        await go_up(plan.ladder, plan.moves, "clock")
    await tx.requests.step_many(plan.steps)
    await tx.cards.touch_many(list(plan.steps))
    await tx.cards.want_many(plan.direct)
    await tx.owed.add_many("reminder", await _reminders(tx, plan))


async def _plan(tx: Tx, plan: _Plan, timer: Timer) -> None:
    if timer.tier <= plan.ladder.top:
        await plan.ladder.there(timer.tier)
    steps = steps_due(timer, plan.ladder.timing(timer), plan.now)
    match steps[-1]:
        case Due.EXPIRE:
            plan.expiring.append(timer.id)
            return
        case Due.UNHOLD:
            plan.held.append(timer)
            return
        case Due.TIMEOUT:
            if await _timed_out(tx, plan, timer):
                return
        case Due.REPEAT if await _late(plan, timer):
            return
        case Due.REMIND | Due.REPEAT:
            plan.reminding.append(timer)
        case _:
            if await _deserted(plan, timer) or await _late(plan, timer):
                return
    timing = plan.ladder.timing(timer)
    plan.steps[timer.id] = next_step(timing, timer.asked_at, timer.expires_at, plan.now, timer.claimed_until)


async def _timed_out(tx: Tx, plan: _Plan, timer: Timer) -> bool:
    """The SLA has passed: ask the next tier, or take silence for consent; False when it goes on waiting here."""
    ladder = plan.ladder
    silent = _then(ladder, timer) == "approve" and timer.kind is Kind.ACTION
    if silent and await consent(tx, timer, ladder.current):
        return True
    if await _next_tier(plan, timer):
        return True
    # Nobody else to ask: whoever is told directly hears of it now, once.
    if timer.tier <= ladder.top:
        plan.direct += [(timer.id, user, timer.tier) for user in await ladder.told_directly(timer.tier)]
    return False


def _then(ladder: Ladder, timer: Timer) -> str:
    return ladder.policy.on_timeout(f"{timer.workflow}.{timer.action_type}", min(timer.tier, ladder.top))


async def _next_tier(plan: _Plan, timer: Timer) -> bool:
    """Ask the next tier in which somebody is there, where nobody of this one decided in time."""
    ladder, then = plan.ladder, _then(plan.ladder, timer)
    if then == "approve":
        then = ladder.policy.tiers[min(timer.tier, ladder.top)].on_timeout
    higher = await ladder.above(timer.tier) if then != "reject" else None
    if higher is not None:
        plan.moves.append(ladder.move(timer, higher, f"nobody of tier {timer.tier} decided in time"))
    return higher is not None


async def _late(plan: _Plan, timer: Timer) -> bool:
    """When the SLA passed nobody above was on duty; now somebody is."""
    return timer.due_at <= plan.now and await _next_tier(plan, timer)


async def _deserted(plan: _Plan, timer: Timer) -> bool:
    """The last one of the tier has gone off duty: the next tier in which somebody is there is asked at once."""
    ladder = plan.ladder
    # Nothing waits for what is only looked at afterwards.
    if timer.tier > ladder.top or timer.kind is Kind.REVIEW:
        return False
    there = await ladder.there(timer.tier)
    if there.people:
        return False
    higher = await ladder.above(timer.tier)
    if higher is None:
        return False
    plan.moves.append(ladder.move(timer, higher, there.why))
    return True


async def _reminders(tx: Tx, plan: _Plan) -> dict[str, dict[str, str]]:
    """What the channels are reminded of, by key; of a batch once, however many of its items are due."""
    batched, found = await tx.batches.of([timer.id for timer in plan.reminding]), dict[str, dict[str, str]]()
    reminded = set[str]()
    for timer in plan.reminding:
        batch, payload = batched.get(timer.id), {"request_id": timer.id, "tier": str(timer.tier)}
        if batch is not None:
            quiet = min(QUIET, timer.sla / 2).total_seconds()
            if batch.id in reminded or not await tx.batches.remind(batch.id, quiet):
                continue
            reminded.add(batch.id)
            payload["batch_id"] = batch.id
        found[f"{timer.id}:{timer.tier}:{int(plan.now.timestamp())}"] = payload
    return found
