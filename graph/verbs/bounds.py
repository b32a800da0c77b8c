"""Bounds: people are asked about so much and no more; what comes beyond that is decided by policy, and on record."""

from graph.law.queue import Waiting, beyond, most
from graph.law.request import Request
from graph.law.routing import RouteKind
from graph.verbs.ports import PolicyVersion, Tx

_PEOPLE = (RouteKind.REVIEW, RouteKind.TAKEOVER)


async def bounded(tx: Tx, request: Request, policy: PolicyVersion) -> Request:
    """The request, or what becomes of it while too many others wait; operators hear of it once an hour."""
    if request.route not in _PEOPLE:
        return request
    rules = policy.policy.queue
    room = most(rules, request.risk)
    waiting = Waiting(
        all=await tx.requests.waiting(room.all),
        here=0 if rules.per_workflow is None else await tx.requests.waiting(room.here, request.workflow),
    )
    instead = beyond(rules, request, waiting)
    if instead is None:
        return request
    full = waiting.all >= room.all
    text = (
        f"Too much waits for people ({waiting.all if full else waiting.here:,} requests"
        f"{'' if full else f' of {request.workflow}'}): policy decides what comes now. See [queue] in the policy."
    )
    hour = (await tx.now()).strftime("%Y%m%d%H")
    await tx.owed.add("operators", f"full:{'' if full else request.workflow}:{hour}", {"text": text})
    return instead
