"""What verbs and flow need of the world, said as protocols: storage offers them, bot/app.py joins them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from graph.law.authorization import Person
from graph.law.policy import Policy
from graph.law.record import Rejected
from graph.law.request import Decision, Effect, Form, Outcome, Request, Risk, Status


class RunStatus(StrEnum):
    READY = "ready"
    PAUSED = "paused"
    DONE = "done"
    ROLLED_BACK = "rolled_back"
    FAILED = "failed"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a workflow. `fence` grows with every claim; only its holder may write."""

    id: str
    workspace_id: str
    workflow: str
    key: str
    requester: str | None
    input: dict[str, Any]
    status: RunStatus
    outcome: str
    interrupt_id: str | None
    fence: int
    attempts: int
    last_error: str
    created_at: datetime
    updated_at: datetime
    reversing: bool = False
    """Effects of it are owed an undo, whatever else becomes of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One person's approval on one digest, where several must agree."""

    request_id: str
    person: str
    user_id: str
    digest: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """A card that was wanted: `wanted > shown` means that a rendering is owed."""

    id: str
    request_id: str
    target: str
    channel: str | None
    ts: str | None
    shown: int
    wanted: int
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedRow:
    """A committed chore that is not done yet."""

    id: str
    kind: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """An action as an agent proposed it; `judged`: the facts it was routed on, as `graph.law.facts` writes them."""

    id: str
    workflow: str
    action_type: str
    args: dict[str, Any]
    form: Form
    judged: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """A policy version as it was imported: its text, the parts that domains shipped, by whom and when."""

    version: int
    text: str
    parts: dict[str, str]
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A policy as imported; decisions by policy are signed `policy:<version>`."""

    version: int
    policy: Policy


class Runs(Protocol):
    async def start(self, run_id: str, workflow: str, key: str, requester: str | None, input_text: str) -> bool:
        """Insert a run that is owed its first segment; False when the key exists already."""
        ...

    async def get(self, run_id: str) -> Run | None: ...
    async def recent(self, limit: int) -> Sequence[Run]: ...
    async def claim(
        self, workflows: Sequence[str], limit: int, lease_seconds: float, run_id: str | None = None
    ) -> Sequence[Run]:
        """Take runs that are owed a segment (`SKIP LOCKED`), each with a new fence and a lease.

        Only of these workflows: a process without a workflow's code must not touch its runs.
        """
        ...

    async def hold(self, run: Run, lease_seconds: float) -> None:
        """Renew the lease inside this transaction; raise `Fenced` when the run is no longer ours."""
        ...

    async def pause(self, run: Run, interrupt_id: str) -> None:
        """Fenced: the run waits for a decision, its lease ends."""
        ...

    async def finish(self, run: Run, status: RunStatus, outcome: str) -> None:
        """Fenced: the run is over."""
        ...

    async def retry(self, run: Run, delay_seconds: float, error: str, *, blameless: bool) -> None:
        """Fenced: the segment could not be completed; it is owed again after the delay.

        `blameless`: the outside was not there, which doesn't count towards quarantine.
        """
        ...

    async def stuck(self, seconds: float) -> Sequence[Run]:
        """Runs that have been owed a segment for so long while nobody held them."""
        ...

    async def release(self, run_id: str) -> bool:
        """A quarantined run is owed a segment again; False when it isn't quarantined."""
        ...

    async def wake(self, run_id: str) -> None:
        """A decision was recorded: the paused run is owed a segment."""
        ...

    async def reverse(self, run_id: str) -> None:
        """People found that something which ran alone was wrong: its undo is owed."""
        ...

    async def reversed(self, run: Run) -> None:
        """Fenced: nothing of it is owed an undo any more."""
        ...


class Requests(Protocol):
    async def insert(self, request: Request) -> bool:
        """Insert; False when this turn and revision exist already."""
        ...

    async def get(self, request_id: str) -> Request | None: ...
    async def lock(self, request_id: str) -> Request | None:
        """Read and lock the row until the transaction ends."""
        ...

    async def of_turn(self, run_id: str, turn: int) -> Request | None:
        """The newest revision of a run's turn."""
        ...

    async def of_run(self, run_id: str) -> Sequence[Request]: ...
    async def pending(self, limit: int, tier: int | None = None, *, without: Collection[str] = ()) -> Sequence[Request]:
        """Pending requests, the one due first first; `without` those of these workflows."""
        ...

    async def decide(self, request: Request, status: Status, execution_expires_at: datetime | None) -> bool:
        """Compare and set: pending, this version, this digest, not expired. False when somebody was faster."""
        ...

    async def expire(self, request: Request) -> bool:
        """As `decide`, but only once `expires_at` has passed."""
        ...

    async def due(self, limit: int) -> Sequence[str]:
        """Ids of pending requests whose next step has come, the longest due first."""
        ...

    async def lock_due(self, request_id: str) -> Request | None:
        """Lock one that is still due; None when it isn't, or somebody else has it (SKIP LOCKED)."""
        ...

    async def step(self, request: Request, next_step_at: datetime) -> None:
        """Move the timer of a pending request."""
        ...

    async def unchecked(self, version: int, limit: int) -> Sequence[str]:
        """Ids of pending requests that nobody has looked at since this policy version came into force."""
        ...

    async def checked(self, request: Request, version: int) -> None:
        """It has been looked at under this policy version."""
        ...

    async def go_up(self, request: Request, tier: int, approvals: int) -> bool:
        """A higher tier is asked; False when the request has moved on."""
        ...

    async def add_decision(self, decision: Decision) -> None: ...
    async def decision(self, request_id: str) -> Decision | None: ...
    async def add_vote(self, vote: Vote) -> bool:
        """Insert; False when this person voted on this digest before."""
        ...

    async def votes(self, request_id: str, digest: str) -> Sequence[Vote]: ...


class Effects(Protocol):
    async def get(self, effect_id: str) -> Effect | None: ...
    async def of_run(self, run_id: str) -> Sequence[Effect]:
        """Forward effects and their undos, oldest first."""
        ...

    async def intend(self, effect: Effect, fence: int) -> None:
        """Write INTENT, before the call."""
        ...

    async def again(self, effect_id: str, fence: int) -> None:
        """Another attempt of an INTENT whose answer is not known."""
        ...

    async def settle(
        self, effect_id: str, status: Outcome, result: dict[str, Any] | None, error: str, reconciled_by: str | None
    ) -> bool:
        """Write what came of it; False unless the row was INTENT (or UNKNOWN, when reconciled)."""
        ...


class Cards(Protocol):
    async def want(self, request_id: str, target: str) -> None:
        """A card of this request is owed to a channel or a person."""
        ...

    async def touch(self, request_id: str) -> None:
        """Every card of this request is owed a new rendering."""
        ...

    async def of_request(self, request_id: str) -> Sequence[CardRow]: ...
    async def known(self, request_id: str, channel: str, ts: str) -> bool:
        """Whether this message is a card of this request (and no copy of one)."""
        ...

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[CardRow]: ...
    async def shown(self, card: CardRow, channel: str, ts: str, text: str) -> None:
        """The rendering `card.wanted` is on the screen; `text` is what was shown."""
        ...

    async def retry(self, card: CardRow, delay_seconds: float, error: str) -> None: ...


class Owed(Protocol):
    async def add(self, kind: str, key: str, payload: Mapping[str, Any], delay_seconds: float = 0.0) -> None:
        """Owe a chore once per key."""
        ...

    async def claim(self, limit: int, lease_seconds: float) -> Sequence[OwedRow]: ...
    async def done(self, row: OwedRow) -> None: ...
    async def retry(self, row: OwedRow, delay_seconds: float, error: str) -> None: ...


class Audit(Protocol):
    async def record(
        self,
        event: str,
        actor: str,
        *,
        run_id: str | None = None,
        request_id: str | None = None,
        **detail: Any,
    ) -> None:
        """Write an audit entry in this transaction; the sealer chains it later."""
        ...


class People(Protocol):
    async def get(self, user_id: str) -> Person | None: ...
    async def many(self, user_ids: Iterable[str]) -> Mapping[str, Person]: ...
    async def strangers(self, entries: Iterable[str]) -> frozenset[str]:
        """Of these user ids, group ids and `@handles` those that the mirror has never seen."""
        ...

    async def members(self, entries: Iterable[str], fresh: datetime | None = None) -> frozenset[str]:
        """User ids behind user ids, group ids and `@handles`.

        Unknown groups are empty, and so are those last looked up before `fresh`.
        """
        ...

    async def mirror(self, people: Iterable[Person]) -> None: ...
    async def mirror_group(self, group_id: str, handle: str, members: Iterable[str]) -> None: ...
    async def mirror_workspace(self, name: str, bot_user: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """How earlier ones of an action went: those that people decided, and the amounts of those that were done."""

    asked: int
    well: int
    usual: Decimal | None
    usual_of: int


class Past(Protocol):
    """What the record says about actions like this one."""

    async def outcomes(self, workflow: str, action_type: str, risk: Risk) -> Outcomes:
        """Good news counts where a person decided or reviewed it, bad news always; each of the newest two hundred."""
        ...

    async def rejected(
        self, workflow: str, run_id: str, digest: str, target: str | None, within: timedelta
    ) -> Sequence[Rejected]:
        """What people rejected lately: in this run, exactly this, or about this target; newest first."""
        ...

    async def times_rejected(self, digest: str, within: timedelta) -> int:
        """How often people rejected exactly this."""
        ...

    async def total(self, actions: Sequence[str], by: str, workflow: str, key: str, within: timedelta) -> Decimal:
        """What these actions have moved for this target (of this workflow) or requester, undone ones left out."""
        ...

    async def lock(self, name: str) -> None:
        """Hold a named total until this transaction ends."""
        ...

    async def progress(self, run_id: str) -> tuple[int, datetime]:
        """Effects begun since a person last decided in this run, and when that was (or the run began)."""
        ...

    async def judged(self, within: timedelta, after: str, limit: int) -> Sequence[Proposed]:
        """What agents proposed (no edits of it) and what it was judged on, a page by id, from behind `after`."""
        ...


class Policies(Protocol):
    async def current(self) -> PolicyVersion:
        """The policy in force; raises `NotFound` when none was ever imported."""
        ...

    async def version(self, version: int) -> PolicyVersion: ...
    async def texts(self, limit: int) -> Sequence[PolicyText]:
        """The versions as they were imported, newest first."""
        ...

    async def text(self, version: int) -> PolicyText:
        """One of them; raises `NotFound`."""
        ...

    async def apply(self, text: str, by: str) -> PolicyVersion:
        """Import a checked policy text; the version in force when it is the same text."""
        ...

    async def offer(self, parts: Mapping[str, str], by: str, *, replace: bool) -> PolicyVersion:
        """What domains ship about their own actions (workflow → TOML) becomes part of the policy in force.

        Without `replace` only domains that have no part yet are added.
        """
        ...


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
    def audit(self) -> Audit: ...
    @property
    def people(self) -> People: ...
    @property
    def policies(self) -> Policies: ...
    @property
    def past(self) -> Past: ...
    @property
    def workspace_id(self) -> str: ...
    async def now(self) -> datetime:
        """The database's clock, fixed for this transaction; UTC."""
        ...


class Store(Protocol):
    """Where transactions come from."""

    def begin(self) -> AbstractAsyncContextManager[Tx]: ...
