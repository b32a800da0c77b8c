"""Safe words: text that is not ours becomes text that Slack shows literally and a person can see whole.

Cards, modals, messages, terminal, exports and logs all go through here: what leaves no mark is written out, secrets
are replaced by what may be said of them, and nothing is parsed or cut without saying so.
"""

from bot.words.cells import csv_line
from bot.words.characters import flowing, holds_secret, one_line, visible
from bot.words.documents import document
from bot.words.lookalikes import suspicious
from bot.words.shape import clip, pieces, units
from bot.words.slack import EMPTY, Json, escape, line, literal, plain, run

__all__ = [
    "EMPTY",
    "Json",
    "clip",
    "csv_line",
    "document",
    "escape",
    "flowing",
    "holds_secret",
    "line",
    "literal",
    "one_line",
    "pieces",
    "plain",
    "run",
    "suspicious",
    "units",
    "visible",
]
