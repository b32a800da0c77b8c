"""What Gatepost's own record says of an action, read at the moment it is proposed and again before it is done."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

from graph.law.action import Bound
from graph.law.facts import Record
from graph.law.policy import Policy
from graph.law.policy_rows import Total
from graph.law.record import pieces, same_thing, told
from graph.law.request import Nature, Risk, Status
from graph.verbs.ports import Tx

REJECTIONS_FOR: Final = timedelta(hours=24)
_MOST_TOLD: Final = 2


async def recall(
    tx: Tx, policy: Policy, bound: Bound, nature: Nature, run_id: str, requester: str | None, risk: Risk
) -> Record:
    """The record on this action, as of now. `risk` is the impact band whose precedents count."""
    action, target = f"{bound.workflow}.{bound.type}", target_of(nature, bound)
    past = await tx.past.outcomes(bound.workflow, bound.type, risk, target)
    rejections = await tx.past.rejected(bound.workflow, run_id, bound.digest, target, REJECTIONS_FOR)
    common = await _common(tx, run_id) if any(before.run_id == run_id for before in rejections) else frozenset()
    again = [
        before
        for before in rejections
        if same_thing(
            before,
            run_id=run_id,
            action=bound.type,
            digest=bound.digest,
            target=target,
            args=bound.args,
            common=common,
        )
    ]
    counted = nature.form.value_field is not None
    return Record(
        asked=past.asked,
        well=past.well,
        usual=past.usual,
        usual_of=past.usual_of,
        theirs=past.theirs,
        theirs_of=past.theirs_of,
        lately=past.lately,
        totals=await totals(tx, policy.book(action).totals, bound.workflow, target, requester) if counted else {},
        rejected=tuple(told(before) for before in again[:_MOST_TOLD]),
        same_rejected=await tx.past.times_rejected(bound.digest, REJECTIONS_FOR) if again else 0,
    )


async def _common(tx: Tx, run_id: str) -> frozenset[str]:
    """What the run's approved actions hold: its case's number, say, which no rejection was about."""
    approved = (request.args for request in await tx.requests.of_run(run_id) if request.status is Status.APPROVED)
    return frozenset().union(*map(pieces, approved))


async def totals(
    tx: Tx, rows: Sequence[Total], workflow: str, target: str | None, requester: str | None, *, lock: bool = False
) -> dict[str, Decimal]:
    """By name, what has been done in the window and counts together; with `lock`, held until this commits."""
    found = {}
    for row in rows:
        key = {"target": target, "requester": requester, "all": "*"}[row.by]
        if key is None:
            continue  # nobody and nothing to add up for
        if lock:
            # Targets are a workflow's own; whoever asks, and everything together, is the same everywhere.
            await tx.past.lock(f"{row.name}/{workflow if row.by == 'target' else ''}/{key}")
        done = await tx.past.total(row.actions, row.by, workflow, key, row.window)
        if done:
            found[row.name] = done
    return found


def target_of(nature: Nature, bound: Bound) -> str | None:
    """Whom or what the action touches, as text."""
    field = nature.form.target_field
    return str(bound.args[field]) if field and bound.args.get(field) is not None else None
