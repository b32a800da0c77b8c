"""The tables, as SQLAlchemy sees them; migrations/ makes them, and a test compares the two.

Every time is `timestamptz`; `gp_now()` is the database's clock (a function, so that a simulation can
replace the one clock everywhere).
"""

from storage.schema.base import NOW, metadata
from storage.schema.batches import batch_items, batch_news, batches
from storage.schema.law import policies, stops
from storage.schema.people import absences, groups, people, rosters, shifts, workspaces
from storage.schema.proof import audit, audit_seals, health, incidents
from storage.schema.review import authenticators, grant_uses, grants
from storage.schema.told import cards, digests, owed, paces, questions
from storage.schema.work import decisions, effects, requests, runs, votes

__all__ = [
    "NOW",
    "absences",
    "audit",
    "audit_seals",
    "authenticators",
    "batch_items",
    "batch_news",
    "batches",
    "cards",
    "decisions",
    "digests",
    "effects",
    "grant_uses",
    "grants",
    "groups",
    "health",
    "incidents",
    "metadata",
    "owed",
    "paces",
    "people",
    "policies",
    "questions",
    "requests",
    "rosters",
    "runs",
    "shifts",
    "stops",
    "votes",
    "workspaces",
]
