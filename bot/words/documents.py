"""JSON for scripts: secrets aside, and safe to look at in a terminal."""

import json
from typing import Any

from bot.words.characters import unseen, without_secrets
from graph.law.masking import shown_value


def document(value: Any, *, indent: int | None = 2) -> str:
    """The value as JSON text; what leaves no mark is escaped, so that a script still reads it unchanged."""
    text = json.dumps(_texts(shown_value(value)), indent=indent, ensure_ascii=False, default=str)
    hidden = {char for char in set(text) if char != "\n" and unseen(char)}
    return text.translate({ord(char): json.dumps(char)[1:-1] for char in hidden}) if hidden else text


def _texts(value: Any) -> Any:
    """The value without secrets that unseen characters take apart."""
    match value:
        case str():
            return without_secrets(value)
        case dict():
            return {key: _texts(item) for key, item in value.items()}
        case list():
            return [_texts(item) for item in value]
        case _:
            return value
