"""Whose authenticator app Gatepost knows, and which codes were tried."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


class Sealed(RuntimeError):
    """Secrets can't be read or written here; the message says what to do about it, and holds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticator:
    """A person's authenticator app. `last_step`: the newest time step whose code was taken.

    `wrong_at`: when codes were wrong lately. `secret` is base32, and never shown after it was set up.
    """

    user_id: str
    secret: str = field(repr=False)
    last_step: int
    wrong_at: tuple[datetime, ...]
    locked_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """Who has an authenticator, since when, and who set it up."""

    user_id: str
    enrolled_at: datetime
    enrolled_by: str
    locked_until: datetime | None


class StepUp(Protocol):
    async def lock(self, user_id: str) -> Authenticator | None:
        """Read and lock until the transaction ends. Raises `Sealed`."""
        ...

    async def took(self, user_id: str, step: int) -> None:
        """The code of this time step counted, and earlier mistakes are forgiven."""
        ...

    async def was_wrong(self, user_id: str, wrong_at: Sequence[datetime], locked_until: datetime | None) -> None: ...
    async def enroll(self, user_id: str, secret: str, by: str) -> bool:
        """Keep a new secret; False when this person has one. Raises `Sealed`."""
        ...

    async def remove(self, user_id: str) -> bool:
        """Forget the secret; False when there was none."""
        ...

    async def all(self) -> Sequence[Enrolled]: ...
