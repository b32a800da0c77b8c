"""What the law saw and said of a request, as lines for Details: risk, every signal, reasons, rules."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bot.cards.context import capital
from bot.cards.law import computed, credible, percent, sure
from bot.words import flowing
from graph.law.confidence import Signal
from graph.law.request import Kind, Reason, Request

_REASONS: Final = {
    Reason.HIGH_RISK: "Something about it is risky or unusual.",
    Reason.LOW_CONFIDENCE: "It is not sure enough, or not known how sure it is.",
    Reason.COST_THRESHOLD: "It costs more than may be done without a person.",
    Reason.PERIODIC_CHECKPOINT: "The run has gone on for a while without a person.",
    Reason.POLICY_VIOLATION: "It goes against a rule of the policy.",
    Reason.HUMAN_CONTROL: "People decide this every time.",
}
_SIGNALS: Final = {
    Signal.MODEL: "The model's own",
    Signal.TOOLS: "Its tools answered validly",
    Signal.RETRIEVAL: "What it read was relevant",
    Signal.PRECEDENT: "It went well before",
    Signal.ALIGNMENT: "It is in line with policy",
}


def risk(request: Request) -> str:
    """`High; by amount and kind of action medium.`"""
    if request.kind is Kind.CHECKPOINT:
        return ""
    other = request.kind is not Kind.RECONCILE and request.impact != request.risk
    raised = f"; by amount and kind of action alone {request.impact}" if other else ""
    lines = [f"{capital(request.risk)}{raised}."]
    lines += [f"{name}: {total} done before counts together with it." for name, total in _totals(request)]
    return "\n".join(lines)


def confidence(request: Request) -> str:
    """Gatepost's own, then the five signals one by one; what is not known says so."""
    if request.kind in (Kind.RECONCILE, Kind.CHECKPOINT):
        return ""
    lines = [capital(sure(request))]
    if request.judged:
        lines += [f"{label}: {_signal(request, name)}" for name, label in _SIGNALS.items()]
    elif request.brief.confidence is not None:
        lines.append(f"The model's own: {_stated(request.brief.confidence)}")
    known = {str(name) for name in Signal} if request.judged else set()
    others = {name: value for name, value in request.brief.signals.items() if name not in known}
    return "\n".join([*lines, *(f"{flowing(name)} (agent): {_stated(value)}" for name, value in others.items())])


def because(request: Request) -> str:
    """Why people are asked, in sentences."""
    return "\n".join(_REASONS[reason] for reason in request.reasons)


def weak(request: Request) -> str:
    """Every signal that is lower than the whole or not known: what the doubts rest on."""
    if request.kind in (Kind.RECONCILE, Kind.CHECKPOINT) or not request.judged:
        return ""
    whole, found = request.confidence, computed(request)
    low = [name for name, value in found.items() if value is None or (whole is not None and value < whole)]
    return "\n".join(f"{label}: {_signal(request, name)}" for name, label in _SIGNALS.items() if name in low)


def routed(request: Request) -> str:
    """How it was routed, in the law's own words: threshold, tier, what was added up."""
    return "\n".join(request.route_why)


def rules(request: Request) -> str:
    """Every rule: its name, what it asks for, on what basis, and why it counts where that could not be told."""
    lines = []
    for match in request.matched:
        asks = ", ".join(text for text in (match.then, f"{match.risk} risk" if match.risk else "") if text)
        asks += f", tier {match.tier}" if match.tier else ""
        lines.append(f"{match.rule} ({asks}): {match.basis}" + (f" ({match.note})" if match.note else ""))
    return "\n".join(lines)


def _signal(request: Request, signal: Signal) -> str:
    """Its value as it counted, with what it rests on."""
    found = computed(request)
    if signal not in found:
        return "does not apply"
    value = found[signal]
    shown = "unknown" if value is None else _stated(value)
    if signal is Signal.PRECEDENT:
        return f"{shown} ({_record(request).get('well', 0)} of {_record(request).get('asked', 0)} earlier ones)"
    stated = _mapping(request.judged.get("signals")).get(signal)
    return shown if credible(stated) else f"stated as {stated}, which can't be; counts as 0 %"


def _stated(value: float | None) -> str:
    if value is None:
        return "unknown"
    return percent(value) if credible(value) else f"not credible ({value})"


def _totals(request: Request) -> list[tuple[str, str]]:
    found = _mapping(_record(request).get("totals"))
    return [(flowing(str(name)), _amount(total)) for name, total in found.items()]


def _amount(text: Any) -> str:
    try:
        return f"{Decimal(str(text)):.2f}"
    except InvalidOperation:
        return flowing(str(text))


def _record(request: Request) -> Mapping[str, Any]:
    return _mapping(request.judged.get("record"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
