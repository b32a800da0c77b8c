"""What is owed to people: cards and messages."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """A card that was wanted: `wanted > shown` means that a rendering is owed."""

    id: str
    request_id: str
    target: str
    channel: str | None
    ts: str | None
    shown: int
    wanted: int
    attempts: int
    created_at: datetime
    tier: int
    """Whose card it is; 0: nobody's in particular."""
    posted_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedRow:
    """A committed chore that is not done yet."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


class Cards(Protocol):
    async def want(self, request_id: str, target: str, tier: int) -> None:
        """A card of this request is owed to a channel or a person, for this tier."""
        ...

    async def want_many(self, wanted: Collection[tuple[str, str, int]]) -> None:
        """Cards are owed: (request id, channel or person, tier) each."""
        ...

    async def touch(self, request_id: str) -> None:
        """Every card of this request is owed a new rendering."""
        ...

    async def touch_many(self, request_ids: Collection[str]) -> None:
        """Every card of these requests is owed a new rendering."""
        ...

    async def of_request(self, request_id: str) -> Sequence[CardRow]: ...
    async def known(self, request_id: str, channel: str, ts: str) -> bool:
        """Whether this message is a card of this request (and no copy of one)."""
        ...

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[CardRow]: ...
    async def shown(self, card: CardRow, channel: str, ts: str, text: str) -> None:
        """The rendering `card.wanted` is on the screen; `text` is what was shown."""
        ...

    async def retry(self, card: CardRow, delay_seconds: float, error: str) -> None: ...


class Owed(Protocol):
    async def add(self, kind: str, key: str, payload: Mapping[str, Any], delay_seconds: float = 0.0) -> None:
        """Owe a chore once per key."""
        ...

    async def add_many(self, kind: str, payloads: Mapping[str, Mapping[str, Any]]) -> None:
        """Owe chores, each once per key."""
        ...

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[OwedRow]: ...
    async def done(self, row: OwedRow) -> None: ...
    async def retry(self, row: OwedRow, delay_seconds: float, error: str) -> None: ...
