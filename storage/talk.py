"""Who looks at a request, to whom it was handed, what was asked about it and answered."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, null, select, update
from sqlalchemy.dialects.postgresql import insert

from graph.law.request import Status
from graph.verbs.ports import Question
from storage import rows
from storage.schema import NOW, cards, questions, requests
from storage.session import Session, after


class PgTalk:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(self, request_id: str, user: str, until: datetime) -> None:
        running = requests.c.held_at.is_(None)
        # While the clock stands still its next step is to run again, and nothing comes before that.
        step = case((running, func.least(requests.c.next_step_at, until)), else_=requests.c.next_step_at)
        await self._change(request_id, claimed_by=user, claimed_until=until, next_step_at=step)

    async def let_go(self, request_id: str) -> None:
        await self._change(request_id, claimed_by=null(), claimed_until=null())

    async def assign(self, request_id: str, user: str, by: str, why: str) -> None:
        await self._change(
            request_id,
            assigned_to=user,
            assigned_by=by,
            assigned_why=why,
            claimed_by=null(),
            claimed_until=null(),
        )

    async def hold(self, request_id: str, until: datetime) -> None:
        await self._change(request_id, held_at=NOW, next_step_at=until)

    async def ask(self, question: Question) -> None:
        values = {
            "id": question.id,
            "workspace_id": self._session.workspace_id,
            "request_id": question.request_id,
            "asked_by": question.asked_by,
            "question": question.question,
            "asked_at": question.asked_at,
            "agent_due_at": question.asked_at,
        }
        await self._session.count(insert(questions).values(**values))

    async def answer(self, question_id: str, by: str, text: str, place: str = "") -> None:
        statement = update(questions).where(self._mine, questions.c.id == question_id)
        said = {"answered_by": by, "answer": text, "answered_at": NOW, "answered_in": place, "agent_due_at": null()}
        await self._session.count(statement.values(**said))

    async def get(self, question_id: str) -> Question | None:
        row = await self._session.one(select(questions).where(self._mine, questions.c.id == question_id))
        return rows.question(row) if row else None

    async def of_request(self, request_id: str) -> Sequence[Question]:
        return await self.of_requests([request_id])

    async def of_requests(self, request_ids: Collection[str]) -> Sequence[Question]:
        statement = select(questions).where(self._mine, questions.c.request_id.in_(request_ids))
        ordered = statement.order_by(questions.c.asked_at, questions.c.id)
        return [rows.question(row) for row in await self._session.all(ordered)]

    async def request_at(self, channel: str, ts: str) -> str | None:
        row = await self._session.first(
            select(cards.c.request_id).where(
                cards.c.workspace_id == self._session.workspace_id, cards.c.channel == channel, cards.c.ts == ts
            )
        )
        return row.request_id if row else None

    async def for_agents(self, workflows: Collection[str], limit: int, lease_seconds: float) -> Sequence[Question]:
        due = (
            select(questions.c.id)
            .join(requests, requests.c.id == questions.c.request_id)
            .where(
                self._mine,
                questions.c.agent_due_at <= NOW,
                requests.c.status == Status.PENDING,
                requests.c.workflow.in_(list(workflows)),
            )
            .order_by(questions.c.agent_due_at)
            .limit(limit)
            .with_for_update(of=questions, skip_locked=True)
        )
        statement = (
            update(questions)
            .where(questions.c.id.in_(due.scalar_subquery()))
            .values(agent_due_at=after(lease_seconds))
            .returning(questions)
        )
        return [rows.question(row) for row in await self._session.all(statement)]

    async def agent_was_asked(self, question_id: str) -> None:
        statement = update(questions).where(self._mine, questions.c.id == question_id)
        await self._session.count(statement.values(agent_due_at=null()))

    async def _change(self, request_id: str, **values: Any) -> None:
        statement = update(requests).where(
            requests.c.workspace_id == self._session.workspace_id,
            requests.c.id == request_id,
            requests.c.status == Status.PENDING,
        )
        await self._session.count(statement.values(**values))

    @property
    def _mine(self) -> Any:
        return questions.c.workspace_id == self._session.workspace_id
