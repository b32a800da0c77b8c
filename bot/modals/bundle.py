"""Any JSON as readable lines: headings and lists. Tolerant: the agent decides what it holds."""

import json
from typing import Any, Final

from bot.cards.arguments import humanised, written
from graph.law.masking import shown_value
from graph.law.secrets import redacted

MAX_DEPTH: Final = 5
MAX_ITEMS: Final = 200


def text_of(value: Any) -> str:
    """The value as lines; whatever can't be shown says so, secrets among it."""
    try:
        return "\n".join(_lines(shown_value(value), 0))
    except RecursionError:
        return "(nested too deeply to show)"


def as_json(value: Any) -> str:
    """Exactly what it is but for secrets, indented."""
    try:
        return json.dumps(shown_value(value), ensure_ascii=False, indent=1, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply to show)"


def _lines(value: Any, depth: int) -> list[str]:
    if isinstance(value, dict):
        return _of_dict(value, depth)
    if isinstance(value, list):
        shown = [line for item in value[:MAX_ITEMS] for line in _bullet(item, depth)]
        return [*shown, f"({len(value) - MAX_ITEMS} more)"] if len(value) > MAX_ITEMS else shown
    return [flat(value)]


def _of_dict(value: dict[str, Any], depth: int) -> list[str]:
    found = []
    for key, item in list(value.items())[:MAX_ITEMS]:
        label = humanised(str(key))
        if isinstance(item, dict | list) and item and depth < MAX_DEPTH:
            found += [f"{label}:", *("  " + line for line in _lines(item, depth + 1))]
        else:
            found.append(f"{label}: {flat(item)}")
    return [*found, f"({len(value) - MAX_ITEMS} more)"] if len(value) > MAX_ITEMS else found


def _bullet(item: Any, depth: int) -> list[str]:
    if not isinstance(item, dict | list) or depth >= MAX_DEPTH:
        return [f"• {flat(item)}"]
    lines = _lines(item, depth + 1) or [flat(item)]
    return [f"• {lines[0]}", *("  " + line for line in lines[1:])]


def flat(value: Any) -> str:
    """The value on one line, as far as it has no line breaks of its own."""
    if isinstance(value, str):
        return redacted(value)
    try:
        return written(value)
    except (RecursionError, ValueError):
        return "(nested too deeply to show)"
