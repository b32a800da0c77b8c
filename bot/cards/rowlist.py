"""Requests as a list: the same two lines and a button in the queue and on the Home tab."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.cards import arguments, kit, times
from bot.cards.flags import flags
from bot.cards.law import risky
from bot.cards.view import due_at
from bot.ids import READ
from bot.words import Json, clip, plain
from graph.law.request import Kind, Request, urgency

MAX_QUESTION = 200
_ABOUT = {Kind.RECONCILE: "did it happen?", Kind.CHECKPOINT: "let a run go on?", Kind.REVIEW: "ran alone"}


@dataclass(frozen=True, slots=True)
class Sites:
    """Where requests are asked about, by request id: `links` to their cards, `alike`: how many share that card."""

    links: Mapping[str, str] = field(default_factory=dict)
    alike: Mapping[str, int] = field(default_factory=dict)


def row_blocks(request: Request, now: datetime, sites: Sites, part: str = "row") -> list[Json]:
    """The question with a button to Details, then deadline, tier, flags and the card's link; `part` tells apart the
    lists of one message.
    """
    question = clip(arguments.headline(request)[0], MAX_QUESTION)[0]
    section: Json = {
        "type": "section",
        "block_id": kit.block_id(part, request),
        "text": plain(question),
        "accessory": details_button(request),
    }
    return [section, facts_block(request, now, sites)]


def facts_block(request: Request, now: datetime, sites: Sites, *, count_flags: bool = True) -> Json:
    """Deadline, tier, how much is unusual, with how many others it is asked about, and the card's link, in one line."""
    found, alike = _facts(request, now, count_flags=count_flags), sites.alike.get(request.id, 0)
    found += [f"one of {alike} similar on one card"] if alike > 1 else []
    link = kit.link("Open the card", sites.links.get(request.id, ""))
    return kit.context(kit.mrkdwn(" · ".join([*found, link] if link else found)))


def details_button(request: Request) -> Json:
    return kit.button("Details", READ, request)


def spoken_row(request: Request, now: datetime) -> str:
    """A row for a screen reader."""
    question = clip(arguments.headline(request)[0], 120)[0]
    return f"{question} {times.left(due_at(request), now)}, tier {request.tier}."


def _facts(request: Request, now: datetime, *, count_flags: bool) -> list[str]:
    due = due_at(request)
    pressing = urgency(request.since, due, now)
    found = [f"Due {times.local(due)}", times.left_here(due, now)]
    found += [f"{pressing} urgency"] if pressing != "low" else []
    kind = _ABOUT.get(request.kind)
    found += [f"tier {request.tier}", *([kind] if kind else []), *([risky(request)] if risky(request) else [])]
    unusual = len(flags(request)) if count_flags else 0
    if unusual:
        found.append(arguments.counted(unusual, "flag"))
    return found
