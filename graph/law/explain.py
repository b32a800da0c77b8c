"""Why a route is what it is, rule by rule: told from the route itself, so that it can't say anything else."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from graph.law.confidence import Signal
from graph.law.facts import Facts
from graph.law.policy import Policy
from graph.law.policy_rows import Level, Lift, Rule
from graph.law.request import EffectClass, Match
from graph.law.routing import Route

NOT_MET: Final = "its condition is not met"


def taken(route: Route) -> dict[str, Any]:
    """What a route says, as plain JSON: what a request keeps of it."""
    return {
        "route": str(route.kind),
        "tier": route.tier,
        "approvals": route.approvals,
        "impact": str(route.impact),
        "risk": str(route.risk),
        "confidence": route.confidence,
        "reasons": [str(reason) for reason in route.reasons],
        "route_why": list(route.why),
        "matched": [matched(match) for match in route.matched],
        "review_after": route.review_after,
    }


def matched(match: Match) -> dict[str, Any]:
    """A rule that applied, as plain JSON."""
    return {"rule": match.rule, "then": match.then, "basis": match.basis, "note": match.note}


def grounds(policy: Policy, facts: Facts, route: Route) -> dict[str, Any]:
    """What the route rests on, as plain JSON: signals, autonomy, threshold row, every rule, lifts, totals."""
    book, stake = policy.book(facts.action), facts.at_stake()
    row = policy.threshold(facts.action, route.impact, stake)
    return {
        "signals": [
            {"signal": str(signal), "value": value, "weight": book.weights.get(signal, 0.0)}
            for signal, value in sorted(route.signals, key=lambda known: list(Signal).index(known[0]))
        ],
        "autonomy": str(book.level),
        "threshold": row.model_dump(mode="json"),
        "amount": _text(facts.value),
        "at_stake": _text(stake),
        "flags": list(facts.flags),
        "rules": list(_rules(policy, facts, route)),
        "lifts": [lift.model_dump(mode="json") | {"lifts": _lifts(lift, stake, route)} for lift in policy.lifts],
        "totals": [
            {
                "total": total.name,
                "by": total.by,
                "hours": total.window / timedelta(hours=1),
                "so_far": _text(facts.record.totals.get(total.name, Decimal(0))),
            }
            for total in book.totals
        ],
    }


def _rules(policy: Policy, facts: Facts, route: Route) -> Iterator[dict[str, Any]]:
    """Every rule that concerns the action, in the order in which they stand."""
    met = {(match.rule, match.then, match.basis): match for match in route.matched}
    shipped = {id(rule) for part in policy.parts.values() for rule in part.rules}
    for rule in policy.book(facts.action).rules:
        match = met.get((rule.name, rule.then, rule.basis))
        yield {
            "rule": rule.name,
            "from": f"the part of {facts.workflow}" if id(rule) in shipped else "the policy file",
            "basis": rule.basis,
            "when": rule.when,
            "confidence_below": rule.confidence_below,
            "then": rule.then,
            "tier": rule.tier,
            "approvals": rule.approvals,
            "risk": rule.risk,
            "matched": match is not None,
            "note": match.note if match else _why_not(rule, route.confidence),
        }


def _why_not(rule: Rule, confidence: float | None) -> str:
    if rule.confidence_below is not None and confidence is not None and confidence >= rule.confidence_below:
        return f"confidence {confidence:.2f} is not below {rule.confidence_below:.2f}"
    return NOT_MET


def _lifts(lift: Lift, stake: Decimal | None, route: Route) -> bool:
    if lift.above is not None:
        return stake is not None and stake > lift.above
    return lift.risk is not None and route.risk.rank >= lift.risk.rank


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The names of what two routes, as `taken` writes them, say differently."""
    return [name for name in one if one[name] != other.get(name)]


def may_run_alone(policy: Policy, action: str, effect_class: EffectClass, *, reversible: bool) -> bool:
    """Whether there is any case at all in which this action would run without people."""
    book = policy.book(action)
    return (
        book.level is not Level.FULL_CONTROL
        and reversible
        and effect_class is not EffectClass.OPAQUE
        and any(row.auto is not None for row in book.thresholds)
        and all(rule.when is not None or rule.confidence_below is not None for rule in book.rules)
    )
