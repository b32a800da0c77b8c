"""Composition objects of Block Kit: text, confirm, options, filters."""

from __future__ import annotations

from typing import Any

from bot.sandbox.blocks_kit import (
    Check,
    Report,
    Required,
    array,
    boolean,
    by_type,
    one_of,
    shape,
    string,
    url,
)


def plain(most: int) -> Check:
    """A plain_text object of 1 to `most` characters."""
    fields: dict[str, Check | Required] = {
        "type": Required(one_of("plain_text")),
        "text": Required(string(most)),
        "emoji": boolean,
    }
    return shape(fields)


def text(most: int) -> Check:
    """A plain_text or mrkdwn object; `emoji` and `verbatim` belong to one of them each."""
    mrkdwn = shape({"type": Required(one_of("mrkdwn")), "text": Required(string(most)), "verbatim": boolean})
    return by_type({"plain_text": plain(most), "mrkdwn": mrkdwn})


CONFIRM = shape(
    {
        "title": Required(plain(100)),
        "text": Required(text(300)),
        "confirm": Required(plain(30)),
        "deny": Required(plain(30)),
        "style": one_of("primary", "danger"),
    }
)


def option(label: Check, *, link: bool = False) -> Check:
    fields: dict[str, Check | Required] = {
        "text": Required(label),
        "value": Required(string(150)),
        "description": text(75),
    }
    return shape({**fields, "url": url(3000)} if link else fields)


PLAIN_OPTION = option(plain(75))
TEXT_OPTION = option(text(75))
OPTION_GROUP = shape({"label": Required(plain(75)), "options": Required(array(PLAIN_OPTION, 1, 100))})

CONVERSATION_FILTER = shape(
    {
        "include": array(one_of("im", "mpim", "private", "public"), 1, 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    }
)
DISPATCH_CONFIG = shape(
    {"trigger_actions_on": Required(array(one_of("on_enter_pressed", "on_character_entered"), 1, 2))}
)
SLACK_FILE = shape({"id": string(255), "url": url(3000)})


def _all_options(value: dict[str, Any]) -> list[Any]:
    grouped = [entry for group in value.get("option_groups", []) for entry in group["options"]]
    return [*value.get("options", []), *grouped]


def initial_among_options(value: Any, path: str, report: Report) -> None:
    """initial_option(s) must equal one of the options, and values must not repeat."""
    options = _all_options(value)
    chosen = value.get("initial_options", [value["initial_option"]] if "initial_option" in value else [])
    for entry in chosen:
        if entry not in options:
            report.add(path, "initial option is not among the options")
    values = [entry["value"] for entry in options]
    if len(values) != len(set(values)):
        report.add(path, "option values must be unique")
