"""The field for a one-time code, and reading it from a submission that may be hostile."""

from typing import Final

from bot.modals.frame import blocks_of, element_of, field
from bot.words import Json

CODE: Final = "code"
MAX_TYPED: Final = 12


def code_field() -> Json:
    """Six digits, however they are grouped."""
    element = {"type": "plain_text_input", "max_length": MAX_TYPED}
    hint = "The six digits it shows now; each code counts once."
    return field(CODE, "Code from your authenticator app", element, hint=hint)


def asks_for_code(state: object) -> bool:
    """Whether the form that was sent had the field."""
    return CODE in blocks_of(state)


def read_code(state: object) -> str:
    """What was typed; nothing where it is no such thing. Whether it counts is found out when it is decided."""
    typed = element_of(state, CODE).get("value")
    return typed if isinstance(typed, str) and len(typed) <= MAX_TYPED else ""
