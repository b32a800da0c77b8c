"""The rows of a policy document. Unknown keys are refused: a misspelt limit must not silently be no limit."""

import re
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from graph.law.confidence import DEFAULT_WEIGHTS, Signal
from graph.law.duty import Schedule, check_holidays, parse_hours
from graph.law.escalation import Timing
from graph.law.request import Reason, Risk
from graph.law.rules import BadCondition, check_condition
from graph.law.weeks import WeekMoment

_DURATION: Final = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)", re.ASCII)
_UNIT: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=366)
_OFTEN: Final = timedelta(seconds=10)
NEVER: Final = "never"
PATTERN: Final = r"^(\*|[a-z_][a-z0-9_]*\.(\*|[a-z_][a-z0-9_]*))$"


def parse_duration(value: object) -> timedelta:
    """Parse `30s`, `15m`, `4h` or `7d`, at most a year; raises ValueError."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write a duration as "30s", "15m", "4h" or "7d"')
    duration = timedelta(**{_UNIT[match.group(2)]: int(match.group(1))})
    if duration > _LONGEST:
        raise ValueError(f"at most {_LONGEST.days}d: what takes longer has no date")
    return duration


def _condition(text: str) -> str:
    try:
        check_condition(text)
    except BadCondition as error:
        raise ValueError(str(error)) from None
    return text


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("a number is wanted here, not true or false or a text in quotes")
    return value


def _tier_number(value: object) -> object:
    """`1` and `01` are two keys of TOML, and must not become one tier of which the last wins."""
    if isinstance(value, str) and (not value.isascii() or not value.isdigit() or value.startswith("0")):
        raise ValueError("number the tiers 1, 2, 3 …, without leading zeros")
    return value


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValueError('write a time zone as "Europe/Berlin"') from None
    return name


def _weekly(text: str) -> str:
    if text != NEVER:
        WeekMoment.parse(text)
    return text


def _hours(value: object) -> object:
    """One text or several, each checked."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError('write hours as "Mon-Fri 09:00-17:00", or several of them in a list')
    for text in texts:
        parse_hours(text)
    return tuple(texts)


def _calendar(value: SecretStr) -> SecretStr:
    """Where a calendar is kept. That may be a secret, so no message repeats it."""
    if not may_fetch(value.get_secret_value()):
        raise ValueError("give a calendar as https://…, env:NAME or a path to a file; http only on this machine")
    return value


def may_fetch(where: str) -> bool:
    """Whether a calendar may be read from there: by https, from this machine, or from a file."""
    try:
        scheme, host = urlsplit(where).scheme, urlsplit(where).hostname
    except ValueError:
        return False
    if scheme == "http":
        return host in _LOOPBACK
    return bool(host) if scheme == "https" else "://" not in where and where.strip() != "" and where.isprintable()


_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
ZoneName = Annotated[str, AfterValidator(_zone)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False), BeforeValidator(_number)]
Amount = Annotated[Decimal, Field(ge=0, allow_inf_nan=False), BeforeValidator(_number)]
Count = Annotated[int, Field(strict=True), BeforeValidator(_number)]
TierNumber = Annotated[int, BeforeValidator(_tier_number)]
ActionPattern = Annotated[str, Field(pattern=PATTERN)]
Condition = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_condition)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,79}$")]


class Strict(BaseModel):
    """Unknown keys are refused: a misspelt limit must not silently be no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tier(Strict):
    """One level of human attention: where its cards go, who may decide, how fast.

    `reviewers` holds Slack user ids, user group ids, user group handles written `@handle`, or `oncall:name`.
    `registered`: only people in the register of reviewers count, within their domains, limits and training.

    `remind`: the channel is reminded so long before the SLA ends, and every `repeat` after it has. `on_timeout`:
    with "escalate" the next tier is asked when the SLA has passed; with "reject" nobody else is. Whatever is
    still undecided at `expires` is rejected as expired. `dm`: who is told directly when this tier is asked
    because nobody answered. `fallback`: the channel for when `channel` can't be reached. `hours` (with
    `timezone` and `holidays`): when somebody is on duty; without, always.
    """

    channel: str = Field(min_length=1)
    reviewers: tuple[str, ...] = Field(min_length=1)
    sla: Duration = timedelta(minutes=15)
    expires: Duration = timedelta(hours=72)
    approvals: Annotated[Count, Field(ge=1, le=10)] = 1
    registered: Annotated[bool, Field(strict=True)] = False
    remind: Duration | None = None
    repeat: Duration | None = None
    on_timeout: Literal["reject", "escalate"] = "reject"
    dm: tuple[str, ...] = ()
    fallback: str | None = Field(default=None, min_length=1)
    hours: Annotated[tuple[str, ...], BeforeValidator(_hours)] = ()
    timezone: ZoneName = "UTC"
    holidays: Annotated[str, AfterValidator(check_holidays)] | None = None

    @model_validator(mode="after")
    def _expiry_after_sla(self) -> "Tier":
        if self.expires < self.sla:
            raise ValueError("expires must not be shorter than sla")
        if self.remind is not None and self.remind >= self.sla:
            raise ValueError("remind must be shorter than sla: it says how long before its end people are reminded")
        if self.repeat is not None and self.repeat < _OFTEN:
            raise ValueError("repeat must be at least 10s: nobody reads faster")
        return self

    @property
    def timing(self) -> Timing:
        """The times of a request while this tier is asked."""
        return Timing(sla=self.sla, expires=self.expires, remind=self.remind, repeat=self.repeat)

    @cached_property
    def schedule(self) -> Schedule:
        """When it is on duty."""
        return Schedule(tuple(map(parse_hours, self.hours)), self.timezone, self.holidays)


class OnCall(Strict):
    """A calendar of who is on call: `oncall:name` in a tier's reviewers. Its address may hold a secret: `env:NAME`
    says that it stands in a variable of the worker's environment.

    `timezone`: for whole days and for times that name none; without, as the calendar says, or UTC.
    """

    ical: Annotated[SecretStr, AfterValidator(_calendar)]
    timezone: ZoneName | None = None


class Timeout(Strict):
    """What happens to one action type when a tier's SLA has passed, instead of what its tier says.

    "approve" is given to named actions that can be undone, with the reason why silence may count as consent; it
    holds only if a card was in front of people for the whole time, and is judged again at that moment.
    """

    action: ActionPattern
    then: Literal["reject", "escalate", "approve"]
    basis: str = Field(default="", max_length=300)

    @model_validator(mode="after")
    def _named(self) -> "Timeout":
        if self.then != "approve":
            return self
        if "*" in self.action:
            raise ValueError(f'"approve" can\'t be given to "{self.action}": name each action that may go ahead unseen')
        if len(self.basis) < 3:
            raise ValueError("say in basis why silence may count as consent here")
        return self


class StopRules(Strict):
    """What holds while somebody has stopped things. `compensations`: whether undoing goes on meanwhile."""

    compensations: Annotated[bool, Field(strict=True)] = False
    another_resumes: Annotated[bool, Field(strict=True)] = True
    """Whoever stopped it can't be the one who lets it go on."""


class QueueRules(Strict):
    """How much may wait. `most` in all and `per_workflow` of each; what comes beyond that gets the conservative
    answer: "reject", or with "run_lowest" what is reversible, of low risk and free of rules runs and the rest is
    rejected.
    """

    most: Annotated[Count, Field(ge=1, le=1_000_000)] = 20_000
    per_workflow: Annotated[Count, Field(ge=1, le=1_000_000)] | None = None
    beyond: Literal["reject", "run_lowest"] = "reject"


class QuestionRules(Strict):
    """What a question to the agent or requester does to the clock: it stands still, for `at_most` so long."""

    pauses: Annotated[bool, Field(strict=True)] = True
    at_most: Duration = timedelta(hours=1)


class DigestRules(Strict):
    """When the week's figures are posted (`at`, in the team's `timezone`; "never" posts none), and where.

    `channel`: where to, the operators' channel if not said. `dm`: who gets them directly as well. Whoever writes
    this chooses who reads the numbers of all workflows, those of teams that keep to themselves included; they
    are numbers only.
    """

    timezone: ZoneName = "UTC"
    at: Annotated[str, AfterValidator(_weekly)] = "Mon 08:00"
    channel: str | None = Field(default=None, min_length=1)
    dm: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def moment(self) -> WeekMoment | None:
        """When it is due, every week; None: never."""
        return None if self.at == NEVER else WeekMoment.parse(self.at)


class Threshold(Strict):
    """One row of the lookup table; the most specific matching row wins.

    `action` is `workflow.action`, `workflow.*` or `*`; `impact` limits the row to one impact band, `up_to` to
    amounts up to it. `auto`: confidence from which the action runs alone (absent: never). `review`: confidence
    below which nobody is bothered with it and `below` happens instead. `sample`: the share of those that ran
    alone which people look at afterwards (absent: as the `*` row for this impact says).
    """

    action: ActionPattern
    impact: Risk | None = None
    up_to: Annotated[Amount, Field(gt=0)] | None = None
    auto: Share | None = None
    review: Share = 0.0
    below: Literal["reformulate", "takeover"] = "reformulate"
    tier: Annotated[Count, Field(ge=1)] = 1
    sample: Share | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Threshold":
        if self.auto is not None and self.auto < self.review:
            raise ValueError("auto must not be lower than review")
        return self

    def covers(self, impact: Risk, value: Decimal | None) -> bool:
        fits = self.up_to is None or (value is not None and value <= self.up_to)
        return fits and self.impact in (None, impact)


class Level(StrEnum):
    """How much an action type may do without people."""

    FULL_CONTROL = "full_control"
    """People decide every time."""
    GATED = "gated"
    """Alone where confidence reaches `auto` and nothing speaks against it."""
    EXCEPTION_ONLY = "exception_only"
    """Alone unless something speaks against it."""
    FULL_AUDIT = "full_audit"
    """Alone unless a rule forbids it; what is unusual is looked at afterwards."""


class Autonomy(Strict):
    """The autonomy level of one action type. Freedom is given to named actions only, never to a pattern."""

    action: ActionPattern
    level: Level
    basis: str = ""

    @model_validator(mode="after")
    def _named(self) -> "Autonomy":
        if self.level is not Level.FULL_CONTROL and "*" in self.action:
            raise ValueError(
                f'level "{self.level}" can\'t be given to "{self.action}": name each action that may run alone'
            )
        return self


class Lift(Strict):
    """Amounts above `above`, or actions of at least this `risk`, start at `tier` or higher."""

    above: Amount | None = None
    risk: Risk | None = None
    tier: Annotated[Count, Field(ge=1)]

    @model_validator(mode="after")
    def _one(self) -> "Lift":
        if (self.above is None) == (self.risk is None):
            raise ValueError("give either above (an amount) or risk")
        return self


class Concerning(Strict):
    """A row about some actions."""

    actions: tuple[ActionPattern, ...] = Field(min_length=1)

    def concerns(self, action: str) -> bool:
        return any(fnmatchcase(action, pattern) for pattern in self.actions)


class Rule(Concerning):
    """All rules that match apply, the strictest wins: adding one can only tighten.

    `when` is a CEL condition over the frozen facts; `confidence_below` adds that the action's confidence is
    lower than this, or not known. Both must hold. `basis` says what it rests on: a law, a contract, an incident.
    """

    name: Name
    basis: str = Field(min_length=3, max_length=300)
    actions: tuple[ActionPattern, ...] = Field(default=("*",), min_length=1)
    when: Condition | None = None
    confidence_below: Share | None = None
    then: Literal["review", "takeover", "reject"] = "review"
    tier: Annotated[Count, Field(ge=1)] | None = None
    approvals: Annotated[Count, Field(ge=1, le=10)] | None = None
    risk: Risk | None = None
    reason: Reason = Reason.HIGH_RISK

    @model_validator(mode="after")
    def _says_when(self) -> "Rule":
        if self.when is None and self.confidence_below is None and "*" in self.actions:
            raise ValueError("a rule for every action needs a condition: when, or confidence_below")
        return self


class Total(Concerning):
    """Amounts that count together, so that splitting gains nothing: those of `actions` within `window`."""

    name: Name
    by: Literal["target", "requester", "all"] = "target"
    window: Duration = timedelta(hours=24)


class Weights(Concerning):
    """The signals' weights for some actions; 0 says that the signal does not apply to them."""

    weights: dict[Signal, Share]

    @model_validator(mode="after")
    def _something(self) -> "Weights":
        if not any(self.weights.values()):
            raise ValueError("at least one weight must be above 0")
        return self


class ConfidenceTable(Strict):
    """How signals become one confidence. `precedents`: fewer earlier ones than this say nothing yet."""

    weights: dict[Signal, Share] = Field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    precedents: Annotated[Count, Field(ge=1, le=1000)] = 5
    overrides: tuple[Weights, ...] = ()


class Impacts(Strict):
    """Amounts above these have at least this impact."""

    medium: Amount = Decimal(100)
    high: Amount = Decimal(500)
    critical: Amount = Decimal(50_000)

    @model_validator(mode="after")
    def _ordered(self) -> "Impacts":
        if not self.medium <= self.high <= self.critical:
            raise ValueError("medium, high and critical must not fall")
        return self

    def of(self, value: Decimal | None) -> Risk:
        if value is None or value <= self.medium:
            return Risk.LOW
        return Risk.CRITICAL if value > self.critical else Risk.HIGH if value > self.high else Risk.MEDIUM


class Unusual(Strict):
    """What counts as unusual against the record: `times` the usual amount, once there are `least` to compare."""

    times: Annotated[float, Field(gt=1.0, le=100.0, allow_inf_nan=False), BeforeValidator(_number)] = 3.0
    least: Annotated[Count, Field(ge=1, le=1000)] = 5


class Checkpoint(Strict):
    """A long run asks whether to go on: after this many steps, or this long, since a person last decided."""

    workflow: str = Field(pattern=r"^(\*|[a-z_][a-z0-9_]*)$")
    every_steps: Annotated[Count, Field(ge=1, le=1000)] | None = None
    every: Duration | None = None
    tier: Annotated[Count, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _some(self) -> "Checkpoint":
        if self.every_steps is None and self.every is None:
            raise ValueError("say when: every_steps, every, or both")
        return self


class Reviewer(Strict):
    """An entry of the register: who may review what, up to which amount, trained until when."""

    user: str = Field(pattern=r"^[UW][A-Z0-9_]{2,}$")
    role: str = ""
    domains: tuple[str, ...] = ("*",)
    limit: Amount | None = None
    trained_until: date | None = None


class Team(Strict):
    """Requests of these workflows are seen and decided by these people only, and by auditors.

    `channel`: where their cards go, instead of the tiers' channels, which others read.
    """

    workflows: tuple[str, ...] = Field(min_length=1)
    members: tuple[str, ...] = Field(min_length=1)
    channel: str | None = Field(default=None, min_length=1)


class Roles(Strict):
    """Who may do what beside reviewing; entries are written as in a tier's `reviewers`."""

    may_edit: tuple[str, ...] = ("*",)
    stop: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    policy_owners: tuple[str, ...] = ()
    auditors: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    operators_channel: str | None = None
