"""Requests, their decisions and votes. A decision is one compare-and-set."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import DateTime, Integer, Text, delete, exists, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from graph.law.escalation import Timer
from graph.law.request import Decision, Kind, Request, Status
from graph.verbs.ports import Move, Vote
from storage import rows
from storage.queue import DUE
from storage.schema import NOW, decisions, requests, stops, votes
from storage.session import Session, given


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

    async def lock_many(self, request_ids: Collection[str]) -> Sequence[Request]:
        statement = select(requests).where(self._mine, requests.c.id.in_(request_ids))
        return await self._many(statement.order_by(requests.c.id).with_for_update())

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

    async def of_requester(self, user: str, limit: int) -> Sequence[Request]:
        statement = select(requests).where(
            self._mine,
            requests.c.status == Status.PENDING,
            requests.c.requester == user,
            requests.c.kind.in_((Kind.ACTION, Kind.CHECKPOINT)),
        )
        return await self._many(statement.order_by(DUE, requests.c.id).limit(limit))

    async def many(self, request_ids: Collection[str]) -> Sequence[Request]:
        return await self._many(select(requests).where(self._mine, requests.c.id.in_(request_ids)))

    async def waiting(self, most: int, workflow: str | None = None) -> int:
        pending = select(literal(1)).where(self._mine, requests.c.status == Status.PENDING)
        if workflow is not None:
            pending = pending.where(requests.c.workflow == workflow)
        row = await self._session.one(select(func.count().label("n")).select_from(pending.limit(most).subquery()))
        return int(row.n) if row else 0

    async def decide(
        self, request: Request, status: Status, execution_expires_at: datetime | None, clock: datetime | None = None
    ) -> bool:
        statement = update(requests).where(
            self._mine,
            requests.c.id == request.id,
            requests.c.status == Status.PENDING,
            requests.c.version == request.version,
            requests.c.digest == request.digest,
            requests.c.expires_at > (NOW if clock is None else func.least(NOW, clock)),
        )
        ended = {"status": status, "execution_expires_at": execution_expires_at, **_ENDED}
        return await self._session.count(statement.values(**ended)) == 1

    async def expire_many(self, expiring: Sequence[Request]) -> frozenset[str]:
        seen = tuple_(requests.c.id, requests.c.version, requests.c.digest)
        statement = (
            update(requests)
            .where(
                self._mine,
                requests.c.status == Status.PENDING,
                seen.in_([(request.id, request.version, request.digest) for request in expiring]),
                requests.c.expires_at <= NOW,
                requests.c.held_at.is_(None),
                ~self._stopped,
            )
            .values(status=Status.EXPIRED, **_ENDED)
            .returning(requests.c.id)
        )
        return frozenset(row.id for row in await self._session.all(statement))

    async def due(self, limit: int) -> Sequence[str]:
        statement = select(requests.c.id).where(*self._due).order_by(requests.c.next_step_at).limit(limit)
        return [row.id for row in await self._session.all(statement)]

    async def lock_due(self, limit: int) -> Sequence[Timer]:
        statement = select(*_TIMER).where(*self._due).order_by(requests.c.next_step_at).limit(limit)
        locking = statement.with_for_update(skip_locked=True)
        return [rows.timer(row) for row in await self._session.all(locking)]

    async def lock_timer(self, request_id: str, *, due: bool = True) -> Timer | None:
        which = self._due if due else (self._mine, requests.c.status == Status.PENDING)
        statement = select(*_TIMER).where(*which, requests.c.id == request_id)
        row = await self._session.one(statement.with_for_update(skip_locked=True))
        return rows.timer(row) if row else None

    @property
    def _due(self) -> tuple[Any, ...]:
        return self._mine, requests.c.status == Status.PENDING, requests.c.next_step_at <= NOW, ~self._stopped

    @property
    def _stopped(self) -> Any:
        return exists().where(
            stops.c.workspace_id == self._session.workspace_id,
            stops.c.lifted_at.is_(None),
            stops.c.workflow.in_((requests.c.workflow, "*")),
        )

    async def step_many(self, steps: Mapping[str, datetime]) -> None:
        if not steps:
            return
        moved = given({"id": Text, "next_step_at": DateTime(timezone=True)}, list(steps.items()))
        statement = update(requests).where(requests.c.id == moved.c.id, requests.c.status == Status.PENDING)
        await self._session.count(statement.values(next_step_at=moved.c.next_step_at))

    async def go_up_many(self, moves: Sequence[Move]) -> None:
        if not moves:
            return
        at = DateTime(timezone=True)
        columns: dict[str, Any] = {"id": Text, "tier": Integer, "approvals": Integer, "sla": Integer, "why": Text}
        columns |= {"asked_at": at, "expires_at": at, "next_step_at": at}
        up = given(
            columns,
            [
                (
                    *(move.timer.id, move.tier, move.approvals, int(move.sla.total_seconds()), move.why),
                    *(move.asked_at, move.expires_at, move.next_step_at),
                )
                for move in moves
            ],
        )
        statement = update(requests).where(
            requests.c.id == up.c.id, requests.c.status == Status.PENDING, requests.c.tier < up.c.tier
        )
        higher = {
            "tier": up.c.tier,
            "approvals_required": up.c.approvals,
            "sla_seconds": up.c.sla,
            "asked_at": up.c.asked_at,
            "expires_at": up.c.expires_at,
            "next_step_at": up.c.next_step_at,
            "moved_why": up.c.why,
            "version": requests.c.version + 1,
            # Whoever looked at it did so for the tier before.
            "claimed_by": None,
            "claimed_until": None,
            "assigned_to": None,
            "assigned_by": None,
            "assigned_why": "",
        }
        if await self._session.count(statement.values(**higher)) != len(moves):
            raise RuntimeError("a request that was locked went up by other hands")

    async def unhold(self, request_id: str, next_step_at: datetime, shift: timedelta) -> None:
        statement = update(requests).where(requests.c.id == request_id, requests.c.status == Status.PENDING)
        await self._session.count(
            statement.values(
                held_at=None,
                asked_at=requests.c.asked_at + shift,
                expires_at=requests.c.expires_at + shift,
                next_step_at=next_step_at,
            )
        )

    async def unchecked(self, version: int, limit: int) -> Sequence[str]:
        statement = select(requests.c.id).where(
            self._mine, requests.c.status == Status.PENDING, requests.c.checked_policy < version
        )
        return [row.id for row in await self._session.all(statement.limit(limit))]

    async def checked(self, request: Request, version: int, *, reachable: bool) -> None:
        statement = update(requests).where(requests.c.id == request.id)
        await self._session.count(statement.values(checked_policy=version, reachable=reachable))

    async def add_decision(self, decision: Decision) -> None:
        await self.add_decisions([decision])

    async def add_decisions(self, made: Sequence[Decision]) -> None:
        if not made:
            return
        values = [
            {
                "request_id": decision.request_id,
                "workspace_id": self._session.workspace_id,
                "type": decision.type,
                "decided_by": decision.by,
                "person": decision.person,
                "reason": decision.reason,
                "digest": decision.digest,
                "via": decision.via,
                "next_request_id": decision.next_request_id,
                "acting_for": decision.acting_for,
                "at": decision.at,
            }
            for decision in made
        ]
        await self._session.count(insert(decisions).values(values))

    async def decision(self, request_id: str) -> Decision | None:
        row = await self._session.one(select(decisions).where(decisions.c.request_id == request_id))
        return rows.decision(row) if row else None

    async def decisions(self, request_ids: Collection[str]) -> Mapping[str, Decision]:
        found = await self._session.all(select(decisions).where(decisions.c.request_id.in_(request_ids)))
        return {row.request_id: rows.decision(row) for row in found}

    async def add_vote(self, vote: Vote) -> bool:
        if vote.coded:
            theirs = or_(votes.c.person == vote.person, votes.c.user_id == vote.user_id)
            before = delete(votes).where(votes.c.request_id == vote.request_id, votes.c.digest == vote.digest)
            await self._session.count(before.where(theirs, votes.c.coded.is_(False)))
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
                coded=vote.coded,
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


_TIMER: Final = tuple(
    requests.c[name]
    for name in (
        *("id", "run_id", "workflow", "action_type", "kind", "version", "tier", "asked_at", "sla_seconds"),
        *("next_step_at", "expires_at", "held_at", "claimed_by", "claimed_until", "approvals_required"),
        *("reversible", "risk"),
    )
)
_ENDED: Final = {
    "next_step_at": None,
    "decided_at": NOW,
    "version": requests.c.version + 1,
    "held_at": None,
    "claimed_by": None,
    "claimed_until": None,
}
