"""What judging costs: `python -m tests.bench.routing`. A thousand different actions under the default policy."""

import argparse
import cProfile
import pstats
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from graph.law.confidence import Signal
from graph.law.facts import Facts, Record
from graph.law.policy import Policy, parse_policy
from graph.law.request import EffectClass, Risk
from graph.law.routing import route
from tests.support.db import DEFAULT_POLICY

GOAL_MS: Final = 50.0
ACTIONS: Final = 1_000
_KINDS: Final[Sequence[tuple[str, tuple[str, ...]]]] = (
    ("payments.refund", ("payment", "refund")),
    ("payments.reserve_credit", ("payment",)),
    ("payments.message", ()),
    ("contracts.sign", ("legal",)),
    ("deployment.roll_out", ("config",)),
    ("loan.grant", ("financial",)),
    ("orders.cancel", ("account",)),
    ("unheard.of", ()),
)


def actions(count: int) -> list[Facts]:
    """Different actions: with and without amounts, signals, flags, totals."""
    return [_action(n) for n in range(count)]


def _action(n: int) -> Facts:
    action, tags = _KINDS[n % len(_KINDS)]
    amount = Decimal(n * 7 % 2000 + 1)
    return Facts(
        action=action,
        args={"order": str(n), "amount": f"{amount}.00", "currency": "EUR"},
        value=amount if n % 3 else None,
        currency="EUR",
        target=f"customer-{n % 50}",
        requester="UREQ",
        effect_class=tuple(EffectClass)[n % 3],
        reversible=n % 4 != 0,
        tags=tags,
        impact=tuple(Risk)[n % 3],
        signals={signal: _stated(signal, n) for signal in Signal},
        flags=("3.1× the usual amount",) if n % 6 == 0 else (),
        sentiment=(n % 20) / 10 - 1 if n % 2 else None,
        record=Record(
            asked=n % 20,
            well=n % 18,
            usual=Decimal(40),
            usual_of=9,
            totals={"same-target-in-a-day": Decimal(n % 400)} if n % 4 == 0 else {},
        ),
        draw=(n % 100) / 100,
    )


def _stated(signal: Signal, n: int) -> float | None:
    return {Signal.MODEL: (n % 100) / 100, Signal.TOOLS: 1.0, Signal.RETRIEVAL: 0.8 if n % 5 else None}.get(signal)


def loaded() -> Policy:
    return parse_policy(DEFAULT_POLICY.read_text())


def best_ms(policy: Policy, facts: Sequence[Facts], times: int = 5) -> float:
    """CPU milliseconds of this process to route them all, the best of several times, after one to warm up."""
    for one in facts:
        route(policy, one)
    found = []
    for _ in range(times):
        begun = time.process_time()
        for one in facts:
            route(policy, one)
        found.append((time.process_time() - begun) * 1000)
    return min(found)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--profile", action="store_true", help="Also print where the time goes.")
    asked = parser.parse_args()
    policy, facts = loaded(), actions(asked.actions)
    ms = best_ms(policy, facts)
    print(f"routing {asked.actions} actions, default policy: {ms:.1f} ms CPU (best of 5), goal {GOAL_MS:.0f} ms")
    if asked.profile:
        with cProfile.Profile() as profile:
            for one in facts:
                route(policy, one)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    return 0 if ms < GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
