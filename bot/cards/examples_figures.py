"""Figures of made-up weeks: an ordinary one, a quiet one, none at all, one with many action types."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bot.cards.digest import digest
from bot.cards.samples import HOSTILE
from bot.cards.shadow import groups, shadow
from bot.cards.stats import stats
from bot.cards.view import Card
from graph.law.bands import BANDS, UNKNOWN
from graph.verbs.ports import Figure, Group, Proposals, Tally
from graph.verbs.stats import as_json, compared, grouped

MONDAY: Final = datetime(2026, 11, 16, tzinfo=UTC)
WEEK: Final = timedelta(weeks=1)
_SURE, _HIGH, _MIDDLE = BANDS[4], BANDS[3], BANDS[2]


def numbers() -> dict[str, Card]:
    """Name → digest, or answer to `/approvals stats` or `shadow`."""
    return {
        "digest": digest(_week(_ordinary(), _calmer())),
        "digest_few": digest(_week(_few(), _few()[:2])),
        "digest_first": digest(_week(_ordinary(), [])),
        "digest_nothing": digest(_week([], _calmer())),
        "digest_many": digest(_week(_many(), _many()[5:])),
        "stats": stats(_figures(_ordinary(), MONDAY), 7),
        "stats_nothing": stats(_figures([], MONDAY), 30),
        "stats_by_tier": groups(_grouped(_tiers()), 30, "tier"),
        "stats_by_reviewer": groups(_grouped(_reviewers()), 7, "reviewer"),
        "stats_by_nothing": groups(_grouped([]), 7, "reviewer"),
        "shadow": shadow(_compared(_proposals()), 30),
        "shadow_few": shadow(_compared(_proposals()[-1:]), 7),
        "shadow_nothing": shadow(_compared([]), 90),
        "shadow_many": shadow(_compared(_hostile_proposals()), 90),
    }


def _grouped(found: Sequence[Group]) -> dict[str, Any]:
    return grouped(found, MONDAY, MONDAY + WEEK)


def _tiers() -> list[Group]:
    first = Tally(approved=171, edited=9, rejected=14, expired=2, went_up=6, median_seconds=95.0)
    second = Tally(approved=21, rejected=3, handled=1, went_up=9, median_seconds=1260.0)
    return [Group(name="1", tally=first), Group(name="2", tally=second)]


def _reviewers() -> list[Group]:
    names = ("Alice Adams", HOSTILE, "", *(f"Reviewer {number}" for number in range(30)))
    return [
        Group(name=name, tally=Tally(approved=90 - number, rejected=number % 4, median_seconds=45.0 * number + 12))
        for number, name in enumerate(names)
    ]


def _compared(found: Sequence[Proposals]) -> dict[str, Any]:
    return compared(found, MONDAY - WEEK * 3, MONDAY + WEEK)


def _proposals() -> list[Proposals]:
    return [
        Proposals(action="payments.refund", unchanged=168, edited=9, rejected=5, reported=1),
        Proposals(action="loan.approve", unchanged=24, rejected=6, handled=1),
        Proposals(action="content.publish", unchanged=3),
    ]


def _hostile_proposals() -> list[Proposals]:
    names = [HOSTILE, *(f"workflow_{number}.do_something" for number in range(30))]
    return [Proposals(action=name, unchanged=60 - number, rejected=number % 3) for number, name in enumerate(names)]


def _week(found: Sequence[Figure], before: Sequence[Figure]) -> dict[str, Any]:
    earlier = {"week": "2026-W46", **_figures(before, MONDAY - WEEK)}
    about = {"week": "2026-W47", "timezone": "Europe/Berlin", "complete": True}
    return {**about, **_figures(found, MONDAY), "before": earlier}


def _figures(found: Sequence[Figure], since: datetime) -> dict[str, Any]:
    return as_json(found, since, since + WEEK)


def _figure(action: str | None, band: Any = None, **counts: Any) -> Figure:
    return Figure(action=action, band=band, tally=Tally(**counts))


def _ordinary() -> list[Figure]:
    sure: dict[str, Any] = {"approved": 128, "edited": 3, "median_seconds": 95.0, "alone": 40}
    less: dict[str, Any] = {"approved": 40, "edited": 6, "rejected": 5, "expired": 2, "went_up": 6}
    both = sure | less | {"approved": 168, "edited": 9}
    odd: dict[str, Any] = {"approved": 24, "rejected": 6, "handled": 1, "cancelled": 1, "median_seconds": 610.4}
    return [
        _figure(
            None,
            approved=192,
            edited=9,
            rejected=11,
            handled=1,
            expired=2,
            cancelled=1,
            alone=40,
            refused=3,
            went_up=9,
            median_seconds=130.0,
            tiers={1: 176, 2: 37, 3: 3},
        ),
        _figure("payments.refund", **both, tiers={1: 176, 2: 8}),
        _figure("payments.refund", _SURE, **sure, tiers={1: 131}),
        _figure("payments.refund", _HIGH, **less, median_seconds=300.0, tiers={1: 45, 2: 8}),
        _figure("loan.approve", **odd, went_up=3, refused=3, tiers={2: 29, 3: 3}),
        _figure("loan.approve", _SURE, rejected=6, approved=2, median_seconds=700.0, tiers={2: 8}),
        _figure(
            "loan.approve",
            _MIDDLE,
            approved=22,
            handled=1,
            cancelled=1,
            went_up=3,
            median_seconds=580.0,
            tiers={2: 21, 3: 3},
        ),
    ]


def _calmer() -> list[Figure]:
    refunds = _figure("payments.refund", approved=150, edited=4, median_seconds=90.0, tiers={1: 154})
    loans = _figure("loan.approve", approved=34, rejected=1, median_seconds=200.0, tiers={2: 35})
    both = _figure(None, approved=184, edited=4, rejected=1, median_seconds=110.0, tiers={1: 154, 2: 35})
    return [both, refunds, loans]


def _few() -> list[Figure]:
    counts: dict[str, Any] = {"approved": 3, "rejected": 1, "median_seconds": 42.0, "tiers": {1: 4}}
    return [
        _figure(None, **counts),
        _figure("content.publish", **counts),
        _figure("content.publish", UNKNOWN, **counts),
    ]


def _many() -> list[Figure]:
    """More than there is room for, names that try to be something else among them."""
    names = [HOSTILE, *(f"workflow_{number}.do_something" for number in range(24))]
    actions = [
        _figure(
            name,
            approved=30 - number,
            expired=number % 3,
            median_seconds=3600.0 * number,
            tiers={1: 30 - number + number % 3},
        )
        for number, name in enumerate(names)
    ]
    bands = [
        _figure(name, band, approved=6, edited=2, consented=1, median_seconds=200_000.0, tiers={1: 9})
        for name in names
        for band in (UNKNOWN, *BANDS)
    ]
    total = _figure(
        None, approved=700, edited=2, expired=24, consented=3, median_seconds=90_000.0, tiers={1: 725, 2: 4}
    )
    return [total, *actions, *bands]
