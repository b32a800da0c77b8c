"""The buttons under a conversation that turn its pages; which page each leads to is in its value."""

from typing import Final

from bot.ids import TURNS, Ref, encode_page
from bot.modals.turns import Page
from bot.words import Json, plain

BLOCK: Final = "turns"


def buttons(page: Page, ref: Ref) -> Json | None:
    """Earlier and later, and both ends where they are further away; nothing where one page holds all of it."""
    oldest = page.pages - 1
    leads = [
        ("first", "First turns", oldest, page.number < oldest - 1),
        ("earlier", "Earlier turns", page.number + 1, page.number < oldest),
        ("later", "Later turns", page.number - 1, page.number > 0),
        ("last", "Last turns", 0, page.number > 1),
    ]
    elements = [_button(name, label, to, ref) for name, label, to, there in leads if there]
    return {"type": "actions", "block_id": BLOCK, "elements": elements} if elements else None


def _button(name: str, label: str, to: int, ref: Ref) -> Json:
    return {
        "type": "button",
        "action_id": f"{TURNS}.{name}",
        "text": plain(label, 75),
        "value": encode_page(to, ref),
        "accessibility_label": plain(f"{label} of the conversation", 75)["text"],
    }
