"""The Home tab: what is stopped, then what waits for me, the one due first on top."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.cards import kit, times
from bot.cards.brake import Brake, brake_blocks
from bot.cards.rowlist import oldest_due, row_blocks
from bot.words import Json, plain
from graph.law.request import Request

MAX_ROWS: Final = 20


def home(
    rows: Sequence[Request],
    now: datetime,
    links: Mapping[str, str],
    total: int | None = None,
    brake: Brake | None = None,
) -> Json:
    """The view to publish. `links` maps request ids to permalinks; `total` counts also what `rows` leaves out."""
    shown = oldest_due(rows)[:MAX_ROWS]
    count = max(total or 0, len(rows))
    blocks = brake_blocks(brake or Brake())
    blocks.append({"type": "header", "text": plain("Waiting for you", 150)})
    if not shown:
        blocks.append(kit.section("Nothing waits for you. New requests appear in your review channel and here."))
    for request in shown:
        blocks += row_blocks(request, now, links)
    blocks.append(kit.context(plain(_footer(count, len(shown), now))))
    return {"type": "home", "blocks": blocks}


def _footer(count: int, shown: int, now: datetime) -> str:
    more = f"{count - shown} more wait; /approvals queue lists them. " if count > shown else ""
    return f"{more}As of {times.utc(now)}."
