"""Figures as people read them."""

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank, so that a p99 is a value that was really measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def latencies(name: str, seconds: Sequence[float], rate: str = "") -> str:
    p50, p99, worst = (1000 * value for value in (percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds)))
    return f"{name:<46}{len(seconds):>6}  p50 {p50:7.1f} ms  p99 {p99:7.1f} ms  max {worst:7.1f} ms  {rate}"
