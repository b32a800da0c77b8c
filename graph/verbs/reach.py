"""Reach: after a change of policy, may anybody still decide what is waiting? Else the next tier is asked."""

from dataclasses import replace
from typing import Final

from graph.faults import report
from graph.law.authorization import authorize
from graph.law.request import DecisionType, Request
from graph.verbs.authority import standing
from graph.verbs.duty import too_early
from graph.verbs.escalate import Ladder, go_up
from graph.verbs.ports import PolicyVersion, Store, Tx

BATCH: Final = 100


async def raise_unreachable(store: Store) -> int:
    """Look once at every pending request that an older policy opened; returns how many went up."""
    async with store.begin() as tx:
        current = await tx.policies.current()
        waiting = await tx.requests.unchecked(current.version, BATCH)
    raised = 0
    for request_id in waiting:
        try:
            async with store.begin() as tx:
                raised += await _look(tx, request_id, current)
        except Exception as problem:  # one that can't be looked at holds up no other
            report(f"request {request_id} could not be checked against the new policy", problem)
    return raised


async def _look(tx: Tx, request_id: str, current: PolicyVersion) -> int:
    request = await tx.requests.lock(request_id)
    if request is None or await too_early(tx, current, request.tier):
        return 0
    tier, found = request.tier, await _reachable(tx, request, current)
    while not found and tier < len(current.policy.tiers):
        tier += 1
        found = await _reachable(tx, replace(request, tier=tier), current)
    await tx.requests.checked(request, current.version, reachable=found)
    if found and tier == request.tier:
        return 0
    await _tell(tx, request, tier, current, found=found)
    if tier == request.tier or not found:
        return 0
    timer = await tx.requests.lock_timer(request.id, due=False)
    if timer is None:
        return 0
    ladder = Ladder(tx, current, await tx.now())
    why = "nobody of the tier before may decide under the new policy"
    await go_up(ladder, [ladder.move(timer, tier, why)], f"policy:{current.version}")
    return 1


async def _reachable(tx: Tx, request: Request, current: PolicyVersion) -> bool:
    """Whether enough different people may approve it under both policies; who can't be checked now may be able."""
    rights, now = await standing(tx, request, current, any_age=True), await tx.now()
    people = await tx.people.many(rights.pool_then & rights.pool_now)
    able = {
        person.person
        for person in people.values()
        for verdict in [authorize(request, person, DecisionType.APPROVE, rights, now)]
        if verdict.allowed or verdict.undetermined
    }
    tier = current.policy.tiers.get(request.tier)
    return len(able) >= max(request.approvals_required, tier.approvals if tier else 1)


async def _tell(tx: Tx, request: Request, tier: int, current: PolicyVersion, *, found: bool) -> None:
    where = f"it went up to tier {tier}" if found else "nobody at all may; change the policy, or cancel it"
    text = (
        f"Nobody who could decide request {request.id} (tier {request.tier}) when it was opened"
        f" may do so under policy version {current.version}: {where}."
    )
    await tx.owed.add(
        "operators", f"unreachable:{request.id}:{current.version}", {"text": text, "run_id": request.run_id}
    )
    if found:
        return
    await tx.audit.record(
        "request_unreachable",
        f"policy:{current.version}",
        run_id=request.run_id,
        request_id=request.id,
        from_tier=request.tier,
        tier=tier,
    )
