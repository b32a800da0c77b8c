"""How much a person has to take in: the words, blocks and buttons of a message or view."""

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Final, NamedTuple

from bot.words import Json

_TOKEN: Final = re.compile(r"<(?:[^<>|]*\|)?([^<>]*)>")
_BLOCK_TEXTS: Final = ("text", "fields", "elements", "label", "hint", "title", "rows", "accessory", "element")
_SILENT: Final = frozenset(("button", "workflow_button", "overflow", "image"))


class Counts(NamedTuple):
    """`words` are those above the first row of buttons; `buttons` are all that can be pressed, a menu as one."""

    words: int
    blocks: int
    buttons: int


def counts(payload: Json) -> Counts:
    """The counts of a message's or view's blocks."""
    blocks = payload.get("blocks", [])
    above = takewhile(lambda block: block["type"] != "actions", blocks)
    words = sum(len(text.split()) for block in above for text in texts(block))
    return Counts(words, len(blocks), sum(map(_buttons, blocks)))


def texts(part: object) -> Iterator[str]:
    """Every text that is read in a block without opening anything; of links and dates, what they show."""
    if isinstance(part, list):
        for each in part:
            yield from texts(each)
    elif isinstance(part, dict) and part.get("type") not in _SILENT:
        text = part.get("text")
        if isinstance(text, str):
            yield _TOKEN.sub(r"\1", text) if part["type"] == "mrkdwn" else text
        for name in _BLOCK_TEXTS:
            inner = part.get(name)
            yield from texts(inner) if isinstance(inner, dict | list) else ()


def _buttons(block: Json) -> int:
    in_row = block["elements"] if block["type"] == "actions" else []
    beside = [part for part in (block.get("accessory"),) if part and part["type"] != "image"]
    return len(in_row) + len(beside)
