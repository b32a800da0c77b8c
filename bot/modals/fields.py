"""The fields of an edit form, read off the action's JSON Schema: one typed field per argument."""

import json
import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from bot.cards.arguments import label
from bot.modals.frame import MAX_INPUT
from graph.law.action import fixed_fields
from graph.law.request import Request

MAX_OPTIONS: Final = 100
MAX_FIELDS: Final = 80
LONG: Final = 80
PREFIX: Final = "arg."
_SAFE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)


class Kind(StrEnum):
    """How an argument is put in. `fixed`: shown, but not to be changed here."""

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
    """One argument in the form. `spec` is its schema with references followed and `null` taken off."""

    name: str
    block_id: str
    label: str
    kind: Kind
    spec: dict[str, Any]
    before: Any
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
    return [_field(request, name, index) for index, name in enumerate(names)]


def _field(request: Request, name: str, index: int) -> Field:
    schema, args = request.form.schema, request.args
    given = schema.get("properties", {}).get(name)
    spec, nullable = resolved(given, schema)
    known = given is not None and name not in fixed_fields(request.form) and index < MAX_FIELDS
    before = args.get(name)
    return Field(
        name=name,
        block_id=PREFIX + (name if _SAFE_NAME.fullmatch(name) else f"#{index}"),
        label=label(request.form, name),
        kind=_kind(spec, before) if known else Kind.FIXED,
        spec=spec,
        before=before,
        present=name in args,
        nullable=nullable,
        required=name in schema.get("required", ()),
    )


def resolved(spec: Any, schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A property's schema with `$ref` followed and `anyOf [x, null]` taken apart; and whether null is allowed."""
    nullable, found = False, dict(spec) if isinstance(spec, dict) else {}
    for _ in range(8):
        branches = found.get("anyOf") or found.get("oneOf") or found.get("allOf")
        if "$ref" in found:
            found = {**_target(found["$ref"], schema), **_without(found, "$ref")}
        elif isinstance(branches, list):
            solid = [branch for branch in branches if branch != {"type": "null"}]
            nullable = nullable or len(solid) < len(branches)
            if len(solid) != 1 or not isinstance(solid[0], dict):
                return _without(found, "type"), nullable
            found = {**solid[0], **_without(found, "anyOf", "oneOf", "allOf")}
        else:
            break
    kinds = found.get("type")
    if isinstance(kinds, list):
        solid_kinds = [kind for kind in kinds if kind != "null"]
        nullable = nullable or len(solid_kinds) < len(kinds)
        found = {**found, "type": solid_kinds[0] if len(solid_kinds) == 1 else None}
    return found, nullable


def _target(reference: Any, schema: dict[str, Any]) -> dict[str, Any]:
    name = reference.rpartition("/")[2] if isinstance(reference, str) else ""
    found = schema.get("$defs", {}).get(name)
    return found if isinstance(found, dict) else {}


def _without(spec: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name not in names}


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
