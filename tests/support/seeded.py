"""Weeks that never were: decided requests written straight into their tables, and the clock moved to when one likes."""

import hashlib
import random
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, text

from storage.schema import decisions, requests, runs
from storage.store import PgStore
from tests.support.db import WORKSPACE

ENDS = {
    "approve": "approved",
    "edit": "modified",
    "reject": "rejected",
    "respond": "handled",
    "expire": "expired",
    "cancel": "cancelled",
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request and how it was decided. `by`: a person, the clock, or the policy."""

    action: str
    end: str
    by: str
    at: datetime
    seconds: float = 60.0
    confidence: float | None = None
    tier: int = 1
    first_tier: int = 1
    kind: str = "action"
    revision: int = 0
    workspace: str = WORKSPACE


def a_week(start: datetime, hours: int, number: int, seed: int, actions: Sequence[str]) -> list[Seen]:
    """Requests decided at random moments of a week, in every way there is, each edge of a band among them."""
    chance = random.Random(seed)
    ways = [("approve", "person")] * 8 + [("edit", "person"), ("reject", "person"), ("respond", "person")]
    ways += [
        ("expire", "clock"),
        ("cancel", "person"),
        ("approve", "policy"),
        ("reject", "policy"),
        ("approve", "clock"),
    ]
    sure = (None, 0.0, 0.499999, 0.5, 0.7, 0.849999, 0.85, 0.949999, 0.95, 1.0)
    found = []
    for _ in range(number):
        end, by = chance.choice(ways)
        first = chance.choice((1, 1, 1, 2))
        found.append(
            Seen(
                action=chance.choice(actions),
                end=end,
                by=by,
                at=start + timedelta(hours=hours) * chance.random(),
                seconds=0.0 if by == "policy" else chance.expovariate(1 / 600),
                confidence=chance.choice(sure) if chance.random() < 0.5 else round(chance.random(), 4),
                tier=first + (by != "policy" and chance.random() < 0.2),
                first_tier=first,
            )
        )
    return found


def odd_ones(since: datetime, until: datetime) -> list[Seen]:
    """On the borders of the window, and what is no decision about an agent's action of this workspace."""
    plain = Seen(action="payments.refund", end="approve", by="person", at=since, confidence=0.9)
    inside = since + timedelta(days=1)
    return [
        plain,
        replace(plain, at=since - timedelta(microseconds=1)),
        replace(plain, at=until - timedelta(microseconds=1)),
        replace(plain, at=until),
        *(replace(plain, at=inside, kind=kind) for kind in ("checkpoint", "review")),
        replace(plain, at=inside, workspace="TELSE"),
        # An editor's own approval, given with the edit, and one that somebody else gave later.
        replace(plain, at=inside, revision=1, seconds=0.0),
        replace(plain, at=inside, revision=1, seconds=30.0),
    ]


async def write(store: PgStore, seen: Iterable[Seen]) -> None:
    """The rows that these requests would have left."""
    async with store.begin() as tx:
        version = (await tx.policies.current()).version
    rows: dict[Any, list[dict[str, Any]]] = {runs: [], requests: [], decisions: []}
    for each in seen:
        for table, row in zip(rows, _rows(each, version), strict=True):
            rows[table].append(row)
    async with store.engine.begin() as connection:
        for table, values in rows.items():
            await connection.execute(insert(table), values)


async def move_clock(store: PgStore, to: datetime) -> None:
    """The database's clock shows this moment, and goes on from there."""
    ahead = f"transaction_timestamp() + (timestamptz '{to.isoformat()}' - timestamptz '{{}}')"
    async with store.engine.begin() as connection:
        now = (await connection.execute(text("select transaction_timestamp()"))).scalar_one()
        moved = f"select {ahead.format(now.isoformat())}"
        function = "create or replace function gp_now() returns timestamptz language sql stable as "
        await connection.execute(text(f"{function}$f${moved}$f$"))


def _rows(seen: Seen, version: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    name, (workflow, _, action) = secrets.token_hex(8), seen.action.partition(".")
    made, canonical = seen.at - timedelta(seconds=seen.seconds), f'{{"seed":"{name}"}}'
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    run = {"id": f"run_{name}", "workspace_id": seen.workspace, "workflow": workflow, "key": name}
    run |= {"input": "{}", "status": "done", "created_at": made, "updated_at": seen.at}
    request = {
        "id": f"req_{name}",
        "workspace_id": seen.workspace,
        "run_id": f"run_{name}",
        "workflow": workflow,
        "turn": 1,
        "revision": seen.revision,
        "kind": seen.kind,
        "action_type": action,
        "canonical": canonical,
        "digest": digest,
        "status": ENDS[seen.end],
        "tier": seen.tier,
        "first_tier": seen.first_tier,
        "route": "review" if seen.by != "policy" else "auto" if seen.end == "approve" else "reject",
        "route_why": [],
        "policy_version": version,
        "effect_class": "idempotent",
        "reversible": True,
        "form": {},
        "brief": {},
        "sla_seconds": 900,
        "confidence": seen.confidence,
        "created_at": made,
        "asked_at": made,
        "decided_at": seen.at,
        "execution_expires_at": seen.at,
    }
    person = seen.by == "person"
    decision = {
        "request_id": f"req_{name}",
        "workspace_id": seen.workspace,
        "type": seen.end,
        "decided_by": "UALICE" if person else "clock" if seen.by == "clock" else f"policy:{version}",
        "person": "alice@example.com" if person else None,
        "digest": digest,
        "via": {"person": "slack", "clock": "sweep", "policy": "policy"}[seen.by],
        "at": seen.at,
    }
    return run, request, decision
