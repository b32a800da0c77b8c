"""Loads what a card shows, in the reader's transaction."""

from collections.abc import Iterable, Iterator, Sequence

from bot.cards.view import CardView
from graph.law.request import Decision, Effect, Kind, Request, Status, effect_id, undo_id
from graph.verbs.ports import CardRow, RunStatus, Tx, Vote

_SET_ASIDE = "This run was set aside after repeated failures; an operator has to look at it."
_REPLACED = "It was not carried out; a newer request of this run took its place."


async def load_view(tx: Tx, request: Request, card: CardRow | None = None) -> CardView:
    """The request as it is now, with what became of it; as `card` shows it."""
    pending = request.status is Status.PENDING
    decision = None if pending else await tx.requests.decision(request.id)
    votes = await tx.requests.votes(request.id, request.digest) if request.approvals_required > 1 else ()
    followup = None
    if decision is not None and decision.next_request_id:
        followup = await tx.requests.get(decision.next_request_id)
    effect = await _effect(tx, followup if request.status is Status.MODIFIED and followup else request)
    before, changed_by = await _before(tx, request)
    run = await tx.runs.get(request.run_id)
    status = run.status if run else ""
    return CardView(
        request=request,
        now=await tx.now(),
        decision=decision,
        effect=effect,
        undo=await tx.effects.get(undo_id(effect.id)) if request.kind is Kind.REVIEW and effect else None,
        before=before,
        changed_by=changed_by,
        votes=tuple((vote.user_id, vote.at) for vote in votes),
        run_status=str(status),
        run_note=await _note(tx, request, effect, str(status)),
        followup=followup,
        went_to=await _went_to(tx, request, card),
        usual_seconds=await tx.past.usual_seconds(request.workflow, request.action_type) if pending else None,
        names=await _names(tx, {request.requester, changed_by, *_deciders(decision, votes, effect)}),
    )


async def _went_to(tx: Tx, request: Request, card: CardRow | None) -> str:
    """Where the card that counts is, if it isn't this one."""
    if card is None or request.status is not Status.PENDING or not 0 < card.tier < request.tier:
        return ""
    policy = (await tx.policies.current()).policy
    return policy.channel(request.workflow, request.tier) if request.tier in policy.tiers else "another channel"


async def _effect(tx: Tx, request: Request) -> Effect | None:
    """The effect that the request allowed, or the one that a reconcile or review request asks about."""
    if request.kind is Kind.RECONCILE:
        return await tx.effects.get(request.subject_effect or "")
    if request.kind is Kind.REVIEW:
        return await tx.effects.get(effect_id(request.parent_id or ""))
    if request.status is not Status.APPROVED:
        return None
    forward = (effect for effect in await tx.effects.of_run(request.run_id) if effect.undo_of is None)
    return next((effect for effect in forward if effect.request_id == request.id), None)


async def _note(tx: Tx, request: Request, effect: Effect | None, status: str) -> str:
    if status == RunStatus.QUARANTINED and effect is None and request.kind is not Kind.REVIEW:
        return _SET_ASIDE
    if request.status is not Status.APPROVED or effect is not None or request.kind is not Kind.ACTION:
        return ""
    place, others = (request.turn, request.revision), await tx.requests.of_run(request.run_id)
    later = [other for other in others if other.kind is not Kind.REVIEW and (other.turn, other.revision) > place]
    return _REPLACED if later else ""


async def _before(tx: Tx, request: Request) -> tuple[Request | None, str]:
    """The request that this one was edited from, and the user id of who did."""
    if request.kind is not Kind.ACTION or not request.revision or request.parent_id is None:
        return None, ""
    edit = await tx.requests.decision(request.parent_id)
    return await tx.requests.get(request.parent_id), edit.by if edit else ""


def _deciders(decision: Decision | None, votes: Sequence[Vote], effect: Effect | None) -> Iterator[str | None]:
    yield decision.by if decision else None
    yield effect.reconciled_by if effect else None
    yield from (vote.user_id for vote in votes)


async def _names(tx: Tx, users: Iterable[str | None]) -> dict[str, str]:
    people = await tx.people.many(sorted(user for user in users if user))
    return {user: person.name for user, person in people.items()}
