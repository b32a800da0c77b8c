"""A conversation: the turns in whatever form an agent keeps them, and the pages on which people read them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.modals.bundle import flat, text_of
from bot.modals.sheet import Entry
from bot.words import EMPTY, flowing, pieces, units, visible

RECENT: Final = 10
"""Turns on a page, at most."""
PAGE_UNITS: Final = 30_000
PART_UNITS: Final = 8_000
_WHO: Final = ("role", "from", "who", "author", "speaker", "sender", "type", "name")
_SAID: Final = ("text", "content", "message", "said", "body")
_AT: Final = ("at", "time", "timestamp", "date", "sent_at", "created_at", "ts")
_WRAPPED: Final = ("data", "kwargs")
"""Where chat libraries keep a message when they write it down."""
_LINE: Final = re.compile(r"\s*([^:\s][^:\n]{0,39}):\s+(\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who said what; `at` and `who` may be empty."""

    who: str
    said: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a conversation, `number` 0 being the last; `first` and `last` count its turns from 1."""

    number: int
    pages: int
    first: int
    last: int
    turns: int
    entries: tuple[Entry, ...]


def conversation(value: Any) -> list[Spoken] | None:
    """The turns of what is plainly a conversation, oldest first; None when the value is none."""
    if not isinstance(value, list) or not value:
        return None
    found = [message(item) for item in value]
    spoken = [turn for turn in found if turn is not None]
    return spoken if len(spoken) == len(found) else None


def taken_as_turns(value: Any) -> list[Spoken]:
    """The turns of what its agent calls a conversation: nothing of it is left out, whatever it holds."""
    if isinstance(value, str):
        return _transcript(value)
    if isinstance(value, Mapping):
        inside = next((item for item in value.values() if conversation(item) is not None), None)
        rest = {key: item for key, item in value.items() if item is not inside}
        return [*([Spoken("", text_of(rest))] if rest else []), *(conversation(inside) or [])]
    return [_any(item) for item in value] if isinstance(value, list) else [Spoken("", text_of(value))]


def message(item: Any) -> Spoken | None:
    """A turn written as a mapping: a chat library's message, or who and what under names that say so."""
    if not isinstance(item, Mapping):
        return None
    fields = _unwrapped(item)
    author = next((key for key in _WHO if _named(fields.get(key))), None)
    words = next((key for key in _SAID if key in fields and _words(fields[key]) is not None), None)
    calls = _calls(fields.get("tool_calls"))
    if author is None or (words is None and not calls):
        return None
    tool = "name" if author in ("role", "type") and _named(fields.get("name")) else None
    at = next((key for key in _AT if isinstance(fields.get(key), str | int | float) and fields[key] != ""), None)
    shown = {author, words, tool, at, "tool_calls" if calls else None, "type" if author == "role" else None}
    rest = [f"{key} {flat(value)}" for key, value in fields.items() if key not in shown and not _nothing(value)]
    said = [_words(fields[words]) or "" if words else "", *calls, f"({', '.join(rest)})" if rest else ""]
    who = " ".join(str(fields[key]) for key in (author, tool) if key)
    return Spoken(who, "\n".join(text for text in said if text), str(fields[at]) if at else "")


def page(turns: Sequence[Spoken], number: int) -> Page | None:
    """That page of the conversation, the last one being 0; None where there is none of this number."""
    found = _pages(turns)
    if not 0 <= number < len(found):
        return None
    held = found[number]
    entries = tuple(entry for _, entry in held)
    return Page(number, len(found), held[0][0], held[-1][0], len(turns), entries)


def _pages(turns: Sequence[Spoken]) -> list[list[tuple[int, Entry]]]:
    """Pages from the newest to the oldest, each in the order in which it was said."""
    found: list[list[tuple[int, Entry]]] = []
    room = 0
    parts = [(place, entry) for place, turn in enumerate(turns, 1) for entry in _parts(place, turn)]
    for place, entry in reversed(parts):
        cost = units(entry[1])
        if not found or room < cost or len({number for number, _ in found[-1]} | {place}) > RECENT:
            found.append([])
            room = PAGE_UNITS
        found[-1].insert(0, (place, entry))
        room -= cost
    return found


def _parts(place: int, turn: Spoken) -> list[Entry]:
    """A turn under its number; a very long one in parts, so that a page can end within it."""
    label = " · ".join(text for text in (str(place), flowing(turn.who), flowing(turn.at)) if text)
    said = visible(turn.said).strip("\n")
    if units(said) <= PART_UNITS:
        return [(label, said if said.strip() else EMPTY)]
    parts = pieces(said, PART_UNITS)
    return [(f"{label} (part {number} of {len(parts)})", part) for number, part in enumerate(parts, 1)]


def _unwrapped(item: Mapping[str, Any]) -> dict[str, Any]:
    """The message itself: some libraries write `{"type": "human", "data": {"content": …}}`."""
    inside = next(
        (item[key] for key in _WRAPPED if isinstance(item.get(key), Mapping) and "content" in item[key]), None
    )
    if inside is None:
        return dict(item)
    outside = {key: value for key, value in item.items() if value is not inside and key not in ("lc", "id")}
    kind = outside.pop("type", "")
    path = item.get("id")
    named = path[-1] if isinstance(path, list) and path and isinstance(path[-1], str) else kind
    return {**outside, "type": named, **inside}


def _named(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != ""


def _nothing(value: Any) -> bool:
    return value is None or value == "" or value == [] or value == {}


def _words(value: Any) -> str | None:
    """What was said, also where it comes in blocks; None where that is no text."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list):
        return "\n".join(_block(block) for block in value)
    return None


def _block(block: Any) -> str:
    text = block.get("text") if isinstance(block, Mapping) and set(block) <= {"type", "text"} else None
    return text if isinstance(text, str) else flat(block)


def _calls(value: Any) -> list[str]:
    return [_call(call) for call in value] if isinstance(value, list) else []


def _call(call: Any) -> str:
    """`→ lookup_order {"id": "4711"}`."""
    if not isinstance(call, Mapping):
        return f"→ {flat(call)}"
    inner = call["function"] if isinstance(call.get("function"), Mapping) else call
    args = inner.get("args", inner.get("arguments", {}))
    return f"→ {flat(inner.get('name'))} {flat(args)}"


def _any(item: Any) -> Spoken:
    if isinstance(item, str):
        return _spoken(item)
    if isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item):
        return Spoken(item[0], item[1] or EMPTY)
    return message(item) or Spoken("", text_of(item))


def _spoken(text: str) -> Spoken:
    found = _LINE.fullmatch(text)
    return Spoken(found.group(1), found.group(2)) if found else Spoken("", text)


def _transcript(text: str) -> list[Spoken]:
    """A turn for each line that begins with a name; lines without one belong to the turn before."""
    turns: list[str] = []
    for line in text.split("\n"):
        if turns and not _LINE.fullmatch(line):
            turns[-1] += f"\n{line}"
        else:
            turns.append(line)
    return [_spoken(turn) for turn in turns]
