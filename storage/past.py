"""The record as precedent: how earlier actions went, what was rejected, what adds up."""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement as Element
from sqlalchemy import Select, Text, and_, cast, exists, func, or_, select, text, true

from graph.law.action import question
from graph.law.record import LATELY, Rejected
from graph.law.request import Kind, Outcome, Risk, Status
from graph.verbs.ports import Outcomes, Proposed
from storage import rows
from storage.schema import NOW, decisions, effects, incidents, requests, runs
from storage.session import Session

NEWEST: Final = 200
_USUAL_KEPT: Final = 600.0
_USUAL_WITHIN: Final = timedelta(days=30)
_USUAL_LEAST: Final = 5
_MOST: Final = 20
_COUNTED: Final = (Outcome.INTENT, Outcome.DONE, Outcome.UNKNOWN)
_undo: Final = effects.alias("undo")
_review: Final = requests.alias("review")
_undone: Final = exists().where(_undo.c.undo_of == effects.c.id, _undo.c.status == Outcome.DONE)


class UsualTimes(dict[tuple[str, str], tuple[float, int | None]]):
    """How long people usually take, by workflow and action, with when that was looked up."""


class PgPast:
    def __init__(self, session: Session, usual: UsualTimes) -> None:
        self._session = session
        self._usual = usual

    async def outcomes(self, workflow: str, action_type: str, risk: Risk, target: str | None = None) -> Outcomes:
        mine = and_(
            requests.c.workspace_id == self._session.workspace_id,
            requests.c.workflow == workflow,
            requests.c.action_type == action_type,
            requests.c.kind == Kind.ACTION,
        )
        asked = _newest(
            mine,
            requests.c.impact == risk,
            requests.c.route != "auto",
            decisions.c.via != "policy",
            decisions.c.type.in_(("approve", "edit", "reject", "respond")),
            requests.c.revision == 0,
        ).subquery()
        alone = _newest(mine, requests.c.impact == risk, requests.c.route == "auto").subquery()
        moved, theirs = _moved(mine).subquery(), _moved(mine, requests.c.target == target).subquery()
        overruled = asked.c.status.in_((Status.MODIFIED, Status.REJECTED, Status.HANDLED))
        well = and_(asked.c.status == Status.APPROVED, asked.c.done)
        decided = select(
            func.count().filter(or_(overruled, well, asked.c.ill)).label("asked"),
            func.count().filter(well, ~asked.c.ill).label("well"),
        ).subquery()
        on_its_own = select(
            func.count().filter(or_(alone.c.ill, alone.c.approved)).label("asked"),
            func.count().filter(alone.c.approved, alone.c.done, ~alone.c.ill).label("well"),
        ).subquery()
        usual = select(func.avg(moved.c.worth).label("usual"), func.count().label("usual_of")).subquery()
        lately = func.count().filter(theirs.c.intent_at > NOW - LATELY)
        on_target = select(
            func.avg(theirs.c.worth).label("theirs"), func.count().label("theirs_of"), lately.label("lately")
        ).subquery()
        found = await self._session.one(
            select(
                (decided.c.asked + on_its_own.c.asked).label("asked"),
                (decided.c.well + on_its_own.c.well).label("well"),
                usual.c.usual,
                usual.c.usual_of,
                on_target.c.theirs,
                on_target.c.theirs_of,
                on_target.c.lately,
            ).select_from(decided.join(on_its_own, true()).join(usual, true()).join(on_target, true()))
        )
        if found is None:
            raise RuntimeError("counting gave no row")
        return Outcomes(
            asked=found.asked,
            well=found.well,
            usual=_mean(found.usual),
            usual_of=found.usual_of,
            theirs=_mean(found.theirs),
            theirs_of=found.theirs_of,
            lately=found.lately,
        )

    async def rejected(
        self, workflow: str, run_id: str, digest: str, target: str | None, within: timedelta
    ) -> Sequence[Rejected]:
        alike: list[Element[bool]] = [requests.c.run_id == run_id, requests.c.digest == digest]
        if target is not None:
            alike.append(and_(requests.c.workflow == workflow, requests.c.target == target))
        statement = (
            select(requests, decisions.c.reason.label("said"), decisions.c.at.label("said_at"))
            .join(decisions, decisions.c.request_id == requests.c.id)
            .where(
                requests.c.workspace_id == self._session.workspace_id,
                *_rejected_by_people(within),
                or_(*alike),
            )
            .order_by(requests.c.decided_at.desc())
            .limit(_MOST)
        )
        return [_rejected(row) for row in await self._session.all(statement)]

    async def times_rejected(self, digest: str, within: timedelta) -> int:
        statement = select(func.count()).where(
            requests.c.workspace_id == self._session.workspace_id,
            *_rejected_by_people(within),
            requests.c.digest == digest,
        )
        row = await self._session.one(statement)
        return int(row[0]) if row else 0

    async def total(self, actions: Sequence[str], by: str, workflow: str, key: str, within: timedelta) -> Decimal:
        whose: dict[str, Element[bool]] = {
            "target": and_(requests.c.workflow == workflow, requests.c.target == key),
            "requester": requests.c.requester == key,
            "all": requests.c.worth.is_not(None),
        }
        statement = (
            select(func.coalesce(func.sum(requests.c.worth), 0))
            .select_from(effects.join(requests, requests.c.id == effects.c.request_id))
            .where(
                requests.c.workspace_id == self._session.workspace_id,
                effects.c.undo_of.is_(None),
                effects.c.status.in_(_COUNTED),
                effects.c.intent_at > NOW - within,
                ~_undone,
                whose[by],
                or_(*map(_matches, actions)),
            )
        )
        row = await self._session.one(statement)
        return Decimal(row[0]) if row else Decimal(0)

    async def usual_seconds(self, workflow: str, action_type: str) -> int | None:
        known = self._usual.get((workflow, action_type))
        if known is not None and time.monotonic() - known[0] < _USUAL_KEPT:
            return known[1]
        taken = (
            select(func.extract("epoch", requests.c.decided_at - requests.c.created_at).label("seconds"))
            .join(decisions, and_(decisions.c.request_id == requests.c.id, decisions.c.person.is_not(None)))
            .where(
                requests.c.workspace_id == self._session.workspace_id,
                requests.c.workflow == workflow,
                requests.c.action_type == action_type,
                requests.c.kind == Kind.ACTION,
                requests.c.created_at > NOW - _USUAL_WITHIN,
            )
            .order_by(requests.c.created_at.desc())
            .limit(NEWEST)
            .subquery()
        )
        median = func.percentile_cont(0.5).within_group(taken.c.seconds)
        row = await self._session.one(select(func.count().label("n"), median.label("usual")).select_from(taken))
        usual = int(row.usual) if row is not None and row.n >= _USUAL_LEAST else None
        self._usual[workflow, action_type] = time.monotonic(), usual
        return usual

    async def lock(self, name: str) -> None:
        await self._session.count(
            select(text("pg_advisory_xact_lock(hashtextextended('gatepost.total:' || :name, 0))")).params(
                name=f"{self._session.workspace_id}/{name}"
            )
        )

    async def progress(self, run_id: str) -> tuple[int, datetime]:
        decided = (
            select(func.max(decisions.c.at))
            .join(requests, requests.c.id == decisions.c.request_id)
            .where(requests.c.run_id == run_id, decisions.c.person.is_not(None))
            .scalar_subquery()
        )
        began = select(runs.c.created_at).where(runs.c.id == run_id).scalar_subquery()
        since = func.coalesce(decided, began)
        steps = (
            select(func.count())
            .select_from(effects)
            .where(effects.c.run_id == run_id, effects.c.undo_of.is_(None), effects.c.intent_at > since)
            .scalar_subquery()
        )
        row = await self._session.one(select(steps.label("steps"), since.label("since")))
        if row is None:
            raise RuntimeError("counting gave no row")
        return row.steps, row.since

    async def judged(self, within: timedelta, after: str, limit: int) -> Sequence[Proposed]:
        # By the primary key: a page costs the same whether it is the first or the two hundredth. Of the wide
        # columns only those that are needed, and forms as text: there are few, so each is read once.
        columns = (requests.c.id, requests.c.workflow, requests.c.action_type, requests.c.canonical)
        statement = (
            select(*columns, cast(requests.c.form, Text).label("form"), requests.c.judged, requests.c.created_at)
            .where(
                requests.c.workspace_id == self._session.workspace_id,
                requests.c.id > after,
                requests.c.kind == Kind.ACTION,
                requests.c.revision == 0,
                requests.c.judged != text("'{}'::jsonb"),
                requests.c.created_at > NOW - within,
            )
            .order_by(requests.c.id)
            .limit(limit)
        )
        return [rows.proposed(row) for row in await self._session.all(statement)]


def _moved(*which: Element[bool]) -> Select[Any]:
    """Amounts that were moved and stand, the newest first."""
    return (
        select(requests.c.worth, effects.c.intent_at)
        .join(effects, and_(effects.c.request_id == requests.c.id, effects.c.undo_of.is_(None)))
        .where(*which, requests.c.worth.is_not(None), effects.c.status == Outcome.DONE, ~_undone)
        .order_by(requests.c.created_at.desc())
        .limit(NEWEST)
    )


def _mean(found: Any) -> Decimal | None:
    return None if found is None else Decimal(found).quantize(Decimal("0.01"))


def _newest(*which: Element[bool]) -> Select[Any]:
    """The newest of these requests: how each ended, what its effect was, what people said who looked afterwards."""
    looked = exists().where(_review.c.parent_id == requests.c.id, _review.c.kind == Kind.REVIEW)
    wrong = looked.where(_review.c.status == Status.REJECTED)
    failed = effects.c.status.in_((Outcome.FAILED, Outcome.UNKNOWN))
    reported = exists().where(incidents.c.request_id == requests.c.id)
    return (
        select(
            requests.c.status,
            func.coalesce(and_(effects.c.status == Outcome.DONE, ~_undone), False).label("done"),
            or_(func.coalesce(failed, False), wrong, reported).label("ill"),
            looked.where(_review.c.status == Status.APPROVED).label("approved"),
        )
        .select_from(requests.join(decisions, decisions.c.request_id == requests.c.id))
        .outerjoin(effects, and_(effects.c.request_id == requests.c.id, effects.c.undo_of.is_(None)))
        .where(*which)
        .order_by(requests.c.created_at.desc())
        .limit(NEWEST)
    )


def _rejected_by_people(within: timedelta) -> tuple[Element[bool], ...]:
    """Rejected by a person, also afterwards, when it had run alone."""
    return (
        requests.c.status == Status.REJECTED,
        requests.c.route != "reject",
        requests.c.kind.in_((Kind.ACTION, Kind.REVIEW)),
        requests.c.decided_at > NOW - within,
    )


def _matches(pattern: str) -> Element[bool]:
    workflow, _, action = pattern.partition(".")
    if pattern == "*":
        return requests.c.worth.is_not(None)
    if action == "*":
        return requests.c.workflow == workflow
    return and_(requests.c.workflow == workflow, requests.c.action_type == action)


def _rejected(row: Any) -> Rejected:
    request = rows.request(row)
    return Rejected(
        request_id=request.id,
        run_id=request.run_id,
        action=request.action_type,
        question=question(request.form, request.args),
        digest=request.digest,
        target=request.target,
        args=request.args,
        reason=row.said,
        at=row.said_at,
    )
