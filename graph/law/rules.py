"""Rules: conditions in CEL on top of the thresholds. All that match apply; the strictest wins.

A condition never sees confidence or signals (`confidence_below` does that), so that less confidence can
never make a rule let go. A condition that can't be evaluated counts as met.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from graph.law.facts import Facts
from graph.law.request import Risk

if TYPE_CHECKING:
    import cel

_BOUND: Final = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,")


class BadCondition(ValueError):
    """A CEL condition that can't be used; the message says why."""


def check_condition(text: str) -> None:
    """Raise `BadCondition` for what is no CEL or names something that no condition can know."""
    strangers = set(_program(text).variables()) - set(VARIABLES) - set(_BOUND.findall(text))
    if strangers:
        known = ", ".join(VARIABLES)
        raise BadCondition(f"unknown name {', '.join(sorted(strangers))}; a condition can use {known}")


@dataclass(frozen=True, slots=True)
class Looks:
    """The names of `VARIABLES` that some conditions look at; `many`: those of conditions worked out every time."""

    names: frozenset[str]
    many: frozenset[str]


def looks_of(conditions: Iterable[str]) -> Looks:
    """What these conditions look at."""
    texts = list(conditions)
    many = [text for text in texts if not _few(text)]
    return Looks(
        frozenset(name for text in texts for name in _names(text)), frozenset(n for t in many for n in _names(t))
    )


class View:
    """What conditions see of one action. Amounts are numbers (0 where there is none), texts empty where unknown."""

    __slots__ = ("_context", "_many", "values")

    def __init__(self, facts: Facts, impact: Risk, looks: Looks) -> None:
        self.values = {name: _SEEN[name](facts, impact) for name in looks.names}
        self._many = looks.many
        self._context: cel.Context | None = None

    def context(self) -> "cel.Context":
        """The values as CEL's own, made once: that costs more than most conditions."""
        if self._context is None:
            self._context = _context({name: self.values[name] for name in self._many})
        return self._context


def holds(condition: str, view: View) -> tuple[bool, str]:
    """Whether the condition is met, and a note when that could not be told (which counts as met)."""
    if _few(condition):
        values = view.values
        return _remembered(condition, tuple([values[name] for name in _names(condition)]))
    return _worked_out(condition, view.context())


@lru_cache(maxsize=4096)
def _remembered(condition: str, seen: tuple[Any, ...]) -> tuple[bool, str]:
    return _worked_out(condition, _context(dict(zip(_names(condition), seen, strict=True))))


def _worked_out(condition: str, context: "cel.Context") -> tuple[bool, str]:
    try:
        answer = _program(condition).execute(context)
    except Exception as problem:  # CEL raises KeyError, TypeError, RuntimeError …: whatever it is, the rule stands
        return True, f"its condition could not be checked: {type(problem).__name__}"
    if isinstance(answer, bool):
        return answer, ""
    return True, f"its condition gives {type(answer).__name__}, not true or false"


def _context(values: dict[str, Any]) -> "cel.Context":
    import cel  # its command line comes along and takes half a second: loaded where a policy has conditions

    return cel.Context(values)


_SEEN: Final[Mapping[str, Callable[[Facts, Risk], Any]]] = {
    "action": lambda facts, _: facts.action,
    "workflow": lambda facts, _: facts.workflow,
    "args": lambda facts, _: _plain(facts.args),
    "value": lambda facts, _: float(facts.value or 0),
    "total": lambda facts, _: float(facts.at_stake() or 0),
    "currency": lambda facts, _: facts.currency or "",
    "target": lambda facts, _: facts.target or "",
    "requester": lambda facts, _: facts.requester or "",
    "effect": lambda facts, _: str(facts.effect_class),
    "reversible": lambda facts, _: facts.reversible,
    "known": lambda facts, _: facts.known,
    "tags": lambda facts, _: facts.tags,
    "impact": lambda _, impact: str(impact),
    "flags": lambda facts, _: list(facts.flags),
    "unusual": lambda facts, _: bool(facts.flags),
    "facts": lambda facts, _: _plain(facts.facts),
    "sentiment": lambda facts, _: _sentiment(facts.sentiment),
    "record": lambda facts, _: {
        "asked": facts.record.asked,
        "well": facts.record.well,
        "usual": float(facts.record.usual or 0),
        "same_rejected": facts.record.same_rejected,
    },
}
VARIABLES: Final = tuple(_SEEN)
"""What a condition can name."""
_FEW: Final = frozenset(
    {"action", "workflow", "currency", "effect", "reversible", "known", "tags", "impact", "unusual"}
)
"""Names with few different values: what conditions over these alone say is remembered."""


def _sentiment(stated: object) -> float:
    """-1 to 1; 0 where nobody said, the worst where what was said can't be."""
    if stated is None:
        return 0.0
    number = isinstance(stated, int | float) and not isinstance(stated, bool)
    return float(stated) if number and -1.0 <= stated <= 1.0 else -1.0  # type: ignore[operator, arg-type]


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return float(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)


@lru_cache(maxsize=4096)
def _names(condition: str) -> tuple[str, ...]:
    return tuple(sorted(name for name in _program(condition).variables() if name in _SEEN))


@lru_cache(maxsize=4096)
def _few(condition: str) -> bool:
    return _FEW.issuperset(_names(condition))


@lru_cache(maxsize=4096)
def _program(text: str) -> "cel.Program":
    import cel

    try:
        return cel.compile(text)
    except Exception as problem:  # the parser's own words name the place
        first = " ".join(str(problem).split())[:200]
        raise BadCondition(f"not a CEL condition: {first}") from None
