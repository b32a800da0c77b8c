"""Which weeks' digests were made, with their figures as they were posted."""

from collections.abc import Mapping
from typing import Any, Protocol


class Digests(Protocol):
    async def add(self, week: str, figures: Mapping[str, Any]) -> bool:
        """Insert; False when this week's digest was made before, by whichever process."""
        ...

    async def get(self, week: str) -> Mapping[str, Any] | None:
        """The figures of a week's digest that was made."""
        ...
