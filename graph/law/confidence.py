"""Confidence from several signals: a weighted mean of what is known, and a list of what isn't.

Not applicable drops out and the other weights renormalise; unknown bars acting alone and lowers nothing;
a value that can't be right counts as the lowest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Signal(StrEnum):
    """What confidence rests on. The first three come from the agent, the last two from Gatepost."""

    MODEL = "model"
    TOOLS = "tools"
    RETRIEVAL = "retrieval"
    PRECEDENT = "precedent"
    ALIGNMENT = "alignment"


_SIGNALS: Final = tuple(Signal)
STATED: Final = frozenset({Signal.MODEL, Signal.TOOLS, Signal.RETRIEVAL})
DEFAULT_WEIGHTS: Final[Mapping[Signal, float]] = {
    Signal.MODEL: 0.15,
    Signal.TOOLS: 0.20,
    Signal.RETRIEVAL: 0.20,
    Signal.PRECEDENT: 0.25,
    Signal.ALIGNMENT: 0.20,
}


@dataclass(frozen=True, slots=True)
class Confidence:
    """`value` is in [0, 1], or None when nothing is known; `unknown` names applicable signals without a value."""

    value: float | None
    unknown: tuple[Signal, ...]


def score(signals: Mapping[Signal, float | None], weights: Mapping[Signal, float]) -> Confidence:
    """The weighted arithmetic mean over the known signals; a signal that is absent is not applicable."""
    total = weighted = 0.0
    unknown: list[Signal] = []
    for signal in _SIGNALS:
        weight = weights.get(signal, 0.0)
        if weight <= 0.0 or signal not in signals:
            continue
        value = credible(signals[signal])
        if value is None:
            unknown.append(signal)
        else:
            total += weight
            weighted += weight * value
    # Rounded, so that a sum of floats can't miss a threshold that it meets on paper.
    return Confidence(round(weighted / total, 6) if total else None, tuple(unknown))


def credible(stated: object) -> float | None:
    """A signal's value; None stays unknown, and whatever is no number in [0, 1] is the lowest there is."""
    if stated is None:
        return None
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return 0.0
    return float(stated) if 0.0 <= stated <= 1.0 else 0.0


def sentiment(stated: object) -> float | None:
    """A customer's, -1 to 1; None stays unknown, and whatever can't be one is the worst there is."""
    if stated is None:
        return None
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return -1.0
    return float(stated) if -1.0 <= stated <= 1.0 else -1.0


def precedent(asked: int, well: int, least: int) -> float | None:
    """How likely the next one goes well, given that `well` of `asked` did; None below `least` of them.

    Laplace's rule of succession, (well + 1) / (asked + 2): five of five is 0.86, twenty of twenty 0.95.
    """
    return (well + 1) / (asked + 2) if asked >= max(1, least) else None
