"""Requests, their decisions and votes. A decision is one compare-and-set."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from graph.law.request import Decision, Kind, Request, Status
from graph.verbs.ports import Vote
from storage import rows
from storage.schema import NOW, decisions, requests, votes
from storage.session import Session


class PgRequests:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def insert(self, request: Request) -> bool:
        statement = insert(requests).values(**rows.request_columns(request)).on_conflict_do_nothing()
        return await self._session.count(statement) == 1

    async def get(self, request_id: str) -> Request | None:
        return await self._one(select(requests).where(self._mine, requests.c.id == request_id))

    async def lock(self, request_id: str) -> Request | None:
        return await self._one(select(requests).where(self._mine, requests.c.id == request_id).with_for_update())

    async def of_turn(self, run_id: str, turn: int) -> Request | None:
        statement = (
            select(requests)
            .where(self._mine, requests.c.run_id == run_id, requests.c.turn == turn, requests.c.kind != Kind.REVIEW)
            .order_by(requests.c.revision.desc())
            .limit(1)
        )
        return await self._one(statement)

    async def of_run(self, run_id: str) -> Sequence[Request]:
        statement = select(requests).where(self._mine, requests.c.run_id == run_id)
        return await self._many(statement.order_by(requests.c.turn, requests.c.revision))

    async def pending(self, limit: int, tier: int | None = None, *, without: Collection[str] = ()) -> Sequence[Request]:
        statement = select(requests).where(self._mine, requests.c.status == Status.PENDING)
        if tier is not None:
            statement = statement.where(requests.c.tier == tier)
        if without:
            statement = statement.where(requests.c.workflow.not_in(sorted(without)))
        return await self._many(statement.order_by(requests.c.next_step_at, requests.c.id).limit(limit))

    async def decide(self, request: Request, status: Status, execution_expires_at: datetime | None) -> bool:
        return await self._flip(
            request,
            requests.c.expires_at > NOW,
            status=status,
            execution_expires_at=execution_expires_at,
        )

    async def expire(self, request: Request) -> bool:
        return await self._flip(request, requests.c.expires_at <= NOW, status=Status.EXPIRED)

    async def due(self, limit: int) -> Sequence[str]:
        statement = select(requests.c.id).where(*self._due).order_by(requests.c.next_step_at).limit(limit)
        return [row.id for row in await self._session.all(statement)]

    async def lock_due(self, request_id: str) -> Request | None:
        statement = select(requests).where(*self._due, requests.c.id == request_id)
        return await self._one(statement.with_for_update(skip_locked=True))

    @property
    def _due(self) -> tuple[Any, ...]:
        return self._mine, requests.c.status == Status.PENDING, requests.c.next_step_at <= NOW

    async def step(self, request: Request, next_step_at: datetime) -> None:
        statement = update(requests).where(
            requests.c.id == request.id, requests.c.status == Status.PENDING, requests.c.version == request.version
        )
        await self._session.count(statement.values(next_step_at=next_step_at))

    async def unchecked(self, version: int, limit: int) -> Sequence[str]:
        statement = select(requests.c.id).where(
            self._mine, requests.c.status == Status.PENDING, requests.c.checked_policy < version
        )
        return [row.id for row in await self._session.all(statement.limit(limit))]

    async def checked(self, request: Request, version: int) -> None:
        statement = update(requests).where(requests.c.id == request.id)
        await self._session.count(statement.values(checked_policy=version))

    async def go_up(self, request: Request, tier: int, approvals: int) -> bool:
        statement = update(requests).where(
            requests.c.id == request.id,
            requests.c.status == Status.PENDING,
            requests.c.version == request.version,
            requests.c.tier < tier,
        )
        values = {"tier": tier, "approvals_required": approvals, "version": request.version + 1}
        return await self._session.count(statement.values(**values)) == 1

    async def add_decision(self, decision: Decision) -> None:
        await self._session.count(
            insert(decisions).values(
                request_id=decision.request_id,
                workspace_id=self._session.workspace_id,
                type=decision.type,
                decided_by=decision.by,
                person=decision.person,
                reason=decision.reason,
                digest=decision.digest,
                via=decision.via,
                next_request_id=decision.next_request_id,
                at=decision.at,
            )
        )

    async def decision(self, request_id: str) -> Decision | None:
        row = await self._session.one(select(decisions).where(decisions.c.request_id == request_id))
        return rows.decision(row) if row else None

    async def add_vote(self, vote: Vote) -> bool:
        statement = (
            insert(votes)
            .values(
                request_id=vote.request_id,
                person=vote.person,
                digest=vote.digest,
                workspace_id=self._session.workspace_id,
                user_id=vote.user_id,
                reason=vote.reason,
                at=vote.at,
            )
            .on_conflict_do_nothing()
        )
        return await self._session.count(statement) == 1

    async def votes(self, request_id: str, digest: str) -> Sequence[Vote]:
        statement = select(votes).where(votes.c.request_id == request_id, votes.c.digest == digest)
        return [rows.vote(row) for row in await self._session.all(statement.order_by(votes.c.at))]

    @property
    def _mine(self) -> Any:
        return requests.c.workspace_id == self._session.workspace_id

    async def _one(self, statement: Any) -> Request | None:
        row = await self._session.one(statement)
        return rows.request(row) if row else None

    async def _many(self, statement: Any) -> Sequence[Request]:
        return [rows.request(row) for row in await self._session.all(statement)]

    async def _flip(self, request: Request, *also: Any, **values: Any) -> bool:
        statement = update(requests).where(
            self._mine,
            requests.c.id == request.id,
            requests.c.status == Status.PENDING,
            requests.c.version == request.version,
            requests.c.digest == request.digest,
            *also,
        )
        values = {"next_step_at": None, "decided_at": NOW, "version": requests.c.version + 1} | values
        return await self._session.count(statement.values(**values)) == 1
