"""`/approvals shadow` and the groups of `stats`: tables of who agreed with what, and of who decided how much."""

from collections.abc import Sequence
from math import floor
from typing import Any, Final

from bot.cards import kit
from bot.cards.arguments import counted
from bot.cards.speech import spoken
from bot.cards.stats import FEW, NOTHING, Numbers, named, portion, table_block, took
from bot.cards.view import Card
from bot.words import Json, clip, line, one_line, plain, run
from graph.law.agreement import lower_bound
from graph.verbs.ports import By

MAX_ROWS: Final = 20
SHADOW: Final = ("Action", "Asked", "Agreement", "At least", "Unchanged", "Changed", "Rejected", "Reported")
SHADOW_HOW: Final = (
    "Asked: proposals that people decided. Rejected: taken over as well. Reported: approved, and reported as wrong"
    " later. Agreement: unchanged and not reported. At least: what it surely is, the lower end of Wilson's 95 %"
    " interval; low where few were asked. Nothing is changed by this: people are asked as before."
)
_COLUMNS: Final = ("Decided", "Approved", "Edited", "Rejected", "Taken over", "Median")
_TIER_COLUMNS: Final = ("Expired", "Went up")
_OF: Final = {"tier": "Tier", "reviewer": "Reviewer"}
_NOBODY: Final = "nothing was decided by people"


def shadow(figures: Numbers, days: int) -> Card:
    """How often people agreed with what agents proposed, for the asker alone."""
    found = figures["actions"]
    asked, right = (sum(of(each) for each in found) for of in (_asked, _right))
    title = f"Last {days} days: {_agreed(right, asked)}" if asked else f"Last {days} days: {_NOBODY}"
    blocks: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    said = [f"{title}."]
    if asked:
        sure = f"Surely at least {_sure(lower_bound(right, asked))}, all action types together."
        more = _more(len(found), "more action type")
        blocks += [kit.rich(line(run(sure))), table_block([SHADOW, *map(_shadow_row, found[:MAX_ROWS])], words=1)]
        blocks.append(kit.context(plain(" ".join(text for text in (more, SHADOW_HOW) if text))))
        said += [sure, *map(_shadow_said, found[:MAX_ROWS]), more]
    return Card(spoken(" ".join(said).strip()), blocks)


def groups(figures: Numbers, days: int, by: By) -> Card:
    """The last days by tier or by reviewer, for the asker alone."""
    found = figures["groups"]
    decided = sum(each["people"] for each in found)
    title = f"Last {days} days by {by}: {counted(decided, 'decision')}" if found else f"Last {days} days: {_NOBODY}"
    blocks: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    if found:
        columns = (_OF[by], *_COLUMNS, *(_TIER_COLUMNS if by == "tier" else ()))
        blocks.append(table_block([columns, *(_group_row(each, by) for each in found[:MAX_ROWS])], words=1))
        if more := _more(len(found), f"more {by}"):
            blocks.append(kit.context(plain(more)))
    said = [_group_said(each, by) for each in found[:MAX_ROWS]]
    return Card(spoken(" ".join([f"{title}.", *said])), blocks)


def _asked(each: Numbers) -> int:
    return int(each["asked"])


def _right(each: Numbers) -> int:
    return int(each["unchanged"] - each["reported"])


def _agreed(right: int, asked: int) -> str:
    return f"people agreed with {portion(right, asked)}{'' if asked < FEW else f' of {asked}'} proposals"


def _sure(bound: float | None) -> str:
    """Rounded down: it says at least."""
    return NOTHING if bound is None else f"{floor(100 * bound)} %"


def _shadow_row(each: Numbers) -> list[str]:
    agreed = (portion(_right(each), each["asked"]), _sure(each["sure"]))
    numbers = (each["unchanged"], each["edited"], each["rejected"] + each["handled"], each["reported"])
    return [named(each), str(each["asked"]), *agreed, *map(str, numbers)]


def _shadow_said(each: Numbers) -> str:
    cells = dict(zip(SHADOW, _shadow_row(each), strict=True))
    return (
        f"{cells['Action']}: {cells['Asked']} asked, {cells['Unchanged']} unchanged, {cells['Changed']} changed,"
        f" {cells['Rejected']} rejected, {cells['Reported']} reported, agreement {cells['Agreement']},"
        f" at least {cells['At least']}."
    )


def _group_row(each: Numbers, by: By) -> list[str]:
    numbers: Sequence[Any] = (each["edited"], each["rejected"], each["handled"], took(each["median_seconds"]))
    approved = portion(each["approved"], each["people"])
    cells = [clip(one_line(str(each["name"])), 60)[0] or NOTHING, str(each["people"]), approved, *map(str, numbers)]
    if by == "tier":
        cells += [str(each["expired"]), portion(each["went_up"], each["asked"])]
    return cells


def _group_said(each: Numbers, by: By) -> str:
    row = _group_row(each, by)
    whose = f"Tier {row[0]}" if by == "tier" else row[0]
    return f"{whose}: {row[1]} decided, {row[2]} approved, {row[3]} edited, {row[4]} rejected, median {row[6]}."


def _more(number: int, what: str) -> str:
    return f"And {counted(number - MAX_ROWS, what)}." if number > MAX_ROWS else ""
