"""What verbs and flow need of the world, said as protocols: storage offers them, bot/app.py joins them."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from graph.verbs.ports.batches import Batch, Batches, Item, ItemState, KeptOut, Unseen
from graph.verbs.ports.checks import Backlog, Check, Checks, Found, Gauges
from graph.verbs.ports.delivery import CardRow, Cards, Owed, OwedRow, Shown, Turns
from graph.verbs.ports.digests import Digests
from graph.verbs.ports.duty import Duty, Roster
from graph.verbs.ports.effects import Effects
from graph.verbs.ports.figures import By, Figure, Figures, Group, Own, Proposals, Tally
from graph.verbs.ports.grants import Grants
from graph.verbs.ports.health import Condition, Health
from graph.verbs.ports.incidents import Incident, Incidents, Wrong
from graph.verbs.ports.people import People
from graph.verbs.ports.policies import Policies, PolicyText, PolicyVersion
from graph.verbs.ports.queue import Made, Queue, Spot, Wanted
from graph.verbs.ports.record import Audit, Entry, Outcomes, Past, Proposed, Taken, Trail
from graph.verbs.ports.requests import Move, Requests, Vote
from graph.verbs.ports.runs import Run, Runs, RunStatus
from graph.verbs.ports.stepup import StepUp
from graph.verbs.ports.stops import Stops
from graph.verbs.ports.talk import Question, Talk

__all__ = [
    "Audit",
    "Backlog",
    "Batch",
    "Batches",
    "By",
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
    "Grants",
    "Group",
    "Health",
    "Incident",
    "Incidents",
    "Item",
    "ItemState",
    "KeptOut",
    "Made",
    "Move",
    "Outcomes",
    "Owed",
    "OwedRow",
    "Own",
    "Past",
    "People",
    "Policies",
    "PolicyText",
    "PolicyVersion",
    "Proposals",
    "Proposed",
    "Question",
    "Queue",
    "Requests",
    "Roster",
    "Run",
    "RunStatus",
    "Runs",
    "Shown",
    "Spot",
    "StepUp",
    "Stops",
    "Store",
    "Taken",
    "Tally",
    "Trail",
    "Turns",
    "Tx",
    "Unseen",
    "Vote",
    "Wanted",
    "Wrong",
]


class Tx(Protocol):
    """One transaction: everything or nothing."""

    @property
    def runs(self) -> Runs: ...
    @property
    def requests(self) -> Requests: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def incidents(self) -> Incidents: ...
    @property
    def effects(self) -> Effects: ...
    @property
    def cards(self) -> Cards: ...
    @property
    def batches(self) -> Batches: ...
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
    def trail(self) -> Trail: ...
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
    def grants(self) -> Grants: ...
    @property
    def stepup(self) -> StepUp: ...
    @property
    def workspace_id(self) -> str: ...
    async def now(self) -> datetime:
        """The database's clock, fixed for this transaction; UTC."""
        ...


class Store(Protocol):
    """Where transactions come from."""

    def begin(self) -> AbstractAsyncContextManager[Tx]: ...
