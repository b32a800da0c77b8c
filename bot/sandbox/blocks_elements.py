"""Every interactive element of Block Kit, and which of them may stand where."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.sandbox.blocks_kit import (
    Check,
    Report,
    Required,
    Shape,
    anything,
    array,
    at_least_one,
    boolean,
    exactly_one,
    integer,
    one_of,
    shape,
    string,
    url,
)
from bot.sandbox.blocks_objects import (
    CONFIRM,
    CONVERSATION_FILTER,
    DISPATCH_CONFIG,
    OPTION_GROUP,
    PLAIN_OPTION,
    SLACK_FILE,
    TEXT_OPTION,
    initial_among_options,
    option,
    plain,
)

BASE: dict[str, Check] = {"type": anything, "action_id": string(255)}
FOCUS: dict[str, Check] = {"focus_on_load": boolean}
STYLE = one_of("primary", "danger")
ID = string(255)


def _date(value: Any, path: str, report: Report) -> None:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        report.add(path, "must be a date: YYYY-MM-DD")


def _time(value: Any, path: str, report: Report) -> None:
    hours, _, minutes = str(value).partition(":")
    if not (len(hours) == len(minutes) == 2 and (hours + minutes).isdigit() and hours < "24" and minutes < "60"):
        report.add(path, "must be a time: HH:mm")


def _numeric(value: Any, path: str, report: Report) -> None:
    try:
        float(value)
    except (TypeError, ValueError):
        report.add(path, "must be a number")


def _length_order(value: Any, path: str, report: Report) -> None:
    if value.get("min_length", 0) > value.get("max_length", 3000):
        report.add(path, "min_length must not be greater than max_length")


def _value_order(value: Any, path: str, report: Report) -> None:
    low, high = value.get("min_value"), value.get("max_value")
    if low is not None and high is not None and float(low) > float(high):
        report.add(path, "min_value must not be greater than max_value")


def _input(fields: Shape, *more: Check) -> Check:
    common: Shape = {"placeholder": plain(150), "dispatch_action_config": DISPATCH_CONFIG, **FOCUS}
    return shape({**BASE, **common, **fields}, *more)


def _menu(fields: Shape, *more: Check, several: bool = False) -> Check:
    many: Shape = {"max_selected_items": integer(1, 100)} if several else {}
    return shape({**BASE, **FOCUS, "placeholder": plain(150), "confirm": CONFIRM, **many, **fields}, *more)


def _static(several: bool) -> Check:
    initial: Shape = {"initial_options": array(PLAIN_OPTION, 1, 100)} if several else {"initial_option": PLAIN_OPTION}
    fields: Shape = {
        "options": array(PLAIN_OPTION, 1, 100),
        "option_groups": array(OPTION_GROUP, 1, 100),
        **initial,
    }
    return _menu(fields, exactly_one("options", "option_groups"), initial_among_options, several=several)


def _external(several: bool) -> Check:
    initial: Shape = {"initial_options": array(PLAIN_OPTION, 1, 100)} if several else {"initial_option": PLAIN_OPTION}
    return _menu({"min_query_length": integer(0, 1000), **initial}, several=several)


def _of(noun: str, extra: Shape | None = None) -> dict[str, Check]:
    """`users` → users_select and multi_users_select; likewise conversations and channels."""
    shared = extra or {}
    single: Shape = {f"initial_{noun[:-1]}": ID, **shared}
    if noun != "users":
        single = {**single, "response_url_enabled": boolean}
    return {
        f"{noun}_select": _menu(single),
        f"multi_{noun}_select": _menu({f"initial_{noun}": array(ID, 0, 100), **shared}, several=True),
    }


_CHOICES: Shape = {**BASE, **FOCUS, "options": Required(array(TEXT_OPTION, 1, 10)), "confirm": CONFIRM}

ELEMENTS: dict[str, Check] = {
    "button": shape(
        {
            **BASE,
            "text": Required(plain(75)),
            "url": url(3000),
            "value": string(2000),
            "style": STYLE,
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "agent_prompt": string(4000),
        }
    ),
    "overflow": shape(
        {**BASE, "options": Required(array(option(plain(75), link=True), 1, 5)), "confirm": CONFIRM},
        initial_among_options,
    ),
    "checkboxes": shape({**_CHOICES, "initial_options": array(TEXT_OPTION, 1, 10)}, initial_among_options),
    "radio_buttons": shape({**_CHOICES, "initial_option": TEXT_OPTION}, initial_among_options),
    "static_select": _static(several=False),
    "multi_static_select": _static(several=True),
    "external_select": _external(several=False),
    "multi_external_select": _external(several=True),
    **_of("users"),
    **_of("conversations", {"default_to_current_conversation": boolean, "filter": CONVERSATION_FILTER}),
    **_of("channels"),
    "datepicker": _menu({"initial_date": _date}),
    "timepicker": _menu({"initial_time": _time, "timezone": string(64)}),
    "datetimepicker": shape({**BASE, **FOCUS, "initial_date_time": integer(10**9, 10**10 - 1), "confirm": CONFIRM}),
    "plain_text_input": _input(
        {
            "initial_value": string(3000, 0),
            "multiline": boolean,
            "min_length": integer(0, 3000),
            "max_length": integer(1, 3000),
        },
        _length_order,
    ),
    "number_input": _input(
        {
            "is_decimal_allowed": Required(boolean),
            "initial_value": _numeric,
            "min_value": _numeric,
            "max_value": _numeric,
        },
        _value_order,
    ),
    "email_text_input": _input({"initial_value": string(3000)}),
    "url_text_input": _input({"initial_value": string(3000)}),
    "rich_text_input": _input({"initial_value": anything, "min_lines": integer(1, 100), "max_lines": integer(1, 100)}),
    "file_input": shape({**BASE, "filetypes": array(string(32), 1, 100), "max_files": integer(1, 10)}),
    "workflow_button": shape(
        {
            **BASE,
            "text": Required(plain(75)),
            "workflow": Required(anything),
            "style": STYLE,
            "accessibility_label": string(75),
        }
    ),
    "icon_button": shape(
        {
            **BASE,
            "icon": Required(one_of("trash")),
            "text": Required(plain(75)),
            "value": string(2000),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "visible_to_user_ids": array(ID, 1, 10),
        }
    ),
}

_FEEDBACK = shape({"text": Required(plain(75)), "value": Required(string(2000)), "accessibility_label": string(75)})
ELEMENTS["feedback_buttons"] = shape(
    {**BASE, "positive_button": Required(_FEEDBACK), "negative_button": Required(_FEEDBACK)}
)

IMAGE_ELEMENT = shape(
    {"type": anything, "image_url": url(3000), "slack_file": SLACK_FILE, "alt_text": Required(string(2000))},
    at_least_one("image_url", "slack_file"),
)

_SELECTS = frozenset(f"{noun}_select" for noun in ("static", "external", "users", "conversations", "channels"))
_MULTI = frozenset(f"multi_{name}" for name in _SELECTS)
_CLICKABLE = frozenset({"button", "overflow", "checkboxes", "radio_buttons", "workflow_button"})
_TYPED = frozenset(
    {
        "plain_text_input",
        "number_input",
        "email_text_input",
        "url_text_input",
        "rich_text_input",
        "file_input",
    }
)

IN_SECTION = _CLICKABLE | _SELECTS | _MULTI | {"datepicker", "timepicker", "image"}
IN_ACTIONS = _CLICKABLE | _SELECTS | _MULTI | {"datepicker", "timepicker", "datetimepicker"}
IN_INPUT = _TYPED | _SELECTS | _MULTI | {"checkboxes", "radio_buttons", "datepicker", "timepicker", "datetimepicker"}
IN_CONTEXT_ACTIONS = frozenset({"feedback_buttons", "icon_button"})
