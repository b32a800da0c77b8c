"""Is this a message, modal or Home tab that Slack would take? Answers with the reasons it would give."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator
from typing import Any

from bot.sandbox.blocks_kit import Report, Required, Shape, anything, array, boolean, by_type, shape, string
from bot.sandbox.blocks_layout import BLOCKS, SURFACES
from bot.sandbox.blocks_objects import plain
from bot.sandbox.wire import Json

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100

_VIEW: Shape = {
    "type": anything,
    "blocks": Required(anything),
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}
_MODAL = shape(
    {
        **_VIEW,
        "title": Required(plain(24)),
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": boolean,
        "notify_on_close": boolean,
        "submit_disabled": boolean,
    }
)
_HOME = shape(_VIEW)


def check_message(blocks: Any, path: str = "/blocks") -> list[str]:
    """Errors of a message's blocks; none means that Slack would take them."""
    report = Report("message")
    _check_blocks(blocks, path, MESSAGE_BLOCKS, report)
    return report.errors


def check_view(view: Any, surface: str) -> list[str]:
    """Errors of a view for `modal` or `home`."""
    report = Report(surface)
    if not isinstance(view, dict):
        return ["[ERROR] must be an object [json-pointer:/view]"]
    if view.get("type") != surface:
        report.add("/view/type", f"must be {surface}")
        return report.errors
    # What Slack gives out with a view but does not take back is an error here too.
    wanted = {name: value for name, value in view.items() if value is not None}
    (_MODAL if surface == "modal" else _HOME)(wanted, "/view", report)
    if "blocks" in view:
        _check_blocks(view["blocks"], "/view/blocks", VIEW_BLOCKS, report)
    if surface == "modal" and not report.errors and not view.get("submit") and _has_input(view):
        report.add("/view", "missing required field: submit (the view has an input block)")
    return report.errors


def _has_input(view: Json) -> bool:
    return any(block["type"] == "input" for block in view["blocks"])


def _check_blocks(blocks: Any, path: str, most: int, report: Report) -> None:
    array(by_type(BLOCKS, SURFACES[report.surface]), 0, most)(blocks, path, report)
    if report.errors:
        return
    for block in walk(blocks):
        block_id = block.get("block_id")
        if block_id in report.block_ids:
            report.add(path, f"block_id must be unique: {block_id}")
        if block_id:
            report.block_ids.add(block_id)


def walk(blocks: list[Json]) -> Iterator[Json]:
    """All blocks, those inside containers and carousels included."""
    for block in blocks:
        yield block
        yield from walk(block.get("child_blocks", []))
        if block["type"] == "carousel":
            yield from walk(block["elements"])


def elements(block: Json) -> list[Json]:
    """The interactive elements that stand in this block."""
    found: list[Any] = []
    if block["type"] in {"actions", "context_actions"}:
        found = block["elements"]
    elif block["type"] == "card":
        found = block.get("actions", [])
    elif "accessory" in block or "element" in block:
        found = [block.get("accessory") or block["element"]]
    return [element for element in found if element["type"] != "image"]


def fill_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which every block and element has an id, as Slack gives out."""
    filled = copy.deepcopy(blocks)
    for block in walk(filled):
        block.setdefault("block_id", secrets.token_hex(3))
        for element in elements(block):
            element.setdefault("action_id", secrets.token_hex(3))
    return filled
