"""Action and frozen facts and policy → a route with its reasons. Same facts, same route."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from graph.law.policy import Policy
from graph.law.request import EffectClass


class RouteKind(StrEnum):
    AUTO = "auto"
    REVIEW = "review"
    TAKEOVER = "takeover"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that routing may look at, frozen before it looks."""

    action: str
    value: Decimal | None
    confidence: float | None
    effect_class: EffectClass
    reversible: bool
    flags: tuple[str, ...] = ()
    reformulations: int = 0
    world_moved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The computed answer: what happens, at which tier, how many must agree, and why."""

    kind: RouteKind
    tier: int
    approvals: int
    sla_seconds: int
    expires_seconds: int
    why: tuple[str, ...]


def route(policy: Policy, facts: Facts) -> Route:
    """Route an action. Risk beats confidence; whatever is not known can only add people."""
    row = policy.threshold(facts.action, facts.value)
    why = [f"threshold {row.action}" + (f" up to {row.up_to}" if row.up_to else "")]
    tier, lifted = row.tier, False
    for lift in policy.lifts:
        if facts.value is not None and facts.value > lift.above and lift.tier > tier:
            tier, lifted = lift.tier, True
            why.append(f"amount {facts.value} is above {lift.above}: tier {tier}")
    # Somebody more senior was asked for: that is no case for running alone.
    kind = _kind(policy, facts, None if lifted else row.auto, row.review, row.below, why)
    level = policy.tiers[tier]
    return Route(
        kind=kind,
        tier=tier,
        approvals=level.approvals,
        sla_seconds=int(level.sla.total_seconds()),
        expires_seconds=int(level.expires.total_seconds()),
        why=tuple(why),
    )


def _kind(policy: Policy, facts: Facts, auto: float | None, review: float, below: str, why: list[str]) -> RouteKind:
    confidence = _confidence(facts.confidence)
    if confidence is not None and confidence < review and not facts.world_moved:
        if below == "takeover" or facts.reformulations >= policy.max_reformulations:
            why.append(f"confidence {confidence:.2f} is below {review:.2f}: a person takes over")
            return RouteKind.TAKEOVER
        why.append(f"confidence {confidence:.2f} is below {review:.2f}: the agent has to find a better way")
        return RouteKind.REJECT
    bars = _bars(facts, auto, confidence)
    if not bars:
        why.append(f"confidence {confidence:.2f} reaches {auto:.2f}: runs alone")
        return RouteKind.AUTO
    why.extend(bars)
    return RouteKind.REVIEW


def _bars(facts: Facts, auto: float | None, confidence: float | None) -> list[str]:
    """Every reason why the action must not run alone; empty when it may."""
    bars = []
    if auto is None:
        return ["policy asks a person for this action every time"]
    if not facts.reversible:
        bars.append("it can't be undone")
    if facts.effect_class is EffectClass.OPAQUE:
        bars.append("nobody could tell whether it happened")
    if facts.flags:
        bars.append("something is unusual")
    if facts.world_moved:
        bars.append("the world moved since it was approved")
    if confidence is None:
        bars.append("the agent's confidence is not known")
    elif confidence < auto:
        bars.append(f"confidence {confidence:.2f} is below {auto:.2f}")
    return bars


def _confidence(stated: float | None) -> float | None:
    """Out of range counts as lowest: a signal that can't be right must not open a door."""
    if stated is None:
        return None
    return stated if 0.0 <= stated <= 1.0 else 0.0
