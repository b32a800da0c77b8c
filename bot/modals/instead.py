"""Use instead: one of the agent's alternatives, shown as what would really be done, chosen by its letter."""

from typing import Final

from bot.cards.alternatives import Choice, choosable
from bot.cards.kit import labelled, rich
from bot.modals.frame import element_of, field
from bot.words import Json, clip, plain
from graph.law.request import Request

INSTEAD: Final = "instead"
"""The block_id of the choice."""
UNKNOWN: Final = "Choose one of the alternatives."


def blocks(request: Request, *, optional: bool) -> list[Json]:
    """The alternatives whole and the choice among them; nothing where there is none to choose."""
    found = choosable(request)
    if not found:
        return []
    options = [{"text": plain(_option(choice), 75), "value": str(choice.index)} for choice in found]
    lines = [labelled(f"{choice.letter}:", _whole(choice)) for choice in found]
    hint = "The alternative is checked like any other action. Leave the fields below as they are."
    element = {"type": "static_select", "options": options}
    return [rich(*lines), field(INSTEAD, "Use instead", element, hint=hint if optional else "", optional=optional)]


def read(state: object, request: Request) -> tuple[int | None, dict[str, str]]:
    """The place of the chosen alternative, or None; and errors by block_id."""
    option = element_of(state, INSTEAD).get("selected_option")
    if option is None:
        return None, {}
    value = option.get("value") if isinstance(option, dict) else None
    chosen = next((choice.index for choice in choosable(request) if value == str(choice.index)), None)
    return chosen, {INSTEAD: UNKNOWN} if chosen is None else {}


def _option(choice: Choice) -> str:
    return clip(f"{choice.letter}: {choice.question}", 75)[0]


def _whole(choice: Choice) -> str:
    said = f" (agent: “{clip(choice.title, 200)[0]}”)" if choice.title else ""
    return f"{choice.question} {choice.deed}{said}"
