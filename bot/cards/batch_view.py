"""What the card of a batch shows, as one value: its items, what became of each, and the moment of looking."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bot.cards import arguments
from bot.cards.view import name_of
from bot.ids import DIGEST_DIGITS, BatchRef
from graph.law.batching import set_digest
from graph.law.escalation import frozen_clock
from graph.law.masking import shown_args
from graph.law.request import Decision, DecisionType, Effect, Kind, Outcome, Request, Status
from graph.law.stopping import Stop, forbids
from graph.verbs.ports import Batch, Item, ItemState

TROUBLE = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.COMPENSATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """An item with what became of it."""

    item: Item
    decision: Decision | None = None
    effect: Effect | None = None

    @property
    def request(self) -> Request:
        return self.item.request

    @property
    def waits(self) -> bool:
        return self.item.state is ItemState.IN and self.request.status is Status.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """All that the card of a batch says. `names` maps user ids to display names; `rendering`: which one this is."""

    batch: Batch
    items: tuple[BatchItem, ...]
    now: datetime
    stop: Stop | None = None
    stopped_since: datetime | None = None
    rendering: int = 0
    names: Mapping[str, str] = field(default_factory=dict)

    def waiting(self) -> tuple[BatchItem, ...]:
        """What can still be decided here, in the order of joining."""
        return tuple(each for each in self.items if each.waits)

    def settled(self) -> tuple[BatchItem, ...]:
        """What was decided while it was in."""
        return tuple(each for each in self.items if each.item.state is ItemState.IN and not each.waits)

    def left(self) -> tuple[BatchItem, ...]:
        """What has a card of its own now, having been on this one."""
        return tuple(each for each in self.items if each.item.state is ItemState.LEFT)

    def kept_out(self) -> tuple[BatchItem, ...]:
        """What differs from the others and waits by itself."""
        odd = (each for each in self.items if each.item.state is ItemState.ODD)
        return tuple(each for each in odd if each.request.status is Status.PENDING)

    def ref(self) -> BatchRef:
        """What a button of this card carries."""
        shown = [each.item for each in self.items if each.item.seq > 0]
        whole = set_digest([(item.request.id, item.version, item.digest) for item in shown])
        upto = max((item.seq for item in shown), default=0)
        return BatchRef(self.batch.id, upto, len(self.waiting()), whole[:DIGEST_DIGITS])

    def sample(self) -> Request:
        """Any of its requests, for what all of them have in common."""
        return (self.waiting() or self.settled() or self.items)[0].request

    def due_at(self) -> datetime:
        """When a decision about the first of them was promised."""
        return min((each.request.due_at for each in self.waiting()), default=self.now)

    def asked_at(self) -> datetime:
        return min((each.request.since for each in self.waiting()), default=self.now)

    def clock(self) -> datetime:
        """Time stands still while it is stopped."""
        return frozen_clock(self.now, None, self.stopped_since)

    def approvable(self) -> bool:
        """Whether anything but rejecting works."""
        return self.stop is None or not forbids(Kind.ACTION, DecisionType.APPROVE)

    def total(self) -> tuple[Decimal, str] | None:
        """What all that wait add up to, where they have amounts; in one currency they are by being similar."""
        amounts = [each.request.value for each in self.waiting()]
        if not amounts or None in amounts:
            return None
        return sum((amount for amount in amounts if amount is not None), Decimal(0)), self.sample().currency or ""

    def name(self, user: str) -> str:
        return name_of(user, self.names)


def values(requests: Sequence[Request], name: str) -> list[str]:
    """An argument of each, as people may see it."""
    return [arguments.written(shown_args(each.form, each.args).get(name)) for each in requests]


def decided_by(view: BatchView) -> Counter[tuple[Status, str]]:
    """How many ended how, and by whom."""
    counted: Counter[tuple[Status, str]] = Counter()
    for each in view.settled():
        counted[each.request.status, each.decision.by if each.decision else ""] += 1
    return counted
