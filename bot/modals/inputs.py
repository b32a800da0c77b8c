"""A field of the edit form as a Block Kit input, pre-filled with what the agent proposed."""

from typing import Any, Final

from bot.cards.arguments import written
from bot.cards.kit import labelled
from bot.cards.kit import rich as rich_block
from bot.modals.fields import Field, Kind, as_json
from bot.modals.frame import MAX_INPUT, field
from bot.words import Json, clip, plain, visible
from graph.law.canonical import MAX_INTEGER

MAX_FIXED: Final = 600
_HINTS: Final = {
    Kind.MONEY: "An amount like 420.00: digits, a point, at most two decimals.",
    Kind.JSON: "JSON. Keep the structure; change only the values.",
}


def block(wanted: Field) -> Json:
    """An input block, or a line of text for what can't be changed here."""
    if wanted.kind is Kind.FIXED:
        return fixed(wanted)
    description = wanted.spec.get("description")
    hint = _HINTS.get(wanted.kind, description if isinstance(description, str) else "")
    return field(wanted.block_id, wanted.label, element(wanted), hint=hint, optional=wanted.optional)


def fixed(wanted: Field) -> Json:
    """The value as text; only Details shows all of a long one."""
    text = visible(wanted.shown) if wanted.present else "(not given)"
    shown, hidden = clip(text, MAX_FIXED)
    more = f" ({hidden} more characters in Details)" if hidden else ""
    return rich_block(labelled(f"{wanted.label} (fixed):", shown + more))


def element(wanted: Field) -> Json:
    """The typed input element with its initial value."""
    match wanted.kind:
        case Kind.CHOICE:
            return _select(options(wanted), _index(wanted.spec["enum"], wanted.before))
        case Kind.FLAG:
            chosen = str(wanted.before).lower() if isinstance(wanted.before, bool) else None
            return _select([("true", "Yes"), ("false", "No")], chosen)
        case Kind.DATE:
            return _initial({"type": "datepicker"}, "initial_date", wanted.before)
        case Kind.INTEGER:
            return _number(wanted)
        case _:
            return _text(wanted)


def options(wanted: Field) -> list[tuple[str, str]]:
    """Value and label of every choice; the value is the place in the enum, whatever the enum holds."""
    return [(str(index), written(choice)) for index, choice in enumerate(wanted.spec["enum"])]


def _select(choices: list[tuple[str, str]], chosen: str | None) -> Json:
    shown = {value: {"text": plain(text, 75), "value": value} for value, text in choices}
    return _initial(
        {"type": "static_select", "options": list(shown.values())}, "initial_option", shown.get(chosen or "")
    )


def _index(choices: list[Any], value: Any) -> str | None:
    """Where the value stands, telling 1 from True."""
    same = (str(i) for i, item in enumerate(choices) if item == value and type(item) is type(value))
    return next(same, None)


def _number(wanted: Field) -> Json:
    element: Json = {"type": "number_input", "is_decimal_allowed": False}
    for ours, theirs in (("minimum", "min_value"), ("maximum", "max_value")):
        if _whole(wanted.spec.get(ours)):
            element[theirs] = str(wanted.spec[ours])
    return _initial(element, "initial_value", str(wanted.before) if _whole(wanted.before) else None)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_INTEGER


def _text(wanted: Field) -> Json:
    longest = wanted.spec.get("maxLength")
    longest = longest if isinstance(longest, int) and wanted.kind is not Kind.JSON else MAX_INPUT
    nested = wanted.kind is Kind.JSON
    value = as_json(wanted.before) if nested else wanted.before if isinstance(wanted.before, str) else ""
    element: Json = {"type": "plain_text_input", "max_length": min(MAX_INPUT, max(longest, len(value), 1))}
    if nested or wanted.kind is Kind.LONG_TEXT:
        element["multiline"] = True
    return _initial(element, "initial_value", value or None)


def _initial(element: Json, name: str, value: object) -> Json:
    return element if value is None else {**element, name: value}
