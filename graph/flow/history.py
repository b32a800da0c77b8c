"""What became of a run's earlier proposals, told from the rows."""

from collections.abc import Sequence

from graph.flow.workflow import Turn
from graph.law.request import Effect, Kind, Request, Status
from graph.verbs.ports import Tx


async def history(tx: Tx, run_id: str) -> Sequence[Turn]:
    """The decided actions of a run in order; of an edited one, the version that counted."""
    effects = {effect.request_id: effect for effect in await tx.effects.of_run(run_id) if effect.undo_of is None}
    turns = []
    for request in await tx.requests.of_run(run_id):
        if request.kind is Kind.ACTION and request.status not in (Status.PENDING, Status.MODIFIED):
            turns.append(await _turn(tx, request, effects.get(request.id)))
    return turns


async def _turn(tx: Tx, request: Request, effect: Effect | None) -> Turn:
    decision = await tx.requests.decision(request.id)
    return Turn(
        action=request.action_type,
        args=request.args,
        status=request.status,
        outcome=effect.status if effect else None,
        reason=decision.reason if decision else "",
        result=effect.result if effect else None,
        error=effect.error if effect else "",
        by_policy=decision is not None and decision.via == "policy",
    )
