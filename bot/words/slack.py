"""Slack's objects that show text as it is: nothing in them is parsed."""

from typing import Any, Final

from bot.words.characters import visible, without_secrets
from bot.words.shape import clip

Json = dict[str, Any]

EMPTY: Final = "(empty)"


def escape(text: str) -> str:
    """The text for a mrkdwn object: no mention, link or date can come of it. (`*_~` stay: prefer `literal`.)"""
    return without_secrets(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str, limit: int = 3000) -> Json:
    """A plain_text object that is never empty nor too long."""
    shown, _ = clip(visible(text), limit)
    return {"type": "plain_text", "text": shown if shown.strip() else EMPTY, "emoji": False}


def run(text: str, *, bold: bool = False, limit: int = 2900) -> Json:
    """A rich_text text element: no parsing whatever the text says."""
    shown, _ = clip(visible(text), limit)
    element: Json = {"type": "text", "text": shown or EMPTY}
    return element | {"style": {"bold": True}} if bold else element


def line(*runs: Json) -> Json:
    """A line of text elements."""
    return {"type": "rich_text_section", "elements": list(runs)}


def literal(text: str, block_id: str | None = None, *, limit: int = 2900) -> Json:
    """A rich_text block that shows the text as it is."""
    block: Json = {"type": "rich_text", "elements": [line(run(text, limit=limit))]}
    return block if block_id is None else block | {"block_id": block_id}
