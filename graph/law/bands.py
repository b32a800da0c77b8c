"""Bands of confidence: half-open intervals in which the record is counted, the last one closed."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

EDGES: Final = (0.5, 0.7, 0.85, 0.95)
"""Where one band ends and the next begins: 0.85 itself belongs to the higher one."""


@dataclass(frozen=True, slots=True)
class ConfidenceBand:
    """`low` ≤ confidence < `high`; the highest band includes 1. Both are None where confidence is not known."""

    low: float | None
    high: float | None

    def __str__(self) -> str:
        """`0.85–0.95`, or `unknown`."""
        return "unknown" if self.low is None else f"{self.low:g}–{self.high:g}"


_BOUNDS: Final = (0.0, *EDGES, 1.0)
BANDS: Final = tuple(ConfidenceBand(low, high) for low, high in pairwise(_BOUNDS))
UNKNOWN: Final = ConfidenceBand(None, None)


def band_of(confidence: float | None) -> ConfidenceBand:
    """The band that a confidence in [0, 1] is in."""
    return UNKNOWN if confidence is None else BANDS[sum(confidence >= edge for edge in EDGES)]
