"""Use instead: one of the agent's alternatives, shown as what would really be done, chosen by its letter."""

from typing import Final

from bot.cards.alternatives import Choice, choosable
from bot.cards.buttons import option_words
from bot.cards.kit import labelled, rich
from bot.modals.frame import element_of, field
from bot.words import Json, clip, plain
from graph.law.request import Request

INSTEAD: Final = "instead"
"""The block_id of the choice."""
UNKNOWN: Final = "Choose one of the alternatives."


def blocks(request: Request, *, optional: bool, chosen: int | None = None) -> list[Json]:
    """The alternatives whole and the choice among them; nothing where there is none to choose."""
    found = choosable(request)
    if not found:
        return []
    options = {choice.index: {"text": plain(option_words(choice), 75), "value": str(choice.index)} for choice in found}
    lines = [labelled(f"{choice.letter}:", _whole(choice)) for choice in found]
    hint = "The alternative is checked like any other action. Leave the fields below as they are."
    element: Json = {"type": "static_select", "options": list(options.values())}
    if chosen in options:
        element["initial_option"] = options[chosen]
    return [rich(*lines), field(INSTEAD, "Use instead", element, hint=hint if optional else "", optional=optional)]


def read(state: object, request: Request) -> tuple[int | None, dict[str, str]]:
    """The place of the chosen alternative, or None; and errors by block_id."""
    option = element_of(state, INSTEAD).get("selected_option")
    if option is None:
        return None, {}
    value = option.get("value") if isinstance(option, dict) else None
    chosen = next((choice.index for choice in choosable(request) if value == str(choice.index)), None)
    return chosen, {INSTEAD: UNKNOWN} if chosen is None else {}


def _whole(choice: Choice) -> str:
    said = f" (agent: “{clip(choice.title, 200)[0]}”)" if choice.title else ""
    return f"{choice.question} {choice.deed}{said}"
