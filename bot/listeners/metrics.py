"""Counters for /metrics, in a registry of their own; names and labels only, never ids or texts."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from graph.verbs.ports import Gauges

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
        self.owed = self._gauge("owed", "Committed but not yet performed", "kind")
        self.owed_age = self._gauge("owed_oldest_seconds", "How long the oldest of it has been owed", "kind")
        self.queue = self._gauge("queue", "Requests that wait for a person", "tier")
        self.queue_age = self._gauge("queue_oldest_seconds", "Since the oldest of them was asked at its tier", "tier")
        self.unknown = self._gauge("effects_unknown", "Effects whose outcome nobody knows")
        self.hasty = self._gauge(
            "hasty_reviewers", "People who approve faster than anybody reads, in the last 10 minutes"
        )
        self.stopped = self._gauge("stopped", "1: stopped by a person (*: all workflows)", "workflow")
        self.well = self._gauge("well", "1: this part of the installation is well", "part")
        self.escalation = self._gauge(
            "escalation_seconds", "From a tier's deadline to the next tier's card, in the last hour", "quantile"
        )

    def show(self, figures: Gauges) -> None:
        """Take the figures of this moment; what there is none of any more is no longer shown."""
        for gauge in (self.queue, self.queue_age, self.stopped, self.well, self.escalation):
            gauge.clear()
        for kind, owed in figures.owed.items():
            self.owed.labels(kind).set(owed.count)
            self.owed_age.labels(kind).set(owed.oldest)
        for tier, waiting in figures.queue.items():
            self.queue.labels(str(tier)).set(waiting.count)
            self.queue_age.labels(str(tier)).set(waiting.oldest)
        self.unknown.set(figures.unknown)
        self.hasty.set(figures.hasty)
        for workflow in figures.stopped:
            self.stopped.labels(workflow).set(1)
        for part, well in figures.well.items():
            self.well.labels(part).set(well)
        for quantile, seconds in figures.escalation.items():
            self.escalation.labels(str(quantile)).set(seconds)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"gatepost_{name}", what, labels, registry=self.registry)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
