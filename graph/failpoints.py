"""Named places where a test can kill the process: `FAILPOINT=name[:nth]`. Inert otherwise."""

import os
from typing import Final

NAMES: Final = (
    "decide:before_commit",
    "decide:after_commit",
    "segment:before_commit",
    "segment:after_commit",
    "effect:before_intent",
    "effect:after_intent",
    "effect:after_call",
    "effect:after_settle",
    "card:after_post",
    "sweep:before_commit",
)
_wanted, _, _nth = os.environ.get("FAILPOINT", "").rpartition("@")
_left = int(_nth) if _wanted else 1


def failpoint(name: str) -> None:
    """Die here, without any clean-up, if this point was asked for (the n-th time: `name@n`)."""
    if name not in NAMES:
        raise ValueError(f"{name} is not in the list of failpoints")
    global _left
    if name != (_wanted or os.environ.get("FAILPOINT")):
        return
    _left -= 1
    if _left <= 0:
        os._exit(137)
