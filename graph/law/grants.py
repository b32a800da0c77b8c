"""Grants: a reviewer allows more of the same for the rest of a run. What is allowed, to whom, and when it ends.

A grant takes the place of a person's look at what people would be asked about, and of nothing else: whatever
differs from the request that was looked at, or can't be told, asks a person again.
"""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from graph.law.canonical import canonical_text, digest
from graph.law.facts import Facts
from graph.law.policy import Policy
from graph.law.policy_review import GrantRow
from graph.law.record import repeated
from graph.law.request import EffectClass, Kind, Request, Risk
from graph.law.routing import Route, RouteKind, route

DECIDER: Final = "grant:"
"""What a grant decides says so: `grant:<id>`."""
_ODD: Final = ("Cc", "Cf", "Co", "Cn", "Cs", "Zl", "Zp")
_SPACES: Final = "\n\r\t"
LESS_SURE: Final = 0.1
"""A confidence lower by more than this is not more of the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a reviewer allows beside the present request: at most so much each time, so often, for so long.

    `up_to` is in the currency of the request that was looked at; None where its action has no amount.
    """

    any_target: bool
    up_to: Decimal | None
    times: int
    length: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What somebody allowed for the rest of a run when they approved `request_id`. `used`: how often so far.

    `rules` and `reasons`: for which rules and reasons a person was asked then; `earlier`: how many others had been
    done for the same target lately; `confidence`: how sure Gatepost was of it. `fixed`: digests of the arguments that
    must be what they were, by name; `bounded`: names of those that the scope itself bounds. `person` is the human
    behind `given_by`. Times are UTC.
    """

    id: str
    run_id: str
    request_id: str
    workflow: str
    action_type: str
    tier: int
    any_target: bool
    target: str | None
    up_to: Decimal | None
    currency: str | None
    times: int
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    reason: str
    earlier: int
    confidence: float | None
    fixed: Mapping[str, str]
    bounded: tuple[str, ...]
    given_by: str
    person: str
    given_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    used: int = 0

    @property
    def left(self) -> int:
        """How many more it allows."""
        return max(0, self.times - self.used)

    def in_force(self, now: datetime) -> bool:
        """Whether it still allows anything."""
        return self.revoked_at is None and now < self.expires_at and self.left > 0


def decider(grant_id: str) -> str:
    """`grant:gra_…`: who decided what a grant covers."""
    return f"{DECIDER}{grant_id}"


def granted_by(by: str) -> str | None:
    """The id of the grant that decided; None when somebody or something else did."""
    return by.removeprefix(DECIDER) if by.startswith(DECIDER) else None


def offer(policy: Policy, request: Request) -> GrantRow | None:
    """What policy lets a reviewer of this request allow for the rest of its run; None: nothing."""
    row = policy.grant(f"{request.workflow}.{request.action_type}")
    tier = policy.tiers.get(request.tier)
    fit = (
        row is not None
        and tier is not None
        and not tier.step_up
        and request.kind is Kind.ACTION
        and request.route == RouteKind.REVIEW
        and request.approvals_required == 1
        and request.reversible
        and request.effect_class is not EffectClass.OPAQUE
        and not request.risk.needs_reason
        and not request.brief.flags
        and _ordinary(request.args)
        and (request.target is not None or row.target == "any")
    )
    return row if fit else None


def ceiling(policy: Policy, row: GrantRow, request: Request) -> Decimal | None:
    """The largest amount that may be allowed, in the request's own currency; None where it has no amount."""
    if request.value is None or row.up_to is None:
        return request.value
    return row.up_to / policy.rates.get(request.currency or "", Decimal(1))


def scope_problems(policy: Policy, row: GrantRow, request: Request, scope: Scope) -> dict[str, str]:
    """What is wrong with what a reviewer wants to allow, by field of `Scope`; empty: nothing."""
    found: dict[str, str] = {}
    if scope.any_target and row.target != "any":
        found["any_target"] = "Policy allows more of the same for the same target only."
    most = ceiling(policy, row, request)
    if (scope.up_to is None) != (most is None):
        found["up_to"] = "Say up to which amount." if scope.up_to is None else "This action has no amount."
    elif scope.up_to is not None and most is not None and not 0 < scope.up_to <= most:
        found["up_to"] = f"At most {most:,.2f} can be allowed here, and more than nothing."
    if not 1 <= scope.times <= row.times:
        found["times"] = f"Policy allows 1 to {row.times} more."
    if not timedelta(0) < scope.length <= row.at_most:
        found["length"] = "Policy does not allow it for so long."
    return found


def bounded(request: Request, scope: Scope) -> tuple[str, ...]:
    """The arguments that may differ as far as the scope says: the amount and, with any target, the target."""
    form = request.form
    return tuple(name for name in (form.value_field, form.target_field if scope.any_target else None) if name)


def fixed(row: GrantRow, request: Request, scope: Scope) -> dict[str, str]:
    """Digests of the arguments that must be what they were, by name."""
    free = {*row.varying, *bounded(request, scope)}
    return {name: _digest(value) for name, value in request.args.items() if name not in free}


def covers(grant: Grant, policy: Policy, facts: Facts, now: datetime) -> bool:
    """Whether the grant stands in for the person whom policy would ask about these facts of its run, now."""
    return objection(grant, policy, facts, now) is None


def objection(grant: Grant, policy: Policy, facts: Facts, now: datetime) -> str | None:
    """Why the grant does not cover it, in a sentence; or None."""
    facts = seen(grant, facts)
    routed = route(policy, facts)
    row, tier = policy.grant(facts.action), policy.tiers.get(routed.tier)
    if facts.action != f"{grant.workflow}.{grant.action_type}":
        return "It is another action."
    if row is None or tier is None:
        return "The policy in force does not let anybody allow this for the rest of a run."
    return _ended(grant, row, now) or _heavier(grant, routed, asks_code=tier.step_up) or _other(grant, policy, facts)


def seen(grant: Grant, facts: Facts) -> Facts:
    """The facts as whoever gave the grant foresaw them: that it is repeated is no surprise, if nobody else did it."""
    own = not grant.any_target and facts.target == grant.target
    if not own or facts.record.lately > grant.earlier + 1 + grant.used:
        return facts
    foreseen = repeated(facts.target, facts.record)
    return replace(facts, flags=tuple(flag for flag in facts.flags if flag != foreseen))


def _ended(grant: Grant, row: GrantRow, now: datetime) -> str | None:
    """Why nothing is allowed any more, as the grant or the policy in force says."""
    if grant.revoked_at is not None:
        return "The permission was taken back."
    if not grant.given_at <= now < min(grant.expires_at, grant.given_at + row.at_most):
        return "The permission has ended."
    if grant.used >= min(grant.times, row.times):
        return "The permission is used up."
    return None


def _heavier(grant: Grant, routed: Route, *, asks_code: bool) -> str | None:
    """Why this takes more than what was given."""
    if routed.kind is not RouteKind.REVIEW or routed.final:
        return "It takes more than an approval."
    if routed.tier > grant.tier:
        return f"It needs tier {routed.tier}; tier {grant.tier} allowed it."
    if asks_code:
        return f"Approving at tier {routed.tier} takes a one-time code."
    if routed.approvals > 1:
        return f"{routed.approvals} people have to agree."
    if routed.risk.needs_reason or routed.impact.rank > Risk.MEDIUM.rank:
        return f"Its risk is {max(routed.risk, routed.impact, key=lambda risk: risk.rank)}."
    fresh = [match.rule for match in routed.matched if match.rule not in grant.rules]
    if fresh:
        return f"Rule {fresh[0]} did not apply to what was looked at."
    if any(match.then != RouteKind.REVIEW or match.note for match in routed.matched):
        return "A rule asks for more than an approval."
    if not {str(reason) for reason in routed.reasons} <= set(grant.reasons):
        return "People are asked for another reason than before."
    if grant.confidence is not None and (routed.confidence or 0.0) < grant.confidence - LESS_SURE:
        return "It is less sure than what was looked at."
    return None


def _other(grant: Grant, policy: Policy, facts: Facts) -> str | None:
    """Why this is not more of the same."""
    row = policy.grant(facts.action)
    if not facts.reversible or facts.effect_class is EffectClass.OPAQUE or not facts.known:
        return "It can't be undone, or nobody could tell whether it happened."
    if facts.flags or facts.record.rejected or facts.world_moved or facts.edited or not _ordinary(facts.args):
        return "Something about it is unusual."
    if facts.target != grant.target and not (grant.any_target and row is not None and row.target == "any"):
        return "It touches something else than what was looked at."
    if differing := _differing(grant, row.varying if row is not None else (), facts.args):
        return f"Other arguments than may differ do: {', '.join(differing)}."
    if facts.value is None and grant.up_to is None:
        return None
    if facts.value is None or grant.up_to is None or facts.currency != grant.currency:
        return "Its amount can't be compared with what was allowed."
    allowed = policy.worth(grant.up_to, grant.currency) or Decimal(0)
    if row is not None and row.up_to is not None:
        allowed = min(allowed, row.up_to)
    return None if 0 <= facts.value <= allowed else "Its amount is above what was allowed."


def _differing(grant: Grant, varying: Collection[str], args: Mapping[str, Any]) -> list[str]:
    """Names of the arguments that may not differ and do; what policy let differ then and not now may not, either."""
    free = {*grant.bounded, *varying}
    kept = {name for name, was in grant.fixed.items() if name in args and _digest(args[name]) == was}
    return sorted(({*args} - free | {*grant.fixed}) - kept)


def _digest(value: Any) -> str:
    return digest(canonical_text(value))


def _ordinary(value: Any) -> bool:
    """Whether no text in there holds characters that can hide or turn round what others say."""
    match value:
        case str():
            return all(char in _SPACES or unicodedata.category(char) not in _ODD for char in value)
        case Mapping():
            return all(_ordinary(key) and _ordinary(item) for key, item in value.items())
        case list() | tuple():
            return all(map(_ordinary, value))
        case _:
            return True
