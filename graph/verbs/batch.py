"""Batch: one answer to many similar requests, each decided by itself: its own right, digest, row and outcome.

All in one transaction. Whatever can't be decided (somebody was faster, it is one's own) holds up none of the others.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from graph.failpoints import failpoint
from graph.law.authorization import authorize
from graph.law.batching import set_digest
from graph.law.canonical import storable
from graph.law.request import DecisionType, Request, Status
from graph.law.words import reason_problem
from graph.spans import span
from graph.verbs.answer import Answer, Decided
from graph.verbs.bench import Bench
from graph.verbs.decide import decide_in
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Refusal, Stale, Undetermined
from graph.verbs.outcome import Aftermath
from graph.verbs.ports import Batch, Item, ItemState, Store, Tx

ONE_BY_ONE: Final = "looked at one by one"
EXCEPTED: Final = "left out when the others were answered"
_MOST_SAID: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a card of a batch showed: its items up to `upto`, of which so many waited (`waiting`).

    `digest` is a prefix of the digest over all of them, `where` the (channel, ts) of the message that was clicked.
    What joined later was not on the card, and no answer to it counts for that.
    """

    batch_id: str
    upto: int
    waiting: int
    digest: str
    where: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAnswer:
    """A person's answer to what a card showed, but for the items with the numbers in `but`: those get cards of their
    own, or with `reject_others` are rejected for the same reason.
    """

    shown: Shown
    type: DecisionType
    user_id: str
    via: str
    reason: str = ""
    but: frozenset[int] = frozenset()
    reject_others: bool = False
    door: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDecided:
    """What came of it, item by item; `gone` were decided, or had left, since the card was drawn: in sentences."""

    batch: Batch
    decided: tuple[Decided, ...]
    refused: tuple[tuple[Request, Refusal], ...] = ()
    alone: tuple[Request, ...] = ()
    gone: tuple[str, ...] = ()


async def decide_batch(store: Store, answer: BatchAnswer) -> BatchDecided:
    """Decide each item that the card showed; raises a `Refusal` where that is none of them."""
    if answer.type not in (DecisionType.APPROVE, DecisionType.REJECT):
        raise Invalid("a batch can be approved or rejected, nothing else")
    required = answer.type is DecisionType.REJECT or (answer.reject_others and bool(answer.but))
    if problem := reason_problem(answer.reason, required=required):
        raise Invalid(problem, {"reason": problem})
    with span("decide", type=answer.type, via=answer.via) as told:
        async with store.begin() as tx:
            result = await _decide(tx, answer)
            failpoint("decide:before_commit")
        failpoint("decide:after_commit")
        told.say(outcome=result.code if isinstance(result, Refusal) else "batch")
    if isinstance(result, Refusal):
        raise result
    return result


async def dissolve(store: Store, shown: Shown, user_id: str, via: str) -> int:
    """Each item gets a card of its own and is gathered no more at this tier; returns how many. Raises a `Refusal`."""
    async with store.begin() as tx:
        batch, _ = await _as_shown(tx, shown)
        items = await _locked(tx, await tx.batches.items(batch.id))
        if not items:
            raise Stale("Nothing of this batch waits any more.")
        await _someone_deciding(tx, [item.request for item in items], user_id)
        ids = [item.request.id for item in items]
        await tx.batches.leave(ids, ONE_BY_ONE)
        await tx.batches.close(batch.id)
        await tx.cards.touch_many(ids)
        await tx.audit.record("batch_dissolved", user_id, batch=batch.id, requests=ids, via=via)
        return len(ids)


async def waiting_items(tx: Tx, shown: Shown, user_id: str) -> tuple[Batch, list[Item]]:
    """What the card showed and still waits, if this person could decide any of it; raises a `Refusal`."""
    batch, items = await _as_shown(tx, shown)
    waiting = [item for item in items if item.state is ItemState.IN and item.request.status is Status.PENDING]
    if not waiting:
        raise Stale(" ".join(await _since(tx, items, len(items))) or "Nothing of this batch waits any more.")
    await _someone_deciding(tx, [item.request for item in waiting], user_id)
    return batch, waiting


async def _decide(tx: Tx, answer: BatchAnswer) -> BatchDecided | Refusal:
    try:
        batch, shown = await _as_shown(tx, answer.shown)
    except Refusal as refusal:
        await _deny(tx, answer, refusal)
        return refusal
    items = await _locked(tx, shown)
    left = {item.seq for item in shown} - {item.seq for item in items}
    gone = await _since(tx, [item for item in shown if item.seq in left], answer.shown.waiting - len(items))
    if not items:
        return Stale(" ".join(gone) or "Nothing of this batch waits any more.")
    others = [item for item in items if item.seq in answer.but]
    if len(others) == len(items) and not answer.reject_others:
        return Invalid("Nothing is left to decide; leave out fewer, or review them one by one.")
    deciding = [item for item in items if answer.reject_others or item not in others]
    later = Aftermath()
    bench = Bench(tx, held={item.request.id: item.request for item in deciding}, later=later)
    results = [(item.request, await decide_in(tx, _each(answer, item, len(items)), bench)) for item in deciding]
    # Written at once: the runs in front of all cards, and those in one order.
    await later.write(tx)
    decided = tuple(result for _, result in results if isinstance(result, Decided))
    refused = tuple((request, result) for request, result in results if isinstance(result, Refusal))
    alone = () if answer.reject_others or not decided else tuple(item.request for item in others)
    if alone:
        ids = [request.id for request in alone]
        await tx.batches.leave(ids, EXCEPTED)
        await tx.cards.touch_many(ids)
    await _record(tx, answer, batch, decided, refused, alone)
    if not decided:
        return _common([refusal for _, refusal in refused])
    return BatchDecided(batch=batch, decided=decided, refused=refused, alone=alone, gone=tuple(gone))


def _each(answer: BatchAnswer, item: Item, size: int) -> Answer:
    """The answer to one item, bound to what it was when it joined."""
    reject = answer.type is DecisionType.REJECT or item.seq in answer.but
    return Answer(
        request_id=item.request.id,
        type=DecisionType.REJECT if reject else DecisionType.APPROVE,
        user_id=answer.user_id,
        digest=item.digest,
        version=item.version,
        via=answer.via,
        reason=answer.reason if reject or not answer.but else "",
        door=f"{answer.door} batch {answer.shown.batch_id} of {size}".strip(),
    )


async def _as_shown(tx: Tx, shown: Shown) -> tuple[Batch, list[Item]]:
    """The batch and the items that its card showed, whatever became of them; raises a `Refusal`."""
    batch = await tx.batches.get(shown.batch_id) if storable(shown.batch_id) else None
    if batch is None:
        raise NotFound("There is no such batch.")
    items = [item for item in await tx.batches.items(batch.id) if 1 <= item.seq <= shown.upto]
    whole = set_digest([(item.request.id, item.version, item.digest) for item in items])
    if len(shown.digest) < 16 or not whole.startswith(shown.digest):
        raise Stale("This batch is not what the card showed. Please look at the current card.")
    if shown.where and shown.where not in [(card.channel, card.ts) for card in await tx.batches.cards(batch.id)]:
        raise Stale("This message is a copy of a card. Please use the original card.")
    return batch, items


async def _locked(tx: Tx, items: Sequence[Item]) -> list[Item]:
    """Those that wait and are still in, locked in one order everywhere; as they are now."""
    ids = [item.request.id for item in items if item.state is ItemState.IN and item.request.status is Status.PENDING]
    if not ids:
        return []
    locked = {request.id: request for request in await tx.requests.lock_many(ids)}
    batched = await tx.batches.of(list(locked))
    still = {key for key, request in locked.items() if request.status is Status.PENDING and key in batched}
    return [replace(item, request=locked[item.request.id]) for item in items if item.request.id in still]


async def _someone_deciding(tx: Tx, requests: Sequence[Request], user_id: str) -> None:
    """Refuse whoever could decide none of these."""
    bench, now = Bench(tx), await tx.now()
    person = await bench.person(user_id)
    verdicts = [authorize(each, person, DecisionType.APPROVE, await bench.rights(each), now) for each in requests]
    if not any(verdict.allowed for verdict in verdicts):
        raise (Undetermined if verdicts[0].undetermined else NotAllowed)(verdicts[0].reason)


async def _since(tx: Tx, items: Sequence[Item], most: int) -> list[str]:
    """What became of items that waited when the card was drawn (the `most` that changed last), in sentences."""
    if most <= 0 or not items:
        return []
    current = {request.id: request for request in await tx.requests.many([item.request.id for item in items])}
    decisions = await tx.requests.decisions(list(current))
    ended = sorted((decisions[key].at, key) for key in decisions if key in current)[-most:]
    people = await tx.people.many({decisions[key].by for _, key in ended})
    counted: Counter[tuple[str, str]] = Counter()
    for _, key in ended:
        by = decisions[key].by
        name = people[by].name if by in people else "the clock" if by == "clock" else by
        counted[str(current[key].status), name] += 1
    last = {(str(current[key].status), decisions[key].by): at for at, key in ended}
    latest = max(last.values(), default=None)
    when = f", last at {latest:%H:%M} UTC" if latest else ""
    said = [f"{number} already {status} by {name}{when}." for (status, name), number in counted.most_common(_MOST_SAID)]
    left = most - len(ended)
    return said + ([f"{left} left the batch meanwhile."] if 0 < left <= len(items) - len(ended) else [])


def _common(refusals: Collection[Refusal]) -> Refusal:
    """One refusal for all: the most frequent one, with how many there are of it where they differ."""
    counted = Counter(str(refusal) for refusal in refusals)
    text, number = counted.most_common(1)[0]
    first = next(refusal for refusal in refusals if str(refusal) == text)
    if len(counted) == 1:
        return first
    return type(first)(f"None of {len(refusals)} could be decided. Of {number}: {text}")


async def _deny(tx: Tx, answer: BatchAnswer, refusal: Refusal) -> None:
    """A click that names no batch as it was shown; whoever clicked may have seen an old rendering."""
    if isinstance(refusal, NotFound):
        return
    await tx.audit.record(
        "decision_denied",
        answer.user_id,
        batch=answer.shown.batch_id,
        code=refusal.code,
        wanted=answer.type,
        why=str(refusal),
        via=answer.via,
    )


async def _record(
    tx: Tx,
    answer: BatchAnswer,
    batch: Batch,
    decided: Sequence[Decided],
    refused: Sequence[tuple[Request, Refusal]],
    alone: Sequence[Request],
) -> None:
    """That these were answered with one click; what was decided of each is on record by itself. What was said of
    those left out stands here alone.
    """
    await tx.audit.record(
        "batch_decided",
        answer.user_id,
        batch=batch.id,
        type=answer.type,
        reason=answer.reason,
        shown=answer.shown.digest,
        upto=answer.shown.upto,
        decided=[result.request.id for result in decided],
        refused=[request.id for request, _ in refused],
        alone=[request.id for request in alone],
        via=answer.via,
    )
