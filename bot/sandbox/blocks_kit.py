"""The small language in which Block Kit's rules are written: checks that report by JSON pointer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Report:
    """What was found wrong, and the ids and totals seen so far on one surface."""

    surface: str
    errors: list[str] = field(default_factory=list)
    block_ids: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, path: str, message: str) -> None:
        self.errors.append(f"[ERROR] {message} [json-pointer:{path}]")

    def count(self, what: str, amount: int, limit: int, path: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + amount
        if self.counts[what] > limit:
            self.add(path, f"no more than {limit} {what} allowed in total")


Check = Callable[[Any, str, Report], None]


@dataclass(frozen=True)
class Required:
    """Marks a field of a shape that must be there."""

    check: Check


Shape = Mapping[str, Check | Required]


def string(most: int, least: int = 1) -> Check:
    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str):
            report.add(path, "must be a string")
        elif len(value) > most:
            report.add(path, f"must be less than {most + 1} characters")
        elif len(value) < least:
            report.add(path, f"must be more than {least - 1} characters")

    return check


def boolean(value: Any, path: str, report: Report) -> None:
    if not isinstance(value, bool):
        report.add(path, "must be a boolean")


def integer(least: int, most: int) -> Check:
    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            report.add(path, f"must be an integer from {least} to {most}")

    return check


def one_of(*choices: str) -> Check:
    def check(value: Any, path: str, report: Report) -> None:
        if value not in choices:
            report.add(path, f"must be one of: {', '.join(choices)}")

    return check


def anything(value: Any, path: str, report: Report) -> None:
    """A field whose inside we do not know well enough to refuse anything."""


def url(most: int) -> Check:
    length = string(most)

    def check(value: Any, path: str, report: Report) -> None:
        length(value, path, report)
        if isinstance(value, str) and not value.startswith(("http://", "https://", "mailto:")):
            report.add(path, "must be a URL")

    return check


def array(item: Check, least: int, most: int) -> Check:
    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, list):
            report.add(path, "must be an array")
            return
        if len(value) > most:
            report.add(path, f"no more than {most} items allowed")
        if len(value) < least:
            report.add(path, f"must have at least {least} items")
        for index, entry in enumerate(value):
            item(entry, f"{path}/{index}", report)

    return check


def shape(fields: Shape, *more: Check) -> Check:
    """An object with exactly these fields; `more` are rules between them, run when the fields are right."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.add(path, "must be an object")
            return
        before = len(report.errors)
        for name in value:
            if name not in fields:
                report.add(path, f"additional property not allowed: {name}")
        for name, rule in fields.items():
            if name in value:
                inner = rule.check if isinstance(rule, Required) else rule
                inner(value[name], f"{path}/{name}", report)
            elif isinstance(rule, Required):
                report.add(path, f"missing required field: {name}")
        if len(report.errors) == before:
            for rule in more:
                rule(value, path, report)

    return check


def by_type(kinds: Mapping[str, Check], allowed: frozenset[str] | None = None) -> Check:
    """An object whose `type` says which shape it has; `allowed` narrows the kinds for this place."""

    def check(value: Any, path: str, report: Report) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str):
            report.add(path, "missing required field: type")
        elif kind not in kinds or (allowed is not None and kind not in allowed):
            report.add(f"{path}/type", f"unsupported type: {kind}")
        else:
            kinds[kind](value, path, report)

    return check


def exactly_one(*names: str) -> Check:
    def check(value: Any, path: str, report: Report) -> None:
        if sum(name in value for name in names) != 1:
            report.add(path, f"must define exactly one of: {', '.join(names)}")

    return check


def at_least_one(*names: str) -> Check:
    def check(value: Any, path: str, report: Report) -> None:
        if not any(name in value for name in names):
            report.add(path, f"must define one of: {', '.join(names)}")

    return check
