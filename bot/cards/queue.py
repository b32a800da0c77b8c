"""Answers to `/approvals`: a page of the queue, one request, and help. Shown to the asker only."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.cards import kit
from bot.cards.review import card
from bot.cards.rowlist import Sites, details_button, row_blocks, spoken_row
from bot.cards.speech import MAX_TEXT, spoken
from bot.cards.view import Card, CardView
from bot.ids import COMMAND, QUEUE_NEXT, QUEUE_PREVIOUS, Leaf, encode_leaf
from bot.words import Json, clip, line, one_line, plain, run
from graph.law.looking import Filter
from graph.law.request import Request, Status
from graph.verbs.ports import Spot
from graph.verbs.queue import COUNTED, Page, Turn

MAX_ROWS: Final = 15
MAX_OWN: Final = 5
"""Together with the rows above it is as much as a message holds."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

_USAGE: Final = {
    "queue [mine] [overdue] [tier N] [TYPE]": "what waits for a decision, due first on top",
    "mine": "what waits for you, and what you asked for",
    "show ID": "one request with its state",
    "stats [7d|30d] [by type|tier|reviewer]": "how requests went in the last days",
    "shadow [7d|30d|90d]": "how often people agreed with what agents proposed",
    "withdraw ID [reason]": "take back what you asked for; what was done for it so far is undone",
    "away until WHEN [for @deputy]": "say that you are away and who stands in; away back ends it",
    "stop NAME|all reason": "the emergency brake: nothing new begins there",
    "resume NAME|all reason": "lets it go on",
    "help": "this list",
}


def queue(page: Page, asked: Filter, now: datetime, sites: Sites) -> Card:
    """The oldest due first, with what was asked for, where this page stands, and the buttons to those beside it."""
    title, place = _title(page, asked), _place(page, asked)
    blocks: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    if place:
        blocks.append(kit.context(plain(place, 600)))
    for request in page.requests:
        blocks += row_blocks(request, now, sites)
    turns = _turns(page, asked)
    if turns:
        blocks.append({"type": "actions", "block_id": "gatepost.queue", "elements": turns})
    said = [f"{title}.", *([f"{place}."] if place else []), *(spoken_row(each, now) for each in page.requests)]
    return Card(spoken(" ".join(said)), blocks)


def mine(page: Page, own: Sequence[Request], now: datetime, sites: Sites) -> Card:
    """What waits for the asker, and below what they asked for themselves and may withdraw."""
    text, blocks = queue(page, Filter(mine=True), now, sites)
    if not own:
        return Card(text, blocks)
    title, shown = "You asked for", own[:MAX_OWN]
    more: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    for request in shown:
        more += [*row_blocks(request, now, sites, "own"), kit.context(plain(f"{COMMAND} withdraw {request.id}"))]
    said = " ".join([f"{title}:", *(spoken_row(request, now) for request in shown)])
    return Card(clip(f"{text} {spoken(said)}", MAX_TEXT)[0], [*blocks, *more])


def turn_of(leaf: Leaf) -> Turn:
    """The page that a button wants; raises OverflowError for a moment that no calendar knows."""
    return Turn(Spot(_EPOCH + leaf.due * _MICROSECOND, leaf.request_id), leaf.back)


def show(view: CardView, link: str = "", alike: int = 0) -> Card:
    """One request for the asker alone: the card without deciding buttons, which belong to the card itself; `alike`:
    how many share that card.
    """
    text, blocks = card(view)
    kept = [block for block in blocks if block["type"] != "actions"]
    request = view.request
    read: Json = {"type": "actions", "elements": [details_button(request)]}
    state = f"{request.status} · {request.id} · digest {request.digest[:12]}"
    if request.status is Status.PENDING:
        shared = f"the card of {alike} similar requests"
        state += f" · decide on {shared if alike > 1 else 'its card in the review channel'}"
    opens = kit.link("Open the card", link)
    return Card(text, [*kept, kit.context(plain(state), *([kit.mrkdwn(opens)] if opens else [])), read])


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


def counted(page: Page) -> str:
    """How many there are: `47`, `about 47`, `more than 10,000`."""
    if page.total > COUNTED:
        return f"more than {COUNTED:,}"
    return f"{'about ' if page.about else ''}{page.total:,}"


def _title(page: Page, asked: Filter) -> str:
    whom = " for you" if asked.mine else ""
    if not page.requests and page.next is not None:
        return "None of these waits for you; there are more"
    if not page.requests:
        overdue = " and is overdue" if asked.overdue else ""
        return f"Nothing waits{whom or ' for a decision'}{overdue}"
    return f"{counted(page)} {'overdue' if asked.overdue else 'waiting'}{whom}".capitalize()


def _place(page: Page, asked: Filter) -> str:
    """What was asked for beside that, and which of them these are."""
    only = Filter(tier=asked.tier, type=asked.type).words()
    kinds = f"What waits is of type {', '.join(map(one_line, page.types))}" if page.types else ""
    beside = page.previous is not None or page.next is not None
    shown = f"{page.before + 1:,}–{page.before + len(page.requests):,}" if beside and page.requests else ""
    return " · ".join(text for text in (f"Only {only}" if only else "", shown, kinds) if text)


def _turns(page: Page, asked: Filter) -> list[Json]:
    """Buttons to the pages beside this one."""
    found = []
    for label, action_id, spot in (
        ("Previous", QUEUE_PREVIOUS, page.previous),
        ("Next", QUEUE_NEXT, page.next),
    ):
        if spot is None:
            continue
        due = (spot.due_at - _EPOCH) // _MICROSECOND
        value = encode_leaf(Leaf(asked.words(), due, spot.id, back=action_id == QUEUE_PREVIOUS))
        about = plain(f"{label} page of the queue", 75)["text"]
        button: Json = {"type": "button", "action_id": action_id, "text": plain(label, 75), "value": value}
        found.append(button | {"accessibility_label": about})
    return found
