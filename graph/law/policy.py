"""The policy document: tiers, who reviews, thresholds, rules. TOML, typed, unknown keys refused.

A domain may ship a part of its own (thresholds, rules, weights for its own actions). What the policy file
says of an action or its workflow beats what the domain ships; rules of both apply.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from operator import attrgetter
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from graph.law.confidence import Signal
from graph.law.policy_kit import PATTERN, Amount, Count, Duration, Name, Strict, TierNumber
from graph.law.policy_review import BatchRules, GrantRow
from graph.law.policy_rows import (
    Autonomy,
    Checkpoint,
    ConfidenceTable,
    Impacts,
    Level,
    Lift,
    Reviewer,
    Roles,
    Rule,
    Team,
    Threshold,
    Total,
    Unusual,
    Weights,
)
from graph.law.policy_times import DigestRules, OnCall, QuestionRules, QueueRules, StopRules, Tier, Timeout
from graph.law.request import Match, Risk
from graph.law.rules import Conditions
from graph.law.toml_lines import line_of

MAX_BYTES: Final = 1_000_000
MAX_ROWS: Final = 1_000
_MOST_SAID: Final = 50
ON_CALL: Final = "oncall:"


class BadPolicy(ValueError):
    """The policy can't be used; each line of the message names a place, its line and what to do there."""


class Part(Strict):
    """What a domain ships about its own actions. It may tighten and it may set numbers, but grants no autonomy."""

    thresholds: tuple[Threshold, ...] = ()
    rules: tuple[Rule, ...] = ()
    totals: tuple[Total, ...] = ()
    weights: tuple[Weights, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()
    irreversible: tuple[str, ...] = ()
    """Names of its actions that can't be undone; filled in from their code."""


class Policy(Strict):
    """The whole document. `tiers` is keyed "1", "2", … without gaps."""

    format: Literal[1]
    directory_max_age: Duration = timedelta(hours=24)
    directory_max_age_high_risk: Duration = timedelta(hours=1)
    execution_window: Duration = timedelta(hours=1)
    max_reformulations: Annotated[Count, Field(ge=0, le=10)] = 2
    max_resubmissions: Annotated[Count, Field(ge=1, le=100)] = 3
    confidence: ConfidenceTable = ConfidenceTable()
    impact: Impacts = Impacts()
    unusual: Unusual = Unusual()
    rates: dict[str, Annotated[Amount, Field(gt=0)]] = Field(default_factory=dict)
    tiers: dict[TierNumber, Tier] = Field(min_length=1)
    thresholds: tuple[Threshold, ...] = Field(min_length=1, max_length=MAX_ROWS)
    autonomy: tuple[Autonomy, ...] = Field(default=(), max_length=MAX_ROWS)
    rules: tuple[Rule, ...] = Field(default=(), max_length=MAX_ROWS)
    totals: tuple[Total, ...] = Field(default=(), max_length=MAX_ROWS)
    lifts: tuple[Lift, ...] = Field(default=(), max_length=MAX_ROWS)
    checkpoints: tuple[Checkpoint, ...] = Field(default=(), max_length=MAX_ROWS)
    timeouts: tuple[Timeout, ...] = Field(default=(), max_length=MAX_ROWS)
    grants: tuple[GrantRow, ...] = Field(default=(), max_length=MAX_ROWS)
    claim: Duration = timedelta(minutes=10)
    stop: StopRules = StopRules()
    queue: QueueRules = QueueRules()
    questions: QuestionRules = QuestionRules()
    batches: BatchRules = BatchRules()
    digest: DigestRules = DigestRules()
    oncall: dict[Name, OnCall] = Field(default_factory=dict)
    reviewers: tuple[Reviewer, ...] = Field(default=(), max_length=10 * MAX_ROWS)
    teams: tuple[Team, ...] = Field(default=(), max_length=MAX_ROWS)
    owners: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    roles: Roles = Roles()
    parts: dict[str, Part] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> "Policy":
        if problems := list(_contradictions(self)):
            raise PydanticCustomError("contradictions", "{first}", {"first": problems[0][1], "all": problems})
        return self

    def threshold(self, action: str, impact: Risk, value: Decimal | None) -> Threshold:
        """The row that counts: of the file's, the domain's and the `*` rows the first that has any; then the
        exact name before `workflow.*`, a named impact before any, the tightest `up_to`.
        """
        return next(row for row in self.book(action).thresholds if row.covers(impact, value))

    def book(self, action: str) -> "Book":
        """All that the document says of one action type, put together once."""
        found = self._books.get(action)
        if found is None:
            found = self._books[action] = self._gather(action)
        return found

    @cached_property
    def _books(self) -> dict[str, "Book"]:
        return {}

    def _gather(self, action: str) -> "Book":
        workflow = action.partition(".")[0]
        part = self.parts.get(workflow, _NO_PART)
        named = [row for row in self.thresholds if row.action != "*"]
        groups = (named, part.thresholds, [row for row in self.thresholds if row.action == "*"])
        levels = [row for row in self.autonomy if row.action in (action, f"{workflow}.*", "*")]
        weights = [row.weights for row in (*self.confidence.overrides, *part.weights) if row.concerns(action)]
        rules = [rule for rule in (*self.rules, *part.rules) if rule.concerns(action)]
        return Book(
            thresholds=tuple(
                row for group in groups for row in sorted(group, key=_specificity) if fnmatchcase(action, row.action)
            ),
            level=min(levels, key=lambda row: _generality(row.action)).level if levels else Level.FULL_CONTROL,
            weights=weights[0] if weights else self.confidence.weights,
            rules=tuple(rules),
            conditions=Conditions([rule.when for rule in rules]),
            matches=tuple(
                Match(rule.name, rule.then, rule.basis, "", str(rule.risk or ""), rule.tier) for rule in rules
            ),
            totals=tuple(total for total in (*self.totals, *part.totals) if total.concerns(action)),
        )

    def checkpoint(self, workflow: str) -> Checkpoint | None:
        """When a long run of this workflow asks whether to go on; the file's own row before the domain's and `*`."""
        part = self.parts.get(workflow)
        rows = (*self.checkpoints, *(part.checkpoints if part else ()))
        exact = next((row for row in rows if row.workflow == workflow), None)
        return exact or next((row for row in rows if row.workflow == "*"), None)

    def channel(self, workflow: str, tier: int) -> str:
        """Where cards of a workflow's requests go: its team's own channel, else the tier's."""
        own = (team.channel for team in self.teams if workflow in team.workflows and team.channel)
        return next(own, self.tiers[tier].channel)

    def on_timeout(self, action: str, tier: int) -> Literal["reject", "escalate", "approve"]:
        """What happens to an action when its tier's SLA has passed: its own row, else what the tier says."""
        rows = sorted(self.timeouts, key=lambda row: _generality(row.action))
        own = next((row.then for row in rows if fnmatchcase(action, row.action)), None)
        return own or self.tiers[tier].on_timeout

    def grant(self, action: str) -> GrantRow | None:
        """Whether and how far a reviewer may allow this action for the rest of a run."""
        return next((row for row in self.grants if action in row.actions), None)

    def worth(self, value: Decimal | None, currency: str | None) -> Decimal | None:
        """The amount in the policy's unit (`rates`; a currency without a rate counts one to one)."""
        return None if value is None else value * self.rates.get(currency or "", Decimal(1))

    def unrated(self, currency: str | None, value: Decimal | None) -> bool:
        """Whether nobody knows what the amount is worth: there are rates, and none for its currency."""
        return value is not None and bool(self.rates) and currency not in self.rates

    def sample(self, row: Threshold, impact: Risk, value: Decimal | None) -> float:
        """The share of what runs alone under this row that people look at afterwards."""
        if row.sample is not None:
            return row.sample
        common = (other for other in sorted(self.thresholds, key=_specificity) if other.action == "*")
        return next((other.sample or 0.0 for other in common if other.covers(impact, value)), 0.0)

    def max_age(self, risk: Risk) -> timedelta:
        """How old what the directory knows may be, to decide about this much risk."""
        if risk.needs_reason:
            return min(self.directory_max_age, self.directory_max_age_high_risk)
        return self.directory_max_age


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What a policy says of one action type; thresholds in the order in which they count, the first that fits."""

    thresholds: tuple[Threshold, ...]
    level: Level
    weights: Mapping[Signal, float]
    rules: tuple[Rule, ...]
    conditions: Conditions
    matches: tuple[Match, ...]
    """What each rule says when it applies, in the rules' order."""
    totals: tuple[Total, ...]


_NO_PART: Final = Part()


def parse_policy(text: str, parts: Mapping[str, str] | None = None) -> Policy:
    """Parse and check a policy document and the parts that domains ship (workflow → TOML).

    Raises `BadPolicy` naming every mistake, its place and its line.
    """
    document = _load(text)
    if "parts" in document:
        raise BadPolicy("parts: unknown key; a domain's part stands in its workflow's file")
    try:
        policy = Policy.model_validate(document)
    except ValidationError as error:
        raise BadPolicy(_explain(error, text)) from None
    if not parts:
        return policy
    read = {name: parse_part(name, part) for name, part in sorted(parts.items())}
    for index, row in enumerate(policy.timeouts):
        if row.then == "approve" and _lasting(row.action, read):
            said = f"{row.action} can't be undone, so silence can't approve it; write reject or escalate"
            raise BadPolicy(_at(("timeouts", index, "then"), said, text))
    for index, granting in enumerate(policy.grants):
        for lasting in (action for action in granting.actions if _lasting(action, read)):
            said = f"{lasting} can't be undone, so people look at it every time; take it out"
            raise BadPolicy(_at(("grants", index, "actions"), said, text))
    return policy.model_copy(update={"parts": read})


def _lasting(action: str, parts: Mapping[str, Part]) -> bool:
    """Whether its domain says that this action can't be undone."""
    workflow, _, name = action.partition(".")
    return workflow in parts and name in parts[workflow].irreversible


def parse_part(workflow: str, text: str) -> Part:
    """Parse and check what a domain ships; it may speak of its own actions only. Raises `BadPolicy`."""
    document = _load(text)
    for rule in document.get("rules", ()):
        if isinstance(rule, dict):
            rule.setdefault("actions", [f"{workflow}.*"])
    try:
        part = Part.model_validate(document)
    except ValidationError as error:
        raise BadPolicy(_explain(error, text)) from None
    patterns = [row.action for row in part.thresholds]
    for row in (*part.rules, *part.totals, *part.weights):
        patterns.extend(row.actions)
    patterns.extend(f"{row.workflow}.*" for row in part.checkpoints)
    for pattern in patterns:
        if not pattern.startswith(f"{workflow}."):
            raise BadPolicy(f"{pattern}: the part of {workflow} may speak of {workflow}.… only")
    return part


def _load(text: str) -> dict[str, Any]:
    if len(text.encode()) > MAX_BYTES:
        raise BadPolicy(f"the policy is larger than {MAX_BYTES // 1000} kB; that is more than anybody can read")
    if not text.strip():
        raise BadPolicy("the policy is empty; start from graph/policies/default.toml")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPolicy(f"not valid TOML: {error}") from None
    except RecursionError:
        raise BadPolicy("not valid TOML: nested too deeply") from None


def _explain(error: ValidationError, text: str) -> str:
    lines: list[str] = []
    items = error.errors(include_url=False, include_input=False)[:_MOST_SAID]
    inside = {item["loc"][:1] for item in items if len(item["loc"]) > 1}
    for item in items:
        if item["type"] == "too_short" and item["loc"] in inside:
            continue  # its rows are there, and what is wrong with them is said already
        if item["type"] == "contradictions":
            lines.extend(_at(place, said, text) for place, said in item["ctx"]["all"])
            continue
        said = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            said = "unknown key; check its spelling"
        elif item["type"] == "string_pattern_mismatch" and item["ctx"].get("pattern") == PATTERN:
            said = 'name actions as "workflow.action", "workflow.*" or "*"'
        lines.append(_at(item["loc"], said, text))
    return "\n".join(lines[:_MOST_SAID])


def _at(place: Sequence[int | str], said: str, text: str) -> str:
    """`rules.2.when (line 117): unknown name valeu`."""
    line = line_of(text, place)
    return f"{'.'.join(map(str, place)) or 'policy'}{f' (line {line})' if line else ''}: {said}"


def _contradictions(policy: Policy) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where rows don't fit together: each place, and what is wrong there."""
    if sorted(policy.tiers) != list(range(1, len(policy.tiers) + 1)):
        yield ("tiers",), "tiers must be numbered 1, 2, 3 … without gaps"
    for name in ("thresholds", "lifts", "checkpoints", "rules"):
        for index, row in enumerate(getattr(policy, name)):
            if (row.tier or 0) > len(policy.tiers):
                place = (name, index, "tier")
                yield place, f"tier {row.tier} is used but there are only {len(policy.tiers)} tiers"
    yield from _twice("thresholds", policy.thresholds, _key, "two thresholds have the same action, impact and up_to")
    yield from _twice("autonomy", policy.autonomy, attrgetter("action"), "two autonomy rows have the same action")
    yield from _twice("rules", policy.rules, attrgetter("name"), "two rules have the same name")
    yield from _twice("timeouts", policy.timeouts, attrgetter("action"), "two timeouts have the same action")
    named = [(index, action) for index, row in enumerate(policy.grants) for action in row.actions]
    for at, (index, action) in enumerate(named):
        if action in (other for _, other in named[:at]):
            yield ("grants", index, "actions"), f"two grants name the same action: {action}"
    yield from _twice("totals", policy.totals, attrgetter("name"), "two totals have the same name")
    yield from _twice("reviewers", policy.reviewers, attrgetter("user"), "a reviewer is registered twice")
    yield from _undeclared(policy)
    if ("*", None, None) not in map(_key, policy.thresholds):
        said = 'a threshold with action = "*" and neither impact nor up_to must say what holds for everything else'
        yield ("thresholds",), said


def _undeclared(policy: Policy) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Where somebody on call is named and no calendar says who that is."""
    named: list[tuple[tuple[str | int, ...], Sequence[str]]] = [
        *((("tiers", number, key), getattr(tier, key)) for number, tier in policy.tiers.items() for key in _WHO),
        *((("roles", role), getattr(policy.roles, role)) for role in _ROLES),
        *((("owners", workflow), entries) for workflow, entries in policy.owners.items()),
        *((("teams", index, "members"), team.members) for index, team in enumerate(policy.teams)),
    ]
    for place, entries in named:
        for entry in entries:
            if entry.startswith(ON_CALL) and entry.removeprefix(ON_CALL) not in policy.oncall:
                yield place, f"there is no [oncall.{entry.removeprefix(ON_CALL)}] with a calendar for {entry}"


_WHO: Final = ("reviewers", "dm")
_ROLES: Final = ("may_edit", "stop", "resume", "policy_owners", "auditors", "operators")


def _twice(
    name: str, rows: Sequence[Any], key: Callable[[Any], Any], message: str
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    seen = set()
    for index, row in enumerate(rows):
        found = key(row)
        if found in seen:
            yield (name, index), f"{message}: {found if isinstance(found, str) else found[0]}"
        seen.add(found)


def _key(row: Threshold) -> tuple[str, Risk | None, Decimal | None]:
    return row.action, row.impact, row.up_to


def _specificity(row: Threshold) -> tuple[int, bool, bool, Decimal]:
    return _generality(row.action), row.impact is None, row.up_to is None, row.up_to or Decimal(0)


def _generality(pattern: str) -> int:
    return 2 if pattern == "*" else 1 if pattern.endswith(".*") else 0


__all__ = ["BadPolicy", "Policy", "parse_part", "parse_policy"]
