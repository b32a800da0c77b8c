"""Counting what was decided in a stretch of time: one statement over the decisions of that time."""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CTE, Double, Row, Text, and_, case, cast, exists, func, literal, null, select, union_all
from sqlalchemy import ColumnElement as Element
from sqlalchemy.dialects.postgresql import ARRAY, array

from graph.law.bands import BANDS, EDGES, UNKNOWN, ConfidenceBand
from graph.law.request import DecisionType, Kind
from graph.verbs.ports import By, Figure, Group, Own, Proposals, Tally, Wrong
from storage.schema import decisions, incidents, requests
from storage.session import Session

_PEOPLE: Final = ("approved", "edited", "rejected", "handled")
_ASKED: Final = (*_PEOPLE, "expired", "cancelled", "consented")
_NO_BAND: Final = -1
_Key = tuple[str | None, int | None]
"""An action and a band's number, or None for all of them."""


class PgFigures:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def between(self, since: datetime, until: datetime, *, without: Collection[str] = ()) -> Sequence[Figure]:
        found = _decided(self._session.workspace_id, since, until, without)
        # One statement, so that counts and medians are of the same requests. Counts come in their smallest cells
        # and are added up here: only medians have to be taken of everything together.
        cells = (found.c.action, found.c.band, found.c.tier, found.c.ended, found.c.went_up)
        counts = select(*cells, func.count().label("number"), null().label("median")).group_by(*cells)
        nothing = [null().label(name) for name in ("tier", "ended", "went_up", "number")]
        median = func.percentile_cont(0.5).within_group(found.c.seconds)
        medians = (
            select(found.c.action, found.c.band, *nothing, median.label("median"))
            .where(found.c.ended.in_(_PEOPLE))
            .group_by(func.rollup(found.c.action, found.c.band))
        )
        return _figures(await self._session.all(union_all(counts, medians)))

    async def by(self, what: By, since: datetime, until: datetime, *, without: Collection[str] = ()) -> Sequence[Group]:
        found = _decided(self._session.workspace_id, since, until, without)
        whose = what == "reviewer"
        key = found.c.person if whose else cast(found.c.tier, Text)
        # Of somebody's accounts one stands for them.
        name = func.max(found.c.decided_by) if whose else func.max(key)
        cells = (key.label("key"), found.c.ended, found.c.went_up)
        counts = (
            select(*cells, name.label("name"), func.count().label("number"), null().label("median"))
            .where(found.c.ended.in_(_PEOPLE if whose else _ASKED))
            .group_by(*cells)
        )
        nothing = [null().label(column) for column in ("ended", "went_up", "name", "number")]
        median = func.percentile_cont(0.5).within_group(found.c.seconds)
        medians = (
            select(key.label("key"), *nothing, median.label("median")).where(found.c.ended.in_(_PEOPLE)).group_by(key)
        )
        return _groups(await self._session.all(union_all(counts, medians)))

    async def of_person(self, person: str, since: datetime, until: datetime) -> Own:
        found = _decided(self._session.workspace_id, since, until, (), decisions.c.person == person)
        wrong = exists().where(incidents.c.request_id == found.c.id)
        counts = [func.count().filter(found.c.ended == name).label(name) for name in _PEOPLE]
        median = func.percentile_cont(0.5).within_group(found.c.seconds).label("median_seconds")
        row = await self._session.one(select(*counts, median, func.count().filter(wrong).label("reported")))
        if row is None:
            raise RuntimeError("counting gave no row")
        made = {name: getattr(row, name) for name in _PEOPLE}
        return Own(tally=Tally(**made, median_seconds=row.median_seconds), reported=row.reported)

    async def proposals(
        self, since: datetime, until: datetime, *, without: Collection[str] = ()
    ) -> Sequence[Proposals]:
        found = _decided(self._session.workspace_id, since, until, without, requests.c.revision == 0)
        wrong = exists().where(incidents.c.request_id == found.c.id, incidents.c.kind != Wrong.EXECUTION)
        ways = {"unchanged": "approved", "edited": "edited", "rejected": "rejected", "handled": "handled"}
        counts = [func.count().filter(found.c.ended == ended).label(name) for name, ended in ways.items()]
        reported = func.count().filter(found.c.ended == "approved", wrong).label("reported")
        statement = (
            select(found.c.action, *counts, reported)
            .where(found.c.ended.in_(_PEOPLE))
            .group_by(found.c.action)
            .order_by(func.count().desc(), found.c.action)
        )
        return [Proposals(**row._mapping) for row in await self._session.all(statement)]

    async def any_before(self, moment: datetime) -> bool:
        mine = and_(decisions.c.workspace_id == self._session.workspace_id, decisions.c.at < moment)
        row = await self._session.one(select(exists().where(mine)))
        return bool(row and row[0])


def _decided(
    workspace_id: str, since: datetime, until: datetime, without: Collection[str], *which: Element[bool]
) -> CTE:
    """Each action decided in that time: how it ended, how sure Gatepost was, who was asked last."""
    by_person = decisions.c.person.is_not(None)
    # What an editor approves together with the edit is the same decision: opened and decided at one moment.
    in_one_stroke = and_(requests.c.revision > 0, by_person, requests.c.created_at == decisions.c.at)
    hidden = [requests.c.workflow.not_in(sorted(without))] if without else []
    return (
        select(
            requests.c.id,
            decisions.c.person,
            decisions.c.decided_by,
            (requests.c.workflow + literal(".") + requests.c.action_type).label("action"),
            func.coalesce(func.width_bucket(requests.c.confidence, _edges()), _NO_BAND).label("band"),
            requests.c.tier,
            (requests.c.tier > requests.c.first_tier).label("went_up"),
            _ended(by_person).label("ended"),
            func.extract("epoch", decisions.c.at - requests.c.created_at).label("seconds"),
        )
        .join(requests, requests.c.id == decisions.c.request_id)
        .where(
            decisions.c.workspace_id == workspace_id,
            decisions.c.at >= since,
            decisions.c.at < until,
            requests.c.kind == Kind.ACTION,
            ~in_one_stroke,
            *hidden,
            *which,
        )
        .cte("decided")
    )


def _edges() -> Element[Any]:
    """As `graph.law.bands.band_of` sorts them: `width_bucket` counts the edges that are not above."""
    return cast(array(EDGES), ARRAY(Double))


def _ended(by_person: Element[bool]) -> Element[Any]:
    """In the words of a `Tally`."""
    made = decisions.c.type
    return case(
        (and_(made == DecisionType.APPROVE, by_person), "approved"),
        (made == DecisionType.EDIT, "edited"),
        (and_(made == DecisionType.REJECT, by_person), "rejected"),
        (made == DecisionType.RESPOND, "handled"),
        (made == DecisionType.EXPIRE, "expired"),
        (made == DecisionType.CANCEL, "cancelled"),
        (and_(made == DecisionType.APPROVE, decisions.c.via == "sweep"), "consented"),
        (made == DecisionType.APPROVE, "alone"),
        else_="refused",
    )


def _figures(found: Sequence[Row[Any]]) -> list[Figure]:
    """The total, each action, each of its bands; a median without an action or a band is that of all of them."""
    counts: defaultdict[_Key, Counter[str]] = defaultdict(Counter)
    tiers: defaultdict[_Key, Counter[int]] = defaultdict(Counter)
    medians: dict[_Key, float] = {}
    for row in found:
        if row.ended is None:
            if row.median is not None:  # the rollup of nothing is a row as well
                medians[row.action, row.band] = float(row.median)
            continue
        for key in ((row.action, row.band), (row.action, None), (None, None)):
            counts[key][row.ended] += row.number
            if row.ended in _ASKED:
                tiers[key][row.tier] += row.number
                counts[key]["went_up"] += row.number if row.went_up else 0
    return [
        Figure(
            action=action,
            band=None if band is None else _band(band),
            tally=Tally(
                **counts[action, band],
                median_seconds=medians.get((action, band)),
                tiers=dict(sorted(tiers[action, band].items())),
            ),
        )
        for action, band in sorted(counts, key=lambda key: (key[0] or "", _NO_BAND - 1 if key[1] is None else key[1]))
    ]


def _groups(found: Sequence[Row[Any]]) -> list[Group]:
    """The cells of each group added up, whoever decided most first."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    names: dict[str, str] = {}
    medians: dict[str, float] = {}
    for row in found:
        if row.ended is None:
            medians[row.key] = float(row.median)
            continue
        counts[row.key][row.ended] += row.number
        counts[row.key]["went_up"] += row.number if row.went_up else 0
        names[row.key] = max(names.get(row.key, ""), row.name)
    groups = [
        Group(name=names[key], tally=Tally(**cells, median_seconds=medians.get(key), tiers={}))
        for key, cells in counts.items()
    ]
    return sorted(groups, key=lambda group: (-group.tally.people, group.name))


def _band(number: int) -> ConfidenceBand:
    return UNKNOWN if number == _NO_BAND else BANDS[number]
