"""Everything the invariants look at, read in one snapshot: our tables by SQL, the world from its own file."""

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import dict_row
from sqlalchemy import URL

from tests.support.chaos_world import ChaosWorld, Happened
from tests.support.db import dsn

Row = dict[str, Any]


@dataclass
class Ledger:
    runs: dict[str, Row]
    requests: dict[str, Row]
    decisions: dict[str, Row]
    effects: dict[str, Row]
    votes: dict[str, list[Row]]
    people: dict[str, Row]
    owed: dict[str, Row]
    audit: list[Row]
    happened: list[Happened]
    told: dict[str, list[tuple[str, str, str]]]

    def events(self, event: str) -> list[Row]:
        return [row for row in self.audit if row["event"] == event]

    def by_request(self, event: str) -> dict[str, list[Row]]:
        found = defaultdict(list)
        for row in self.events(event):
            found[row["request_id"]].append(row)
        return found

    def by_effect(self, event: str) -> dict[str, list[Row]]:
        found = defaultdict(list)
        for row in self.events(event):
            found[row["detail"].get("effect")].append(row)
        return found

    def requests_of(self, run_id: str) -> list[Row]:
        mine = [row for row in self.requests.values() if row["run_id"] == run_id]
        return sorted(mine, key=lambda row: (row["turn"], row["revision"]))

    def effects_of(self, run_id: str) -> list[Row]:
        return [row for row in self.effects.values() if row["run_id"] == run_id]

    def in_world(self, key: str) -> int:
        return sum(1 for one in self.happened if one.key == key)


def load(url: URL, world: ChaosWorld) -> Ledger:
    """One repeatable-read snapshot. What people were told is read first: the rows may only be ahead of it."""
    told = {what: world.told(what) for what in ("proposed", "decided", "refused")}
    happened = world.happened()
    with psycopg.connect(dsn(url), row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def rows(table: str) -> list[Row]:
            return connection.execute(f'select * from "{table}"').fetchall()  # type: ignore[call-overload]

        def keyed(table: str, key: str = "id") -> dict[str, Row]:
            return {row[key]: row for row in rows(table)}

        votes = defaultdict(list)
        for vote in rows("votes"):
            votes[vote["request_id"]].append(vote)
        audit = sorted(rows("audit"), key=lambda row: row["id"])
        for row in audit:
            row["detail"] = json.loads(row["detail"])
        return Ledger(
            runs=keyed("runs"),
            requests=keyed("requests"),
            decisions=keyed("decisions", "request_id"),
            effects=keyed("effects"),
            votes=votes,
            people=keyed("people", "user_id"),
            owed=keyed("owed"),
            audit=audit,
            happened=happened,
            told=told,
        )
