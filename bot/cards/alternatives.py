"""The agent's alternatives, each under its letter: what would really be done, and whether it can be chosen here."""

from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, Final

from bot.cards.arguments import written
from bot.words import flowing, one_line
from graph.law.action import named, question
from graph.law.masking import shown_args, shown_value
from graph.law.request import Alternative, Kind, Request

LETTERS: Final = ascii_uppercase[1:]
"""Of the alternatives; A is what was asked."""
MAX_DEED: Final = 900
"""An alternative whose action is longer than this can't be chosen: nobody could see what they choose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """`deed` is made from the action and its arguments, `title` is the agent's wording."""

    index: int
    letter: str
    title: str
    deed: str
    question: str
    choosable: bool
    said_whole: bool = False
    """Whether the question alone names every argument."""


def choices(request: Request) -> list[Choice]:
    """All of them that have a letter."""
    options = enumerate(zip(LETTERS, request.brief.alternatives, strict=False))
    found = []
    for index, (letter, option) in options:
        deed = f"{one_line(option.type)} {one_line(written(_shown(option)))}"
        asked = one_line(question(option.nature.form, option.args)).strip() if option.nature else ""
        fits = option.nature is not None and len(asked) + len(deed) <= MAX_DEED
        can = fits and request.kind is Kind.ACTION
        whole = option.nature is not None and set(option.args) <= named(option.nature.form)
        found.append(Choice(index, letter, flowing(option.title), deed, asked or one_line(option.type), can, whole))
    return found


def _shown(option: Alternative) -> dict[str, Any]:
    """The alternative's arguments as people may see them."""
    return shown_args(option.nature.form, option.args) if option.nature else dict(shown_value(option.args))


def choosable(request: Request) -> list[Choice]:
    """Those that a reviewer may choose instead."""
    return [choice for choice in choices(request) if choice.choosable]
