"""What all modals share: the frame, the reason field, and reading a submission that may be hostile."""

from collections.abc import Callable
from typing import Any, Final

from bot.ids import Origin, encode_origin
from bot.words import Json, plain
from graph.law.words import reason_problem

MAX_BLOCKS: Final = 100
MAX_INPUT: Final = 3000
VALUE: Final = "value"
"""The action_id of every input; the block_id says which one it is."""
REASON: Final = "reason"


def modal(title: str, callback_id: str, origin: Origin, blocks: list[Json], submit: str | None) -> Json:
    """A modal view about a request; without `submit` it can only be closed."""
    return form(title, callback_id, encode_origin(origin), blocks, submit)


def form(title: str, callback_id: str, carried: str, blocks: list[Json], submit: str | None) -> Json:
    """A modal view that carries this key."""
    view: Json = {
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": carried,
        "title": plain(title, 24),
        "close": plain("Cancel" if submit else "Close", 24),
        "notify_on_close": False,
        "blocks": blocks[:MAX_BLOCKS],
    }
    return view | {"submit": plain(submit, 24)} if submit else view


def field(block_id: str, label: str, element: Json, *, hint: str = "", optional: bool = False) -> Json:
    """An input block."""
    block: Json = {
        "type": "input",
        "block_id": block_id,
        "label": plain(label, 150),
        "element": {**element, "action_id": VALUE},
        "optional": optional,
    }
    return block | {"hint": plain(hint, 300)} if hint.strip() else block


def reason_field(label: str, hint: str = "") -> Json:
    """The words that every decision but a plain approval needs."""
    element = {"type": "plain_text_input", "multiline": True, "max_length": MAX_INPUT}
    return field(REASON, label, element, hint=hint)


def read_reason(state: object) -> tuple[str, dict[str, str]]:
    """The reason as it was written, and what is wrong with it by block_id."""
    return read_words(state, lambda text: reason_problem(text, required=True))


def read_words(state: object, problem_of: Callable[[str], str | None]) -> tuple[str, dict[str, str]]:
    """What was written in the one field for words, and what is wrong with it by block_id."""
    written = element_of(state, REASON).get("value")
    text = written if isinstance(written, str) else ""
    problem = problem_of(text)
    return text, {REASON: problem} if problem else {}


def blocks_of(state: object) -> dict[str, Any]:
    """`view.state.values` of a submission, or nothing when it has no such shape."""
    values = state.get("values") if isinstance(state, dict) else None
    return {key: item for key, item in values.items() if isinstance(key, str)} if isinstance(values, dict) else {}


def element_of(state: object, block_id: str) -> dict[str, Any]:
    """The submitted state of a block's one input; empty when it isn't there."""
    block = blocks_of(state).get(block_id)
    element = block.get(VALUE) if isinstance(block, dict) else None
    return element if isinstance(element, dict) else {}
