"""What counts as words: reasons must say something a person can read."""

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from graph.law.canonical import storable

MIN_VISIBLE: Final = 3
MAX_REASON: Final = 3000
MAX_QUESTION: Final = 1000
_INVISIBLE: Final = ("Cc", "Cf", "Co", "Cn", "Cs", "Zs", "Zl", "Zp")


def reason_problem(reason: str, *, required: bool) -> str | None:
    """What is wrong with a reason, in a sentence for its author, or None."""
    return _problem(reason, MAX_REASON, "say why" if required else None)


def question_problem(question: str) -> str | None:
    """What is wrong with a question about a request, or None."""
    return _problem(question, MAX_QUESTION, "ask something")


def answer_problem(answer: str) -> str | None:
    """What is wrong with the answer to such a question, or None."""
    return _problem(answer, MAX_REASON, "answer", least=1)


def _problem(text: str, most: int, wanted: str | None, least: int = MIN_VISIBLE) -> str | None:
    if not storable(text):
        return "The text holds characters that can't be stored (NUL or half a character). Please retype it."
    if len(text) > most:
        return f"Please keep it under {most} characters (it has {len(text)})."
    if wanted and visible_length(text) < least:
        return f"Please {wanted}, in at least {least} visible character{'' if least == 1 else 's'}."
    return None


def visible_length(text: str) -> int:
    """How many characters of the text leave a mark on the screen."""
    return sum(1 for char in text if unicodedata.category(char) not in _INVISIBLE)


def made_storable(text: str) -> str:
    """The text with what PostgreSQL can't hold replaced by visible marks; nothing vanishes silently."""
    if storable(text):
        return text
    return "".join("␀" if c == "\0" else f"[U+{ord(c):04X}]" if 0xD800 <= ord(c) <= 0xDFFF else c for c in text)


def all_storable(value: Any) -> bool:
    """Whether every text in there can be kept as it is."""
    match value:
        case str():
            return storable(value)
        case Mapping():
            return all(all_storable(key) and all_storable(item) for key, item in value.items())
        case list() | tuple() | set() | frozenset():
            return all(map(all_storable, value))
        case _:
            return True


def storable_json(value: Any) -> Any:
    """Plain JSON made of an agent's context: texts made storable, odd numbers and objects as their text."""
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return made_storable(value)
        case Mapping():
            return {made_storable(str(key)): storable_json(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [storable_json(item) for item in value]
        case _:
            return made_storable(str(value))
