"""The one way from a listener to a decision: `decide`, counted."""

from bot.listeners.services import Services
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.errors import Refusal


async def take(services: Services, answer: Answer) -> Decided:
    """Record the answer; raises the verb's `Refusal`."""
    counter = services.metrics.decisions
    try:
        decided = await decide(services.store, answer)
    except Refusal as refusal:
        counter.labels(answer.type, refusal.code).inc()
        raise
    except BaseException:
        counter.labels(answer.type, "error").inc()
        raise
    counter.labels(answer.type, "decided" if decided.decision else "vote").inc()
    return decided
