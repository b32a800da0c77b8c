"""The policy of the simulation, and the same times again as plain numbers: the checks don't ask the product's code."""

from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Rung:
    """What a tier promises. `remind`: so long before the SLA ends; `repeat`: so often after it has."""

    channel: str
    sla: timedelta
    people: tuple[str, ...]
    remind: timedelta | None = None
    repeat: timedelta | None = None
    expires: timedelta = timedelta(hours=72)
    dm: tuple[str, ...] = ()
    seldom: tuple[str, ...] = ()
    """May decide as well, and hardly ever do."""

    @property
    def entitled(self) -> tuple[str, ...]:
        return self.people + self.seldom


RUNGS: Final = {
    1: Rung("approvals", timedelta(minutes=15), ("UALICE", "UBOB"), remind=timedelta(minutes=5), seldom=("UREQ",)),
    2: Rung("approvals-tier-2", timedelta(hours=2), ("UCARA", "UDIRK", "UEVE"), remind=timedelta(minutes=30)),
    3: Rung(
        "approvals-managers",
        timedelta(hours=8),
        ("UDIRK", "UEVE"),
        repeat=timedelta(hours=24),
        dm=("UEVE",),
    ),
}


def channel_of(tier: int) -> str:
    """The id that the simulated Slack gives the tier's channel."""
    return "C" + RUNGS[tier].channel.upper().replace("-", "")


SILENT: Final = "hold"
"""The action for which silence is consent."""
DIGEST_ZONE: Final = "Africa/Casablanca"
"""Puts its clocks back on 7 February 2027 and forward on 14 March: two changes within ninety days."""
DIGEST_AT: Final = time(9)
CONSENT_GRACE: Final = timedelta(minutes=1)

POLICY: Final = """
format = 1
directory_max_age = "24h"
directory_max_age_high_risk = "1h"
execution_window = "24h"

# Every request on a card of its own: that is what is looked for.
[batches]
enabled = false

[tiers.1]
channel = "#approvals"
reviewers = ["@tier-1-reviewers"]
sla = "15m"
expires = "72h"
remind = "5m"
on_timeout = "escalate"

[tiers.2]
channel = "#approvals-tier-2"
reviewers = ["@tier-2-reviewers", "@tier-3-managers"]
sla = "2h"
expires = "72h"
remind = "30m"
on_timeout = "escalate"

[tiers.3]
channel = "#approvals-managers"
reviewers = ["@tier-3-managers"]
sla = "8h"
expires = "72h"
repeat = "24h"
dm = ["UEVE"]
approvals = 2

[roles]
operators_channel = "#gatepost-operators"

[digest]
timezone = "Africa/Casablanca"
at = "Mon 09:00"
channel = "#gatepost-operators"
dm = ["@tier-3-managers"]

[[lifts]]
above = 5_000
tier = 2

[[timeouts]]
action = "toy.hold"
then = "approve"
basis = "a hold that nobody minds is lifted as easily"

[[autonomy]]
action = "*"
level = "full_control"

[[autonomy]]
action = "toy.pay"
level = "gated"

[[confidence.overrides]]
actions = ["toy.*"]
weights = { model = 1.0 }

[[thresholds]]
action = "*"
auto = 0.9
review = 0.3
"""
