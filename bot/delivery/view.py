"""Loads what a card shows, in the reader's transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.cards.batch_view import BatchView
from bot.cards.granting import grantable
from bot.cards.kit import permalink
from bot.cards.view import CardView
from bot.delivery.batches import load_batch
from bot.delivery.shelf import Shelf
from graph.law.duty import Absence
from graph.law.policy import Policy
from graph.law.request import Decision, Effect, Kind, Request, Status, effect_id, undo_id
from graph.verbs.ports import CardRow, Question, Run, RunStatus, Tx, Vote
from graph.verbs.stepup import counting, required

_SET_ASIDE = "This run was set aside after repeated failures; an operator has to look at it."
_DISPLACED = "Its run waits for a release that has its place; operators were told. Answers still count."
_REPLACED = "It was not carried out; a newer request of this run took its place."


async def load_view(tx: Tx, request: Request, card: CardRow | None = None, shelf: Shelf | None = None) -> CardView:
    """The request as it is now, with what became of it; as `card` shows it."""
    shelf = shelf or await Shelf.of(tx, [request])
    request = _noted(request, shelf)
    pending = request.status is Status.PENDING
    decision = None if pending else await tx.requests.decision(request.id)
    votes = await tx.requests.votes(request.id, request.digest) if request.approvals_required > 1 else ()
    followup = None
    if decision is not None and decision.next_request_id:
        followup = await tx.requests.get(decision.next_request_id)
    effect = await _effect(tx, followup if request.status is Status.MODIFIED and followup else request)
    before, changed_by = await _before(tx, request)
    run = shelf.runs.get(request.run_id)
    asked = shelf.questions.get(request.id, [])
    status = run.status if run else ""
    step_up = pending and await required(tx, request, shelf.policy)
    votes = counting(votes, coded=step_up)
    stops = await shelf.stops(tx, request.workflow) if pending else ()
    stopper = stops[0].stopped_by if stops else None
    deputies = await shelf.deputies(tx, request) if pending else ()
    approved = request.kind is Kind.ACTION and request.status is Status.APPROVED
    grant = await tx.grants.given_with(request.id) if approved else None
    incidents = () if pending else await tx.incidents.of_request(request.id)
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
        run_note=await _note(tx, request, effect, run),
        followup=followup,
        followup_url=await _address(tx, followup) if followup else "",
        went_to=_went_to(shelf.policy, request, card),
        usual_seconds=await tx.past.usual_seconds(request.workflow, request.action_type) if pending else None,
        question=asked[-1] if asked else None,
        unanswered=sum(one.open for one in asked),
        stop=stops[0] if stops else None,
        stopped_since=await tx.stops.since(request.workflow) if stops else None,
        standing_in=deputies,
        afterwards=_afterwards(shelf.policy, request) if pending else "",
        rendering=card.wanted if card else 0,
        batched=shelf.batched.get(request.id, 0) if card and card.folded_in else 0,
        step_up=step_up,
        grantable=pending and grantable(shelf.policy, request) is not None,
        grant=grant,
        incident=incidents[-1] if incidents else None,
        names=await shelf.names(
            tx,
            {
                *_concerned(deputies),
                stopper,
                request.requester,
                changed_by,
                grant.revoked_by if grant else None,
                *(incident.reported_by for incident in incidents),
                *_deciders(decision, votes, effect),
                *_talkers(request, asked),
            },
        ),
    )


async def load_views(tx: Tx, cards: Sequence[CardRow]) -> list[tuple[CardRow, CardView | BatchView]]:
    """Each of these cards with what it shows."""
    own = {card.request_id for card in cards if card.batch_id is None}
    found = {request.id: request for request in await tx.requests.many(own)} if own else {}
    shelf = await Shelf.of(tx, list(found.values()))
    batches = {batch.id: batch for batch in await tx.batches.many({card.batch_id for card in cards if card.batch_id})}
    views: list[tuple[CardRow, CardView | BatchView]] = []
    for card in cards:
        if card.batch_id is None:
            views.append((card, await load_view(tx, found[card.request_id], card, shelf)))
        else:
            views.append((card, await load_batch(tx, batches[card.batch_id], card)))
    return views


def _noted(request: Request, shelf: Shelf) -> Request:
    """What differs from a batch says so among its flags: why it has a card of its own."""
    out = shelf.kept_out.get(request.id)
    if out is None or not out.size:
        return request
    said = f"Kept out of the batch of {out.size}: {out.why}"
    return replace(request, brief=replace(request.brief, flags=(said, *request.brief.flags)))


async def _address(tx: Tx, request: Request) -> str:
    """Where this request's card is on the web; "" as long as nobody knows."""
    place = (await tx.cards.places([request.id])).get(request.id)
    return permalink(await tx.people.workspace_url(), *place) if place else ""


def _concerned(absences: Sequence[Absence]) -> Iterator[str | None]:
    for absence in absences:
        yield from (absence.user_id, absence.deputy_id)


def _went_to(policy: Policy, request: Request, card: CardRow | None) -> str:
    """Where the card that counts is, if it isn't this one."""
    if card is None or request.status is not Status.PENDING or not 0 < card.tier < request.tier:
        return ""
    return policy.channel(request.workflow, request.tier) if request.tier in policy.tiers else "another channel"


def _afterwards(policy: Policy, request: Request) -> str:
    if request.kind is not Kind.ACTION or request.tier not in policy.tiers:
        return ""
    then = policy.on_timeout(f"{request.workflow}.{request.action_type}", request.tier)
    if then == "approve":
        return "it goes ahead"
    if then == "escalate" and request.tier + 1 in policy.tiers:
        return f"tier {request.tier + 1} is asked"
    return "it expires, and the agent is told that nobody decided"


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


async def _note(tx: Tx, request: Request, effect: Effect | None, run: Run | None) -> str:
    if run and run.status is RunStatus.QUARANTINED and effect is None and request.kind is not Kind.REVIEW:
        return _DISPLACED if run.displaced else _SET_ASIDE
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
    yield from (decision.by, decision.acting_for) if decision else ()
    yield effect.reconciled_by if effect else None
    yield from (vote.user_id for vote in votes)


def _talkers(request: Request, asked: Sequence[Question]) -> Iterator[str | None]:
    yield from (request.claimed_by, request.assigned_to, request.assigned_by)
    yield from (user for one in asked for user in (one.asked_by, one.answered_by))
