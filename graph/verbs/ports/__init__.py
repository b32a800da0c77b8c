"""What verbs and flow need of the world, said as protocols: storage offers them, bot/app.py joins them."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from graph.verbs.ports.checks import Backlog, Check, Checks, Found, Gauges
from graph.verbs.ports.delivery import CardRow, Cards, Owed, OwedRow, Shown, Turns
from graph.verbs.ports.digests import Digests
from graph.verbs.ports.duty import Duty, Roster
from graph.verbs.ports.effects import Effects
from graph.verbs.ports.figures import Figure, Figures, Tally
from graph.verbs.ports.health import Condition, Health
from graph.verbs.ports.people import People
from graph.verbs.ports.policies import Policies, PolicyText, PolicyVersion
from graph.verbs.ports.record import Audit, Entry, Outcomes, Past, Proposed
from graph.verbs.ports.requests import Move, Requests, Vote
from graph.verbs.ports.runs import Run, Runs, RunStatus
from graph.verbs.ports.stops import Stops
from graph.verbs.ports.talk import Question, Talk

__all__ = [
    "Audit",
    "Backlog",
    "CardRow",
    "Cards",
    "Check",
    "Checks",
    "Condition",
    "Digests",
    "Duty",
    "Effects",
    "Entry",
    "Figure",
    "Figures",
    "Found",
    "Gauges",
    "Health",
    "Move",
    "Outcomes",
    "Owed",
    "OwedRow",
    "Past",
    "People",
    "Policies",
    "PolicyText",
    "PolicyVersion",
    "Proposed",
    "Question",
    "Requests",
    "Roster",
    "Run",
    "RunStatus",
    "Runs",
    "Shown",
    "Stops",
    "Store",
    "Tally",
    "Turns",
    "Tx",
    "Vote",
]


class Tx(Protocol):
    """One transaction: everything or nothing."""

    @property
    def runs(self) -> Runs: ...
    @property
    def requests(self) -> Requests: ...
    @property
    def effects(self) -> Effects: ...
    @property
    def cards(self) -> Cards: ...
    @property
    def owed(self) -> Owed: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def people(self) -> People: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def past(self) -> Past: ...
    @property
    def health(self) -> Health: ...
    @property
    def stops(self) -> Stops: ...
    @property
    def checks(self) -> Checks: ...
    @property
    def talk(self) -> Talk: ...
    @property
    def figures(self) -> Figures: ...
    @property
    def digests(self) -> Digests: ...
    @property
    def duty(self) -> Duty: ...
    @property
    def workspace_id(self) -> str: ...
    async def now(self) -> datetime:
        """The database's clock, fixed for this transaction; UTC."""
        ...


class Store(Protocol):
    """Where transactions come from."""

    def begin(self) -> AbstractAsyncContextManager[Tx]: ...
