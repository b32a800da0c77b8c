"""What the simulation left behind, read with plain SQL, and when something was late."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from tests.sim.play import Play

Row = dict[str, Any]
Times = Sequence[tuple[datetime, datetime]]


@dataclass
class Stay:
    """A request with one tier: since when it was asked, until when, and how that ended."""

    request: Row
    tier: int
    since: datetime
    until: datetime | None
    ended: Row | None


@dataclass
class Record:
    """The rows by their ids; `problems` is what the checks find."""

    runs: dict[str, Row]
    requests: dict[str, Row]
    decisions: dict[str, Row]
    effects: dict[str, Row]
    owed: list[Row]
    votes: dict[str, list[Row]]
    people: dict[str, Row]
    audit: list[Row]
    events: dict[str, dict[str, list[Row]]]
    """Audit entries by event and request."""
    problems: list[str] = field(default_factory=list)
    lateness: list[float] = field(default_factory=list)
    posting: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def of(self, event: str, request: str) -> list[Row]:
        return self.events.get(event, {}).get(request, [])

    def stays(self, request: Row) -> list[Stay]:
        """From tier to tier, as the audit tells it."""
        (opened,) = self.of("request_opened", request["id"])
        moves = self.of("request_escalated", request["id"])
        decision = self.decisions.get(request["id"])
        steps = [(opened["detail"]["tier"], opened["at"]), *((move["detail"]["tier"], move["at"]) for move in moves)]
        found = [
            Stay(request, tier, at, later, move)
            for ((tier, at), (_, later)), move in zip(pairwise(steps), moves, strict=True)
        ]
        tier, at = steps[-1]
        return [*found, Stay(request, tier, at, decision["at"] if decision else None, decision)]


async def load(play: Play) -> Record:
    """Read it all."""

    async def keyed(table: str, key: str = "id") -> dict[str, Row]:
        return {row[key]: row for row in await play.clock.rows(f'select * from "{table}"')}

    votes: dict[str, list[Row]] = defaultdict(list)
    for row in await play.clock.rows("select * from votes"):
        votes[row["request_id"]].append(row)
    audit = await play.clock.rows("select * from audit order by id")
    events: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for row in audit:
        row["detail"] = json.loads(row["detail"])
        events[row["event"]][row["request_id"] or row["run_id"] or ""].append(row)
    return Record(
        runs=await keyed("runs"),
        requests=await keyed("requests"),
        decisions=await keyed("decisions", "request_id"),
        effects=await keyed("effects"),
        owed=await play.clock.rows("select * from owed"),
        votes=votes,
        people=await keyed("people", "user_id"),
        audit=audit,
        events=events,
    )


def recovered(due: datetime, done: datetime, *outages: Times) -> datetime:
    """From when something due could have been done: the end of the last outage before it was, if one was in the way."""
    at = due
    for begin, end in sorted(period for periods in outages for period in periods):
        # Back for less than a tick is not back.
        if begin <= at + timedelta(seconds=10) and at < end <= done + timedelta(seconds=1):
            at = end
    return at


def inside(moment: datetime, *outages: Times, slack: timedelta = timedelta()) -> bool:
    return any(begin - slack <= moment <= end + slack for periods in outages for begin, end in periods)


def overlaps(since: datetime, until: datetime, outages: Times) -> bool:
    return any(begin < until and since < end for begin, end in outages)
