"""What the policy commands say, as text for a terminal. Text that isn't ours is made harmless first."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bot.policy_check import Checked
from bot.words import one_line
from graph.law.explain import NOT_MET

_PROBLEM: Final = re.compile(r"(?P<place>[\w.*-]+)(?: \(line (?P<line>\d+)\))?: (?P<said>.+)")
_SYNTAX: Final = re.compile(r"\(at line (\d+)")
Json = Mapping[str, Any]


def problems_of(message: str) -> list[dict[str, Any]]:
    """The lines of a `BadPolicy`, taken apart: place and line where they are known."""
    found = []
    for line in message.splitlines():
        match, syntax = _PROBLEM.fullmatch(line), _SYNTAX.search(line)
        number = (match and match["line"]) or (syntax and syntax[1])
        found.append(
            {
                "place": match["place"] if match else None,
                "line": int(number) if number else None,
                "message": match["said"] if match else line,
            }
        )
    return found


def check_text(checked: Checked) -> str:
    """`ok: …`, and what is odd."""
    lines = [f"warning: {warning}" for warning in checked.warnings]
    alone = ", ".join(checked.alone) or "none: people decide every time"
    lines.append(
        f"ok: {checked.tiers} tiers, {checked.rules} rules and {checked.shipped_rules} more that workflows ship;"
        f" {len(checked.alone)} of {checked.actions} actions may run alone ({alone})"
    )
    return "\n".join(lines)


def route_text(told: Json) -> str:
    """A route and all that it rests on."""
    if told.get("proposes", "") is None:
        return f"{told['workflow']} proposes nothing for this input: {one_line(told['says'])}"
    return "\n".join(_lines(told))


def _lines(told: Json) -> Iterator[str]:
    yield one_line(told["question"])
    yield f"  {told['workflow']}.{told['action']['type']} under policy version {told['policy_version']}"
    where = f" ({told['channel']})" if told.get("channel") else ""
    people = "1 person" if told["approvals"] == 1 else f"{told['approvals']} different people"
    asked = "" if told["route"] == "auto" else f", tier {told['tier']}{where}, {people}"
    yield f"  → {told['route']}{asked}, {told['risk']} risk" + (
        f" ({', '.join(told['reasons'])})" if told["reasons"] else ""
    )
    yield from (f"    because {one_line(why)}" for why in told["route_why"])
    if told.get("tier_now", told["tier"]) != told["tier"]:
        yield f"    it went up to tier {told['tier_now']} since"
    if "agree" in told:
        yield from _agreement(told)
    if told.get("grounds"):
        yield from _grounds(told, told["grounds"])


def _agreement(told: Json) -> Iterator[str]:
    match told["agree"]:
        case None:
            yield "  nothing was routed here: it asks about an effect, or whether a run goes on"
        case True:
            yield f"  recomputed from its frozen facts under version {told['policy_version']}: the same"
        case _:
            yield f"  RECOMPUTED DIFFERENTLY under version {told['policy_version']}:"
            for name in told["differ"]:
                yield f"    {name}: recorded {told[name]!r}, recomputed {told['recomputed'][name]!r}"


def _grounds(told: Json, grounds: Json) -> Iterator[str]:
    yield from (f"  ! {one_line(flag)}" for flag in grounds["flags"])
    sure = "not known" if told["confidence"] is None else f"{told['confidence']:.2f}"
    signals = ", ".join(
        f"{row['signal']} {'not known' if row['value'] is None else format(row['value'], '.2f')} × {row['weight']:.2f}"
        for row in grounds["signals"]
    )
    yield f"  confidence {sure}: {signals or 'no signal applies'}"
    yield f"  autonomy {grounds['autonomy']}; {_threshold(grounds['threshold'])}"
    for rule in grounds["rules"]:
        yield from _rule(rule)
    for lift in grounds["lifts"]:
        what = f"amounts above {lift['above']}" if lift["above"] is not None else f"{lift['risk']} risk"
        yield f"  [{'x' if lift['lifts'] else ' '}] lift: {what} start at tier {lift['tier']}"
    for total in grounds["totals"]:
        yield (
            f"  total {total['total']}: {total['so_far']} in {total['hours']:g} h before it,"
            f" by {total['by']}; {grounds['at_stake'] or 'no amount'} at stake"
        )


def _rule(rule: Json) -> Iterator[str]:
    """`[x] rule …` with what it asks for; `[ ]` where it does not apply, and why not."""
    note = f" ({rule['note']})" if rule["note"] and rule["note"] != NOT_MET else ""
    yield f"  [{'x' if rule['matched'] else ' '}] rule {rule['rule']} ({rule['from']}): {_condition(rule)}{note}"
    yield f"      {_asks(rule)}; basis: {one_line(rule['basis'])}"


def _threshold(row: Json) -> str:
    which = [
        row["action"],
        f"impact {row['impact']}" if row["impact"] else "",
        f"up to {row['up_to']}" if row["up_to"] else "",
    ]
    alone = "never alone" if row["auto"] is None else f"alone from {row['auto']:.2f}"
    sample = f", {row['sample']:.0%} looked at afterwards" if row["sample"] else ""
    below = f", below {row['review']:.2f} {row['below']}" if row["review"] else ""
    return f"threshold {' '.join(filter(None, which))}: {alone}{below}{sample}, tier {row['tier']}"


def _condition(rule: Json) -> str:
    parts = [
        rule["when"] or "",
        "" if rule["confidence_below"] is None else f"confidence below {rule['confidence_below']:g}",
    ]
    return " and ".join(filter(None, parts)) or "always"


def _asks(rule: Json) -> str:
    parts = [
        rule["then"],
        *(f"{name} {rule[name]}" for name in ("tier", "approvals", "risk") if rule[name] is not None),
    ]
    return ", ".join(parts)
