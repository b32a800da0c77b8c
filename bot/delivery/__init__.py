"""Owed posts → Slack. Claimed with a lease, rendered from rows, written back; safe on any number of replicas."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bot.cards.view import CardView
from bot.delivery.cards import CardDelivery
from bot.delivery.owed import OwedMessages, UnknownKind
from bot.delivery.pace import Pace
from bot.delivery.post import Post
from bot.delivery.view import load_view
from bot.slack import AuthProblem, Gone, NotInChannel, RateLimited, Refused, Slack, SlackProblem
from graph.failpoints import failpoint
from graph.faults import report
from graph.verbs.ports import CardRow, OwedRow, Store

__all__ = ["Delivery", "load_view"]

LEASE_SECONDS: Final = 60.0
BATCH: Final = 20
ROUNDS: Final = 10
LONGEST_BACKOFF: Final = 60.0
MENDING_SECONDS: Final = 300.0
"""How long until a channel is tried again that a person has to mend first."""
_log = structlog.get_logger(__name__)


class Delivery:
    """`know` is called with a requester's user id before their first card is posted."""

    def __init__(
        self,
        store: Store,
        slack: Slack,
        *,
        know: Callable[[str], Awaitable[object]] | None = None,
        pace: Pace | None = None,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        post = Post(slack)
        self._store, self._lease = store, lease_seconds
        self._pace = pace or Pace()
        self._cards = CardDelivery(post, know)
        self._owed = OwedMessages(store, slack, post)
        self._untried: dict[str, int] = {}

    async def deliver_once(self) -> int:
        """Deliver what is owed and may go out now; returns how many things were delivered."""
        delivered = 0
        for _ in range(ROUNDS):
            async with self._store.begin() as tx:
                cards = await tx.cards.claim(BATCH, self._lease)
                owed = await tx.owed.claim(BATCH, self._lease)
            if not cards and not owed:
                break
            work = [self._card(row, view) for row, view in await self._by_urgency(cards)]
            work += [self._owed_row(row) for row in owed]
            delivered += sum(await asyncio.gather(*(self._guarded(each) for each in work)))
        return delivered

    async def _by_urgency(self, cards: Sequence[CardRow]) -> list[tuple[CardRow, CardView]]:
        """Cards with what they show, the one due first first: turns are given out in this order."""
        loaded = [(row, await self._view(row)) for row in cards]
        found = [(row, view) for row, view in loaded if view is not None]
        return sorted(found, key=lambda pair: pair[1].due_at())

    async def _view(self, row: CardRow) -> CardView | None:
        """What the card shows; None when that can't be read, which must not hold up the others."""
        try:
            async with self._store.begin() as tx:
                request = await tx.requests.get(row.request_id)
                if request is None:
                    raise RuntimeError(f"card {row.id} has no request")
                return await load_view(tx, request, row)
        except Exception as error:  # a row that this release can't read
            reference = report(f"card {row.id} could not be read", error)
        async with self._store.begin() as tx:
            await tx.cards.retry(row, MENDING_SECONDS, f"unreadable, reference {reference}")
            text = (
                f"The card of request {row.request_id} can't be drawn; see reference {reference} in the worker's log."
            )
            await tx.owed.add("operators", f"card:{row.id}:unreadable", {"text": text})
        return None

    async def _guarded(self, work: Awaitable[bool]) -> bool:
        try:
            return await work
        except Exception as error:  # one card's bug must not hold up the others; its lease runs out and it returns
            report("delivery failed", error)
            return False

    async def _card(self, row: CardRow, view: CardView) -> bool:
        key = row.target if row.ts is None else "chat.update"
        wait = max(self._pace.paused(key), self._pace.turn(row.id, key) if row.ts is None else 0.0)
        if wait > 0:
            await self._hand_back(row, wait)
            return False
        try:
            place, text = await self._cards.deliver(row, view, maybe_posted=self._tried(row))
        except RateLimited as limit:
            self._pace.pause(key if limit.method == "chat.postMessage" else limit.method, limit.retry_after)
            await self._hand_back(row, limit.retry_after)
            return False
        except SlackProblem as problem:
            await self._card_later(row, problem)
            return False
        if row.ts is None:
            failpoint("card:after_post")
        async with self._store.begin() as tx:
            await tx.cards.shown(row, *place, text)
        self._untried.pop(row.id, None)
        return True

    async def _owed_row(self, row: OwedRow) -> bool:
        try:
            await self._owed.deliver(row, maybe_sent=self._tried(row))
        except RateLimited as limit:
            await self._hand_back(row, limit.retry_after)
            return False
        except SlackProblem as problem:
            _log.warning("message not delivered", kind=row.kind, code=problem.code, attempt=row.attempts)
            await self._owed_later(row, _delay(problem, row.attempts), problem.code)
            return False
        except UnknownKind:
            _log.error("owed work of an unknown kind", kind=row.kind)
            await self._owed_later(row, MENDING_SECONDS, "unknown kind")
            return False
        async with self._store.begin() as tx:
            await tx.owed.done(row)
        self._untried.pop(row.id, None)
        return True

    def _tried(self, row: CardRow | OwedRow) -> bool:
        """Whether an earlier attempt may have reached Slack: every claim counts, but not those we handed back."""
        return row.attempts - 1 > self._untried.get(row.id, 0)

    async def _hand_back(self, row: CardRow | OwedRow, seconds: float) -> None:
        """Not tried, or surely refused: later, and not as an attempt that may have worked."""
        self._untried[row.id] = self._untried.get(row.id, 0) + 1
        async with self._store.begin() as tx:
            if isinstance(row, CardRow):
                await tx.cards.retry(row, seconds, "waiting its turn")
            else:
                await tx.owed.retry(row, seconds, "ratelimited")

    async def _owed_later(self, row: OwedRow, seconds: float, error: str) -> None:
        async with self._store.begin() as tx:
            await tx.owed.retry(row, seconds, error)

    async def _card_later(self, row: CardRow, problem: SlackProblem) -> None:
        _log.warning("card not delivered", card=row.id, code=problem.code, attempt=row.attempts)
        async with self._store.begin() as tx:
            await tx.cards.retry(row, _delay(problem, row.attempts), problem.code)
            if isinstance(problem, Gone | NotInChannel | Refused):
                await tx.owed.add("operators", f"card:{row.id}:{problem.code}", {"text": _words(row, problem)})


def _delay(problem: SlackProblem, attempts: int) -> float:
    if isinstance(problem, Gone | NotInChannel | Refused):
        return MENDING_SECONDS
    if isinstance(problem, AuthProblem):
        return LONGEST_BACKOFF
    return float(min(LONGEST_BACKOFF, 2 ** min(attempts - 1, 10)))


def _words(row: CardRow, problem: SlackProblem) -> str:
    if isinstance(problem, NotInChannel):
        mend = f"Invite Gatepost to {row.target}."
    elif isinstance(problem, Gone):
        mend = f"Is {row.target} archived, renamed or deleted? Name another channel in the policy."
    else:
        mend = "This needs a look into the log."
    return f"A card of request {row.request_id} can't be shown in {row.target}: {problem.code}. {mend}"
