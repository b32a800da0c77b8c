"""How long the hunts are: a slice of each in `make test`, the whole of it in `make chaos`."""

import os
from typing import Final

LONG: Final = os.environ.get("LONG_HUNTS") == "1"


def trials(whole: int, slice_: int) -> int:
    """How many of them this run plays."""
    return whole if LONG else slice_
