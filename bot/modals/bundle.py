"""Any JSON as readable lines: headings, lists, conversations. Tolerant: the agent decides what it holds."""

import json
from typing import Any, Final

from bot.cards.arguments import humanised, written

RECENT: Final = 10
MAX_DEPTH: Final = 5
MAX_ITEMS: Final = 200
_WHO: Final = ("role", "from", "who", "author", "speaker", "name", "sender")
_SAID: Final = ("text", "content", "message", "said", "body")


def text_of(value: Any) -> str:
    """The value as lines; whatever can't be shown says so."""
    try:
        return "\n".join(_lines(value, 0))
    except RecursionError:
        return "(nested too deeply to show)"


def conversation(value: Any) -> list[str] | None:
    """The turns of a conversation, oldest first, or None when the value is none."""
    if not isinstance(value, list) or not value:
        return None
    turns = [_turn(item) for item in value]
    return [turn for turn in turns if turn is not None] if all(turns) else None


def as_json(value: Any) -> str:
    """Exactly what it is, indented."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=1, default=str)
    except (RecursionError, ValueError):
        return "(nested too deeply to show)"


def _turn(item: Any) -> str | None:
    if not isinstance(item, dict):
        return None
    who = next((item[key] for key in _WHO if isinstance(item.get(key), str)), None)
    said = next((item[key] for key in _SAID if isinstance(item.get(key), str)), None)
    if who is None or said is None:
        return None
    rest = {key: value for key, value in item.items() if value is not who and value is not said}
    return f"{who}: {said}" + (
        f"  ({', '.join(f'{key} {_flat(value)}' for key, value in rest.items())})" if rest else ""
    )


def _lines(value: Any, depth: int) -> list[str]:
    if isinstance(value, dict):
        return _of_dict(value, depth)
    if isinstance(value, list):
        shown = [line for item in value[:MAX_ITEMS] for line in _bullet(item, depth)]
        return [*shown, f"({len(value) - MAX_ITEMS} more)"] if len(value) > MAX_ITEMS else shown
    return [_flat(value)]


def _of_dict(value: dict[str, Any], depth: int) -> list[str]:
    found = []
    for key, item in list(value.items())[:MAX_ITEMS]:
        label = humanised(str(key))
        if isinstance(item, dict | list) and item and depth < MAX_DEPTH:
            found += [f"{label}:", *("  " + line for line in _lines(item, depth + 1))]
        else:
            found.append(f"{label}: {_flat(item)}")
    return [*found, f"({len(value) - MAX_ITEMS} more)"] if len(value) > MAX_ITEMS else found


def _bullet(item: Any, depth: int) -> list[str]:
    turn = _turn(item)
    if turn is not None or not isinstance(item, dict | list) or depth >= MAX_DEPTH:
        return [f"• {turn or _flat(item)}"]
    lines = _lines(item, depth + 1) or [_flat(item)]
    return [f"• {lines[0]}", *("  " + line for line in lines[1:])]


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return written(value)
    except (RecursionError, ValueError):
        return "(nested too deeply to show)"
