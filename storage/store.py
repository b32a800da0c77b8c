"""Transactions: one `PgTx` is one PostgreSQL transaction with every repository on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection as SqlConnection
from sqlalchemy.ext.asyncio import AsyncEngine

from graph.verbs.errors import Busy
from storage.audit import PgAudit
from storage.batches import PgBatches
from storage.cards import PgCards
from storage.checks import PgChecks
from storage.digests import PgDigests
from storage.duty import PgDuty
from storage.effects import PgEffects
from storage.figures import PgFigures
from storage.grants import PgGrants
from storage.health import PgHealth
from storage.incidents import PgIncidents
from storage.owed import PgOwed
from storage.past import PgPast, UsualTimes
from storage.people import PgPeople
from storage.policies import PgPolicies, PolicyCache
from storage.queue import PgQueue
from storage.requests import PgRequests
from storage.runs import PgRuns
from storage.schema import NOW
from storage.session import Session
from storage.stepup import PgStepUp
from storage.stops import PgStops
from storage.talk import PgTalk
from storage.trail import PgTrail
from storage.turns import PgTurns
from storage.vault import Vault

CHANNEL: Final = "gatepost"
_HELD_UP: Final = (LockNotAvailable, DeadlockDetected)


class PgTx:
    """The port `Tx` on PostgreSQL."""

    def __init__(self, session: Session, policies: PolicyCache, usual: UsualTimes, vault: Vault) -> None:
        self._session = session
        self.workspace_id = session.workspace_id
        self.runs = PgRuns(session)
        self.requests = PgRequests(session)
        self.queue = PgQueue(session)
        self.incidents = PgIncidents(session)
        self.effects = PgEffects(session)
        self.cards = PgCards(session)
        self.batches = PgBatches(session)
        self.owed = PgOwed(session)
        self.turns = PgTurns(session)
        self.audit = PgAudit(session)
        self.people = PgPeople(session)
        self.policies = PgPolicies(session, policies)
        self.past = PgPast(session, usual)
        self.trail = PgTrail(session)
        self.health = PgHealth(session)
        self.stops = PgStops(session)
        self.checks = PgChecks(session)
        self.talk = PgTalk(session)
        self.figures = PgFigures(session)
        self.digests = PgDigests(session)
        self.duty = PgDuty(session)
        self.grants = PgGrants(session)
        self.stepup = PgStepUp(session, vault)

    async def now(self) -> datetime:
        """The database's clock, fixed for this transaction."""
        if self._session.now is None:
            self._session.now = (await self._session.connection.execute(select(NOW))).scalar_one()
        return self._session.now

    async def driver(self) -> AsyncConnection[tuple[object, ...]]:
        """The psycopg connection of this transaction: LangGraph's saver writes on it, too."""
        raw = await self._session.connection.get_raw_connection()
        connection = raw.driver_connection
        if not isinstance(connection, AsyncConnection):
            raise TypeError("the engine must use psycopg 3")
        return connection


class PgStore:
    """The port `Store` on PostgreSQL, for one workspace."""

    def __init__(self, engine: AsyncEngine, workspace_id: str, *, secret_key: bytes | None = None) -> None:
        self.engine = engine
        self.workspace_id = workspace_id
        self._vault = Vault(secret_key)
        self._policies = PolicyCache()
        self._usual = UsualTimes()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[PgTx]:
        try:
            async with self.engine.begin() as connection:
                session = Session(connection, self.workspace_id)
                yield PgTx(session, self._policies, self._usual, self._vault)
                await _hint(connection, session)
        except (DBAPIError, *_HELD_UP) as error:
            if isinstance(error, _HELD_UP) or isinstance(error.orig, _HELD_UP):
                raise Busy("others held the same rows for too long") from error
            raise


async def _hint(connection: SqlConnection, session: Session) -> None:
    """Wake whoever listens, on commit. A hint only: polling finds the same work a moment later."""
    for topic in sorted(session.hints):
        await connection.execute(text("select pg_notify(:channel, :topic)"), {"channel": CHANNEL, "topic": topic})
