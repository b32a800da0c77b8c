"""Decide: one transaction, committed before anybody is told. Whoever loses the race learns who won."""

from dataclasses import replace
from datetime import datetime, timedelta

from graph.failpoints import failpoint
from graph.law.authorization import Person, authorize, refusal_of_state
from graph.law.canonical import storable
from graph.law.request import Decision, DecisionType, Effect, Kind, Outcome, Request
from graph.law.words import reason_problem
from graph.spans import span
from graph.verbs.answer import Answer, Decided, decision_of, needs_reason
from graph.verbs.authority import approvers
from graph.verbs.bench import Bench
from graph.verbs.change import change
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale, Undetermined
from graph.verbs.grant import give
from graph.verbs.grant import problem as grant_problem
from graph.verbs.outcome import record_denial, settle, tell_outcome
from graph.verbs.ports import Store, Tx, Vote
from graph.verbs.stepup import CODE, counting, required, verify
from graph.verbs.stop import forbidden

__all__ = ["Answer", "Decided", "check_words", "decide", "needs_reason", "settle_by_hand"]

MIN_DIGEST_PREFIX = 6


async def decide(store: Store, answer: Answer) -> Decided:
    """Authorise and record an answer; raises a `Refusal` that says why nothing was decided."""
    check_words(answer)
    with span("decide", type=answer.type, via=answer.via) as told:
        async with store.begin() as tx:
            result = await decide_in(tx, answer, Bench(tx))
            failpoint("decide:before_commit")
        failpoint("decide:after_commit")
        if isinstance(result, Refusal):
            told.say(outcome=result.code)
        else:
            told.say(result.request.run_id, request=result.request.id, outcome=result.request.status)
    if isinstance(result, Refusal):
        raise result
    return result


def check_words(answer: Answer) -> None:
    """Refuse what can't be a valid answer, before any row is touched."""
    # Choosing one of the agent's own ideas says enough; what it comes to may still need a reason.
    said = answer.alternative is not None
    required = answer.type in (DecisionType.REJECT, DecisionType.RESPOND, DecisionType.EDIT) and not said
    if not storable(answer.request_id):
        raise NotFound("There is no such request.")
    problem = reason_problem(answer.reason, required=required or answer.grant is not None)
    if problem:
        raise Invalid(problem, {"reason": problem})
    if len(answer.digest) < MIN_DIGEST_PREFIX:
        raise Invalid(f"give at least {MIN_DIGEST_PREFIX} characters of the digest of what you decide")
    changes = (answer.args is not None) + (answer.alternative is not None)
    if changes != (answer.type is DecisionType.EDIT):
        raise Invalid("an edit needs changed arguments or an alternative, and nothing else takes them")
    if answer.grant is not None and answer.type is not DecisionType.APPROVE:
        raise Invalid("only an approval can allow more for the rest of the run")


async def decide_in(tx: Tx, answer: Answer, bench: Bench) -> Decided | Refusal:
    """As `decide`, as part of a larger transaction: a refusal is put on record and returned."""
    result = await _decide(tx, answer, bench)
    if isinstance(result, Refusal):
        await _deny(tx, answer, result)
    return result


async def _decide(tx: Tx, answer: Answer, bench: Bench) -> Decided | Refusal:
    request = bench.held.get(answer.request_id) or await tx.requests.lock(answer.request_id)
    if request is None:
        return NotFound("There is no such request.")
    now = await tx.now()
    policy = await bench.policy()
    person = await bench.person(answer.user_id)
    rights = await bench.rights(request)
    verdict = authorize(request, person, answer.type, rights, now)
    if not verdict.allowed or person is None:
        return (Undetermined if verdict.undetermined else NotAllowed)(verdict.reason)
    answer = replace(answer, acting_for=rights.acting_for(answer.user_id))
    stop, clock = await bench.standstill(request)
    stale = refusal_of_state(request, answer.version, answer.digest, clock)
    if stale:
        return Stale(await _who_won(tx, request, answer.user_id) or stale)
    if answer.where and not await tx.cards.known(request.id, *answer.where):
        return Stale("This message is a copy of a card. Please use the original card.")
    if stopped := await forbidden(tx, stop, request, answer.type):
        return stopped
    match answer.type:
        case DecisionType.EDIT:
            changed = await change(tx, request, answer, person, policy, now)
            # Sent back as it was, it is an approval.
            unchanged = replace(answer, type=DecisionType.APPROVE, args=None)
            return changed or await _approve(tx, request, unchanged, person, bench, clock)
        case DecisionType.APPROVE:
            return await _approve(tx, request, answer, person, bench, clock)
        case _:
            return await _finish(tx, request, decision_of(request, answer, person, now), bench, clock)


async def _approve(
    tx: Tx, request: Request, answer: Answer, person: Person, bench: Bench, clock: datetime
) -> Decided | Refusal:
    now, policy = await tx.now(), await bench.policy()
    if needs_reason(request) and (problem := reason_problem(answer.reason, required=True)):
        what = f"at {request.risk} risk" if request.risk.needs_reason else "what the agent hands over"
        return Invalid(f"Approving {what}: {problem}", {"reason": problem})
    if refused := grant_problem(request, answer, policy) or await verify(tx, request, answer, policy.policy):
        return refused
    if request.approvals_required > 1:
        coded = await required(tx, request, policy.policy)
        vote = Vote(
            request_id=request.id,
            person=person.person,
            user_id=answer.user_id,
            digest=request.digest,
            reason=answer.reason,
            at=now,
            coded=coded,
        )
        fresh = await tx.requests.add_vote(vote)
        # Where it takes a code now, a vote without one counts no more; who cast it may vote again.
        cast = counting(await tx.requests.votes(request.id, request.digest), coded=coded)
        voters = [vote.user_id for vote in cast]
        # Counted as the mirror knows them now: one human is one vote, and whoever lost the right has none.
        missing = request.approvals_required - len(await approvers(tx, request, voters))
        if fresh:
            await _record_vote(tx, request, vote, missing, answer.acting_for)
        if missing > 0 and not fresh:
            return Stale("You have approved this already; another person has to agree.")
        if missing > 0:
            await tx.cards.touch(request.id)
            return Decided(request=request, decision=None, missing=missing)
    result = await _finish(tx, request, decision_of(request, answer, person, now), bench, clock)
    if isinstance(result, Decided) and result.decision is not None:
        await give(tx, request, answer, result.decision, policy.policy)
    return result


async def _record_vote(tx: Tx, request: Request, vote: Vote, missing: int, acting_for: str | None) -> None:
    await tx.audit.record(
        "vote",
        vote.user_id,
        run_id=request.run_id,
        request_id=request.id,
        missing=missing,
        seconds_open=int((vote.at - request.created_at) / timedelta(seconds=1)),
        digest=vote.digest,
        person=vote.person,
        reason=vote.reason or "none required",
        acting_for=acting_for,
    )


async def _finish(tx: Tx, request: Request, decision: Decision, bench: Bench, clock: datetime) -> Decided | Refusal:
    settled = await settle(tx, request, decision, await bench.policy(), clock=clock, later=bench.later)
    if settled is None:
        return Stale("This request expired just now; no decision counts any more.")
    if request.kind is Kind.RECONCILE:
        await _reconcile(tx, request, decision)
    return Decided(request=settled, decision=decision)


async def _reconcile(tx: Tx, request: Request, decision: Decision) -> None:
    """A person has looked: the effect happened (approve) or it did not (anything else)."""
    effect = await tx.effects.get(request.subject_effect or "")
    if effect is None:
        raise RuntimeError(f"request {request.id} asks about an effect that is not in the ledger")
    await settle_by_hand(tx, effect, decision)


async def settle_by_hand(tx: Tx, effect: Effect, decision: Decision) -> None:
    """Write what a person found out about an effect nobody could be sure of."""
    happened = decision.type is DecisionType.APPROVE
    status = Outcome.DONE if happened else Outcome.FAILED
    error = "" if happened else f"a person found that it did not happen: {decision.reason}"
    await tx.effects.settle(effect.id, status, effect.result, error, decision.by)
    await tx.audit.record(
        "effect_reconciled",
        decision.by,
        run_id=effect.run_id,
        request_id=effect.request_id,
        effect=effect.id,
        outcome=status,
        reason=decision.reason or "none required",
    )
    await tell_outcome(tx, effect, status)


async def _who_won(tx: Tx, request: Request, user_id: str) -> str | None:
    decision = await tx.requests.decision(request.id)
    if decision is None:
        return None
    if decision.by == user_id:
        who = "you"
    else:
        person = await tx.people.get(decision.by)
        who = person.name if person else decision.by
    return f"Already {request.status} by {who} at {decision.at:%H:%M} UTC."


async def _deny(tx: Tx, answer: Answer, refusal: Refusal) -> None:
    if isinstance(refusal, NotFound):
        return
    await record_denial(tx, answer.user_id, answer.request_id, answer.type, refusal, answer.via)
    unasked = isinstance(refusal, Invalid) and CODE in refusal.fields and not answer.code
    if isinstance(refusal, Stale) or unasked:
        # Whoever clicked saw an old rendering: repair it.
        await tx.cards.touch(answer.request_id)
