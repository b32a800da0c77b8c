"""The one way from a listener to a decision: `decide`, counted."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import Counter

from bot.listeners.services import Services
from graph.law.request import DecisionType
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.errors import Refusal


async def take(services: Services, answer: Answer) -> Decided:
    """Record the answer; raises the verb's `Refusal`."""
    counter = services.metrics.decisions
    with failures_counted(counter, answer.type):
        decided = await decide(services.store, answer)
    counter.labels(answer.type, "decided" if decided.decision else "vote").inc()
    return decided


@contextmanager
def failures_counted(counter: Counter, kind: DecisionType) -> Iterator[None]:
    """Count a refusal by its code, anything else that is raised as an error; both go on."""
    try:
        yield
    except Refusal as refusal:
        counter.labels(kind, refusal.code).inc()
        raise
    except BaseException:
        counter.labels(kind, "error").inc()
        raise
