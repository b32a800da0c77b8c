"""Action and frozen facts and policy → a route with its reasons. Same facts, same route.

Risk beats confidence; whatever is not known can only add people; of all rules that match the strictest wins.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from graph.law.confidence import Confidence, Signal, precedent, score
from graph.law.facts import Facts, Record
from graph.law.policy import Book, Policy
from graph.law.policy_rows import Level, Rule, Threshold
from graph.law.request import EffectClass, Match, Reason, Risk

__all__ = ["Facts", "Match", "Reason", "Record", "Risk", "Route", "RouteKind", "route", "sampled", "stricter"]


class RouteKind(StrEnum):
    """From the loosest to the strictest."""

    AUTO = "auto"
    REVIEW = "review"
    TAKEOVER = "takeover"
    REJECT = "reject"


_RANK: Final = {kind: rank for rank, kind in enumerate(RouteKind)}
_THEN: Final = {"review": RouteKind.REVIEW, "takeover": RouteKind.TAKEOVER, "reject": RouteKind.REJECT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The computed answer: what happens, at which tier, how many must agree, and why.

    `impact` is the band that the amount and the action make, `risk` what the rules made of it.
    `why` are sentences; `matched` the rules that applied; `review_after`: runs alone, and people look at it then;
    `final`: a rule forbids it, so that no person is asked instead.
    """

    kind: RouteKind
    tier: int
    approvals: int
    sla_seconds: int
    expires_seconds: int
    why: tuple[str, ...]
    impact: Risk = Risk.LOW
    risk: Risk = Risk.LOW
    reasons: tuple[Reason, ...] = ()
    confidence: float | None = None
    signals: tuple[tuple[Signal, float | None], ...] = ()
    matched: tuple[Match, ...] = ()
    review_after: bool = False
    final: bool = False


@dataclass(slots=True)
class _Case:
    """One action on its way to its route."""

    policy: Policy
    facts: Facts
    stake: Decimal | None
    impact: Risk
    risk: Risk
    row: Threshold
    level: Level
    matched: list[tuple[Rule, Match]]
    confidence: Confidence
    signals: dict[Signal, float | None]


def route(policy: Policy, facts: Facts) -> Route:
    """Route an action."""
    case = _weigh(policy, facts)
    why = [_threshold_words(case.row)]
    tier, lifted = _tier(case, why)
    bars = _bars(case, lifted=lifted)
    kind, reasons, final = _kind(case, bars, why)
    level = policy.tiers[tier]
    return Route(
        kind=kind,
        tier=tier,
        approvals=_approvals(case, tier),
        sla_seconds=int(level.sla.total_seconds()),
        expires_seconds=int(level.expires.total_seconds()),
        why=tuple(why),
        impact=case.impact,
        risk=case.risk,
        reasons=tuple(dict.fromkeys(reasons)),
        confidence=case.confidence.value,
        signals=tuple(case.signals.items()),
        matched=tuple(match for _, match in case.matched),
        review_after=kind is RouteKind.AUTO and _sampled(case),
        final=final,
    )


def sampled(policy: Policy, facts: Facts) -> bool:
    """Whether people look at it afterwards, if it runs without anybody having looked at it before."""
    return _sampled(_weigh(policy, facts))


def stricter(one: Route, other: Route) -> bool:
    """Whether `one` asks for more than `other` does."""
    return (
        _RANK[one.kind] > _RANK[other.kind]
        or one.tier > other.tier
        or one.approvals > other.approvals
        or one.risk.rank > other.risk.rank
    )


def _weigh(policy: Policy, facts: Facts) -> _Case:
    stake, book = facts.at_stake(), policy.book(facts.action)
    impact = _higher(facts.impact, policy.impact.of(stake))
    met = _met(book, facts, impact)
    signals = _signals(policy, facts, met)
    confidence = score(signals, book.weights)
    matched = [(rule, match) for rule, match in met if _unsure_enough(rule, confidence.value)]
    risk = impact
    for rule, _ in matched:
        if rule.risk is not None:
            risk = _higher(risk, rule.risk)
    row = policy.threshold(facts.action, impact, stake)
    applying = {signal: value for signal, value in signals.items() if book.weights.get(signal, 0.0) > 0.0}
    return _Case(policy, facts, stake, impact, risk, row, book.level, matched, confidence, applying)


def _higher(one: Risk, other: Risk) -> Risk:
    return other if other.rank > one.rank else one


def _met(book: Book, facts: Facts, impact: Risk) -> list[tuple[Rule, Match]]:
    """The rules whose conditions hold, each with what it says and a note where that could not be told."""
    held = book.conditions.met(facts, impact)
    return [
        (rule, replace(book.matches[at], note=held[at]) if held.get(at) else book.matches[at])
        for at, rule in enumerate(book.rules)
        if rule.when is None or at in held
    ]


def _signals(policy: Policy, facts: Facts, met: Sequence[tuple[Rule, Match]]) -> dict[Signal, float | None]:
    """What was stated, with what Gatepost works out itself."""
    signals, record = dict(facts.signals), facts.record
    if Signal.PRECEDENT in signals:
        signals[Signal.PRECEDENT] = precedent(record.asked, record.well, policy.confidence.precedents)
    if Signal.ALIGNMENT in signals:
        against = any(rule.reason is Reason.POLICY_VIOLATION and rule.confidence_below is None for rule, _ in met)
        signals[Signal.ALIGNMENT] = 0.5 if against else 1.0
    return signals


def _unsure_enough(rule: Rule, confidence: float | None) -> bool:
    return rule.confidence_below is None or confidence is None or confidence < rule.confidence_below


def _threshold_words(row: Threshold) -> str:
    impact = f" impact {row.impact}" if row.impact else ""
    up_to = f" up to {row.up_to}" if row.up_to else ""
    return f"threshold {row.action}{impact}{up_to}"


def _tier(case: _Case, why: list[str]) -> tuple[int, bool]:
    """The tier, and whether somebody more senior than the table says was asked for."""
    policy, stake = case.policy, case.stake
    tier = start = min(case.row.tier, len(policy.tiers))
    for lift in policy.lifts:
        over = lift.above is not None and stake is not None and stake > lift.above
        risky = lift.risk is not None and case.risk.rank >= lift.risk.rank
        if lift.tier > tier and (over or risky):
            tier = lift.tier
            why.append(
                f"amount {stake} is above {lift.above}: tier {tier}" if over else f"{case.risk} risk: tier {tier}"
            )
    if policy.unrated(case.facts.currency, stake) and tier < len(policy.tiers):
        tier = len(policy.tiers)
        why.append(f"nobody has said what {case.facts.currency or 'this currency'} is worth: tier {tier}")
    for rule, match in case.matched:
        wanted = min(rule.tier or 1, len(policy.tiers))
        if wanted > tier:
            tier = wanted
            why.append(f"{match.words()}: tier {tier}")
    while tier < len(policy.tiers) and not _enough_registered(case, tier):
        why.append(f"nobody registered for tier {tier} may decide this much: tier {tier + 1}")
        tier += 1
    return tier, tier > start


def _approvals(case: _Case, tier: int) -> int:
    """How many must agree; going up must not need fewer people than staying would have."""
    most = case.policy.tiers[tier].approvals
    for number in range(min(case.row.tier, tier), tier):
        most = max(most, case.policy.tiers[number].approvals)
    for rule, _ in case.matched:
        most = max(most, rule.approvals or 1)
    return most


def _enough_registered(case: _Case, tier: int) -> bool:
    level = case.policy.tiers[tier]
    if not level.registered:
        return True
    able = [
        reviewer
        for reviewer in case.policy.reviewers
        if ("*" in reviewer.domains or case.facts.workflow in reviewer.domains)
        and (reviewer.limit is None or (case.stake or 0) <= reviewer.limit)
    ]
    return len(able) >= level.approvals


def _kind(case: _Case, bars: Sequence[tuple[Reason, str]], why: list[str]) -> tuple[RouteKind, list[Reason], bool]:
    """The kind, the reasons for asking, and whether it is forbidden for good."""
    facts, value, row = case.facts, case.confidence.value, case.row
    reasons = [rule.reason for rule, _ in case.matched] + [reason for reason, _ in bars]
    kind = _asked_for(case, why) if case.matched else None
    if kind is RouteKind.REJECT:
        why.append("policy forbids it")
        return kind, reasons, True
    if facts.record.same_rejected >= case.policy.max_resubmissions and not facts.edited:
        why.append(f"people have rejected exactly this {facts.record.same_rejected} times lately")
        return RouteKind.REJECT, [*reasons, Reason.POLICY_VIOLATION], True
    if value is not None and value < row.review and not facts.world_moved and not facts.edited:
        low = f"confidence {value:.2f} is below {row.review:.2f}"
        reasons.append(Reason.LOW_CONFIDENCE)
        if row.below == "takeover" or facts.reformulations >= case.policy.max_reformulations:
            why.append(f"{low}: a person takes over")
            return RouteKind.TAKEOVER, reasons, False
        why.append(f"{low}: the agent has to find a better way")
        return RouteKind.REJECT, reasons, False
    why.extend(words for _, words in bars)
    if kind is None and not bars:
        why.append(f"confidence {value or 0:.2f} reaches {_from(case):.2f}: runs alone")
        return RouteKind.AUTO, [], False
    return kind or RouteKind.REVIEW, reasons, False


def _asked_for(case: _Case, why: list[str]) -> RouteKind | None:
    """The strictest that the rules that matched ask for; says them all."""
    lifting = {line.partition(": tier ")[0] for line in why}
    why.extend(words for _, match in case.matched if (words := match.words()) not in lifting)
    kinds = [_then(rule, match, case.confidence.value) for rule, match in case.matched]
    return max(kinds, key=_RANK.__getitem__, default=None)


def _then(rule: Rule, match: Match, confidence: float | None) -> RouteKind:
    """What is only not known must never reject: such a rule then hands over to people."""
    unknown = bool(match.note) or (rule.confidence_below is not None and confidence is None)
    return RouteKind.TAKEOVER if rule.then == "reject" and unknown else _THEN[rule.then]


def _from(case: _Case) -> float:
    """The confidence from which it runs alone."""
    exceptional = case.level in (Level.EXCEPTION_ONLY, Level.FULL_AUDIT)
    return case.row.review if exceptional else case.row.auto or 0.0


_EVERY_TIME: Final = (Reason.HUMAN_CONTROL, "people decide about this action every time")
_NEVER_ALONE: Final = (Reason.HUMAN_CONTROL, "policy asks a person for this action every time")
_UNKNOWN: Final = (Reason.HIGH_RISK, "nobody has said what this action does")
_LASTING: Final = (Reason.HIGH_RISK, "it can't be undone")
_OPAQUE: Final = (Reason.HIGH_RISK, "nobody could tell whether it happened")
_UNRATED: Final = (Reason.COST_THRESHOLD, "its currency has no rate")
_SENIOR: Final = (Reason.COST_THRESHOLD, "somebody more senior has to look")
_UNUSUAL: Final = (Reason.HIGH_RISK, "something is unusual")
_REJECTED: Final = (Reason.HIGH_RISK, "something like it was rejected before")
_MOVED: Final = (Reason.HIGH_RISK, "the world moved since it was approved")
_EDITED: Final = (Reason.HUMAN_CONTROL, "a person changed it, so a person answers for it")


def _bars(case: _Case, *, lifted: bool) -> list[tuple[Reason, str]]:
    """Every reason why the action must not run alone; empty when it may."""
    facts, row, confidence = case.facts, case.row, case.confidence
    found: list[tuple[Reason, str]] = []
    if case.level is Level.FULL_CONTROL:
        found.append(_EVERY_TIME)
    if row.auto is None:
        found.append(_NEVER_ALONE)
    if not facts.known:
        found.append(_UNKNOWN)
    if not facts.reversible:
        found.append(_LASTING)
    if facts.effect_class is EffectClass.OPAQUE:
        found.append(_OPAQUE)
    if case.policy.unrated(facts.currency, case.stake):
        found.append(_UNRATED)
    if lifted:
        found.append(_SENIOR)
    if facts.unusual and case.level is not Level.FULL_AUDIT:
        found.append(_UNUSUAL)
    if facts.record.rejected:
        found.append(_REJECTED)
    if facts.world_moved:
        found.append(_MOVED)
    if facts.edited:
        found.append(_EDITED)
    found += [
        # Without precedent it isn't that the agent is unsure: nobody has trusted it with this yet.
        (Reason.HUMAN_CONTROL if signal is Signal.PRECEDENT else Reason.LOW_CONFIDENCE, _MISSING[signal])
        for signal in confidence.unknown
    ]
    if confidence.value is None:
        if not confidence.unknown:
            found.append((Reason.LOW_CONFIDENCE, "nothing is known about how sure this is"))
    elif row.auto is not None and confidence.value < (sure := _from(case)):
        found.append((Reason.LOW_CONFIDENCE, f"confidence {confidence.value:.2f} is below {sure:.2f}"))
    return found


_MISSING: Final = {
    Signal.MODEL: "the agent's confidence is not known",
    Signal.TOOLS: "whether its tools' results were valid is not known",
    Signal.RETRIEVAL: "how relevant what it read was is not known",
    Signal.PRECEDENT: "too few like it have been decided yet",
    Signal.ALIGNMENT: "whether it is in line with policy is not known",
}


def _sampled(case: _Case) -> bool:
    """Whether people look at it afterwards: the unusual always, the rest by the request's own draw."""
    return case.facts.unusual or case.facts.draw < case.policy.sample(case.row, case.impact, case.stake)
