"""Owed posts → Slack. Claimed with a lease and a turn, rendered from rows, written back; safe on any number of
replicas, of which always one speaks in a channel.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog

from bot.cards.batch_view import BatchView
from bot.cards.buttons import approvable
from bot.cards.flags import flags
from bot.cards.view import CardView
from bot.delivery.attempt import LONGEST_BACKOFF, MENDING_SECONDS, Attempt, Later, Outage, Said, later, write_back
from bot.delivery.cards import CardDelivery
from bot.delivery.owed import OwedMessages, UnknownKind
from bot.delivery.post import Post
from bot.delivery.view import load_view, load_views
from bot.slack import Gone, NotInChannel, RateLimited, Refused, Slack, SlackProblem, Transient
from graph.failpoints import failpoint
from graph.faults import report
from graph.law.request import Request
from graph.spans import span
from graph.verbs.gather import gather
from graph.verbs.ports import CardRow, OwedRow, Shown, Store
from graph.verbs.reroute import reroute

__all__ = ["Delivery", "load_view"]

SPACING_SECONDS: Final = 1.0
LEASE_SECONDS: Final = 60.0
BATCH: Final = 25
AT_ONCE: Final = 4
"""So many batches are on their way to Slack at a time."""
POLL_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 5.0
LONG_PAUSE: Final = 60.0
"""A channel that may not be spoken to for longer is as good as down."""
_TOLD_EVERY: Final = 5.0
_log = structlog.get_logger(__name__)


class Delivery:
    """`know` is called with a requester's user id before their first card is posted."""

    def __init__(
        self,
        store: Store,
        slack: Slack,
        *,
        know: Callable[[str], Awaitable[object]] | None = None,
        spacing: float = SPACING_SECONDS,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        post = Post(slack)
        self._store, self._lease, self._spacing = store, lease_seconds, spacing
        self._cards = CardDelivery(post, know)
        self._owed = OwedMessages(store, slack, post)
        self._outage, self._told_at = Outage(), float("-inf")
        self._one_pass = asyncio.Lock()

    async def serve(self, owed: asyncio.Event) -> None:
        """Deliver whatever is owed, until cancelled. `owed` spares waiting for the poll."""
        while True:
            owed.clear()
            pause = POLL_SECONDS
            try:
                await self.deliver_once()
                async with self._store.begin() as tx:
                    pause = min(POLL_SECONDS, max(0.02, await tx.turns.wait() or POLL_SECONDS))
            except Exception as error:  # the database is away: what is owed stays so
                report("nothing delivered", error)
            with suppress(TimeoutError):
                await asyncio.wait_for(owed.wait(), pause)

    async def deliver_once(self) -> int:
        """Deliver what is owed and may go out now; returns how many things were delivered."""
        async with self._one_pass:
            await self._gather()
            delivered, under_way = 0, set[asyncio.Task[int]]()
            try:
                while True:
                    batch = await self._claim() if len(under_way) < AT_ONCE else None
                    if batch is not None:
                        under_way.add(asyncio.create_task(self._batch(*batch)))
                    elif under_way:
                        done, under_way = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                        delivered += sum(task.result() for task in done)
                    else:
                        return delivered
            finally:
                if under_way:
                    _, late = await asyncio.wait(under_way, timeout=DRAIN_SECONDS)
                    for task in late:
                        task.cancel()

    async def _gather(self) -> None:
        """Similar requests share a card before theirs are posted; where that fails, each has its own."""
        try:
            await gather(self._store, shown_whole)
        except Exception as error:  # the database is away, or will be found so with the next claim
            report("nothing gathered", error)

    async def _claim(self) -> tuple[Sequence[CardRow], Sequence[OwedRow]] | None:
        async with self._store.begin() as tx:
            cards = [
                *await tx.cards.claim(BATCH, self._lease),
                *await tx.cards.claim_renewed(BATCH, self._lease),
            ]
            owed = await tx.owed.claim(BATCH, self._lease)
        return (cards, owed) if cards or owed else None

    async def _batch(self, cards: Sequence[CardRow], owed: Sequence[OwedRow]) -> int:
        """Deliver these at once; returns how many were delivered."""
        views = await self._views(cards)
        work = [self._card(row, view) for row, view in views]
        work += [self._said(row) for row in owed]
        attempts = await asyncio.gather(*work)
        for attempt in attempts:
            self._outage.saw(attempt)
        await self._write(attempts)
        await self._elsewhere(attempts)
        return sum(not isinstance(attempt.result, Later) for attempt in attempts)

    async def _views(self, cards: Sequence[CardRow]) -> list[tuple[CardRow, CardView | BatchView]]:
        """Cards with what they show; one that can't be read must not hold up the others."""
        if not cards:
            return []
        try:
            async with self._store.begin() as tx:
                return await load_views(tx, cards)
        except Exception as error:  # a row that this release can't read, or the database
            if len(cards) > 1:
                return [pair for row in cards for pair in await self._views([row])]
            [row] = cards
            reference = report(f"card {row.id} could not be read", error)
        about = f"batch {row.batch_id}" if row.batch_id else f"request {row.request_id}"
        text = f"The card of {about} can't be drawn; see reference {reference} in the worker's log."
        error_text = f"unreadable, reference {reference}"
        await self._write([Attempt(Later(row=row, seconds=MENDING_SECONDS, error=error_text, tried=False, tell=text))])
        return []

    async def _card(self, row: CardRow, view: CardView | BatchView) -> Attempt:
        try:
            # Whoever is slower than the lease would speak while somebody else does.
            about = view.sample() if isinstance(view, BatchView) else view.request
            with span("deliver", about.run_id, request=row.request_id, tier=row.tier, attempt=row.attempts):
                async with asyncio.timeout(self._lease * 0.75):
                    place, text = await self._cards.deliver(row, view, maybe_posted=row.tries > 1)
        except SlackProblem as problem:
            return self._failed(row, problem)
        except TimeoutError:
            return self._failed(row, Transient("slow"))
        except Exception as error:  # one card's bug must not hold up the others
            return _broken(row, error)
        if row.ts is None:
            failpoint("card:after_post")
        return Attempt(Shown(card=row, channel=place[0], ts=place[1], text=text))

    async def _said(self, row: OwedRow) -> Attempt:
        try:
            async with asyncio.timeout(self._lease * 0.75):
                instead = await self._owed.deliver(row, maybe_sent=row.tries > 1)
        except SlackProblem as problem:
            return self._failed(row, problem)
        except TimeoutError:
            return self._failed(row, Transient("slow"))
        except UnknownKind:
            _log.error("owed work of an unknown kind", kind=row.kind)
            return Attempt(Later(row=row, seconds=MENDING_SECONDS, error="unknown kind", tried=False))
        except Exception as error:
            return _broken(row, error)
        return Attempt(Said(row=row, instead=instead))

    def _failed(self, row: CardRow | OwedRow, problem: SlackProblem) -> Attempt:
        if not isinstance(problem, RateLimited):
            what = "card not delivered" if isinstance(row, CardRow) else "message not delivered"
            _log.warning(what, id=row.id, code=problem.code, tries=row.tries)
        return Attempt(later(row, problem))

    async def _write(self, attempts: Sequence[Attempt]) -> None:
        """What came of it, all in one transaction; where one spoils it, each in its own."""
        try:
            async with self._store.begin() as tx:
                await write_back(tx, attempts, self._outage, self._spacing)
                if ill := self._illness(attempts):
                    await tx.health.ill("slack", ill)
        except Exception as error:
            if len(attempts) == 1:  # its lease runs out, and it is found by its metadata
                report(f"what came of {attempts[0].row.id} could not be written", error)
                return
            for attempt in attempts:
                await self._write([attempt])

    def _illness(self, attempts: Sequence[Attempt]) -> str:
        """What speaks against Slack being well; now and then, not with every card."""
        problems = [each.result.problem for each in attempts if isinstance(each.result, Later) and each.result.problem]
        bad = [each for each in problems if isinstance(each, RateLimited) and each.retry_after > LONG_PAUSE]
        if not (bad or (self._outage.down and problems)) or time.monotonic() - self._told_at < _TOLD_EVERY:
            return ""
        self._told_at = time.monotonic()
        return (bad or problems)[0].code

    async def _elsewhere(self, attempts: Sequence[Attempt]) -> None:
        """Cards that can't be shown where they belong are shown elsewhere meanwhile."""
        for each in attempts:
            problem = each.result.problem if isinstance(each.result, Later) else None
            if isinstance(each.row, CardRow) and each.turn and isinstance(problem, Gone | NotInChannel | Refused):
                try:
                    await reroute(self._store, each.row, problem.code)
                except Exception as error:  # the next sweep over what is stranded finds it
                    report(f"card {each.row.id} could not be rerouted", error)


def shown_whole(request: Request) -> bool:
    """Whether an ordinary card shows all of a request, and nothing about it that is unusual or could deceive."""
    return approvable(request) and not flags(request)


def _broken(row: CardRow | OwedRow, error: Exception) -> Attempt:
    reference = report("delivery failed", error)
    return Attempt(Later(row=row, seconds=LONGEST_BACKOFF, error=f"failed, reference {reference}"))
