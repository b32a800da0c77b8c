"""What attempts came to, written back many in one transaction, together with the turns that are over."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.slack import AuthProblem, Gone, NotInChannel, RateLimited, Refused, SlackProblem, Transient
from graph.verbs.ports import CardRow, OwedRow, Shown, Tx

LONGEST_BACKOFF: Final = 30.0
MENDING_SECONDS: Final = 300.0
"""How long until something is tried again that a person has to mend first."""
UPDATE: Final = "chat.update"
POST: Final = "chat.postMessage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message was said, or there was nothing left to say. `instead`: who has to be told in its place."""

    row: OwedRow
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Not delivered. `tried`: it may have happened all the same; `tell`: what operators hear of it, once."""

    row: CardRow | OwedRow
    seconds: float
    error: str
    tried: bool = True
    problem: SlackProblem | None = None
    tell: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one, and when that was known."""

    result: Shown | Said | Later
    at: float = field(default_factory=time.monotonic)

    @property
    def row(self) -> CardRow | OwedRow:
        return self.result.card if isinstance(self.result, Shown) else self.result.row

    @property
    def turn(self) -> str:
        """The target whose turn was taken for it; "": none was."""
        row = self.row
        return "" if isinstance(row, CardRow) and row.ts is not None else row.target


class Outage:
    """Whether Slack is failing altogether, as this process sees it, and for how long to leave it alone."""

    FAILURES: Final = 3

    def __init__(self) -> None:
        self._since: float | None = None
        self._failures = 0

    def saw(self, attempt: Attempt) -> None:
        problem = attempt.result.problem if isinstance(attempt.result, Later) else None
        if not isinstance(problem, Transient | AuthProblem):
            # Even a refusal is an answer.
            self._since, self._failures = None, 0
            return
        self._since = attempt.at if self._since is None else self._since
        self._failures += 1

    @property
    def down(self) -> bool:
        """One lost answer is none; several in a row without anything that went well are one."""
        return self._failures >= self.FAILURES

    def seconds(self) -> float:
        """As long again as it has been failing: a short one costs little, a long one isn't hammered at."""
        since = time.monotonic() if self._since is None else self._since
        return min(LONGEST_BACKOFF, max(1.0, time.monotonic() - since))


def later(row: CardRow | OwedRow, problem: SlackProblem) -> Later:
    """When to try again after this problem."""
    if isinstance(problem, RateLimited):
        return Later(row=row, seconds=problem.retry_after, error=problem.code, tried=False, problem=problem)
    if isinstance(problem, Gone | NotInChannel | Refused):
        tell = _words(row, problem) if isinstance(row, CardRow) else ""
        return Later(row=row, seconds=MENDING_SECONDS, error=problem.code, tried=False, problem=problem, tell=tell)
    seconds = min(LONGEST_BACKOFF, 2.0 ** min(row.tries - 1, 10))
    tried = isinstance(problem, Transient) and problem.reached
    return Later(row=row, seconds=seconds, error=problem.code, tried=tried, problem=problem)


async def write_back(tx: Tx, attempts: Sequence[Attempt], outage: Outage, spacing: float) -> None:
    """Everything that follows from these attempts."""
    await tx.cards.shown_many([each.result for each in attempts if isinstance(each.result, Shown)])
    for each in attempts:
        match each.result:
            case Said(row=row, instead=people):
                for user in people:
                    await tx.owed.add("operator", f"{row.id}:{user}", {"user": user, "text": row.payload["text"]})
                await tx.owed.done(row)
            case Later() as late:
                await _put_off(tx, late)
    # Slack counts when a message arrives, which was before it answered.
    now = time.monotonic()
    over = [each for each in attempts if each.turn and not _pause(each, outage)]
    await tx.turns.end({each.turn: max(0.0, spacing - (now - each.at)) for each in over})
    for each in attempts:
        for target, seconds, problem in _pause(each, outage):
            await tx.turns.pause(target, seconds, problem)


async def _put_off(tx: Tx, late: Later) -> None:
    row = late.row
    if isinstance(row, CardRow):
        await tx.cards.retry(row, late.seconds, late.error, tried=late.tried)
    else:
        await tx.owed.retry(row, late.seconds, late.error, tried=late.tried)
    if late.tell:
        await tx.owed.add("operators", f"card:{row.id}:{late.error}", {"text": late.tell})


def _pause(attempt: Attempt, outage: Outage) -> list[tuple[str, float, str]]:
    """What has to be left alone after this: target or method, for how many seconds, and what is wrong there."""
    problem = attempt.result.problem if isinstance(attempt.result, Later) else None
    if isinstance(problem, RateLimited):
        where = attempt.turn if problem.method == POST else problem.method
        return [(where, float(problem.retry_after), "")] if where else []
    if isinstance(problem, Transient | AuthProblem) and (attempt.turn or outage.down):
        return [(attempt.turn or UPDATE, outage.seconds(), "")]
    if isinstance(problem, Gone | NotInChannel) and attempt.turn and isinstance(attempt.row, CardRow):
        return [(attempt.turn, MENDING_SECONDS, problem.code)]
    return []


def _words(row: CardRow, problem: SlackProblem) -> str:
    if isinstance(problem, NotInChannel):
        mend = f"Invite Gatepost to {row.target}."
    elif isinstance(problem, Gone):
        mend = f"Is {row.target} archived, renamed or deleted? Name another channel in the policy."
    else:
        mend = "This needs a look into the log."
    about = f"batch {row.batch_id}" if row.batch_id else f"request {row.request_id}"
    return f"A card of {about} can't be shown in {row.target}: {problem.code}. {mend}"
