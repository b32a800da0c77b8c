"""Explain: what did happen to a request, as it was recorded, and whether the law still says so of the same facts."""

from typing import Any

from graph.law.action import question
from graph.law.explain import differences, grounds, matched, taken
from graph.law.facts import from_json
from graph.law.masking import shown_args
from graph.law.request import Kind, Request
from graph.verbs.errors import NotFound
from graph.verbs.frame import judge_again
from graph.verbs.ports import Store, Tx


async def explain(store: Store, request_id: str) -> dict[str, Any]:
    """The route that was taken, and the same recomputed from the frozen facts under the same policy version.

    `agree` is None where nothing was routed: a question about an effect, or whether a run should go on.
    """
    async with store.begin() as tx:
        request = await tx.requests.get(request_id)
        if request is None:
            raise NotFound(f"There is no request {request_id}.")
        if request.kind is Kind.REVIEW and request.parent_id:
            looked_at = await tx.requests.get(request.parent_id)
            return await _explained(tx, looked_at or request) | {"review": request.id}
        return await _explained(tx, request)


async def _explained(tx: Tx, request: Request) -> dict[str, Any]:
    recorded = as_recorded(request)
    told = {
        "request": request.id,
        "question": question(request.form, request.args),
        "workflow": request.workflow,
        "action": {"type": request.action_type, "args": shown_args(request.form, request.args)},
        "kind": request.kind,
        "status": request.status,
        "policy_version": request.policy_version,
        **recorded,
        "tier_now": request.tier,
        "approvals_now": request.approvals_required,
    }
    if request.kind is not Kind.ACTION or not request.judged:
        return told | {"recomputed": None, "agree": None, "differ": []}
    policy = (await tx.policies.version(request.policy_version)).policy
    judged = judge_again(policy, from_json(request.judged, request.args))
    recomputed = taken(judged.route)
    differ = differences(recorded, recomputed)
    return {
        **told,
        "recomputed": recomputed,
        "agree": not differ,
        "differ": differ,
        "grounds": grounds(policy, judged.facts, judged.route),
    }


def as_recorded(request: Request) -> dict[str, Any]:
    """The route as the row has it; tier and approvals as it was opened, whatever the clock made of them since."""
    opened = request.judged.get("opened", {})
    return {
        "route": request.route,
        "tier": opened.get("tier", request.tier),
        "approvals": opened.get("approvals", request.approvals_required),
        "impact": str(request.impact),
        "risk": str(request.risk),
        "confidence": request.confidence,
        "reasons": [str(reason) for reason in request.reasons],
        "route_why": list(request.route_why),
        "matched": [matched(match) for match in request.matched],
        "review_after": request.review_after,
    }
