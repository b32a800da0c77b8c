"""The arguments on a card: all of them visible, or the card says how much is not and withholds Approve."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.cards.times import utc
from bot.words import EMPTY, clip, one_line, visible
from graph.law.action import grouped, named, question
from graph.law.masking import shown_arg, shown_value
from graph.law.request import Form, Kind, Request

FULL: Final = 300
"""An argument up to this many characters is shown whole."""
MAX_ROWS: Final = 10
MAX_TOTAL: Final = 1500
MAX_NAMES: Final = 8
MAX_LINES: Final = 10
_ASKED: Final = re.compile(r"Did this happen[:?]\s*")


_TELLING: Final = frozenset(
    {"to", "cc", "bcc", "recipient", "recipients", "email", "phone", "account", "iban", "payee", "beneficiary"}
    | {"command", "query", "sql", "script", "code", "path", "file"}
    | {"url", "uri", "link", "host", "domain", "target", "destination", "address", "branch", "environment"}
)
"""Words in the names of arguments."""


@dataclass(frozen=True, slots=True)
class Row:
    """An argument as the card shows it; `hidden` counts the characters that it does not show."""

    name: str
    label: str
    text: str
    hidden: int
    telling: bool = False
    """Whether it says how much, to whom, where or what exactly."""


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
        text, hidden = _shortened(_lines(_text(request, name)), FULL, request)
        total += len(text)
        if len(found) == MAX_ROWS or total > MAX_TOTAL:
            break
        found.append(Row(name, label(request.form, name), text, hidden, telling(request.form, name)))
    return found


def texts(request: Request) -> dict[str, str]:
    """Every argument as text that people may see, whole: no card or form reads the arguments themselves."""
    return {name: _text(request, name) for name in request.args}


def left_out(request: Request) -> list[str]:
    """Labels of the arguments for which the card has no room."""
    return [label(request.form, name) for name in _unnamed(request)[len(rows(request)) :]]


def telling(form: Form, name: str) -> bool:
    """Whether an argument says how much, to whom, where or what exactly: such stand above the buttons."""
    amount = (form.value_field, form.currency_field) if form.value_field else ()
    return name in amount or not _TELLING.isdisjoint(name.lower().split("_"))


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
    words = re.sub(r"[_\s]+", " ", visible(name)).strip()
    return words[:1].upper() + words[1:] or EMPTY


def written(value: Any) -> str:
    """Any JSON value as text that says exactly what it is, but for secrets."""
    value = shown_value(value)
    if isinstance(value, str):
        return _quoted(value)
    if value is None or value == []:
        return "(none)"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and value and all(isinstance(item, str) and "," not in item for item in value):
        return ", ".join(map(_quoted, value))
    return json.dumps(value, ensure_ascii=False, default=str)


def _quoted(text: str) -> str:
    return text if text and text == text.strip() else f'"{text}"'


def counted(number: int, what: str) -> str:
    """`1 flag`, `2 flags`."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def _unnamed(request: Request) -> list[str]:
    """What matters most first, then as the schema lists them, then the rest."""
    form, said = request.form, named(request.form)
    names = list(dict.fromkeys([*form.schema.get("properties", {}), *sorted(request.args)]))
    order = sorted(names, key=lambda name: not telling(form, name))
    return [name for name in order if name in request.args and name not in said]


def _text(request: Request, name: str) -> str:
    """An argument as text; amounts and moments as people write them."""
    value = shown_arg(request.form, name, request.args[name])
    match _format(request.form.schema.get("properties", {}).get(name)) if isinstance(value, str) else None:
        case "money":
            return grouped(value)
        case "date-time":
            return _moment(value)
    return written(value)


def _format(spec: object) -> object:
    """The format that a property names, itself or in one of the kinds that it may be."""
    if not isinstance(spec, dict):
        return None
    kinds = spec.get("anyOf")
    inside = map(_format, kinds) if isinstance(kinds, list) else ()
    return spec.get("format") or next(filter(None, inside), None)


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return written(text)
    return utc(at) if at.tzinfo and not at.second else written(text)


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
