"""A modal that only says something: where a form has no field to show it at."""

from bot.words import Json, literal, plain


def build(text: str) -> Json:
    """Why nothing was decided."""
    return {
        "type": "modal",
        "title": plain("Nothing was decided", 24),
        "close": plain("Close", 24),
        "blocks": [literal(text, limit=2000)],
    }
