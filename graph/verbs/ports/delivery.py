"""What is owed to people: cards and messages, and whose turn it is to be said in a channel."""

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
    """How often it was claimed: the number is the fence of whoever claimed it."""
    tries: int
    """Attempts since it was last shown that may have reached Slack, this one among them."""
    created_at: datetime
    tier: int
    """Whose card it is; 0: nobody's in particular."""
    posted_at: datetime | None
    batch_id: str | None = None
    """The batch whose card it is, where it is no single request's (`request_id` is empty then)."""
    folded_in: str | None = None
    """The batch whose card stands for this one meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedRow:
    """A committed chore that is not done yet. `target`: in whose turn it is said; "": in nobody's."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    tries: int
    target: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The rendering `card.wanted` is on the screen, in this channel under this ts; `text` is what it says."""

    card: CardRow
    channel: str
    ts: str
    text: str


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
    async def places(self, request_ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        """Where (channel, ts) the card stands that counts now, of those posted in a channel; of a request that was
        gathered with others, their common one.
        """
        ...

    async def known(self, request_id: str, channel: str, ts: str) -> bool:
        """Whether this message is a card of this request, or of a batch it was in (and no copy of one)."""
        ...

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[CardRow]:
        """Cards to post, at most one for each channel whose turn it is, the most urgent first; the turns are taken."""
        ...

    async def claim_renewed(self, limit: int, lease_seconds: float) -> Sequence[CardRow]:
        """Posted cards that are owed a new rendering, those whose buttons no longer count first."""
        ...

    async def shown_many(self, shown: Sequence[Shown]) -> None: ...
    async def retry(self, card: CardRow, delay_seconds: float, error: str, *, tried: bool = True) -> None:
        """Later; `tried` says whether Slack may have done it all the same."""
        ...

    async def stranded(self, seconds: float, limit: int) -> Sequence[CardRow]:
        """Cards of pending requests that can't be posted and that no others stand in for: their channel is in
        trouble, or has taken nothing for so long. The most urgent first.
        """
        ...

    async def reroute(self, card_id: str) -> bool:
        """Others stand in for this card until it can be posted; False when they do so already, or it was posted."""
        ...


class Owed(Protocol):
    async def add(self, kind: str, key: str, payload: Mapping[str, Any], delay_seconds: float = 0.0) -> None:
        """Owe a chore once per key."""
        ...

    async def add_many(self, kind: str, payloads: Mapping[str, Mapping[str, Any]]) -> None:
        """Owe chores, each once per key."""
        ...

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[OwedRow]:
        """What may be said now: of each target whose turn it is the oldest, and what needs no turn."""
        ...

    async def superseded(self, row: OwedRow) -> bool:
        """Whether a newer chore of this kind about the same request is owed."""
        ...

    async def done(self, row: OwedRow) -> None: ...
    async def retry(self, row: OwedRow, delay_seconds: float, error: str, *, tried: bool = True) -> None: ...


class Turns(Protocol):
    """When a channel, a person or a method of Slack's may next be spoken to, by whichever process."""

    async def end(self, pauses: Mapping[str, float]) -> None:
        """These turns are over and went well: target → seconds until the next one."""
        ...

    async def pause(self, target: str, seconds: float, problem: str = "") -> None:
        """Leave it alone for so long; `problem`: what a person has to mend there."""
        ...

    async def paused(self, target: str) -> bool: ...
    async def wait(self) -> float | None:
        """Seconds until the next turn of a target for which something is owed; None: nothing waits for one."""
        ...
