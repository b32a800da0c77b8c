"""Batches: similar requests on one card, each decided by itself."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from graph.law.request import Request
from graph.verbs.ports.delivery import CardRow


class ItemState(StrEnum):
    """Whether a request is in a batch, was kept out because it differs, or has left it for a card of its own."""

    IN = "in"
    ODD = "odd"
    LEFT = "left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Similar requests that one tier is asked about in one channel (`target`); `alike` is what they share."""

    id: str
    workflow: str
    action_type: str
    target: str
    tier: int
    alike: str
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A request of a batch. `seq` counts from 1 in the order of joining (0: it was never in); `version` and `digest`
    are those it joined with; `why` says in words and numbers why it isn't in.
    """

    request: Request
    seq: int
    version: int
    digest: str
    state: ItemState
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """A card of a request at which nobody has looked yet."""

    card_id: str
    request_id: str
    target: str
    tier: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut:
    """Why a request is not in a batch of so many."""

    request_id: str
    size: int
    why: str


class Batches(Protocol):
    async def turn(self) -> bool:
        """Whether nobody else gathers until this transaction ends."""
        ...

    async def news(self) -> int:
        """The cards of batches to whose items something happened are owed a new rendering; how many."""
        ...

    async def unseen(self, limit: int) -> Sequence[Unseen]: ...
    async def seen(self, marks: Mapping[str, str]) -> None:
        """Somebody has looked at these cards: id → what their requests share with similar ones, "" for nothing."""
        ...

    async def alike(self, target: str, alike: str, limit: int) -> Sequence[Request]:
        """Pending requests that share this and are in no batch, the one due first first; locked, those that somebody
        else holds left out.
        """
        ...

    async def open(self, target: str, alike: str) -> Batch | None:
        """The newest batch that takes more of these."""
        ...

    async def start(self, like: Request, target: str, alike: str) -> Batch: ...
    async def join(self, batch: Batch, requests: Sequence[Request]) -> None:
        """These locked requests are in from now on, and the batch's card stands for their own."""
        ...

    async def fold(self, batch: Batch, cards: Collection[str]) -> None:
        """The batch's card stands for these cards of its items, in their channels as well."""
        ...

    async def keep_out(self, batch: Batch, odd: Mapping[str, str]) -> None:
        """These differ: request id → why. Those that were in get their own cards back."""
        ...

    async def leave(self, request_ids: Collection[str], why: str, *, shown: bool = True) -> None:
        """These locked requests are looked at by themselves from now on. With `shown` their own cards are wanted;
        else only those that are on the screen already.
        """
        ...

    async def close(self, batch_id: str) -> None:
        """It takes no more."""
        ...

    async def get(self, batch_id: str) -> Batch | None: ...
    async def items(self, batch_id: str) -> Sequence[Item]:
        """All that were ever in it or kept out, in the order of joining."""
        ...

    async def size(self, batch_id: str) -> int:
        """How many are in it."""
        ...

    async def many(self, batch_ids: Collection[str]) -> Sequence[Batch]: ...
    async def of(self, request_ids: Collection[str]) -> Mapping[str, Batch]:
        """The batches in which these requests are now: by request id."""
        ...

    async def kept_out(self, request_ids: Collection[str]) -> Mapping[str, KeptOut]:
        """Those of these requests that were kept out of a batch and are in none: by request id."""
        ...

    async def at(self, channel: str, ts: str) -> Batch | None:
        """The batch whose card this message is."""
        ...

    async def cards(self, batch_id: str) -> Sequence[CardRow]: ...
    async def want(self, batch_id: str, targets: Collection[str]) -> None:
        """Cards of this batch are owed to channels or people."""
        ...

    async def remind(self, batch_id: str, quiet_seconds: float) -> bool:
        """Whether people may be reminded of it now: not when they were so short a time ago."""
        ...
