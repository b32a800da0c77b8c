"""The conversation around a request: who looks at it, to whom it was handed, what was asked and answered."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of a reviewer to the agent and the requester.

    `answered_by` is a user id or `agent:<workflow>`; `answered_in` names the message that was taken as the answer.
    """

    id: str
    request_id: str
    asked_by: str
    question: str
    asked_at: datetime
    answered_by: str | None = None
    answer: str = ""
    answered_at: datetime | None = None
    answered_in: str = ""

    @property
    def open(self) -> bool:
        return self.answered_at is None

    @property
    def wants_words(self) -> bool:
        """Whether a person can still answer: nobody has, or only the agent."""
        return self.answered_by is None or self.answered_by.startswith(AGENT)


AGENT = "agent:"


class Talk(Protocol):
    async def claim(self, request_id: str, user: str, until: datetime) -> None:
        """Somebody looks at a locked request; the sweep comes by when that is over."""
        ...

    async def let_go(self, request_id: str) -> None: ...
    async def assign(self, request_id: str, user: str, by: str, why: str) -> None:
        """A locked request was handed to somebody; whoever looked at it doesn't any more."""
        ...

    async def hold(self, request_id: str, until: datetime) -> None:
        """The clock of a locked request stands still from now on, until then at most."""
        ...

    async def ask(self, question: Question) -> None: ...
    async def answer(self, question_id: str, by: str, text: str, place: str = "") -> None:
        """Write the answer to a question of a locked request; its agent need not be asked any more."""
        ...

    async def get(self, question_id: str) -> Question | None: ...
    async def of_request(self, request_id: str) -> Sequence[Question]:
        """In the order in which they were asked."""
        ...

    async def of_requests(self, request_ids: Collection[str]) -> Sequence[Question]:
        """Those about all of these requests, the oldest first."""
        ...

    async def request_at(self, channel: str, ts: str) -> str | None:
        """The id of the request whose card this message is."""
        ...

    async def for_agents(self, workflows: Collection[str], limit: int, lease_seconds: float) -> Sequence[Question]:
        """Take open questions that no agent was asked yet, each for one worker alone until the lease runs out."""
        ...

    async def agent_was_asked(self, question_id: str) -> None:
        """Whatever it said: it is not asked again."""
        ...
