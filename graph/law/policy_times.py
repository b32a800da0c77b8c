"""The rows of a policy document about people's time: tiers, calendars, time-outs, stops, queues, the digest."""

from datetime import timedelta
from functools import cached_property
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from graph.law.duty import Schedule, check_holidays, parse_hours
from graph.law.escalation import Timing
from graph.law.policy_kit import ActionPattern, Count, Duration, Strict, ZoneName
from graph.law.weeks import WeekMoment

_OFTEN: Final = timedelta(seconds=10)
NEVER: Final = "never"


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


class Tier(Strict):
    """One level of human attention: where its cards go, who may decide, how fast.

    `reviewers` holds Slack user ids, user group ids, user group handles written `@handle`, or `oncall:name`.
    `registered`: only people in the register of reviewers count, within their domains, limits and training.

    `remind`: the channel is reminded so long before the SLA ends, and every `repeat` after it has. `on_timeout`:
    with "escalate" the next tier is asked when the SLA has passed; with "reject" nobody else is. Whatever is
    still undecided at `expires` is rejected as expired. `dm`: who is told directly when this tier is asked
    because nobody answered. `fallback`: the channel for when `channel` can't be reached. `hours` (with
    `timezone` and `holidays`): when somebody is on duty; without, always. `step_up`: approving takes a one-time
    code by an authenticator app.
    """

    channel: str = Field(min_length=1)
    reviewers: tuple[str, ...] = Field(min_length=1)
    sla: Duration = timedelta(minutes=15)
    expires: Duration = timedelta(hours=72)
    approvals: Annotated[Count, Field(ge=1, le=10)] = 1
    registered: Annotated[bool, Field(strict=True)] = False
    step_up: Annotated[bool, Field(strict=True)] = False
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
