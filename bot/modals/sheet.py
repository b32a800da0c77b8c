"""A long page within Slack's limits: titled sections of literal text, and a note of what found no room."""

from dataclasses import dataclass, field
from typing import Final

from bot.cards.kit import quote, rich
from bot.modals.frame import MAX_BLOCKS
from bot.words import Json, clip, line, literal, pieces, run, units, visible

PIECE: Final = 2800
MAX_UNITS: Final = 120_000
RESERVED: Final = 2
"""Blocks kept free for the closing note and for a field."""


@dataclass
class Sheet:
    """Sections in the order in which they were added; `short` names those that are not whole."""

    blocks: list[Json] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    _room: int = MAX_UNITS

    def add(self, title: str, text: str, *, most: int = 6000) -> bool:
        """Add a section, cut to `most` or to the room there is; whether it is whole. Empty text adds nothing."""
        shown = visible(text).strip("\n")
        if not shown.strip():
            return True
        free = MAX_BLOCKS - RESERVED - len(self.blocks)
        # A piece may close one astral character short of its limit.
        room = min(most, self._room, free * (PIECE - 6))
        if room < 200:
            self.short.append(title)
            return False
        kept, hidden = clip(shown, room)
        self._put(title, kept if not hidden else f"{kept}\n({hidden} characters left out here)")
        if hidden:
            self.short.append(title)
        return not hidden

    def close(self) -> list[Json]:
        """All blocks, with what was left out said at the end."""
        if not self.short:
            return self.blocks
        names = clip(", ".join(dict.fromkeys(self.short)), 600)[0]
        return [
            *self.blocks,
            literal(f"Not shown in full, for want of room: {names}. `gatepost show` prints everything."),
        ]

    def _put(self, title: str, text: str) -> None:
        self._room -= units(text)
        parts = pieces(text, PIECE)[: MAX_BLOCKS - RESERVED - len(self.blocks)]
        head = rich(line(run(title, bold=True)), quote(parts[0]))
        self.blocks += [head, *(rich(quote(part)) for part in parts[1:])]
