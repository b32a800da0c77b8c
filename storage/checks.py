"""The auditor's questions in SQL: each reads the few rows of a partial index, or ids only."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import TextClause, text

from graph.verbs.ports import Backlog, Check, Found, Gauges
from storage.session import Session

_WORDS: Final = {
    "$UNSTOPPED": """not exists (
        select from stops where stops.workspace_id = :workspace and stops.lifted_at is null
        and stops.workflow in (workflow_of, '*'))""",
    "$IN_FRONT": """exists (
        select from requests where requests.run_id = effects.run_id and requests.subject_effect = effects.id and (
            requests.status in ('approved', 'rejected', 'handled', 'cancelled')
            or requests.decided_at > $BEFORE or requests.created_at > $BEFORE
            or requests.status = 'pending'
            and exists (select from cards where cards.request_id = requests.id and cards.posted_at is not null)))""",
    "$BEFORE": "(gp_now() - :age)",
    # Whoever answers a batch approves many in one moment: what counts is one click after the other.
    "$HASTY": """(
        select decided_by as id, min(at) as since from decisions
        where workspace_id = :workspace and type = 'approve' and person is not null
        and at > gp_now() - interval '10 minutes'
        group by decided_by, date_trunc('minute', at)
        having count(distinct date_trunc('second', at)) >= 20) as hasty""",
}
"""What several questions say."""
_ROWS: Final[dict[Check, str]] = {
    Check.OVERDUE: """select id, next_step_at as since from (
            select id, next_step_at, workflow as workflow_of from requests
            where workspace_id = :workspace and status = 'pending' and next_step_at <= $BEFORE) as overdue
        where $UNSTOPPED""",
    Check.CARDS_OWED: """select id, owed_since as since from cards
        where workspace_id = :workspace and shown < wanted and owed_since <= $BEFORE""",
    Check.MESSAGES_OWED: """select id, created_at as since from owed
        where workspace_id = :workspace and done_at is null and created_at <= $BEFORE""",
    # Owed since it was decided (or begun), however often it was put off; what somebody holds is being played.
    Check.RUNS_OWED: """select id, since from (
            select runs.id, runs.workflow as workflow_of, greatest(runs.created_at, (
                select max(requests.decided_at) from requests
                where requests.run_id = runs.id and requests.interrupt_id = runs.interrupt_id)) as since
            from runs where workspace_id = :workspace and status = 'ready'
            and (leased_until is null or leased_until <= gp_now())
            union all
            select id, workflow, updated_at from runs
            where workspace_id = :workspace and reversing and (leased_until is null or leased_until <= gp_now())
        ) as owed
        where since <= $BEFORE and $UNSTOPPED""",
    Check.UNKNOWN_UNSEEN: """select id, finished_at as since from effects
        where workspace_id = :workspace and status = 'unknown' and finished_at <= $BEFORE and not $IN_FRONT""",
    Check.RUN_WAITS_FOR_NOTHING: """select id, updated_at as since from runs
        where workspace_id = :workspace and status = 'paused' and updated_at <= $BEFORE and not exists (
            select from requests
            where requests.run_id = runs.id and requests.status = 'pending' and requests.kind <> 'review')""",
    Check.NOBODY_WAITS: """select id, created_at as since from requests
        where workspace_id = :workspace and status = 'pending' and kind <> 'review' and not exists (
            select from runs where runs.id = requests.run_id and runs.status in ('paused', 'quarantined'))""",
    Check.UNDECIDABLE: """select id, created_at as since from requests
        where workspace_id = :workspace and status = 'pending' and not reachable""",
    Check.DISPLACED: """select id, updated_at as since from runs
        where workspace_id = :workspace and status = 'quarantined' and displaced""",
    Check.SET_ASIDE: """select id, updated_at as since from runs
        where workspace_id = :workspace and status = 'quarantined' and not displaced and updated_at <= $BEFORE
        and not exists (select from owed
            where owed.id = 'operators:quarantine:' || runs.id || ':' || runs.fence and owed.done_at is not null)""",
    Check.HASTY: "select id, min(since) as since from $HASTY group by id",
    Check.STOPPED: """select workflow as id, at as since from stops
        where workspace_id = :workspace and lifted_at is null""",
}


def _question(rows: str) -> TextClause:
    whole = (
        "select count(*) as n, min(since) as oldest, (array_agg(id order by since, id))[1:5] as ids from ($ROWS) as f"
    )
    return text(_spelled(whole.replace("$ROWS", rows)))


def _spelled(question: str) -> str:
    for word, meaning in _WORDS.items():
        question = question.replace(word, meaning)
    return question


_GAUGES: Final = text(
    _spelled(
        """
    with posted as (
        select audit.id, extract(epoch from min(cards.posted_at) - min(least(
            audit.at, (audit.detail::json->>'due_at')::timestamptz))) as seconds
        from audit join cards on cards.request_id = audit.request_id
            and cards.tier = (audit.detail::json->>'tier')::integer and cards.posted_at is not null
        where audit.workspace_id = :workspace and audit.event = 'request_escalated'
            and audit.at > gp_now() - interval '1 hour'
        group by audit.id
    ), owed_runs as (
        select wake_at from runs
        where workspace_id = :workspace and status = 'ready' and (leased_until is null or leased_until <= gp_now())
    ), found as (
        select 'queue' as what, tier::text as name, count(*) as n, min(asked_at) as since
        from requests where workspace_id = :workspace and status = 'pending' group by tier
        union all select 'owed', 'cards', count(*), min(owed_since)
        from cards where workspace_id = :workspace and shown < wanted
        union all select 'owed', 'posts', count(*), min(created_at)
        from owed where workspace_id = :workspace and done_at is null
        union all select 'owed', 'resumes', count(*), min(wake_at) from owed_runs
        union all select 'unknown', '', count(*), null
        from effects where workspace_id = :workspace and status = 'unknown'
        union all select 'stopped', workflow, 1, null
        from stops where workspace_id = :workspace and lifted_at is null
        union all select 'health', name, (
            ok_since is not null and last_ok_at > gp_now() - interval '2 minutes')::int, null
        from health where workspace_id = :workspace
        union all select 'hasty', '', count(distinct id), null from $HASTY
    )
    select what, name, n, greatest(0, extract(epoch from gp_now() - since))::float8 as seconds from found
    union all
    select 'escalation', quantile::text, (select count(*) from posted),
        (select percentile_cont(quantile) within group (order by seconds) from posted)::float8
    from unnest(array[0.5, 0.99]) as quantile
"""
    )
)
_QUESTIONS: Final = {check: _question(rows) for check, rows in _ROWS.items()}


class PgChecks:
    def __init__(self, session: Session) -> None:
        self._session = session

    async def find(self, check: Check, seconds: float = 0.0) -> Found | None:
        question, given = _QUESTIONS[check], {"workspace": self._session.workspace_id}
        more: dict[str, Any] = {"age": timedelta(seconds=seconds)} if ":age" in question.text else {}
        row = await self._session.one(question.bindparams(**given, **more))
        if row is None or not row.n:
            return None
        return Found(check=check, count=row.n, oldest=row.oldest, ids=tuple(row.ids))

    async def gauges(self) -> Gauges:
        rows = await self._session.all(_GAUGES.bindparams(workspace=self._session.workspace_id))
        known = [row for row in rows if row.seconds is not None or row.n]
        return Gauges(
            queue={int(row.name): Backlog(row.n, row.seconds) for row in known if row.what == "queue"},
            owed={row.name: Backlog(row.n, row.seconds or 0.0) for row in rows if row.what == "owed"},
            unknown=next(row.n for row in rows if row.what == "unknown"),
            stopped=tuple(row.name for row in rows if row.what == "stopped"),
            well={row.name: bool(row.n) for row in rows if row.what == "health"},
            hasty=next(row.n for row in rows if row.what == "hasty"),
            escalation={float(row.name): row.seconds for row in known if row.what == "escalation"},
        )
