"""Thousands of pending requests in a second: copies of one real request, each with a run, a card and its audit."""

import json
from typing import Any, NamedTuple

import psycopg
from sqlalchemy import URL

from tests.support.db import dsn

_COPIES = """
create temp table copies as
select n, 'run_' || left(encode(sha256(convert_to('run' || %(label)s || n, 'UTF8')), 'hex'), 20) as run_id,
       'req_' || left(encode(sha256(convert_to('req' || %(label)s || n, 'UTF8')), 'hex'), 20) as id,
       replace(r.canonical, '4711', %(label)s || n) as canonical
from requests r, generate_series(1, %(count)s) n where r.id = %(id)s;
insert into runs (id, workspace_id, workflow, key, requester, input, status, interrupt_id, fence)
select c.run_id, u.workspace_id, 'copies', %(label)s || c.n, u.requester,
       replace(u.input, '4711', %(label)s || c.n), 'paused', u.interrupt_id || c.n, 1
from copies c, requests r join runs u on u.id = r.run_id where r.id = %(id)s;
insert into requests (id, workspace_id, run_id, workflow, turn, revision, kind, action_type, canonical, digest, status,
       version, tier, route, route_why, policy_version, value, currency, effect_class, reversible, form, brief,
       requester, interrupt_id, approvals_required, sla_seconds, next_step_at, expires_at, judged, checked_policy)
select c.id, r.workspace_id, c.run_id, r.workflow, r.turn, 0, r.kind, r.action_type, c.canonical,
       encode(sha256(convert_to(c.canonical, 'UTF8')), 'hex'), 'pending', 1, r.tier, r.route, r.route_why,
       r.policy_version, r.value, r.currency, r.effect_class, r.reversible, r.form, r.brief, r.requester,
       r.interrupt_id || c.n, r.approvals_required, r.sla_seconds,
       now() + interval '1 hour', now() + interval '3 days', r.judged, r.checked_policy
from copies c, requests r where r.id = %(id)s;
insert into cards (id, workspace_id, request_id, target, channel, ts, shown, wanted, posted_at, tier, alike)
select 'card_' || c.id, r.workspace_id, c.id, '#approvals', 'C' || %(label)s, '1700000000.' || lpad(c.n::text, 6, '0'),
       1, 1, now(), r.tier, ''
from copies c, requests r where r.id = %(id)s;
insert into audit (workspace_id, event, actor, run_id, request_id, detail)
select r.workspace_id, e.event, 'seed', c.run_id, case e.event when 'run_started' then null else c.id end, '{}'
from copies c, requests r, (values ('run_started'), ('request_opened')) e (event) where r.id = %(id)s;
"""


class Ask(NamedTuple):
    """A pending request as a reviewer sees it."""

    id: str
    digest: str
    args: dict[str, Any]


def seed_pending(url: URL, template: str, count: int, label: str) -> list[Ask]:
    """Copy a pending request about order 4711 as often.

    Copies can be decided like any other. They have no checkpoint, so their runs belong to a workflow that no
    worker plays.
    """
    with psycopg.connect(dsn(url)) as connection:
        values = {"label": label, "count": count, "id": template}
        for statement in _COPIES.split(";\n"):
            if statement.strip():
                connection.execute(statement, values)  # type: ignore[arg-type]
        rows = connection.execute(
            "select r.id, r.digest, r.canonical from requests r join copies c on c.id = r.id order by c.n"
        )
        seeded = [Ask(row[0], row[1], json.loads(row[2])["args"]) for row in rows.fetchall()]
        connection.execute("drop table copies")
    with psycopg.connect(dsn(url), autocommit=True) as connection:
        connection.execute("analyze")
    return seeded
