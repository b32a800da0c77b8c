"""What reviewers allowed for the rest of a run, and what was done under it."""

from collections.abc import Sequence
from typing import Protocol

from graph.law.grants import Grant


class Grants(Protocol):
    async def add(self, grant: Grant) -> None: ...
    async def get(self, grant_id: str, *, lock: bool = False) -> Grant | None:
        """With how often it was used; `lock`: nobody else uses or revokes it until this transaction ends."""
        ...

    async def of_action(self, run_id: str, action_type: str) -> Sequence[Grant]:
        """Those for this action of the run that have not ended and were not taken back, the newest first."""
        ...

    async def given_with(self, request_id: str) -> Grant | None:
        """The one that was given when this request was approved."""
        ...

    async def newest(self, limit: int, *, all: bool = False) -> Sequence[Grant]:
        """Those that have not ended and were not taken back, or all; the newest first."""
        ...

    async def use(self, grant: Grant, request_id: str) -> None:
        """Count one use, for a request that is on record; of a grant that is locked."""
        ...

    async def revoke(self, grant_id: str, by: str) -> None:
        """Take back one that is locked."""
        ...
