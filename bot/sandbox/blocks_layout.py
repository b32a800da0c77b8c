"""The layout blocks of Block Kit and the surfaces on which each may stand."""

from __future__ import annotations

from typing import Any

from bot.sandbox.blocks_elements import (
    ELEMENTS,
    IMAGE_ELEMENT,
    IN_ACTIONS,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    STYLE,
)
from bot.sandbox.blocks_kit import (
    Check,
    Report,
    Required,
    Shape,
    anything,
    array,
    at_least_one,
    boolean,
    by_type,
    exactly_one,
    integer,
    one_of,
    shape,
    string,
    url,
)
from bot.sandbox.blocks_objects import SLACK_FILE, plain, text
from bot.sandbox.blocks_rich import RICH_TEXT

_BLOCK: Shape = {"type": anything, "block_id": string(255)}
_WITH_IMAGE = {**ELEMENTS, "image": IMAGE_ELEMENT}
_CONTEXT = {"image": IMAGE_ELEMENT, "plain_text": text(3000), "mrkdwn": text(3000)}
_STATUS = one_of("pending", "in_progress", "complete", "error")


def _markdown_total(value: Any, path: str, report: Report) -> None:
    report.count("characters of markdown", len(value["text"]), 12_000, path)


def _once(what: str, most: int) -> Check:
    def check(value: Any, path: str, report: Report) -> None:
        report.count(what, 1, most, path)

    return check


def _unique_actions(value: Any, path: str, report: Report) -> None:
    """Slack refuses the same action_id twice within one block."""
    ids = [element["action_id"] for element in value["elements"] if "action_id" in element]
    for action_id in {i for i in ids if ids.count(i) > 1}:
        report.add(f"{path}/elements", f"action_id must be unique within a block: {action_id}")


def _one_focus(value: Any, path: str, report: Report) -> None:
    if value["element"].get("focus_on_load"):
        report.count("elements with focus_on_load", 1, 1, path)


def _block(fields: Shape, *more: Check) -> Check:
    return shape({**_BLOCK, **fields}, *more)


def _child(value: Any, path: str, report: Report) -> None:
    """A block inside a container: any of the message's, but not another container."""
    by_type(BLOCKS, SURFACES[report.surface] - {"container", "carousel"})(value, path, report)


_CELLS = {
    "raw_text": shape({"type": anything, "text": Required(string(20_000))}),
    "raw_number": shape({"type": anything, "value": Required(anything), "text": string(20_000)}),
    "rich_text": _block({"elements": Required(RICH_TEXT)}),
}
_COLUMN = shape({"align": one_of("left", "center", "right"), "is_wrapped": boolean})


def _column(value: Any, path: str, report: Report) -> None:
    if value is not None:
        _COLUMN(value, path, report)


_TASK: Shape = {
    "task_id": Required(string(255)),
    "title": Required(string(3000)),
    "details": anything,
    "output": anything,
    "sources": anything,
    "status": _STATUS,
}

BLOCKS: dict[str, Check] = {
    "section": _block(
        {
            "text": text(3000),
            "fields": array(text(2000), 1, 10),
            "accessory": by_type(_WITH_IMAGE, IN_SECTION),
            "expand": boolean,
        },
        at_least_one("text", "fields"),
    ),
    "header": _block({"text": Required(plain(150)), "level": integer(1, 4)}),
    "divider": _block({}),
    "image": _block(
        {
            "image_url": url(3000),
            "slack_file": SLACK_FILE,
            "alt_text": Required(string(2000)),
            "title": plain(2000),
        },
        exactly_one("image_url", "slack_file"),
    ),
    "context": _block({"elements": Required(array(by_type(_CONTEXT), 1, 10))}),
    "actions": _block(
        {"elements": Required(array(by_type(ELEMENTS, IN_ACTIONS), 1, 25))},
        _unique_actions,
    ),
    "context_actions": _block(
        {"elements": Required(array(by_type(ELEMENTS, IN_CONTEXT_ACTIONS), 1, 5))},
        _unique_actions,
    ),
    "input": _block(
        {
            "label": Required(plain(2000)),
            "element": Required(by_type(ELEMENTS, IN_INPUT)),
            "hint": plain(2000),
            "optional": boolean,
            "dispatch_action": boolean,
        },
        _one_focus,
    ),
    "rich_text": _block({"elements": Required(RICH_TEXT)}),
    "markdown": _block({"text": Required(string(12_000))}, _markdown_total),
    "file": _block({"external_id": Required(string(255)), "source": Required(one_of("remote"))}),
    "video": _block(
        {
            "alt_text": Required(string(2000)),
            "title": Required(plain(200)),
            "thumbnail_url": Required(url(3000)),
            "video_url": Required(url(3000)),
            "author_name": string(50),
            "description": plain(200),
            "provider_icon_url": url(2000),
            "provider_name": string(50),
            "title_url": url(2000),
        }
    ),
    "table": _block(
        {
            "rows": Required(array(array(by_type(_CELLS), 1, 20), 1, 100)),
            "column_settings": array(_column, 0, 20),
        },
        _once("tables", 1),
    ),
    "data_table": _block(
        {
            "rows": Required(array(array(by_type(_CELLS), 1, 20), 2, 201)),
            "page_size": integer(1, 100),
            "caption": string(3000),
            "row_header_column_index": integer(0, 19),
        }
    ),
    "data_visualization": _block(
        {"title": Required(anything), "chart": Required(anything)}, _once("data visualizations", 2)
    ),
    "alert": _block({"text": Required(text(200)), "level": one_of("default", "info", "warning", "error", "success")}),
    "card": _block(
        {
            "hero_image": IMAGE_ELEMENT,
            "icon": IMAGE_ELEMENT,
            "slack_icon": anything,
            "title": text(150),
            "subtitle": text(150),
            "body": text(200),
            "subtext": text(200),
            "actions": array(by_type(ELEMENTS, frozenset({"button"})), 1, 3),
            "style": STYLE,
        },
        at_least_one("hero_image", "title", "body", "actions"),
    ),
    "container": _block(
        {
            "title": plain(150),
            "rich_text_title": anything,
            "subtitle": text(150),
            "child_blocks": Required(array(_child, 1, 10)),
            "width": one_of("narrow", "standard", "wide", "full"),
            "icon": anything,
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
        }
    ),
    "task_card": _block(_TASK),
    "plan": _block({"title": Required(string(3000)), "tasks": array(shape({**_BLOCK, **_TASK}), 1, 50)}),
}
BLOCKS["carousel"] = _block({"elements": Required(array(by_type(BLOCKS, frozenset({"card"})), 1, 10))})

_EVERYWHERE = {
    "actions",
    "card",
    "context",
    "divider",
    "header",
    "image",
    "input",
    "rich_text",
    "section",
    "video",
}
_HOME = _EVERYWHERE | {"carousel", "container", "data_table", "data_visualization", "table"}
SURFACES: dict[str, frozenset[str]] = {
    "modal": frozenset(_EVERYWHERE | {"alert"}),
    "home": frozenset(_HOME),
    "message": frozenset(_HOME | {"context_actions", "file", "markdown", "plan", "task_card"}),
}
