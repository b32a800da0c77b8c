"""Statistics as plain JSON: how requests went in a stretch of time. Field names are a stable interface.

Every door shows these numbers and works none out itself. What each of them counts is said in `ports.figures`;
shares are between 0 and 1, and null where there is nothing to take a share of.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from graph.law.agreement import lower_bound
from graph.law.bands import ConfidenceBand
from graph.verbs.ports import By, Figure, Group, Proposals, Store, Tally, Tx
from graph.verbs.ports.figures import share


async def recent(store: Store, days: int) -> dict[str, Any]:
    """The last so many days, up to now."""
    async with store.begin() as tx:
        now = await tx.now()
        return await count(tx, now - timedelta(days=days), now)


async def stats(store: Store, since: datetime, until: datetime) -> dict[str, Any]:
    """What was decided at or after `since` and before `until`."""
    async with store.begin() as tx:
        return await count(tx, since, until)


async def count(tx: Tx, since: datetime, until: datetime, *, without: Collection[str] = ()) -> dict[str, Any]:
    """As `stats`, `without` requests of these workflows."""
    return as_json(await tx.figures.between(since, until, without=without), since, until)


async def count_by(
    tx: Tx, what: By, since: datetime, until: datetime, *, without: Collection[str] = ()
) -> dict[str, Any]:
    """By tier (in their order) or by reviewer (who decided most first; `name` as the directory knows them)."""
    return grouped(await _named(tx, what, await tx.figures.by(what, since, until, without=without)), since, until)


def grouped(found: Sequence[Group], since: datetime, until: datetime) -> dict[str, Any]:
    """Groups as every door gets them."""
    groups = [{"name": group.name, **_tally(group.tally)} for group in found]
    return {"since": since.isoformat(), "until": until.isoformat(), "groups": groups}


async def _named(tx: Tx, what: By, found: Sequence[Group]) -> list[Group]:
    if what == "tier":
        return sorted(found, key=lambda group: int(group.name))
    people = await tx.people.many([group.name for group in found])
    return [replace(group, name=people[group.name].name) if group.name in people else group for group in found]


async def own(tx: Tx, person: str, days: int) -> dict[str, Any]:
    """What one person decided in the last so many days; `reported`: how many were reported as wrong later."""
    now = await tx.now()
    found = await tx.figures.of_person(person, now - timedelta(days=days), now)
    return own_figures(found.tally, found.reported, days)


def own_figures(tally: Tally, reported: int, days: int) -> dict[str, Any]:
    """One person's figures as every door gets them."""
    return {"days": days, **_tally(tally), "reported": reported}


async def shadow(tx: Tx, since: datetime, until: datetime, *, without: Collection[str] = ()) -> dict[str, Any]:
    """What the record says agents could have done alone, by action type: people's agreement with what was proposed.

    `agreement` is the share that people approved unchanged and nobody reported as wrong later, `sure` the least it
    is likely to be, given how few were asked. It changes nothing.
    """
    return compared(await tx.figures.proposals(since, until, without=without), since, until)


def compared(found: Sequence[Proposals], since: datetime, until: datetime) -> dict[str, Any]:
    """Proposals as every door gets them."""
    actions = [
        {
            "action": each.action,
            "asked": each.asked,
            "unchanged": each.unchanged,
            "edited": each.edited,
            "rejected": each.rejected,
            "handled": each.handled,
            "reported": each.reported,
            "agreement": share(each.right, each.asked),
            "sure": lower_bound(each.right, each.asked),
        }
        for each in found
    ]
    return {"since": since.isoformat(), "until": until.isoformat(), "actions": actions}


def as_json(found: Sequence[Figure], since: datetime, until: datetime) -> dict[str, Any]:
    """Figures as every door gets them: the total, then the action types with their bands."""
    total = next((each.tally for each in found if each.action is None), Tally())
    return {
        "since": since.isoformat(),
        "until": until.isoformat(),
        "total": _tally(total),
        "actions": [_action(each, found) for each in _by_weight(found)],
    }


def _by_weight(found: Sequence[Figure]) -> list[Figure]:
    """The action types, those that took most of people's decisions first."""
    actions = [each for each in found if each.action is not None and each.band is None]
    return sorted(actions, key=lambda each: (-each.tally.people, -each.tally.requests, each.action or ""))


def _action(figure: Figure, found: Sequence[Figure]) -> dict[str, Any]:
    bands = [each for each in found if each.action == figure.action and each.band is not None]
    return {
        "action": figure.action,
        **_tally(figure.tally),
        "bands": [{**_band(each.band), **_tally(each.tally)} for each in bands],
    }


def _band(band: ConfidenceBand | None) -> dict[str, Any]:
    """`from` is in the band, `to` is not, except 1; both are null where confidence is not known."""
    return {"band": str(band), "from": band.low if band else None, "to": band.high if band else None}


def _tally(tally: Tally) -> dict[str, Any]:
    return {
        "requests": tally.requests,
        "people": tally.people,
        "approved": tally.approved,
        "edited": tally.edited,
        "rejected": tally.rejected,
        "handled": tally.handled,
        "overrides": tally.overrides,
        "approval_rate": tally.approval_rate,
        "median_seconds": tally.median_seconds,
        "asked": tally.asked,
        "expired": tally.expired,
        "cancelled": tally.cancelled,
        "consented": tally.consented,
        "went_up": tally.went_up,
        "escalation_share": tally.escalation_share,
        "tiers": _tiers(tally.tiers, tally.asked),
        "alone": tally.alone,
        "refused": tally.refused,
    }


def _tiers(tiers: Mapping[int, int], asked: int) -> dict[str, Any]:
    return {str(tier): {"asked": count, "share": share(count, asked)} for tier, count in tiers.items()}
