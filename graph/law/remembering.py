"""Remembering what was found out about a text: a card looks at the same few texts again and again."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Final, TypeVar

T = TypeVar("T")

_SHORT: Final = 500
_MANY: Final = 4096
_FEW: Final = 16
"""Of long texts: together no more than a few megabytes."""


def remembered(work: Callable[[str], T]) -> Callable[[str], T]:
    """The pure function of a text, which works out the answer for the same text once."""
    short, long = lru_cache(_MANY)(work), lru_cache(_FEW)(work)

    @wraps(work)
    def recall(text: str) -> T:
        return (short if len(text) <= _SHORT else long)(text)

    return recall
