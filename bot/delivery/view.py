"""Loads what a card shows, in the reader's transaction."""

from collections.abc import Sequence

from bot.cards.view import CardView
from graph.law.request import Decision, Effect, Kind, Request, Status
from graph.verbs.ports import RunStatus, Tx, Vote

_SET_ASIDE = "This run was set aside after repeated failures; an operator has to look at it."
_REPLACED = "It was not carried out; a newer request of this run took its place."


async def load_view(tx: Tx, request: Request) -> CardView:
    """The request as it is now, with what became of it."""
    decision = await tx.requests.decision(request.id)
    votes = await tx.requests.votes(request.id, request.digest) if request.approvals_required > 1 else ()
    followup = None
    if decision is not None and decision.next_request_id:
        followup = await tx.requests.get(decision.next_request_id)
    effect = await _effect(tx, followup if request.status is Status.MODIFIED and followup else request)
    run = await tx.runs.get(request.run_id)
    status = run.status if run else ""
    return CardView(
        request=request,
        now=await tx.now(),
        decision=decision,
        effect=effect,
        votes=tuple((vote.user_id, vote.at) for vote in votes),
        run_status=str(status),
        run_note=await _note(tx, request, effect, str(status)),
        followup=followup,
        names=await _names(tx, request, decision, votes, effect),
    )


async def _effect(tx: Tx, request: Request) -> Effect | None:
    """The effect that the request allowed, or the one that a reconcile request asks about."""
    if request.kind is Kind.RECONCILE:
        return await tx.effects.get(request.subject_effect or "")
    if request.status is not Status.APPROVED:
        return None
    forward = (effect for effect in await tx.effects.of_run(request.run_id) if effect.undo_of is None)
    return next((effect for effect in forward if effect.request_id == request.id), None)


async def _note(tx: Tx, request: Request, effect: Effect | None, status: str) -> str:
    if status == RunStatus.QUARANTINED and effect is None:
        return _SET_ASIDE
    if request.status is not Status.APPROVED or effect is not None or request.kind is Kind.RECONCILE:
        return ""
    place = (request.turn, request.revision)
    later = [other for other in await tx.requests.of_run(request.run_id) if (other.turn, other.revision) > place]
    return _REPLACED if later else ""


async def _names(
    tx: Tx, request: Request, decision: Decision | None, votes: Sequence[Vote], effect: Effect | None
) -> dict[str, str]:
    deciders = {decision.by if decision else None, effect.reconciled_by if effect else None}
    wanted = {vote.user_id for vote in votes} | {request.requester} | deciders
    people = await tx.people.many(sorted(user for user in wanted if user))
    return {user: person.name for user, person in people.items()}
