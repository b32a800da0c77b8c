"""Secrets that no maker's mark gives away: card numbers by their check digit, Amazon's keys by what stands before."""

import re
from collections.abc import Iterator
from typing import Final

_CARD: Final = re.compile(
    r"(?<![\w+-])(?<![0-9][ .,])(?<![A-Z]{2}[0-9]{2} [A-Z]{4} )"
    r"(?:[2-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1(?:[0-9]{4}(?:\1[0-9]{3})?|[0-9])|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})"
    r"(?!\w|-|[.,][0-9]| [0-9]{1,19}+(?!/))",
    re.ASCII,
)
"""Thirteen to nineteen digits in groups as they are printed; an account's number goes on before or behind them."""
_GROUPS: Final = re.compile(r"[0-9]{4}[ -][0-9]{4}")
"""What every such number holds, and few texts do: the quick way out."""
_SIXTEEN: Final = 19
"""Characters of sixteen digits in groups; what stands behind them may be the card's other check number."""
_KEY: Final = re.compile(
    r"(?<![A-Za-z0-9/+])(?=[A-Za-z0-9/+]{0,39}[0-9])(?=[A-Za-z0-9/+]{0,39}[a-z])(?=[A-Za-z0-9/+]{0,39}[A-Z])"
    r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)
_SAID: Final = re.compile(r"(?<![a-z⟦])(?:aws|secret)s?(?![a-z])", re.I)
_NEAR: Final = 80
"""How far before a key, in characters, it may be said whose it is."""


def unmarked(text: str) -> Iterator[tuple[int, int]]:
    """Where such secrets stand: `[start, end)`."""
    if _GROUPS.search(text):
        yield from (match.span() for match in _CARD.finditer(text) if _of_card(match[0]))
    # Small letters as the pattern takes them, so that no spelling of it gets by.
    small = text.casefold()
    for match in _KEY.finditer(text) if "aws" in small or "secret" in small else ():
        if _SAID.search(text, max(0, match.start() - _NEAR), match.start()):
            yield match.span()


def _of_card(number: str) -> bool:
    """Whether this is a card's number, with or without its other check number behind it."""
    return _adds_up(number) or _adds_up(number[:_SIXTEEN])


def _adds_up(number: str) -> bool:
    """Whether the digits end with the check digit of cards (Luhn)."""
    digits = [int(char) for char in reversed(number) if char.isdigit()]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0
