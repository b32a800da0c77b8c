"""The Home tab: what is stopped, what waits for me with the buttons to decide it, what I decided, my numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from bot.cards import arguments, kit, times
from bot.cards.brake import Brake, brake_blocks
from bot.cards.buttons import actions
from bot.cards.decided import parts
from bot.cards.flags import flag_lines
from bot.cards.pending import SAYS, lead, why
from bot.cards.queue import counted
from bot.cards.rowlist import Sites, details_button, facts_block
from bot.cards.stats import Numbers, portion, took
from bot.cards.talk import talk_blocks
from bot.cards.view import CardView
from bot.ids import COMMAND
from bot.words import Json, clip, line, plain, run
from graph.law.request import Kind
from graph.verbs.queue import Page

MAX_ROWS: Final = 10
MAX_MADE: Final = 10
"""With up to seven blocks a row, and with what is stopped, they keep within the hundred blocks of a Home tab."""
MAX_QUESTION: Final = 150
KNOWN: Final = "Known:"
NO_REASON: Final = "(no reason given)"
_NOTHING: Final = "Nothing waits for you. New requests appear in your review channel and here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Somebody's Home tab. `waiting`: the page's requests as their cards show them; `made`: what they decided, newest
    first; `numbers`: theirs, of the last so many days each; `sites`: where all these are asked about.
    """

    now: datetime
    page: Page = field(default_factory=Page)
    waiting: Sequence[CardView] = ()
    sites: Sites = field(default_factory=Sites)
    made: Sequence[CardView] = ()
    numbers: Sequence[Numbers] = ()
    brake: Brake = field(default_factory=Brake)


def home(desk: Desk) -> Json:
    """The view to publish."""
    number = f": {counted(desk.page)}" if desk.waiting else ""
    blocks = [*brake_blocks(desk.brake), _header(f"Waiting for you{number}")]
    if not desk.waiting:
        blocks.append(kit.section(_NOTHING))
    for view in desk.waiting:
        blocks += _row(view, desk)
    if desk.made:
        blocks += [_header("What you decided"), *(_decided(view, desk.sites.links) for view in desk.made)]
    if desk.numbers:
        blocks += [_header("Your numbers"), *(kit.section(_numbers(each)) for each in desk.numbers)]
    blocks.append(kit.context(plain(_footer(desk))))
    return {"type": "home", "blocks": blocks}


def _row(view: CardView, desk: Desk) -> list[Json]:
    """What the card shows before its buttons, in fewer blocks, and the same buttons: nothing is decided unseen."""
    request = view.request
    question = line(run(arguments.headline(request)[0], bold=True, limit=3000))
    asked = kit.rich(question) | {"block_id": kit.block_id("row", request)}
    facts = facts_block(request, desk.now, desk.sites, count_flags=False)
    # Each time it is published another rendering, so that Slack forgets what was chosen in a menu.
    fresh = replace(view, rendering=int(desk.now.timestamp()))
    details: Json = {"type": "actions", "block_id": kit.block_id("buttons", request)}
    pressable = actions(fresh) if view.open() else [details | {"elements": [details_button(request)]}]
    return [asked, kit.rich(*_shown(view)), facts, *talk_blocks(view), *pressable]


def _shown(view: CardView) -> list[Json]:
    """What is unusual, the arguments that the question does not name, and the agent's reason."""
    request = view.request
    rows = [part for row in arguments.rows(request) for part in kit.argument(row.label, row.text)]
    rest = arguments.hidden_names(request)
    label = KNOWN if request.kind in (Kind.RECONCILE, Kind.CHECKPOINT) else SAYS
    said = [line(run(text)) for text in (lead(view),) if text]
    more = [line(run(rest, bold=True))] if rest else []
    return [*flag_lines(request), *rows, *more, *said, kit.labelled(label, why(view)[0] or NO_REASON)]


def _decided(view: CardView, links: Mapping[str, str]) -> Json:
    """`Refund 420.00 EUR?  ✅ Approved by you  1 Mar  Done`, in one line."""
    question = clip(arguments.headline(view.request)[0], MAX_QUESTION)[0]
    told = [element for part in parts(view) for element in part.elements()]
    link = kit.link("Open the card", links.get(view.request.id, ""))
    return kit.context(plain(question), *told[:8], *([kit.mrkdwn(link)] if link else []))


def _numbers(each: Numbers) -> str:
    """`Last 7 days: 42 decided, median 3 min, 12 % changed or rejected, none reported as wrong.`"""
    decided = each["people"]
    if not decided:
        return f"Last {each['days']} days: nothing decided."
    reported = f"{each['reported']} reported as wrong later" if each["reported"] else "none reported as wrong"
    overruled = portion(each["overrides"], decided)
    return (
        f"Last {each['days']} days: {decided} decided, median {took(each['median_seconds'])},"
        f" {overruled} changed or rejected, {reported}."
    )


def _header(text: str) -> Json:
    return {"type": "header", "text": plain(text, 150)}


def _footer(desk: Desk) -> str:
    more = f"{COMMAND} mine lists all that wait for you. " if desk.page.next is not None else ""
    return f"{more}As of {times.utc(desk.now)}."
