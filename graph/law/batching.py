"""Batches: which requests are similar enough to be answered together, and which of those differs from the others."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median
from typing import Any, Final

from graph.law.bands import UNKNOWN, band_of
from graph.law.masking import shown_args
from graph.law.policy import Policy
from graph.law.request import EffectClass, Kind, Request, Status
from graph.law.routing import RouteKind

MAX_CANONICAL: Final = 1_500
"""An action of more bytes than this needs a card of its own."""
MAX_NAMED: Final = 60
ALMOST_ALL: Final = 0.9
"""From this share on what the others have in common is what is expected of each."""
FEW: Final = 3
"""So many others have to agree before one can be said to differ from them."""
LONGER: Final = 3
LONGER_BY: Final = 80
_MAIL: Final = re.compile(r"[^\s@]{1,200}@([^\s@]{1,200}\.[^\s@]{1,60})")
_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}://|\bwww\.|\bjavascript:|\bdata:", re.IGNORECASE)
_COMMAND: Final = re.compile(r"[`$|;<>]|&&")


def likeness(request: Request, policy: Policy) -> str | None:
    """What requests must share to be answered together, or None where people have to look at each by itself.

    Never what can't be undone or looked up, needs two people, a reason or a code, is flagged or was changed, has
    somebody's attention already, or goes ahead when nobody answers. The channel is for the caller to compare.
    """
    if not _alone_enough(request) or not _free(request) or not _plain_tier(request, policy):
        return None
    shape = sorted((name, _kind_of(value)) for name, value in request.args.items())
    shared = [request.workflow, request.action_type, request.tier, request.policy_version, shape]
    return hashlib.sha256(json.dumps(shared).encode()).hexdigest()[:24]


def _alone_enough(request: Request) -> bool:
    """Whether nothing about the action itself asks for a look of its own."""
    return (
        request.kind is Kind.ACTION
        and request.route == RouteKind.REVIEW
        and request.reversible
        and request.effect_class is not EffectClass.OPAQUE
        and not request.risk.needs_reason
        and not request.impact.needs_reason
        and request.approvals_required == 1
        and not request.brief.flags
        and request.revision == 0
        and len(request.canonical.encode()) <= MAX_CANONICAL
        # What people may not see of it can't be compared before their eyes either.
        and shown_args(request.form, request.args) == request.args
    )


def _free(request: Request) -> bool:
    """Whether nobody has turned to it yet."""
    turned_to = (request.held_at, request.claimed_by, request.assigned_to)
    return request.status is Status.PENDING and not any(turned_to)


def _plain_tier(request: Request, policy: Policy) -> bool:
    """Whether its tier asks for nothing but a click. Silence counts only for what each could see by itself."""
    tier = policy.tiers.get(request.tier)
    if tier is None or tier.approvals > 1 or tier.step_up:
        return False
    return policy.on_timeout(f"{request.workflow}.{request.action_type}", request.tier) != "approve"


def _kind_of(value: Any) -> Any:
    """The shape of a JSON value: its type, and of an object what it is made of."""
    if isinstance(value, dict):
        return sorted((name, _kind_of(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return ["list", *sorted({json.dumps(_kind_of(inner)) for inner in value})]
    return "bool" if isinstance(value, bool) else "number" if isinstance(value, int | float) else type(value).__name__


@dataclass(frozen=True, slots=True)
class Sorted:
    """Requests that belong together, and of the others by id why each differs, in words and numbers."""

    kept: tuple[Request, ...]
    odd: Mapping[str, str]


def sort_out(requests: Sequence[Request], times: float) -> Sorted:
    """Keep apart what differs from the others. `times`: so many times the others' median amount is unusual.

    Looked at again without what was found, until nothing more is: two odd ones must not hide each other.
    """
    kept, odd = list(requests), dict[str, str]()
    while kept:
        found = _differing(kept, times)
        if not found:
            break
        odd |= found
        kept = [request for request in kept if request.id not in found]
    return Sorted(tuple(kept), odd)


def _differing(requests: Sequence[Request], times: float) -> dict[str, str]:
    found: dict[str, dict[str, str]] = {}
    for look in (_amounts, _currencies, _arguments, _texts, _addresses, _commands, _bands, _sureness, _rules):
        for request_id, why in look(requests, times):
            # Of the same value only the first word: what it is in numbers says more than that it is another one.
            found.setdefault(request_id, {}).setdefault(why.partition(",")[0], why)
    return {request_id: "; ".join(why.values()) for request_id, why in found.items()}


Found = Iterator[tuple[str, str]]


def _amounts(requests: Sequence[Request], times: float) -> Found:
    amounts = {request.id: request.value for request in requests if request.value is not None}
    if len(amounts) < FEW:
        return
    ordered = sorted(amounts.values())
    for request_id, amount in amounts.items():
        middle = _median_without(ordered, amount)
        if middle > 0 and (amount >= Decimal(str(times)) * middle or amount * Decimal(str(times)) <= middle):
            said = f"{amount / middle:.1f}×" if amount >= middle else f"1/{middle / amount:.0f} of" if amount else "not"
            yield request_id, f"amount {amount:,.2f}, {said} the others' median ({middle:,.2f})"


def _median_without(ordered: Sequence[Decimal], amount: Decimal) -> Decimal:
    rest = list(ordered)
    rest.remove(amount)
    return Decimal(median(rest))


def _currencies(requests: Sequence[Request], times: float) -> Found:
    """Amounts of different currencies make no total: whatever is not in the most common one differs."""
    counted = Counter(request.currency or "" for request in requests)
    common, _ = counted.most_common(1)[0]
    for request in requests:
        if (request.currency or "") != common:
            yield request.id, f"currency {_named(request.currency or 'none')}, the others: {_named(common or 'none')}"


def _arguments(requests: Sequence[Request], times: float) -> Found:
    """An argument that is the same in nearly all the others."""
    for name in requests[0].args:
        values = {request.id: _written(request.args.get(name)) for request in requests}
        yield from _outside(values, _named(name.replace("_", " ")))


def _outside(values: Mapping[str, str], what: str) -> Found:
    common = expected(list(values.values()))
    if common is None:
        return
    for request_id, value in values.items():
        if value != common:
            yield request_id, f"{what} {_named(value)}, the others: {_named(common)}"


def expected(values: Sequence[str]) -> str | None:
    """The value that all but a few share, or None: nine of ten, or all others where there is one to differ."""
    if not values:
        return None
    common, count = Counter(values).most_common(1)[0]
    nearly = count >= ALMOST_ALL * len(values) or len(values) - count == 1
    return common if nearly and count >= FEW else None


def _texts(requests: Sequence[Request], times: float) -> Found:
    """A text much longer than the others'."""
    for name, texts in _strings(requests):
        usual = median(len(text) for text in texts.values())
        for request_id, text in texts.items():
            if len(text) > LONGER * usual and len(text) > usual + LONGER_BY:
                what = _named(name.replace("_", " "))
                yield request_id, f"{what} of {len(text)} characters, the others' median: {usual:.0f}"


def _addresses(requests: Sequence[Request], times: float) -> Found:
    """A mail to another place than all the others."""
    for name, texts in _strings(requests):
        found = {request_id: _MAIL.fullmatch(text) for request_id, text in texts.items()}
        domains = {request_id: match.group(1).lower() if match else "none" for request_id, match in found.items()}
        if any(found.values()):
            yield from _outside(domains, f"domain of {_named(name.replace('_', ' '))}")


def _commands(requests: Sequence[Request], times: float) -> Found:
    """A link, or what a shell would act on, that the others don't hold."""
    for name, texts in _strings(requests):
        for pattern, what in ((_ADDRESS, "a link"), (_COMMAND, "characters of a command")):
            holds = {request_id for request_id, text in texts.items() if pattern.search(text)}
            if len(holds) <= (1 - ALMOST_ALL) * len(texts) or len(holds) == 1:
                for request_id in holds:
                    yield request_id, f"{_named(name.replace('_', ' '))} holds {what}, the others' does not"


def _bands(requests: Sequence[Request], times: float) -> Found:
    risk = Counter(request.risk for request in requests).most_common(1)[0][0]
    impact = Counter(request.impact for request in requests).most_common(1)[0][0]
    for request in requests:
        if request.risk is not risk:
            yield request.id, f"risk {request.risk}, the others: {risk}"
        elif request.impact is not impact:
            yield request.id, f"impact {request.impact}, the others: {impact}"


def _sureness(requests: Sequence[Request], times: float) -> Found:
    """Confidence in a lower band than the others' median; an unknown one where the others' is known."""
    known = [request.confidence for request in requests if request.confidence is not None]
    if 2 * len(known) <= len(requests):
        return
    usual = band_of(median(known))
    for request in requests:
        band = band_of(request.confidence)
        if band is UNKNOWN or (band.low or 0.0) < (usual.low or 0.0):
            said = "unknown" if request.confidence is None else f"{request.confidence:.2f}"
            yield request.id, f"confidence {said}, the others' band: {usual}"


def _rules(requests: Sequence[Request], times: float) -> Found:
    """Rules or reasons that don't apply to the others."""
    values = {
        request.id: ", ".join(sorted({*(match.rule for match in request.matched), *map(str, request.reasons)}))
        for request in requests
    }
    yield from _outside(values, "asked because of")


def _strings(requests: Sequence[Request]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each argument that is a text somewhere: its name, and request id → text."""
    for name in requests[0].args:
        texts = {each.id: each.args[name] for each in requests if isinstance(each.args.get(name), str)}
        if len(texts) > FEW:
            yield name, texts


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def _named(text: str) -> str:
    """A value in a sentence, cut where it is long."""
    return text if len(text) <= MAX_NAMED else f"{text[: MAX_NAMED - 1]}…"


def set_digest(items: Sequence[tuple[str, int, str]]) -> str:
    """SHA-256 over (request id, version, digest) of all items, whatever their order: what a card has shown."""
    return hashlib.sha256(json.dumps(sorted(items)).encode()).hexdigest()
