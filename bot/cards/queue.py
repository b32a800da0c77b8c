"""Answers to `/approvals`: the queue, one request, and help. Shown to the asker only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.cards import kit
from bot.cards.review import card
from bot.cards.rowlist import oldest_due, row_blocks, spoken_row
from bot.cards.speech import MAX_TEXT, spoken
from bot.cards.view import Card, CardView
from bot.ids import COMMAND, READ
from bot.words import Json, clip, line, one_line, plain, run
from graph.law.request import Request, Status

MAX_ROWS: Final = 15
MAX_OWN: Final = 5
"""Together with the rows above it is as much as a message holds."""

_USAGE: Final = {
    "queue": "what waits for a decision, due first on top",
    "mine": "what waits for you, and what you asked for",
    "show ID": "one request with its state",
    "stats [7d|30d]": "how requests went in the last days",
    "withdraw ID [reason]": "take back what you asked for; what was done for it so far is undone",
    "away until WHEN [for @deputy]": "say that you are away and who stands in; away back ends it",
    "stop NAME|all reason": "the emergency brake: nothing new begins there",
    "resume NAME|all reason": "lets it go on",
    "help": "this list",
}


def queue(rows: Sequence[Request], now: datetime, links: Mapping[str, str], total: int | None = None) -> Card:
    """The oldest due first, up to 15; `total` counts also what `rows` leaves out."""
    shown = oldest_due(rows)[:MAX_ROWS]
    count = max(total or 0, len(rows))
    title = f"{count} waiting" if count else "Nothing waits for a decision."
    blocks: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    for request in shown:
        blocks += row_blocks(request, now, links)
    more = f"and {count - len(shown)} more" if count > len(shown) else ""
    if more:
        blocks.append(kit.context(plain(more)))
    return Card(spoken(" ".join([title, *(spoken_row(request, now) for request in shown), more])), blocks)


def mine(waiting: Sequence[Request], own: Sequence[Request], now: datetime) -> Card:
    """What waits for the asker, and below what they asked for themselves and may withdraw."""
    text, blocks = queue(waiting, now, {})
    if not own:
        return Card(text, blocks)
    title, shown = "You asked for", own[:MAX_OWN]
    more: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    for request in shown:
        more += [*row_blocks(request, now, {}), kit.context(plain(f"{COMMAND} withdraw {request.id}"))]
    said = " ".join([f"{title}:", *(spoken_row(request, now) for request in shown)])
    return Card(clip(f"{text} {spoken(said)}", MAX_TEXT)[0], [*blocks, *more])


def show(view: CardView) -> Card:
    """One request for the asker alone: the card without deciding buttons, which belong to the card itself."""
    text, blocks = card(view)
    kept = [block for block in blocks if block["type"] != "actions"]
    request = view.request
    read: Json = {"type": "actions", "elements": [kit.button("Details", READ, request)]}
    state = f"{request.status} · {request.id} · digest {request.digest[:12]}"
    if request.status is Status.PENDING:
        state += " · decide on its card in the review channel"
    return Card(text, [*kept, kit.context(plain(state)), read])


def not_found(asked: str) -> Card:
    """There is no such request, or not for this person."""
    text = f"There is no request {clip(one_line(asked), 60)[0] or '(no id given)'} that you can see."
    return Card(spoken(text), [kit.rich(line(run(text)))])


def usage(asked: str = "") -> Card:
    """Help; `asked` is what was not understood."""
    word = clip(one_line(asked.strip()), 60)[0]
    said = [f"I don't know “{word}”."] if word else []
    lines = [line(run(text)) for text in said]
    lines += [line(run(f"{COMMAND} {name}", bold=True), run(f"  {what}")) for name, what in _USAGE.items()]
    spoken_lines = [*said, *(f"{COMMAND} {name}: {what}." for name, what in _USAGE.items())]
    return Card(spoken(" ".join(spoken_lines)), [kit.rich(*lines)])
