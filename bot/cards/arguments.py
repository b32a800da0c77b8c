"""The arguments on a card: all of them visible, or the card says how much is not and withholds Approve."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from bot.words import EMPTY, clip, one_line, visible
from graph.law.action import question
from graph.law.request import Form, Kind, Request

FULL: Final = 300
"""An argument up to this many characters is shown whole."""
MAX_ROWS: Final = 10
MAX_TOTAL: Final = 1500
MAX_NAMES: Final = 8
MAX_LINES: Final = 10
_ASKED: Final = re.compile(r"Did this happen[:?]\s*")
_NAMED: Final = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """An argument as the card shows it; `hidden` counts the characters that it does not show."""

    name: str
    label: str
    text: str
    hidden: int


def asked(request: Request) -> str:
    """The decision as a question, whole; reconcile and review cards ask about what may have or has happened."""
    text = one_line(question(request.form, request.args)).strip() or f"{request.action_type}?"
    if request.kind is Kind.RECONCILE:
        return f"Did this happen? {_ASKED.sub('', text).removesuffix('?')}"
    if request.kind is Kind.REVIEW:
        return f"Was this right: {text.removesuffix('?')}?"
    return text


def headline(request: Request) -> tuple[str, int]:
    """The question as the card shows it, and how many of its characters are hidden."""
    return _shortened(asked(request), 2 * FULL, request)


def rows(request: Request) -> list[Row]:
    """The arguments that the question does not name, as many as a card can hold."""
    found: list[Row] = []
    total = 0
    for name in _unnamed(request):
        text, hidden = _shortened(_lines(written(request.args[name])), FULL, request)
        total += len(text)
        if len(found) == MAX_ROWS or total > MAX_TOTAL:
            break
        found.append(Row(name, label(request.form, name), text, hidden))
    return found


def left_out(request: Request) -> list[str]:
    """Labels of the arguments for which the card has no room."""
    return [label(request.form, name) for name in _unnamed(request)[len(rows(request)) :]]


def complete(request: Request) -> bool:
    """Whether the card shows every argument whole."""
    return not headline(request)[1] and not left_out(request) and not any(row.hidden for row in rows(request))


def label(form: Form, name: str) -> str:
    """An argument's name for people: the schema's title, or the name in words."""
    spec = form.schema.get("properties", {}).get(name)
    title = spec.get("title") if isinstance(spec, dict) else None
    return clip(one_line(title if isinstance(title, str) and title.strip() else humanised(name)), 75)[0]


def humanised(name: str) -> str:
    """`customer_id` → `Customer id`."""
    words = re.sub(r"[_\s]+", " ", name).strip()
    return words[:1].upper() + words[1:] or EMPTY


def written(value: Any) -> str:
    """Any JSON value as text that says exactly what it is."""
    if isinstance(value, str):
        return value if value and value == value.strip() else f'"{value}"'
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and value and all(isinstance(item, str) and "," not in item for item in value):
        return ", ".join(map(written, value))
    return json.dumps(value, ensure_ascii=False, default=str)


def counted(number: int, what: str) -> str:
    """`1 flag`, `2 flags`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _unnamed(request: Request) -> list[str]:
    """Amount and currency first, then as the schema lists them, then the rest."""
    form, named = request.form, set(_NAMED.findall(request.form.question))
    order = [form.value_field, form.currency_field, *form.schema.get("properties", {}), *sorted(request.args)]
    return [name for name in dict.fromkeys(order) if name in request.args and name not in named]


def _lines(text: str) -> str:
    """Visible text, its lines kept while they are few."""
    shown = visible(text)
    return shown if shown.count("\n") <= MAX_LINES else one_line(text)


def _shortened(text: str, limit: int, request: Request) -> tuple[str, int]:
    if len(text) <= limit:
        return text, 0
    shown, hidden = clip(text, limit // 2)
    return f"{shown} ({hidden} of {len(text)} characters hidden; digest {request.digest[:12]})", hidden


def hidden_names(request: Request) -> str:
    """A sentence naming what the card has no room for, or nothing."""
    names = left_out(request)
    if not names:
        return ""
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"{counted(len(names), 'more argument')} in Details: " + ", ".join(names[:MAX_NAMES]) + more
