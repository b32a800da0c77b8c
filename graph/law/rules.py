"""Rules: conditions in CEL on top of the thresholds. All that match apply; the strictest wins.

A condition never sees confidence or signals (`confidence_below` does that), so that less confidence can
never make a rule let go. A condition that can't be evaluated counts as met.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from graph.law.confidence import sentiment
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


class Conditions:
    """The conditions of some rules, ready to be looked at together.

    Making a CEL context costs more than most conditions, so what those say that look at few-valued names only
    (tags, impact, …) is remembered, and the others share one context.
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        given = [(index, text) for index, text in enumerate(texts) if text is not None]
        self._steady = [(index, text) for index, text in given if _FEW.issuperset(_names(text))]
        self._varied = [(index, text) for index, text in given if not _FEW.issuperset(_names(text))]
        self._steady_names, self._varied_names = _names_of(self._steady), _names_of(self._varied)
        self._known: dict[tuple[Any, ...], dict[int, str]] = {}

    def met(self, facts: Facts, impact: Risk) -> Mapping[int, str]:
        """Which hold, by their index, each with a note where that could not be told (which counts as met)."""
        seen = tuple([_SEEN[name](facts, impact) for name in self._steady_names])
        known = self._known.get(seen)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[seen] = _met(self._steady, dict(zip(self._steady_names, seen, strict=True)))
        if not self._varied:
            return known
        return known | _met(self._varied, {name: _SEEN[name](facts, impact) for name in self._varied_names})


def _met(conditions: Sequence[tuple[int, str]], values: dict[str, Any]) -> dict[int, str]:
    import cel  # its command line comes along and takes half a second: loaded where a policy has conditions

    context, found = cel.Context(values), {}
    for index, text in conditions:
        held, note = _worked_out(text, context)
        if held:
            found[index] = note
    return found


def _names_of(conditions: Iterable[tuple[int, str]]) -> tuple[str, ...]:
    return tuple(sorted({name for _, text in conditions for name in _names(text)}))


def _worked_out(condition: str, context: "cel.Context") -> tuple[bool, str]:
    try:
        answer = _program(condition).execute(context)
    except Exception as problem:  # CEL raises KeyError, TypeError, RuntimeError …: whatever it is, the rule stands
        return True, f"its condition could not be checked: {type(problem).__name__}"
    if isinstance(answer, bool):
        return answer, ""
    return True, f"its condition gives {type(answer).__name__}, not true or false"


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
    "unusual": lambda facts, _: facts.unusual,
    "facts": lambda facts, _: _plain(facts.facts),
    "sentiment": lambda facts, _: sentiment(facts.sentiment) or 0.0,
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
    {"action", "workflow", "currency", "effect", "reversible", "known", "tags", "impact", "unusual", "sentiment"}
)
"""Names with few different values."""
_MOST_KNOWN: Final = 4096


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


def _names(condition: str) -> list[str]:
    return [name for name in _program(condition).variables() if name in _SEEN]


@lru_cache(maxsize=4096)
def _program(text: str) -> "cel.Program":
    import cel

    try:
        return cel.compile(text)
    except Exception as problem:  # the parser's own words name the place
        first = " ".join(str(problem).split())[:200]
        raise BadCondition(f"not a CEL condition: {first}") from None
