"""Policy versions. A version never changes, so a parsed one is kept for the life of the process."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy import text as sql

from graph.law.policy import Policy, parse_policy
from graph.verbs.errors import NotFound
from graph.verbs.ports import PolicyText, PolicyVersion
from storage.schema import policies
from storage.session import Session


class PolicyCache(dict[int, Policy]):
    """Parsed policies by version."""


class PgPolicies:
    def __init__(self, session: Session, cache: PolicyCache) -> None:
        self._session = session
        self._cache = cache

    async def newest(self) -> int | None:
        """The version in force, if any."""
        row = await self._newest()
        return row.version if row else None

    async def current(self) -> PolicyVersion:
        version = await self.newest()
        if version is None:
            raise NotFound("no policy has been imported yet; start `gatepost serve`, or set GATEPOST_POLICY")
        return await self.version(version)

    async def version(self, version: int) -> PolicyVersion:
        if version not in self._cache:
            stored = await self.text(version)
            self._cache[version] = parse_policy(stored.text, stored.parts)
        return PolicyVersion(version=version, policy=self._cache[version])

    async def texts(self, limit: int) -> Sequence[PolicyText]:
        statement = select(policies).where(self._mine).order_by(policies.c.version.desc()).limit(limit)
        return [_text(row) for row in await self._session.all(statement)]

    async def text(self, version: int) -> PolicyText:
        row = await self._session.one(select(policies).where(self._mine, policies.c.version == version))
        if row is None:
            raise NotFound(f"there is no policy version {version}")
        return _text(row)

    async def apply(self, source: str, by: str) -> PolicyVersion:
        await self._lock()
        newest = await self._newest()
        parts = (await self.text(newest.version)).parts if newest else {}
        return await self._import(newest, source, parts, by)

    async def offer(self, parts: Mapping[str, str], by: str, *, replace: bool) -> PolicyVersion:
        await self._lock()
        newest = await self._newest()
        if newest is None:
            raise NotFound("no policy has been imported yet; start `gatepost serve`, or set GATEPOST_POLICY")
        stored = await self.text(newest.version)
        wanted = {**stored.parts, **parts} if replace else {**parts, **stored.parts}
        merged = {name: part for name, part in wanted.items() if part.strip()}
        return await self._import(newest, stored.text, merged, by)

    async def _import(self, newest: Row[Any] | None, source: str, parts: dict[str, str], by: str) -> PolicyVersion:
        """A new version, unless it is what is in force."""
        parse_policy(source, parts)
        whole = source if not parts else source + json.dumps(parts, sort_keys=True)
        fingerprint = hashlib.sha256(whole.encode()).hexdigest()
        if newest is not None and newest.digest == fingerprint:
            return await self.version(newest.version)
        values = {"digest": fingerprint, "source": source, "parts": parts, "applied_by": by}
        row = await self._session.one(
            insert(policies).values(workspace_id=self._session.workspace_id, **values).returning(policies.c.version)
        )
        if row is None:
            raise RuntimeError("inserting a policy returned no row")
        return await self.version(row.version)

    async def _lock(self) -> None:
        """Several processes start at once; only one may decide that the text is new."""
        await self._session.count(
            select(sql("pg_advisory_xact_lock(hashtext('gatepost.policy:' || :workspace))")).params(
                workspace=self._session.workspace_id
            )
        )

    async def _newest(self) -> Row[Any] | None:
        return await self._session.first(
            select(policies.c.version, policies.c.digest).where(self._mine).order_by(policies.c.version.desc()).limit(1)
        )

    @property
    def _mine(self) -> Any:
        return policies.c.workspace_id == self._session.workspace_id


def _text(row: Row[Any]) -> PolicyText:
    return PolicyText(version=row.version, text=row.source, parts=dict(row.parts), by=row.applied_by, at=row.applied_at)
