"""Figures in words and as a table: what `/approvals stats` answers, and what digest and terminal are made of.

Every number comes from `graph.verbs.stats`; here it is only put into words. Shares of few are said as counts:
75 % of four is a way of not saying three.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.cards import kit
from bot.cards.arguments import counted
from bot.cards.speech import spoken
from bot.cards.view import Card
from bot.words import Json, clip, line, one_line, plain, run

Numbers = Mapping[str, Any]
"""Figures as the verb gives them: of everything, of an action type, or of one of its bands."""

FEW: Final = 20
MAX_ACTIONS: Final = 10
COLUMNS: Final = ("Action", "Confidence", "Decided", "Approved", "Edited", "Median", "Expired", "Went up", "By tier")
_WORDS: Final = 2
HOW: Final = (
    "Decided: by people. Approved: unchanged, of those. Median: from opened to decided. Went up: last asked of a"
    " higher tier than at first, and by tier: of all that people were asked about."
)
NOTHING: Final = "–"
"""Where there is nothing to say: a cell can't be empty."""
_BENEATH: Final = "└"
"""A band of the action type above it: a cell can't be empty."""


def stats(figures: Numbers, days: int) -> Card:
    """The last days, for the asker alone."""
    title = headline(f"Last {days} days", figures["total"])
    rest = [text for text in (beside(figures["total"]), by_tier(figures["total"])) if text]
    blocks: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    blocks += [kit.rich(*(line(run(text)) for text in rest))] if rest else []
    return Card(spoken(" ".join([f"{title}.", *rest, *said(figures)])), [*blocks, *table(figures)])


def headline(label: str, total: Numbers) -> str:
    """`Week 47: 212 decisions, 91 % approved, median 2 min 10 s, 4 % went up`."""
    people = total["people"]
    if not people:
        return f"{label}: nothing was decided by people"
    parts = [
        f"{label}: {counted(people, 'decision')}",
        f"{portion(total['approved'], people)} approved",
        f"median {took(total['median_seconds'])}",
        f"{portion(total['went_up'], total['asked']) if total['went_up'] else 'none'} went up",
    ]
    return ", ".join(parts)


def beside(total: Numbers) -> str:
    """What happened without a person's decision, in a sentence; empty when nothing did."""
    names = {
        "alone": "ran alone",
        "expired": "expired unanswered",
        "consented": "approved because nobody objected",
        "cancelled": "withdrawn",
        "refused": "refused by policy",
    }
    found = [f"{total[name]} {words}" for name, words in names.items() if total[name]]
    return f"Besides: {', '.join(found)}." if found else ""


def by_tier(total: Numbers) -> str:
    """`By tier: tier 1 80 %, tier 2 20 %.`; empty when one tier had it all."""
    tiers = total["tiers"]
    found = [f"tier {tier} {portion(each['asked'], total['asked'])}" for tier, each in tiers.items()]
    return f"By tier: {', '.join(found)}." if len(found) > 1 else ""


def said(figures: Numbers) -> list[str]:
    """The table in sentences, a line each for the action types that it shows."""
    lines = []
    for each in figures["actions"][:MAX_ACTIONS]:
        cells = dict(zip(COLUMNS, _row(named(each), "all", each), strict=True))
        lines.append(
            f"{cells['Action']}: {cells['Decided']} decided, {cells['Approved']} approved, {cells['Edited']} edited,"
            f" median {cells['Median']}, {cells['Expired']} expired, {cells['Went up']} went up."
        )
    return [*lines, more(figures)] if more(figures) else lines


def more(figures: Numbers) -> str:
    """What the table leaves out."""
    left = len(figures["actions"]) - MAX_ACTIONS
    return f"And {counted(left, 'more action type')}." if left > 0 else ""


def table(figures: Numbers) -> list[Json]:
    """The action types with most decisions as a table, and how it is counted; nothing of nothing."""
    if not figures["actions"]:
        return []
    note = " ".join(text for text in (more(figures), HOW) if text)
    return [table_block(rows(figures, MAX_ACTIONS), words=_WORDS), kit.context(plain(note))]


def table_block(cells: Sequence[Sequence[str]], *, words: int) -> Json:
    """A table; the first so many columns hold words, the others numbers, which stand to the right."""
    settings = [{"align": "left" if index < words else "right"} for index in range(len(cells[0]))]
    found = [[{"type": "raw_text", "text": text} for text in row] for row in cells]
    return {"type": "table", "rows": found, "column_settings": settings}


def rows(figures: Numbers, most: int) -> list[list[str]]:
    """Heading, everything together, then each action type with its bands of confidence."""
    found = [list(COLUMNS), _row("All", "all", figures["total"])]
    for each in figures["actions"][:most]:
        bands: Sequence[Numbers] = [band for band in each["bands"] if band["asked"]]
        found.append(_row(named(each), str(bands[0]["band"]) if len(bands) == 1 else "all", each))
        if len(bands) > 1:
            found += [_row(_BENEATH, str(band["band"]), band) for band in bands]
    return found


def named(each: Numbers) -> str:
    """An action type's name, as data is shown."""
    return clip(one_line(str(each["action"])), 60)[0]


def portion(part: int, whole: int) -> str:
    """`91 %`, `3 of 4` where there are few; never 0 % of some, nor 100 % of not all."""
    if not whole:
        return NOTHING
    if whole < FEW:
        return f"{part} of {whole}"
    percent = points(part, whole)
    if percent == 0 and part:
        return "under 1 %"
    return "over 99 %" if percent == 100 and part < whole else f"{percent} %"


def points(part: int, whole: int) -> int:
    """Percent, rounded."""
    return round(100 * part / whole)


def took(seconds: float | None) -> str:
    """`45 s`, `2 min 10 s`, `3 h 5 min`, `2 d 4 h`."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    for size, name, smaller, rest in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            left = whole % size // smaller
            return f"{whole // size} {name}" + (f" {left} {rest}" if left else "")
    return f"{whole} s"


def _row(name: str, band: str, each: Numbers) -> list[str]:
    asked = each["tiers"]
    tiers = " · ".join(f"{tier}: {portion(found['asked'], each['asked'])}" for tier, found in asked.items())
    cells = [
        name,
        band,
        str(each["people"]),
        portion(each["approved"], each["people"]),
        str(each["edited"]),
        took(each["median_seconds"]),
        str(each["expired"]),
        portion(each["went_up"], each["asked"]),
        next(iter(asked)) if len(asked) == 1 else tiers,
    ]
    return [cell or NOTHING for cell in cells]
