"""A crowd of pending requests that differ as real ones do: tiers, types, requesters, deadlines; written by SQL."""

import psycopg
from sqlalchemy import URL

from tests.support.chaos_seed import seed_pending
from tests.support.db import dsn

WORKFLOWS = ("payments", "content", "loan", "orders")
ACTIONS = ("refund", "publish", "approve", "confirm")
_SPREAD = """
update requests r set
    tier = 1 + (s.n %% 5) / 2, first_tier = 1 + (s.n %% 5) / 2,
    workflow = (%(workflows)s::text[])[1 + s.n %% 4], action_type = (%(actions)s::text[])[1 + s.n %% 4],
    requester = case when s.n %% 50 = 0 then 'UALICE' else 'UREQ' end,
    risk = case when s.n %% 7 = 0 then 'high' else 'low' end,
    asked_at = now() - make_interval(mins => (s.n %% 4096 * 7919 %% 600)),
    sla_seconds = 60 * (60 + s.n %% 4096 * 104729 %% 900),
    checked_policy = (select max(version) from policies)
from (select id, (row_number() over (order by id))::int as n from requests where status = 'pending') s
where s.id = r.id and r.id <> %(template)s
"""
_DECIDED = """
create temp table chosen as
select id, digest, (row_number() over (order by id))::int as n,
       now() - make_interval(mins => (row_number() over (order by id))::int %% 43000) as at
from requests where status = 'pending' order by id desc limit %(count)s;
update requests r set status = case when c.n %% 8 = 0 then 'rejected' else 'approved' end,
    created_at = c.at - interval '5 minutes', decided_at = c.at, execution_expires_at = c.at + interval '1 hour',
    next_step_at = null, version = 2
from chosen c where c.id = r.id;
insert into decisions (request_id, workspace_id, type, decided_by, person, reason, digest, via, at)
select c.id, r.workspace_id, case when c.n %% 8 = 0 then 'reject' else 'approve' end, p.user_id, p.person, 'seen',
       c.digest, 'slack', c.at
from chosen c join requests r on r.id = c.id
join people p on p.user_id = (array['UALICE', 'UBOB', 'UCARA', 'UEVE'])[1 + c.n %% 4];
drop table chosen
"""


def crowd(url: URL, template: str, count: int, label: str = "crowd") -> None:
    """So many copies of this pending request, a fifth of them of tier 3, two fifths of each of the others."""
    seed_pending(url, template, count, label)
    with psycopg.connect(dsn(url)) as connection:
        values = {"workflows": list(WORKFLOWS), "actions": list(ACTIONS), "template": template}
        connection.execute(_SPREAD, values)
    with psycopg.connect(dsn(url), autocommit=True) as connection:
        connection.execute("vacuum analyze")


def decided(url: URL, count: int) -> None:
    """Somebody decided so many of them in the last month, one in eight otherwise than the agent wanted."""
    with psycopg.connect(dsn(url)) as connection:
        for statement in _DECIDED.split(";\n"):
            connection.execute(statement, {"count": count})
    with psycopg.connect(dsn(url), autocommit=True) as connection:
        connection.execute("vacuum analyze")
