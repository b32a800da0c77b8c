"""The weekly digest: what the week was like, against the one before, what stands out, then the table."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.cards import kit
from bot.cards.arguments import counted
from bot.cards.speech import spoken
from bot.cards.stats import FEW, Numbers, beside, by_tier, headline, named, points, portion, said, table, took
from bot.cards.view import Card
from bot.words import Json, line, plain, run

MAX_SEEN: Final = 4
_LESS: Final = 10
"""So many points fewer approved than the week before stand out."""
_OFTEN: Final = 0.25
_SURE: Final = 0.95


def digest(figures: Numbers) -> Card:
    """A week's figures as `graph.verbs.digest` gives them."""
    title = headline(week_name(figures["week"]), figures["total"])
    change, seen = against(figures), standing_out(figures)
    rest = [text for text in (beside(figures["total"]), by_tier(figures["total"])) if text]
    blocks: list[Json] = [{"type": "header", "text": plain(title, 150)}]
    blocks.append(kit.rich(*(line(run(text)) for text in [change, *rest])))
    if seen:
        blocks.append(kit.rich(line(run("What stands out", bold=True)), *(line(run(f"• {text}")) for text in seen)))
    blocks += table(figures)
    out = ["What stands out:", *seen] if seen else []
    return Card(spoken(" ".join([f"{title}.", _aloud(change), *rest, *out, *said(figures)])), blocks)


def week_name(week: str) -> str:
    """`Week 47` of `2026-W47`."""
    return f"Week {int(week.rpartition('W')[2])}"


def against(figures: Numbers) -> str:
    """The total against the week before: `Against week 46: decisions ▲ 24 from 189 · approved ▼ 7 points …`."""
    now, then = figures["total"], figures["before"]["total"]
    week = week_name(figures["before"]["week"]).lower()
    if not then["requests"]:
        return f"Nothing was decided in {week}: there is nothing to compare with."
    found = [_changed("decisions", now["people"] - then["people"], str(then["people"]))]
    if now["people"] and then["people"]:
        found.append(_share("approved", (now["approved"], now["people"]), (then["approved"], then["people"])))
        slower = round(now["median_seconds"]) - round(then["median_seconds"])
        found.append(_changed("median", slower, took(then["median_seconds"]), took(abs(slower))))
    if now["asked"] and then["asked"]:
        found.append(_share("escalated", (now["went_up"], now["asked"]), (then["went_up"], then["asked"])))
        found.append(_changed("expired", now["expired"] - then["expired"], str(then["expired"])))
    return f"Against {week}: {' · '.join(found)}"


def _share(name: str, now: tuple[int, int], then: tuple[int, int]) -> str:
    """Points of percent between two shares; of few there is none to speak of."""
    if min(now[1], then[1]) < FEW:
        return f"{name} {portion(*now)} (before: {portion(*then)})"
    more = points(*now) - points(*then)
    return _changed(name, more, portion(*then), counted(abs(more), "point"))


def _changed(name: str, more: int, then: str, by: str = "") -> str:
    sign = "▲" if more > 0 else "▼"
    return f"{name} {sign} {by or abs(more)} from {then}" if more else f"{name} as before ({then})"


def _aloud(text: str) -> str:
    """Screen readers spell signs out."""
    return text.replace("▲", "up").replace("▼", "down").replace(" ·", ",") + ("" if text.endswith(".") else ".")


@dataclass(frozen=True, slots=True)
class _Seen:
    """Something that stands out: how much it matters (the kind before the number), and its sentence."""

    kind: int
    number: float
    text: str


def standing_out(figures: Numbers) -> list[str]:
    """What is worth a look first, in words, at most a few."""
    before: dict[str, Any] = {each["action"]: each for each in figures["before"]["actions"]}
    found = [seen for each in figures["actions"] for seen in _seen(each, before.get(each["action"]))]
    found.sort(key=lambda seen: (seen.kind, -seen.number, seen.text))
    return [seen.text for seen in found[:MAX_SEEN]]


def _seen(each: Numbers, then: Numbers | None) -> Iterator[_Seen]:
    name, people, asked = named(each), each["people"], each["asked"]
    if each["expired"]:
        yield _Seen(0, each["expired"], f"{name}: {each['expired']} of {asked} expired unanswered.")
    for band in each["bands"]:
        if (band["from"] or 0.0) >= _SURE and band["overrides"] >= _OFTEN * band["people"] > 0:
            wrong = f"people changed or rejected {portion(band['overrides'], band['people'])}"
            yield _Seen(1, band["overrides"], f"{name}: {wrong} with confidence {band['band']}.")
    if then and min(people, then["people"]) >= FEW:
        less = points(then["approved"], then["people"]) - points(each["approved"], people)
        if less >= _LESS:
            rate = portion(each["approved"], people)
            yield _Seen(2, less, f"{name}: {rate} approved, {less} points fewer than the week before.")
        if each["median_seconds"] >= 2 * then["median_seconds"] + 60:
            times = f"{took(each['median_seconds'])} until decided, {took(then['median_seconds'])} the week before"
            yield _Seen(4, each["median_seconds"], f"{name}: {times}.")
    if each["went_up"] > 1 and each["went_up"] >= _OFTEN * asked:
        yield _Seen(3, each["went_up"], f"{name}: {portion(each['went_up'], asked)} went up a tier.")
