"""Back-pressure: how much may wait for people, and what comes of the rest. Fail closed, and say so."""

from dataclasses import dataclass, replace

from graph.law.policy_times import QueueRules
from graph.law.request import Kind, Reason, Request, Risk
from graph.law.routing import RouteKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How many requests wait now, in all and of one workflow; counted no further than matters."""

    all: int
    here: int


def most(rules: QueueRules, risk: Risk) -> Waiting:
    """How many may wait before one of this risk comes: a flood of the others must not keep the critical out."""

    def room(limit: int) -> int:
        return limit + -(-limit // 4) if risk is Risk.CRITICAL else limit

    return Waiting(all=room(rules.most), here=room(rules.per_workflow or rules.most))


def beyond(rules: QueueRules, request: Request, waiting: Waiting) -> Request | None:
    """What becomes of a request that people would be asked about; None: there is room, and they are."""
    room = most(rules, request.risk)
    if waiting.all >= room.all:
        full = f"{room.all:,} requests wait already"
    elif rules.per_workflow is not None and waiting.here >= room.here:
        full = f"{room.here:,} requests of {request.workflow} wait already"
    else:
        return None
    if rules.beyond == "run_lowest" and lowest(request):
        why = f"{full}; what can be undone, is of low risk and only not sure enough runs alone meanwhile"
        return replace(request, route=RouteKind.AUTO, route_why=(*request.route_why, why))
    why = f"{full}, so nobody can be asked; try again when people have caught up"
    return replace(request, route=RouteKind.REJECT, route_why=(why, *request.route_why))


def lowest(request: Request) -> bool:
    """Whether nothing speaks against it but a confidence that is known and lower than policy wants: what policy
    keeps for people, what is unusual, and what nobody can judge stays theirs.
    """
    known = bool(request.judged.get("computed")) and None not in request.judged["computed"].values()
    return (
        request.kind is Kind.ACTION
        and request.route == RouteKind.REVIEW
        and request.reversible
        and request.risk is Risk.LOW
        and request.confidence is not None
        and known
        and not request.matched
        and not request.brief.flags
        and set(request.reasons) <= {Reason.LOW_CONFIDENCE}
        and request.approvals_required == 1
        and request.tier == 1
    )
