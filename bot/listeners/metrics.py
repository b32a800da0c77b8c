"""Counters for /metrics, in a registry of their own; names and labels only, never ids or texts."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_ACK_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """One process's figures."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.decisions = Counter(
            "gatepost_decisions",
            "Answers of people that reached a verb, by what came of them",
            ("type", "result"),
            registry=self.registry,
        )
        self.ack_seconds = Histogram(
            "gatepost_ack_seconds",
            "From the checked payload to the answer to Slack",
            ("status",),
            buckets=_ACK_BUCKETS,
            registry=self.registry,
        )
        self.owed = Gauge("gatepost_owed", "Committed but not yet performed", ("kind",), registry=self.registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
