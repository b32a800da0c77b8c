"""Reports as text for a terminal. Text that isn't ours is made harmless first."""

from typing import Any, Final

from bot.cards.alternatives import LETTERS
from bot.words import visible

_LINE: Final = 60


def run_text(run: dict[str, Any]) -> str:
    """A run with its requests and effects."""
    lines = [
        f"{run['id']}  {run['workflow']}  {run['status']}" + (f"  {visible(run['outcome'])}" if run["outcome"] else "")
    ]
    for request in run["requests"]:
        lines.append(f"  {request['id']}  {request['status']:<9} {action_text(request['action'])}")
    for effect in run["effects"]:
        tail = f"  {visible(effect['error'])}" if effect["error"] else ""
        lines.append(f"  {effect['id']}  {effect['outcome']:<11} {effect['action']}{tail}")
    if run["last_error"]:
        lines.append(f"  last error: {visible(run['last_error'])}")
    return "\n".join(lines)


def workflows_text(offered: list[dict[str, Any]]) -> str:
    """Workflows and their demo cases."""
    lines = []
    for each in offered:
        lines.append(f"{each['workflow']:<14}{visible(each['title'])}")
        lines += [f"  --case {number}    {visible(title)}" for number, title in enumerate(each["cases"], 1)]
    return "\n".join(lines) or "GATEPOST_WORKFLOWS names no workflow."


def queue_text(rows: list[dict[str, Any]]) -> str:
    """What waits, due first first."""
    if not rows:
        return "Nothing waits for a decision."
    return "\n".join(
        f"{row['id']}  tier {row['tier']}  {row['urgency']:<8} {row['pending_seconds'] // 60:>4} min"
        f"  {row['digest'][:12]}  {action_text(row['action'])}"
        for row in rows
    )


def action_text(action: dict[str, Any]) -> str:
    """`refund_card amount=420.00 order=4711`, on one line."""
    return str(action["type"]) + "".join(f" {_short(key)}={_short(value)}" for key, value in action["args"].items())


def _short(value: object) -> str:
    line = " ".join(visible(str(value)).split())
    return line if len(line) <= _LINE else f"{line[:_LINE]}…"


def request_text(shown: dict[str, Any]) -> str:
    """One request, everything that matters for a decision."""
    lines = [
        visible(shown["question"]),
        f"  {shown['id']} of {shown['run_id']} · {shown['status']} · tier {shown['tier']} · {shown['urgency']}",
        f"  digest {shown['digest']}",
        *(f"  ! {visible(flag)}" for flag in shown["flags"]),
        f"  agent says: {visible(shown['rationale'])}" if shown["rationale"] else "  the agent gave no reason",
        *(f"  {visible(key)} = {visible(str(value))}" for key, value in shown["action"]["args"].items()),
        *(f"  why here: {visible(reason)}" for reason in shown["why"]),
        *(
            f"  {letter} instead: {visible(each['title'])}"
            for letter, each in zip(LETTERS, shown["alternatives"], strict=False)
        ),
        f"  expires {shown['expires_at']}",
    ]
    lines += _talk(shown)
    if shown["reviewers"]:
        lines.append("  reviewers now: " + ", ".join(shown["reviewers"]))
    if shown["decision"]:
        decided = shown["decision"]
        lines.append(f"  {decided['type']} by {decided['by']} at {decided['at']}: {visible(decided['reason'])}")
    lines += [f"  {effect['action']}: {effect['outcome']} {visible(effect['error'])}" for effect in shown["effects"]]
    return "\n".join(lines)


def _talk(shown: dict[str, Any]) -> list[str]:
    """Who has it, and what was asked and answered."""
    lines = []
    if shown["assigned_to"]:
        lines.append(f"  handed to {shown['assigned_to']} by {shown['assigned_by']}")
    if shown["claimed_by"]:
        lines.append(f"  {shown['claimed_by']} is looking at it until {shown['claimed_until']}")
    for each in shown["questions"]:
        lines.append(f"  {each['asked_by']} asked ({each['id']}): {visible(each['question'])}")
        if each["answered_by"]:
            lines.append(f"    {each['answered_by']}: {visible(each['answer'])}")
    return lines
