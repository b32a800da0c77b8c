"""Characters as they are seen: what leaves no mark is written out, what is secret is not."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from graph.law.remembering import remembered
from graph.law.secrets import Span, cut, merged, redacted, secrets

MAX_MARKS: Final = 4
_NO_MARK: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_STACKING: Final = frozenset(("Mn", "Me"))
_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\u180b-\u180f\U000e0100-\U000e01ef]")
_EMOJI_STYLE, _JOINER, _KEYCAP = "\ufe0f", "\u200d", "\u20e3"
_KEPT: Final = frozenset("\n\t")


@remembered
def visible(text: str) -> str:
    """The text with every character that leaves no mark written out, as `⟦U+202E⟧`, and no secret; idempotent."""
    text = text.replace("\r\n", "\n")
    if clear(text):
        return redacted(text)
    shown = without_secrets(text)
    return "".join(f"⟦U+{ord(char):04X}⟧" if hidden else char for char, hidden in scan(shown))


def one_line(text: str) -> str:
    """Visible text on one line: line breaks are shown as signs, so that nothing can pose as a new paragraph."""
    return visible(text).replace("\n", " ⏎ ").replace("\t", " ")


def flowing(text: str) -> str:
    """Visible text with white space run together, for agent's prose on a card."""
    return " ".join(visible(text).split())


@remembered
def without_secrets(text: str) -> str:
    """The text with secrets replaced, also those that unseen characters take apart."""
    if clear(text):
        return redacted(text)
    seen = [index for index, char in enumerate(text) if char in _KEPT or not unseen(char)]
    bare = "".join(map(text.__getitem__, seen))
    through = [Span(seen[span.start], seen[span.end - 1] + 1) for span in secrets(bare)]
    return redacted(cut(text, merged([*secrets(text), *through])))


def holds_secret(text: str) -> bool:
    """Whether something in the text is not shown because it looks like a secret."""
    return without_secrets(text) != text


@remembered
def clear(text: str) -> bool:
    """Whether every character is surely seen: the quick way out, which looks at each different one once."""
    return not any(unseen(char) or unicodedata.category(char) in _STACKING for char in set(text) - _KEPT)


@lru_cache(maxsize=4096)
def unseen(char: str) -> bool:
    """Whether a character by itself leaves no mark."""
    category = unicodedata.category(char)
    blank = category in _NO_MARK or char in _BLANKS or (category == "Zs" and char != " ")
    return blank or _SELECTORS.match(char) is not None


def scan(text: str) -> Iterator[tuple[str, bool]]:
    """Each character and whether it has to be written out."""
    marks = 0
    for index, char in enumerate(text):
        marks = marks + 1 if unicodedata.category(char) in _STACKING else 0
        if unseen(char):
            yield char, char not in _KEPT and not _part_of_emoji(text, index)
        else:
            yield char, marks > MAX_MARKS


def _part_of_emoji(text: str, index: int) -> bool:
    before = text[index - 1] if index else ""
    after = text[index + 1 : index + 2]
    if text[index] == _EMOJI_STYLE:
        return _pictorial(before) or (before in "0123456789#*" and after == _KEYCAP and before != "")
    return text[index] == _JOINER and (_pictorial(before) or before == _EMOJI_STYLE) and _pictorial(after)


def _pictorial(char: str) -> bool:
    return char != "" and char not in _BLANKS and unicodedata.category(char) in ("So", "Sm", "Sk")
