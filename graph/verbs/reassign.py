"""Reassign: hand a request to somebody who could decide it now; everybody else still may."""

from graph.law.authorization import authorize
from graph.law.request import DecisionType, Request
from graph.law.words import reason_problem
from graph.verbs.approach import Approach, decider, name_of, waiting
from graph.verbs.authority import approvers, holds_role, standing
from graph.verbs.errors import Invalid, NotAllowed, Refusal, Undetermined
from graph.verbs.ports import Store, Tx

MOST_NAMED = 5


async def reassign(store: Store, approach: Approach, to: str, why: str = "") -> None:
    """Reviewers and operators hand it to `to`, who gets the card as a message of their own. Raises a `Refusal`."""
    if problem := reason_problem(why, required=False):
        raise Invalid(problem, {"reason": problem})
    async with store.begin() as tx:
        request = await waiting(tx, approach)
        if not await holds_role(tx, approach.user_id, "operators"):
            await decider(tx, request, approach.user_id)
        await _fit(tx, request, to)
        await tx.talk.assign(request.id, to, approach.user_id, why)
        await tx.batches.leave([request.id], "it was handed to somebody")
        await tx.audit.record(
            "request_assigned",
            approach.user_id,
            run_id=request.run_id,
            request_id=request.id,
            to=to,
            before=request.assigned_to,
            reason=why or "none required",
            tier=request.tier,
            via=approach.via,
            door=approach.door,
        )
        # The cards that are there first: a new one is drawn as things are by then.
        await tx.cards.touch(request.id)
        await tx.cards.want(request.id, to, request.tier)


async def _fit(tx: Tx, request: Request, to: str) -> None:
    """Refuse to hand it to somebody who could not decide it, and name who could."""
    rights, now = await standing(tx, request, await tx.policies.current()), await tx.now()
    verdict = authorize(request, await tx.people.get(to), DecisionType.APPROVE, rights, now)
    if verdict.allowed:
        return
    able = await approvers(tx, request, sorted(rights.pool_now))
    names = sorted(person.name for person in able.values())
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    could = f"These people could: {', '.join(names[:MOST_NAMED])}{more}." if names else "Nobody else could now either."
    kind: type[Refusal] = Undetermined if verdict.undetermined else NotAllowed
    raise kind(f"{await name_of(tx, to)} could not decide it and would be told: “{verdict.reason}” {could}")
