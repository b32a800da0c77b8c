"""Rows for spreadsheets: text can't become a formula, numbers stay numbers."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from bot.words.characters import visible

Cell = str | int | float | Decimal | None
_FORMULA: Final = frozenset("=+-@\t\r\n|%\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b")
"""Programs take a cell that begins so for a formula, or for the start of one once they have trimmed it."""


def csv_line(cells: Sequence[Cell]) -> str:
    """A line of CSV after RFC 4180; `None` is an empty cell, and text is quoted whatever it says."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerow(map(_cell, cells))
    return out.getvalue()


def _cell(cell: Cell) -> str | int | float | Decimal:
    """A number as it is; text with nothing hidden, no secret, and an apostrophe before what would be a formula."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    shown = visible(cell)
    begins = (shown[:1], shown.lstrip(" \"'`")[:1])
    return f"'{shown}" if any(first in _FORMULA for first in begins if first) else shown
