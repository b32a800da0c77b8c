"""Safe words: text that is not ours becomes text that Slack shows literally and a person can see whole."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

Json = dict[str, Any]

EMPTY: Final = "(empty)"
MAX_MARKS: Final = 4
_NO_MARK: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_STACKING: Final = frozenset(("Mn", "Me"))
_BLANKS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\u180b-\u180f\U000e0100-\U000e01ef]")
_EMOJI_STYLE, _JOINER, _KEYCAP = "\ufe0f", "\u200d", "\u20e3"
_LETTERS: Final = re.compile(r"[^\W\d_]+")
_NAMES: Final = re.compile(r"[\w.-]+")
_ENDING: Final = re.compile(r"[a-zA-Z]{2,24}", re.ASCII)
_TOGETHER: Final = frozenset(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "HANGUL")) | {
    "BOPOMOFO",
    "MICRO",
    "FEMININE",
    "MASCULINE",
}
"""Scripts that honest words mix with Latin letters, and Latin letters that Unicode names otherwise."""


def escape(text: str) -> str:
    """The text for a mrkdwn object: no mention, link or date can come of it. (`*_~` stay: prefer `literal`.)"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def visible(text: str) -> str:
    """The text with every character that leaves no mark written out, as `⟦U+202E⟧`; idempotent."""
    text = text.replace("\r\n", "\n")
    if _clear(text):
        return text
    return "".join(f"⟦U+{ord(char):04X}⟧" if hidden else char for char, hidden in _scan(text))


def one_line(text: str) -> str:
    """Visible text on one line: line breaks are shown as signs, so that nothing can pose as a new paragraph."""
    return visible(text).replace("\n", " ⏎ ").replace("\t", " ")


def flowing(text: str) -> str:
    """Visible text with white space run together, for agent's prose on a card."""
    return " ".join(visible(text).split())


def units(text: str) -> int:
    """How long Slack may count the text: escaped, in UTF-16."""
    wide = 0 if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2 - len(text)
    return len(text) + wide + 4 * text.count("&") + 3 * (text.count("<") + text.count(">"))


def clip(text: str, limit: int) -> tuple[str, int]:
    """Head and tail of the text within `limit` units, and how many characters are hidden between them."""
    if len(text) * 5 <= limit or units(text) <= limit:
        return text, 0
    room = max(limit - 3, 0)
    head = text[: _fitting(text, room - room // 4)]
    rest = text[len(head) :]
    kept = _fitting(reversed(rest), room // 4)
    tail = rest[len(rest) - kept :]
    return f"{head} … {tail}"[: max(limit, 1)], len(rest) - kept


def pieces(text: str, limit: int) -> list[str]:
    """The whole text in pieces of at most `limit` units."""
    found = []
    while text:
        end = max(_fitting(text, limit), 1)
        found.append(text[:end])
        text = text[end:]
    return found


def plain(text: str, limit: int = 3000) -> Json:
    """A plain_text object that is never empty nor too long."""
    shown, _ = clip(visible(text), limit)
    return {"type": "plain_text", "text": shown if shown.strip() else EMPTY, "emoji": False}


def run(text: str, *, bold: bool = False, limit: int = 2900) -> Json:
    """A rich_text text element: no parsing whatever the text says."""
    shown, _ = clip(visible(text), limit)
    element: Json = {"type": "text", "text": shown or EMPTY}
    return element | {"style": {"bold": True}} if bold else element


def line(*runs: Json) -> Json:
    """A line of text elements."""
    return {"type": "rich_text_section", "elements": list(runs)}


def literal(text: str, block_id: str | None = None, *, limit: int = 2900) -> Json:
    """A rich_text block that shows the text as it is."""
    block: Json = {"type": "rich_text", "elements": [line(run(text, limit=limit))]}
    return block if block_id is None else block | {"block_id": block_id}


def suspicious(text: str) -> list[str]:
    """What about the text could deceive a reader, one short phrase each."""
    if text.isascii() and _clear(text):
        return []
    odd = "accents in an unusual form (not NFC): it may only look like another text"
    accents = () if unicodedata.is_normalized("NFC", text) else (odd,)
    return [*_hidden_characters(text), *_lookalikes(text), *_domains(text), *accents]


def _hidden_characters(text: str) -> Iterator[str]:
    text = text.replace("\r\n", "\n")
    scanned = () if _clear(text) else _scan(text)
    found = dict.fromkeys(f"U+{ord(char):04X}" for char, hidden in scanned if hidden)
    if found:
        yield "hidden characters: " + _few(found)


def _lookalikes(text: str) -> Iterator[str]:
    for word in dict.fromkeys(word for word in _LETTERS.findall(text) if not word.isascii()):
        scripts = {unicodedata.name(char, "UNNAMED").split(" ")[0] for char in word} - _TOGETHER
        if len(scripts) > 1:
            named = " and ".join(sorted(script.capitalize() for script in scripts))
            yield f"“{clip(visible(word), 40)[0]}” mixes {named} letters"
            return


def _domains(text: str) -> Iterator[str]:
    for name in _NAMES.findall(text):
        _, dot, ending = name.rpartition(".")
        if dot and not name.isascii() and _ENDING.fullmatch(ending):
            yield f"“{clip(visible(name), 60)[0]}” is really {_punycode(name)}"
            return


def _punycode(name: str) -> str:
    return clip(".".join(map(_ascii_label, name.split("."))), 80)[0]


def _ascii_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label[:63].encode("punycode", "replace").decode()


def _few(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:4]) + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")


def _clear(text: str) -> bool:
    """Whether every character is surely seen: the quick way out, which looks at each different one once."""
    return not any(_unseen(char) or unicodedata.category(char) in _STACKING for char in set(text) - {"\n", "\t"})


@lru_cache(maxsize=4096)
def _unseen(char: str) -> bool:
    category = unicodedata.category(char)
    blank = category in _NO_MARK or char in _BLANKS or (category == "Zs" and char != " ")
    return blank or _SELECTORS.match(char) is not None


def _scan(text: str) -> Iterator[tuple[str, bool]]:
    """Each character and whether it has to be written out."""
    marks = 0
    for index, char in enumerate(text):
        marks = marks + 1 if unicodedata.category(char) in _STACKING else 0
        if _unseen(char):
            yield char, char not in "\n\t" and not _part_of_emoji(text, index)
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


def _cost(char: str) -> int:
    return 5 if char == "&" else 4 if char in "<>" else 2 if char > "\uffff" else 1


def _fitting(text: Iterable[str], room: int) -> int:
    """How many characters of the text fit."""
    count = 0
    for char in text:
        room -= _cost(char)
        if room < 0:
            break
        count += 1
    return count
