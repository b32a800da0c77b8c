"""What follows every decision: the record, the run that wakes, the cards and people that are told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from graph.law.request import ENDS, Decision, DecisionType, Effect, Kind, Outcome, Request, Status
from graph.law.routing import RouteKind
from graph.verbs.errors import Refusal
from graph.verbs.ports import Entry, PolicyVersion, Tx
from graph.verbs.review import disown, review_id


async def settle(
    tx: Tx,
    request: Request,
    decision: Decision,
    policy: PolicyVersion,
    *,
    wake: bool = True,
    clock: datetime | None = None,
    later: "Aftermath | None" = None,
) -> Request | None:
    """Flip the request and write all that is owed; None when somebody was faster.

    `clock`: the request's own time, where it stands still. `later` gathers what is owed of many decisions: whoever
    gives it writes it in the same transaction.
    """
    status = ENDS[decision.type]
    window = decision.at + policy.policy.execution_window if status is Status.APPROVED else None
    if not await tx.requests.decide(request, status, window, clock):
        return None
    after = later or Aftermath()
    after.add(request, decision, wake=wake)
    if later is None:
        await after.write(tx)
    return replace(
        request,
        status=status,
        version=request.version + 1,
        decided_at=decision.at,
        execution_expires_at=window,
        next_step_at=None,
    )


@dataclass(eq=False)
class Aftermath:
    """What follows from decisions that were taken in this transaction, written in one go."""

    made: list[tuple[Request, Decision]] = field(default_factory=list)
    waking: list[str] = field(default_factory=list)

    def add(self, request: Request, decision: Decision, *, wake: bool = True) -> None:
        """The request was flipped; `wake`: its run goes on."""
        self.made.append((request, decision))
        if wake and request.kind is not Kind.REVIEW:
            self.waking.append(request.run_id)

    async def write(self, tx: Tx) -> None:
        """The record, the runs that wake, the cards and people that are told."""
        await tx.requests.add_decisions([decision for _, decision in self.made])
        await tx.audit.record_many([_entry(request, decision) for request, decision in self.made])
        # The runs before their cards, as workers take them: two that wait for each other help nobody.
        if self.waking:
            await tx.runs.wake_many(self.waking)
        for request, decision in self.made:
            if request.kind is Kind.REVIEW and decision.type is DecisionType.REJECT:
                await disown(tx, request)
        await tx.cards.touch_many([request.id for request, _ in self.made])
        ends = [(request, ENDS[decision.type]) for request, decision in self.made]
        told = [each for each in ends if each[0].requester and each[1] not in (Status.APPROVED, Status.MODIFIED)]
        owed = {f"{each.id}:{end}": {"request_id": each.id, "user": each.requester} for each, end in told}
        await tx.owed.add_many("outcome", owed)


async def expire_all(tx: Tx, due: Sequence[Request]) -> int:
    """Nobody decided in time: what `settle` does for one, for many in one go; returns how many expired."""
    at = await tx.now()
    expired = await tx.requests.expire_many(due)
    gone = {request.id: request for request in due if request.id in expired}
    made = {
        request.id: Decision(
            request_id=request.id,
            type=DecisionType.EXPIRE,
            by="clock",
            person=None,
            reason="nobody decided in time",
            digest=request.digest,
            at=at,
            via="sweep",
        )
        for request in gone.values()
    }
    after = Aftermath()
    for request in gone.values():
        after.add(request, made[request.id])
    await after.write(tx)
    return len(gone)


async def record(tx: Tx, request: Request, decision: Decision) -> None:
    """The audit entry of a terminal decision: who, what, when, why, under which policy, after how long."""
    await tx.audit.record_many([_entry(request, decision)])


def _entry(request: Request, decision: Decision) -> Entry:
    return Entry(
        event=f"request_{ENDS[decision.type]}",
        actor=decision.by,
        run_id=request.run_id,
        request_id=request.id,
        detail={
            "digest": decision.digest,
            "reason": decision.reason or "none required",
            "policy_version": request.policy_version,
            "tier": request.tier,
            "first_tier": request.first_tier or request.tier,
            "risk": request.risk,
            "reasons": list(request.reasons),
            "rules": {match.rule: match.basis for match in request.matched},
            "version": request.version,
            "via": decision.via,
            "door": decision.door,
            "acting_for": decision.acting_for,
            "seconds_open": int((decision.at - request.created_at) / timedelta(seconds=1)),
            "next_request": decision.next_request_id,
        },
    )


async def record_denial(tx: Tx, who: str, request_id: str, wanted: DecisionType, refusal: Refusal, via: str) -> None:
    """The audit entry of a decision that was refused."""
    await tx.audit.record(
        "decision_denied", who, request_id=request_id, code=refusal.code, wanted=wanted, why=str(refusal), via=via
    )


async def owe_outcome(tx: Tx, request: Request, what: str) -> None:
    """The requester is told what came of it, once for each outcome; the words are made when it is delivered."""
    if request.requester:
        payload = {"request_id": request.id, "user": request.requester}
        await tx.owed.add("outcome", f"{request.id}:{what}", payload)


async def touch_family(tx: Tx, request: Request) -> None:
    """Owe a rendering of the request's cards, of those of its review, and of what it was edited or asked again from."""
    await tx.cards.touch(request.id)
    if request.review_after:
        await tx.cards.touch(review_id(request.id))
    if request.parent_id:
        await tx.cards.touch(request.parent_id)


async def tell_outcome(tx: Tx, effect: Effect, status: Outcome) -> None:
    """Cards and the requester learn what came of an effect; operators, when nobody knows."""
    request = await tx.requests.get(effect.request_id)
    if request is None:
        raise RuntimeError(f"effect {effect.id} has no request")
    await touch_family(tx, request)
    if request.route != RouteKind.AUTO or status is not Outcome.DONE:
        # What policy let run alone and went well is in the record; nobody needs a message about it.
        await owe_outcome(tx, request, f"undo:{status}" if effect.undo_of else status)
    if status is Outcome.UNKNOWN:
        text = f"Nobody knows whether {effect.action_type} ({effect.id}) happened; a reconcile card is on its way."
        await tx.owed.add("operators", f"unknown:{effect.id}", {"text": text, "run_id": effect.run_id})
