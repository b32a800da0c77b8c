"""Withdraw: whoever asked for it doesn't want it any more. Nobody else can, and it is nobody's denial."""

from dataclasses import dataclass

from graph.law.authorization import refusal_of_state
from graph.law.canonical import storable
from graph.law.request import Decision, DecisionType, Kind, Request
from graph.law.words import reason_problem
from graph.verbs.ask import requesters_person
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale
from graph.verbs.outcome import record_denial, settle
from graph.verbs.ports import Store, Tx
from graph.verbs.stop import standstill


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What the requester said at a door."""

    request_id: str
    user_id: str
    via: str
    reason: str = ""
    door: str = ""


async def withdraw(store: Store, wish: Withdrawal) -> Request:
    """End the request as cancelled; its run stops and undoes what it did. Raises a `Refusal`."""
    if not storable(wish.request_id):
        raise NotFound("There is no such request.")
    if problem := reason_problem(wish.reason, required=False):
        raise Invalid(problem, {"reason": problem})
    async with store.begin() as tx:
        try:
            result: Request | Refusal = await _withdraw(tx, wish)
        except NotAllowed as refusal:
            result = refusal
            await record_denial(tx, wish.user_id, wish.request_id, DecisionType.CANCEL, refusal, wish.via)
    if isinstance(result, Refusal):
        raise result
    return result


async def _withdraw(tx: Tx, wish: Withdrawal) -> Request:
    request = await tx.requests.lock(wish.request_id)
    if request is None:
        raise NotFound("There is no such request.")
    person = await requesters_person(tx, request, wish.user_id, "withdraw it")
    if request.kind not in (Kind.ACTION, Kind.CHECKPOINT):
        raise NotAllowed("This asks about something that has happened; there is nothing to withdraw.")
    # A stop keeps nobody from withdrawing: it sets nothing off.
    _, clock = await standstill(tx, request)
    if stale := refusal_of_state(request, None, request.digest, clock):
        raise Stale(stale)
    decision = Decision(
        request_id=request.id,
        type=DecisionType.CANCEL,
        by=wish.user_id,
        person=person.person if person else None,
        reason=wish.reason,
        digest=request.digest,
        at=await tx.now(),
        via=wish.via,
        door=wish.door,
    )
    settled = await settle(tx, request, decision, await tx.policies.current(), clock=clock)
    if settled is None:
        raise Stale("This request expired just now; nothing is left to withdraw.")
    return settled
