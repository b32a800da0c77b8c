"""Silence as consent: approve-on-timeout, judged again when it fires, and only if people could have objected."""

from datetime import datetime, timedelta
from typing import Final

from graph.law.escalation import Timer
from graph.law.facts import from_json
from graph.law.request import Decision, DecisionType, Request
from graph.law.routing import RouteKind, route
from graph.verbs.authority import covers, gist
from graph.verbs.outcome import settle
from graph.verbs.ports import PolicyVersion, Tx
from graph.verbs.stepup import required

POSTED_WITHIN: Final = timedelta(minutes=1)
FRESH: Final = timedelta(minutes=1)
NEEDED: Final = ("slack", "web")
"""A card that is shown while clicks can't arrive was in front of nobody."""


async def consent(tx: Tx, timer: Timer, current: PolicyVersion) -> bool:
    """Approve a locked request because nobody objected in time; False, and on record why, where that may not be."""
    request = await tx.requests.get(timer.id)
    if request is None:
        return False
    now = await tx.now()
    objection = _lasting(request, current) or await _unseen(tx, request, now)
    if await required(tx, request, current.policy):
        objection = "approving it takes a one-time code"
    if objection:
        await tx.audit.record(
            "silence_refused",
            "clock",
            run_id=request.run_id,
            request_id=request.id,
            why=objection,
            policy_version=current.version,
        )
        return False
    basis = next(row.basis for row in current.policy.timeouts if row.action == _name(request))
    decision = Decision(
        request_id=request.id,
        type=DecisionType.APPROVE,
        by="clock",
        person=None,
        reason=f"nobody objected within {_minutes(now - request.since)} min; policy version {current.version}: {basis}",
        digest=request.digest,
        at=now,
        via="sweep",
    )
    return await settle(tx, request, decision, current) is not None


def _lasting(request: Request, current: PolicyVersion) -> str | None:
    """What about the request forbids it, as the policy in force sees it now."""
    if not request.reversible:
        return "it can't be undone"
    if request.risk.needs_reason or request.approvals_required > 1 or request.route == RouteKind.TAKEOVER:
        return "it needs a person's own word"
    if not request.judged:
        return "what it was judged on is not known"
    fresh = route(current.policy, from_json(request.judged, request.args))
    if fresh.kind is not RouteKind.AUTO and not covers(request, fresh):
        return f"the policy asks for more now: {gist(fresh)}"
    return None


async def _unseen(tx: Tx, request: Request, now: datetime) -> str | None:
    """Why people could not have objected all the time."""
    grace = min(POSTED_WITHIN, timedelta(seconds=request.sla_seconds) / 10)
    cards = await tx.cards.of_request(request.id)
    posted = [card.posted_at for card in cards if card.tier == request.tier and card.ts and card.posted_at]
    if not posted or min(posted) > request.since + grace:
        return "no card was in front of people for the whole time"
    conditions = {condition.name: condition for condition in await tx.health.all()}
    for name in NEEDED:
        found = conditions.get(name)
        if found is None or not found.steady(min(posted), now, FRESH):
            return f"{name} was not up for the whole time"
    return None


def _name(request: Request) -> str:
    return f"{request.workflow}.{request.action_type}"


def _minutes(length: timedelta) -> int:
    return max(1, round(length / timedelta(minutes=1)))
