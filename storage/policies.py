"""Policy versions. A version never changes, so a parsed one is kept for the life of the process."""

import hashlib
from typing import Any

from sqlalchemy import Row, insert, select, text

from graph.law.policy import Policy, parse_policy
from graph.verbs.errors import NotFound
from graph.verbs.ports import PolicyVersion
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
            row = await self._session.one(select(policies.c.source).where(policies.c.version == version))
            if row is None:
                raise NotFound(f"there is no policy version {version}")
            self._cache[version] = parse_policy(row.source)
        return PolicyVersion(version=version, policy=self._cache[version])

    async def apply(self, source: str, by: str) -> PolicyVersion:
        parse_policy(source)
        # Several processes start at once; only one may decide that the text is new.
        await self._session.count(
            select(text("pg_advisory_xact_lock(hashtext('gatepost.policy:' || :workspace))")).params(
                workspace=self._session.workspace_id
            )
        )
        fingerprint = hashlib.sha256(source.encode()).hexdigest()
        newest = await self._newest()
        if newest is not None and newest.digest == fingerprint:
            return await self.version(newest.version)
        statement = (
            insert(policies)
            .values(workspace_id=self._session.workspace_id, digest=fingerprint, source=source, applied_by=by)
            .returning(policies.c.version)
        )
        row = await self._session.one(statement)
        if row is None:
            raise RuntimeError("inserting a policy returned no row")
        return await self.version(row.version)

    async def _newest(self) -> Row[Any] | None:
        return await self._session.first(
            select(policies.c.version, policies.c.digest)
            .where(policies.c.workspace_id == self._session.workspace_id)
            .order_by(policies.c.version.desc())
            .limit(1)
        )
