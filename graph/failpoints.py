"""Named places where a test can kill the process: `FAILPOINT=name` or `name@nth`. Inert otherwise."""

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
_wanted = ""
_left = 0


def arm(spec: str) -> None:
    """Ask for a death at `name`, or at the n-th time that point is passed (`name@n`); "" disarms."""
    global _wanted, _left
    name, _, nth = spec.partition("@")
    if name and name not in NAMES:
        raise ValueError(f"{name} is not in the list of failpoints")
    _wanted, _left = name, int(nth or 1)


def failpoint(name: str) -> None:
    """Die here, without any clean-up, if this point was asked for."""
    if name not in NAMES:
        raise ValueError(f"{name} is not in the list of failpoints")
    global _left
    if name != _wanted:
        return
    _left -= 1
    if _left <= 0:
        os._exit(137)


arm(os.environ.get("FAILPOINT", ""))
