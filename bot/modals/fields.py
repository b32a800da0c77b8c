"""The fields of an edit form, read off the action's JSON Schema: one typed field per argument."""

import json
import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from bot.cards.arguments import label, texts
from bot.modals.frame import MAX_INPUT
from bot.words import holds_secret
from graph.law.action import fixed_fields
from graph.law.masking import shown_args
from graph.law.request import Request
from graph.law.schemas import resolved

MAX_OPTIONS: Final = 100
MAX_FIELDS: Final = 80
LONG: Final = 80
PREFIX: Final = "arg."
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)


class Kind(StrEnum):
    """How an argument is put in. `fixed`: shown (a secret: mentioned), but not to be changed here."""

    MONEY = "money"
    INTEGER = "integer"
    CHOICE = "choice"
    FLAG = "flag"
    DATE = "date"
    TEXT = "text"
    LONG_TEXT = "long_text"
    JSON = "json"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Field:
    """One argument in the form. `spec` is its schema with references followed and `null` taken off.

    `before` is the value itself, `shown` is what people may see of it as text.
    """

    name: str
    block_id: str
    label: str
    kind: Kind
    spec: dict[str, Any]
    before: Any
    shown: str
    present: bool
    nullable: bool
    required: bool

    @property
    def optional(self) -> bool:
        """Whether it may be left empty: it isn't required, may be null, or was empty before."""
        return self.nullable or not self.required or self.before == ""


def fields(request: Request) -> list[Field]:
    """The fields of this request's form, in the order of the schema."""
    schema = request.form.schema
    properties = schema.get("properties", {})
    names = [*properties, *sorted(set(request.args) - set(properties))]
    shown, seen = texts(request), shown_args(request.form, request.args)
    return [_field(request, name, index, shown.get(name, ""), seen.get(name)) for index, name in enumerate(names)]


def _field(request: Request, name: str, index: int, shown: str, seen: Any) -> Field:
    schema, args = request.form.schema, request.args
    given = schema.get("properties", {}).get(name)
    spec, nullable = resolved(given, schema)
    before = args.get(name)
    # Whatever holds a secret stays as it is: an input would show it, or lose it.
    secret = seen != before or holds_secret(shown)
    known = given is not None and name not in fixed_fields(request.form) and index < MAX_FIELDS and not secret
    return Field(
        name=name,
        block_id=PREFIX + (name if _SAFE_NAME.fullmatch(name) else f"#{index}"),
        label=label(request.form, name),
        kind=_kind(spec, before) if known else Kind.FIXED,
        spec=spec,
        before=before,
        shown=shown,
        present=name in args,
        nullable=nullable,
        required=name in schema.get("required", ()),
    )


def _kind(spec: dict[str, Any], before: Any) -> Kind:
    if "const" in spec:
        return Kind.FIXED
    if isinstance(spec.get("enum"), list) and 0 < len(spec["enum"]) <= MAX_OPTIONS:
        return Kind.CHOICE
    match spec.get("type"):
        case "boolean":
            return Kind.FLAG
        case "integer":
            return Kind.INTEGER
        case "string":
            return _text_kind(spec, before)
        case _:
            return Kind.JSON if len(as_json(before)) <= MAX_INPUT else Kind.FIXED


def _text_kind(spec: dict[str, Any], before: Any) -> Kind:
    if spec.get("format") == "money":
        return Kind.MONEY
    if spec.get("format") == "date" and (before is None or is_date(before)):
        return Kind.DATE
    text = before if isinstance(before, str) else ""
    if len(text) > MAX_INPUT:
        return Kind.FIXED
    return Kind.LONG_TEXT if "\n" in text or len(text) > LONG or spec.get("maxLength", 0) > LONG else Kind.TEXT


def as_json(value: Any) -> str:
    """How a nested value is shown for editing."""
    return "" if value is None else json.dumps(value, ensure_ascii=False, indent=1)


def is_date(value: object) -> bool:
    """Whether this is a calendar day written `2027-03-01`."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
