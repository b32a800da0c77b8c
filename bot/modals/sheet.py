"""A long page within Slack's limits: titled sections of literal text, and a note of what found no room."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.cards.kit import quote, rich
from bot.modals.frame import MAX_BLOCKS
from bot.words import Json, clip, flowing, line, literal, pieces, plain, run, units, visible

PIECE: Final = 2800
MAX_UNITS: Final = 120_000
MAX_LABEL: Final = 200
MAX_HEADING: Final = 150
RESERVED: Final = 6
"""Blocks kept free for the closing note, the buttons that turn pages, a link, and the fields of an approval."""
_LEAST: Final = 400
"""A piece of text shorter than this doesn't begin at the end of a block."""
_FULL: Final = PIECE - _LEAST - MAX_LABEL
"""What a block holds at the least, where more follows."""

Entry = tuple[str, str]
"""A label (it may be empty) and what stands under it."""


@dataclass
class Sheet:
    """Sections in the order in which they were added; `short` names those that are not whole."""

    blocks: list[Json] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    _room: int = MAX_UNITS
    _held: int = 0

    def add(self, title: str, text: str, *, most: int = 6000) -> bool:
        """Add a section of one text, as `entries` does."""
        return self.entries(title, [("", text)], most=most)

    def entries(self, title: str, entries: Sequence[Entry], *, most: int = 6000) -> bool:
        """Add a section, cut to `most` units or to the room there is; whether it is whole. No text adds nothing."""
        shown = [(_label(label), visible(text).strip("\n")) for label, text in entries]
        shown = [(label, text) for label, text in shown if text.strip()]
        if not shown:
            return True
        room = min(most, self._free())
        if room < _LEAST:
            self.short.append(title)
            return False
        kept, hidden = _fitting(shown, room)
        self._put(title, kept)
        if hidden:
            self.short.append(title)
        return not hidden

    def hold(self, entries: Sequence[Entry]) -> None:
        """Keep room for entries that come later, until the next call."""
        self._held = min(sum(map(_cost, entries)) + MAX_LABEL, self._room // 2) if entries else 0

    def close(self) -> list[Json]:
        """All blocks, with what was left out said at the end."""
        if not self.short:
            return self.blocks
        names = clip(", ".join(dict.fromkeys(self.short)), 600)[0]
        return [
            *self.blocks,
            literal(f"Not shown in full, for want of room: {names}. `gatepost show` prints everything."),
        ]

    def _free(self) -> int:
        """Units for which there is room, whichever blocks they come to stand in."""
        # Beside what they fill, this section and the held one take a block each for the heading and for a remainder.
        blocks = MAX_BLOCKS - RESERVED - len(self.blocks) - self._held // _FULL - (4 if self._held else 2)
        return min(self._room - self._held, blocks * _FULL)

    def _put(self, title: str, entries: Sequence[Entry]) -> None:
        """As few blocks as hold them: each is filled up before the next begins."""
        self.blocks.append({"type": "header", "text": plain(title, MAX_HEADING)})
        filling, used = list[Json](), 0
        for label, text in entries:
            if used + units(label) + min(units(text), _LEAST) > PIECE:
                self.blocks.append(rich(*filling))
                filling, used = [], 0
            if label:
                filling.append(line(run(label, bold=True)))
                used += units(label)
            first, *rest = _pieces(text, PIECE - used)
            filling.append(quote(first))
            used += units(first)
            for part in rest:
                self.blocks.append(rich(*filling))
                filling, used = [quote(part)], units(part)
        self.blocks.append(rich(*filling))
        self._room -= sum(map(_cost, entries)) + MAX_HEADING


def _label(text: str) -> str:
    return clip(flowing(text), MAX_LABEL)[0]


def _cost(entry: Entry) -> int:
    return units(entry[0]) + units(visible(entry[1]))


def _pieces(text: str, first: int) -> list[str]:
    """The text in pieces, the first of them as large as there is room for."""
    head = pieces(text, first)[0]
    return [head, *pieces(text[len(head) :], PIECE)]


def _fitting(entries: Sequence[Entry], room: int) -> tuple[list[Entry], bool]:
    """As many entries as there is room for, the last one maybe cut, and whether anything is hidden."""
    kept: list[Entry] = []
    for index, (label, text) in enumerate(entries):
        cost = units(label) + units(text)
        if cost <= room:
            kept.append((label, text))
            room -= cost
            continue
        if room >= _LEAST:
            shown, hidden = clip(text, max(room - units(label) - 60, 1))
            kept.append((label, f"{shown}\n({hidden} characters left out here)"))
            index += 1
        more = len(entries) - index
        return [*kept, *([("", f"({more} more left out here)")] if more else [])], True
    return kept, False
