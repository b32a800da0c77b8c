"""What the law found, in words: how sure Gatepost is, how risky it is, why people are asked, which rule it was."""

import math
from collections.abc import Iterable, Mapping
from typing import Final

from bot.words import clip, flowing
from graph.law.request import Match, Request, Risk

MAX_BASIS: Final = 120


def percent(value: float) -> str:
    """`88 %`, rounded down: what misses a threshold must not look as if it met it."""
    return f"{int(round(value * 100, 6))} %" if math.isfinite(value) else f"not credible ({value})"


def credible(stated: float | None) -> bool:
    """Whether a stated confidence can be a probability; an unknown one is not incredible."""
    return stated is None or 0.0 <= stated <= 1.0


def sure(request: Request) -> str:
    """`confidence 88 % (agent's own 93 %, too few earlier cases)`; what can't be a probability is called that."""
    stated = request.brief.confidence
    if not credible(stated):
        return f"confidence not credible ({stated})"
    if request.confidence is not None:
        basis = _basis(computed(request), request.confidence)
        return f"confidence {percent(request.confidence)}" + (f" ({basis})" if basis else "")
    if stated is not None and not request.judged:
        return f"confidence {percent(stated)}, says the agent"
    return "confidence unknown"


def computed(request: Request) -> dict[str, float | None]:
    """The signals as routing used them, the unknown ones as None; those that don't apply are not there."""
    found = request.judged.get("computed")
    return {str(name): value for name, value in found.items()} if isinstance(found, Mapping) else {}


def _basis(signals: Mapping[str, float | None], overall: float) -> str:
    """The agent's own, and the weakest of the others: what is unknown, else what is lower than the whole."""
    known = {name: value for name, value in signals.items() if value is not None}
    unknown = [name for name in signals if name not in known]
    said = [f"agent's own {percent(known['model'])}"] if "model" in known else []
    if unknown == ["precedent"]:
        said.append("too few earlier cases")
    elif unknown:
        said.append(f"{listed(unknown) if len(unknown) < 3 else f'{len(unknown)} of {len(signals)} signals'} unknown")
    elif len(known) > 1:
        name, value = min(known.items(), key=lambda item: item[1])
        said += [f"{name} {percent(value)}"] if name != "model" and value < overall else []
    return ", ".join(said)


def risky(request: Request) -> str:
    """`high risk`, or nothing at low risk."""
    return "" if request.risk is Risk.LOW else f"{request.risk} risk"


def leading(request: Request) -> Match | None:
    """The rule that put the action at its risk and its tier, if one did; of several the domain's own."""

    def weight(match: Match) -> int:
        risky = request.risk.needs_reason and match.risk == request.risk
        return risky + (request.tier > 1 and match.tier == request.tier)

    # The domain's rules stand after the file's, and say more about the case.
    found = max(reversed(request.matched), key=weight, default=None)
    return found if found is not None and weight(found) else None


def ruled(request: Request) -> str:
    """`rule payment-over-500: A wrong payment …`, of the rule that leads."""
    match = leading(request)
    return f"rule {match.rule}: {clip(flowing(match.basis), MAX_BASIS)[0]}" if match else ""


def listed(names: Iterable[str]) -> str:
    """`tools`, `tools and retrieval`, `model, tools and retrieval`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
