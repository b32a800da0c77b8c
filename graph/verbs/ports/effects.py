"""The effects ledger."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from graph.law.request import Effect, Outcome


class Effects(Protocol):
    async def get(self, effect_id: str) -> Effect | None: ...
    async def of_run(self, run_id: str) -> Sequence[Effect]:
        """Forward effects and their undos, oldest first."""
        ...

    async def of_requests(self, request_ids: Collection[str]) -> Mapping[str, Effect]:
        """What these requests allowed, by request; those of which nothing was begun are not there."""
        ...

    async def intend(self, effect: Effect, fence: int) -> None:
        """Write INTENT, before the call."""
        ...

    async def again(self, effect_id: str, fence: int) -> None:
        """Another attempt of an INTENT whose answer is not known."""
        ...

    async def settle(
        self, effect_id: str, status: Outcome, result: dict[str, Any] | None, error: str, reconciled_by: str | None
    ) -> bool:
        """Write what came of it; False unless the row was INTENT (or UNKNOWN, when reconciled)."""
        ...
