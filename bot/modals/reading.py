"""Reads one field of a submitted edit form; whatever was sent, the answer is a value or a sentence."""

import re
from typing import Any, Final

from bot.modals.fields import Field, Kind, is_date
from bot.modals.frame import blocks_of, element_of
from graph.law.canonical import Unfaithful, canonical_text, storable, strict_loads

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,15})", re.ASCII)


class BadInput(ValueError):
    """What was put into a field can't be taken; the message is for its author."""


ABSENT: Final = object()
"""The argument is left out: it isn't required and nothing was put in."""


def read(wanted: Field, state: object) -> Any:
    """The value put into the field, `ABSENT`, or raises `BadInput`."""
    if wanted.block_id not in blocks_of(state):
        raise BadInput("This field did not arrive. Please open the form again.")
    raw = _raw(wanted, element_of(state, wanted.block_id))
    if raw is None:
        return _empty(wanted)
    if not isinstance(raw, str):
        raise BadInput("This is not a value that the form can send.")
    if not storable(raw):
        raise BadInput("The text holds characters that can't be stored (NUL or half a character).")
    return _faithful(_value(wanted, raw))


def _raw(wanted: Field, element: dict[str, Any]) -> Any:
    match wanted.kind:
        case Kind.CHOICE | Kind.FLAG:
            option = element.get("selected_option")
            return option.get("value", 0) if isinstance(option, dict) else option
        case Kind.DATE:
            return element.get("selected_date")
        case _:
            value = element.get("value")
            return None if value == "" else value


def _empty(wanted: Field) -> Any:
    if wanted.nullable and (wanted.required or wanted.present):
        return None
    if not wanted.required and (not wanted.present or wanted.kind not in (Kind.TEXT, Kind.LONG_TEXT)):
        return ABSENT
    if wanted.kind in (Kind.TEXT, Kind.LONG_TEXT):
        return ""
    raise BadInput("This field is required.")


def _value(wanted: Field, raw: str) -> Any:
    match wanted.kind:
        case Kind.CHOICE:
            return _choice(wanted.spec["enum"], raw)
        case Kind.FLAG:
            if raw not in ("true", "false"):
                raise BadInput("Choose Yes or No.")
            return raw == "true"
        case Kind.DATE if not is_date(raw):
            raise BadInput("Choose a date.")
        case Kind.INTEGER:
            if not _INTEGER.fullmatch(raw):
                raise BadInput("Enter a whole number, digits only.")
            return int(raw)
        case Kind.JSON:
            return _json(raw)
        case _:
            return raw


def _choice(choices: list[Any], raw: str) -> Any:
    if not re.fullmatch(r"0|[1-9][0-9]{0,3}", raw, re.ASCII) or int(raw) >= len(choices):
        raise BadInput("Choose one of the options.")
    return choices[int(raw)]


def _json(raw: str) -> Any:
    try:
        return strict_loads(raw)
    except Unfaithful as error:
        raise BadInput(_sentence(error)) from None


def _faithful(value: Any) -> Any:
    try:
        canonical_text(value)
    except (Unfaithful, RecursionError) as error:
        raise BadInput(_sentence(error)) from None
    return value


def _sentence(error: Exception) -> str:
    text = str(error)[:200].removeprefix("$: ")
    return f"{text[:1].upper()}{text[1:]}." if text else "This value can't be taken."
