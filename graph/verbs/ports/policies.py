"""Policy versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from graph.law.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """A policy version as it was imported: its text, the parts that domains shipped, by whom and when."""

    version: int
    text: str
    parts: dict[str, str]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A policy as imported; decisions by policy are signed `policy:<version>`."""

    version: int
    policy: Policy


class Policies(Protocol):
    async def current(self) -> PolicyVersion:
        """The policy in force; raises `NotFound` when none was ever imported."""
        ...

    async def version(self, version: int) -> PolicyVersion: ...
    async def texts(self, limit: int) -> Sequence[PolicyText]:
        """The versions as they were imported, newest first."""
        ...

    async def text(self, version: int) -> PolicyText:
        """One of them; raises `NotFound`."""
        ...

    async def apply(self, text: str, by: str) -> PolicyVersion:
        """Import a checked policy text; the version in force when it is the same text."""
        ...

    async def offer(self, parts: Mapping[str, str], by: str, *, replace: bool) -> PolicyVersion:
        """What domains ship about their own actions (workflow → TOML) becomes part of the policy in force.

        Without `replace` only domains that have no part yet are added.
        """
        ...
