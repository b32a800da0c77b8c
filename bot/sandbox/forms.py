"""What people fill in: the state of stateful elements, and what Slack's client checks before it submits."""

from __future__ import annotations

import re
from typing import Any

from bot.sandbox.blocks import elements, walk
from bot.sandbox.wire import ActError, Json

# Element type → (key of its value in state, key of its initial value).
KEYS: dict[str, tuple[str, str]] = {
    "plain_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "file_input": ("files", "initial_files"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "checkboxes": ("selected_options", "initial_options"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_MULTI = ("selected_options", "selected_users", "selected_conversations", "selected_channels", "files")
_REQUIRED = "Please complete this required field."
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def stateful(blocks: list[Json]) -> list[tuple[Json, Json]]:
    """All (block, element) pairs that hold a value."""
    return [(b, e) for b in walk(blocks) for e in elements(b) if e["type"] in KEYS]


def state(blocks: list[Json], kept: Json, given: Json) -> Json:
    """`state.values`: what was just given, else what was filled in before, else the initial value."""
    values: Json = {}
    for block, element in stateful(blocks):
        block_id, action_id = block["block_id"], element["action_id"]
        entry = given.get(block_id, {}).get(action_id) or kept.get(block_id, {}).get(action_id)
        values.setdefault(block_id, {})[action_id] = value_of(element, entry)
    known = {(block["block_id"], element["action_id"]) for block, element in stateful(blocks)}
    if any((block_id, action_id) not in known for block_id, actions in given.items() for action_id in actions):
        raise ActError("no_such_input")
    return values


def value_of(element: Json, entry: Json | None) -> Json:
    """One element's entry in state; options are looked up, so nobody can choose what is not offered."""
    key, initial = KEYS[element["type"]]
    value: Any = entry.get(key) if entry is not None else element.get(initial)
    if key in _MULTI:
        value = value or []
    if key == "value" and value is not None:
        value = str(value) or None
    if value and element["type"] in {"static_select", "radio_buttons"}:
        value = option_of(element, value)
    if value and element["type"] in {"checkboxes", "multi_static_select"}:
        value = [option_of(element, option) for option in value]
    return {"type": element["type"], key: value}


def option_of(element: Json, chosen: Any) -> Json:
    groups = [option for group in element.get("option_groups", []) for option in group["options"]]
    for option in [*element.get("options", []), *groups]:
        if isinstance(chosen, dict) and option["value"] == chosen.get("value"):
            return dict(option)
    raise ActError("no_such_option")


def problems(blocks: list[Json], values: Json) -> dict[str, str]:
    """What keeps Slack's client from submitting at all, by block_id."""
    found: dict[str, str] = {}
    for block, element in stateful(blocks):
        if block["type"] != "input":
            continue
        key, _ = KEYS[element["type"]]
        value = values[block["block_id"]][element["action_id"]][key]
        if value in (None, "", []):
            if not block.get("optional"):
                found[block["block_id"]] = _REQUIRED
        elif problem := _problem(element, value):
            found[block["block_id"]] = problem
    return found


def _problem(element: Json, value: Any) -> str | None:
    kind = element["type"]
    if kind == "number_input":
        return _number_problem(element, value)
    if kind == "email_text_input" and not _EMAIL.fullmatch(value):
        return "Please enter a valid email address."
    if kind == "url_text_input" and not value.startswith(("http://", "https://")):
        return "Please enter a valid URL."
    if kind == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        if len(value) > element.get("max_length", 3000):
            return f"Please enter at most {element.get('max_length', 3000)} characters."
    most = element.get("max_selected_items")
    return f"Please choose at most {most} items." if most and len(value) > most else None


def _number_problem(element: Json, value: str) -> str | None:
    if not re.fullmatch(r"-?\d+(\.\d+)?", value):
        return "Please enter a number."
    if "." in value and not element["is_decimal_allowed"]:
        return "Please enter a whole number."
    low, high = element.get("min_value"), element.get("max_value")
    if low is not None and float(value) < float(low):
        return f"Please enter a number of at least {low}."
    if high is not None and float(value) > float(high):
        return f"Please enter a number of at most {high}."
    return None
