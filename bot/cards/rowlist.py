"""Requests as a list: the same two lines and a button in the queue and on the Home tab."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.cards import arguments, kit, times
from bot.cards.flags import flags
from bot.cards.law import risky
from bot.cards.view import due_at
from bot.ids import READ
from bot.words import Json, clip, plain
from graph.law.request import Request, urgency

MAX_QUESTION = 200


def oldest_due(rows: Sequence[Request]) -> list[Request]:
    """The request that is due first comes first."""
    return sorted(rows, key=lambda request: (due_at(request), request.id))


def row_blocks(request: Request, now: datetime, links: Mapping[str, str]) -> list[Json]:
    """The question with a button to Details, then deadline, tier, flags and the card's link."""
    question = clip(arguments.headline(request)[0], MAX_QUESTION)[0]
    section: Json = {
        "type": "section",
        "block_id": kit.block_id("row", request),
        "text": plain(question),
        "accessory": kit.button("Details", READ, request),
    }
    return [section, kit.context(kit.mrkdwn(" · ".join(_facts(request, now, links))))]


def spoken_row(request: Request, now: datetime) -> str:
    """A row for a screen reader."""
    question = clip(arguments.headline(request)[0], 120)[0]
    return f"{question} {times.left(due_at(request), now)}, tier {request.tier}."


def _facts(request: Request, now: datetime, links: Mapping[str, str]) -> list[str]:
    due = due_at(request)
    found = [f"Due {times.local(due)}", f"*{times.left(due, now)}*", urgency(request.created_at, due, now)]
    found += [f"tier {request.tier}", *([risky(request)] if risky(request) else [])]
    unusual = len(flags(request))
    if unusual:
        found.append(arguments.counted(unusual, "flag"))
    link = kit.link("Open the card", links.get(request.id, ""))
    return [*found, link] if link else found
