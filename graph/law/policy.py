"""The policy document: tiers, who reviews, thresholds, rules. TOML, typed, unknown keys refused.

A domain may ship a part of its own (thresholds, rules, weights for its own actions). What the policy file
says of an action or its workflow beats what the domain ships; rules of both apply.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, model_validator

from graph.law.confidence import Signal
from graph.law.policy_rows import (
    PATTERN,
    Amount,
    Autonomy,
    Checkpoint,
    ConfidenceTable,
    Count,
    Duration,
    Impacts,
    Level,
    Lift,
    Reviewer,
    Roles,
    Rule,
    Strict,
    Team,
    Threshold,
    Tier,
    Total,
    Unusual,
    Weights,
    parse_duration,
)
from graph.law.request import Risk
from graph.law.rules import variables_of
from graph.law.toml_lines import line_of

MAX_BYTES: Final = 1_000_000
MAX_ROWS: Final = 1_000


class BadPolicy(ValueError):
    """The policy can't be used; each line of the message names a place, its line and what to do there."""


class Part(Strict):
    """What a domain ships about its own actions. It may tighten and it may set numbers, but grants no autonomy."""

    thresholds: tuple[Threshold, ...] = ()
    rules: tuple[Rule, ...] = ()
    totals: tuple[Total, ...] = ()
    weights: tuple[Weights, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()


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
    tiers: dict[int, Tier] = Field(min_length=1)
    thresholds: tuple[Threshold, ...] = Field(min_length=1, max_length=MAX_ROWS)
    autonomy: tuple[Autonomy, ...] = Field(default=(), max_length=MAX_ROWS)
    rules: tuple[Rule, ...] = Field(default=(), max_length=MAX_ROWS)
    totals: tuple[Total, ...] = Field(default=(), max_length=MAX_ROWS)
    lifts: tuple[Lift, ...] = Field(default=(), max_length=MAX_ROWS)
    checkpoints: tuple[Checkpoint, ...] = Field(default=(), max_length=MAX_ROWS)
    reviewers: tuple[Reviewer, ...] = Field(default=(), max_length=10 * MAX_ROWS)
    teams: tuple[Team, ...] = Field(default=(), max_length=MAX_ROWS)
    owners: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    roles: Roles = Roles()
    parts: dict[str, Part] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _consistent(self) -> "Policy":
        if sorted(self.tiers) != list(range(1, len(self.tiers) + 1)):
            raise ValueError("tiers must be numbered 1, 2, 3 … without gaps")
        for named in _tiers_named(self):
            if named > len(self.tiers):
                raise ValueError(f"tier {named} is used but there are only {len(self.tiers)} tiers")
        _once("two thresholds have the same action, impact and up_to", map(_key, self.thresholds))
        _once("two autonomy rows have the same action", (row.action for row in self.autonomy))
        _once("two rules have the same name", (rule.name for rule in self.rules))
        _once("two totals have the same name", (total.name for total in self.totals))
        _once("a reviewer is registered twice", (reviewer.user for reviewer in self.reviewers))
        if ("*", None, None) not in map(_key, self.thresholds):
            raise ValueError(
                'a threshold with action = "*" and neither impact nor up_to must say what holds for everything else'
            )
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
            names=variables_of(rule.when for rule in rules if rule.when),
            totals=tuple(total for total in (*self.totals, *part.totals) if total.concerns(action)),
        )

    def checkpoint(self, workflow: str) -> Checkpoint | None:
        """When a long run of this workflow asks whether to go on; the file's own row before the domain's and `*`."""
        part = self.parts.get(workflow)
        rows = (*self.checkpoints, *(part.checkpoints if part else ()))
        exact = next((row for row in rows if row.workflow == workflow), None)
        return exact or next((row for row in rows if row.workflow == "*"), None)

    def worth(self, value: Decimal | None, currency: str | None) -> Decimal | None:
        """The amount in the policy's unit (`rates`; a currency without a rate counts one to one)."""
        return None if value is None else value * self.rates.get(currency or "", Decimal(1))

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
    names: frozenset[str]
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
    return policy.model_copy(update={"parts": {name: parse_part(name, part) for name, part in sorted(parts.items())}})


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
    lines = []
    for item in error.errors(include_url=False, include_input=False):
        line = line_of(text, item["loc"])
        place = ".".join(str(part) for part in item["loc"]) or "policy"
        said = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            said = "unknown key; check its spelling"
        elif item["type"] == "string_pattern_mismatch" and item["ctx"].get("pattern") == PATTERN:
            said = 'name actions as "workflow.action", "workflow.*" or "*"'
        lines.append(f"{place}{f' (line {line})' if line else ''}: {said}")
    return "\n".join(lines[:50])


def _tiers_named(policy: Policy) -> Iterable[int]:
    yield from (row.tier for row in policy.thresholds)
    yield from (row.tier for row in policy.lifts)
    yield from (row.tier for row in policy.checkpoints)
    yield from (rule.tier for rule in policy.rules if rule.tier is not None)


def _once(message: str, keys: Iterable[Any]) -> None:
    seen = set()
    for key in keys:
        if key in seen:
            raise ValueError(f"{message}: {key if isinstance(key, str) else key[0]}")
        seen.add(key)


def _key(row: Threshold) -> tuple[str, Risk | None, Decimal | None]:
    return row.action, row.impact, row.up_to


def _specificity(row: Threshold) -> tuple[int, bool, bool, Decimal]:
    return _generality(row.action), row.impact is None, row.up_to is None, row.up_to or Decimal(0)


def _generality(pattern: str) -> int:
    return 2 if pattern == "*" else 1 if pattern.endswith(".*") else 0


__all__ = [
    "BadPolicy",
    "Level",
    "Part",
    "Policy",
    "Reviewer",
    "Roles",
    "Rule",
    "Threshold",
    "Tier",
    "parse_duration",
    "parse_part",
    "parse_policy",
]
