"""The length of text as Slack counts it, and cutting it without losing sight of what is cut."""

from collections.abc import Iterable


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
