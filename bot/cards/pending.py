"""The card that waits: the decision, what is unusual, the agent's reason, the time left, the buttons; then the rest.

What stands before the buttons is read in ten seconds: `WORDS` and the line with the deadline.
"""

import re
from datetime import timedelta
from typing import Final

from bot.cards import arguments, flags, kit, law, times
from bot.cards.brake import stopped_line
from bot.cards.buttons import actions, handed_over
from bot.cards.context import after, small_print, standing
from bot.cards.talk import talk_blocks
from bot.cards.view import CardView
from bot.words import Json, clip, flowing, line, plain, run
from graph.law.request import Kind, Outcome, Request

WORDS: Final = 45
"""For the question, the flags, the agent's reason and the cost of delay together, their labels included."""
LEAST_WHY: Final = 8
"""So many words of the agent's reason are shown however long the rest is."""
SAYS: Final = "Agent says:"
DELAY: Final = "Delay:"
MAX_WHY: Final = 200
MAX_DELAY: Final = 10
"""In words; Details has the rest."""
_SENTENCE: Final = re.compile(r".*[.!?](?= )", re.DOTALL)
_LEADS: Final = {
    Kind.RECONCILE: "Look where it would have happened, then answer.",
    Kind.CHECKPOINT: "Stopping undoes what can be undone.",
    Kind.REVIEW: "It ran alone and stands unless you say otherwise.",
}
_HANDED_OVER: Final = "The agent is too unsure to go on: take over, or approve it against its doubts."
_GONE: Final = "It ran alone and was undone meanwhile."


def pending_blocks(view: CardView) -> list[Json]:
    """The whole card of a pending request; of one that went up, only where it went."""
    request = view.request
    headline = kit.headline(arguments.headline(request)[0], "decision", request)
    if view.went_to:
        moved = kit.context(plain(moved_up(view), 300)) | {"block_id": kit.block_id("moved", request)}
        return [headline, moved]
    blocks = [headline]
    if view.stop:
        stopped = kit.context(plain(stopped_line(view), 400)) | {"block_id": kit.block_id("stopped", request)}
        blocks.append(stopped)
    telling, others = _arguments(request)
    delay = [kit.labelled(DELAY, waits)] if (waits := cost_of_delay(view)) else []
    early = delay if delay_first(view) else []
    for part, lines in (("facts", [*flags.flag_lines(request), *telling]), ("why", [*_why(view), *early])):
        if lines:
            blocks.append(kit.rich(*lines) | {"block_id": kit.block_id(part, request)})
    blocks.append(kit.context(*standing(view)) | {"block_id": kit.block_id("time", request)})
    blocks += talk_blocks(view)
    if view.open():
        blocks += actions(view)
    if rest := [*_then(view), *(delay if not early else []), *others]:
        blocks.append(kit.rich(*rest) | {"block_id": kit.block_id("rest", request)})
    if notes := small_print(view):
        blocks.append(kit.context(*notes) | {"block_id": kit.block_id("notes", request)})
    return blocks


def moved_up(view: CardView) -> str:
    """`⬆️ Went up to tier 2 (#approvals-tier-2) at 14:15 UTC: nobody of tier 1 decided in time.`"""
    request = view.request
    at = f"{request.since:%H:%M} UTC"
    why = f": {flowing(request.moved_why)}" if request.moved_why else ""
    return f"⬆️ Went up to tier {request.tier} ({view.went_to}) at {at}{why}. The buttons are there."


def why(view: CardView) -> tuple[str, int]:
    """The agent's reason as the card shows it, and how many characters it leaves out."""
    delay = f"{DELAY} {cost_of_delay(view)}" if delay_first(view) else ""
    room = _room(view) - counted_words(delay)
    return _first_words(flowing(view.request.brief.rationale), max(LEAST_WHY, room))


def delay_first(view: CardView) -> bool:
    """Whether what waiting costs finds room before the buttons."""
    waits = cost_of_delay(view)
    return bool(waits) and _room(view) - counted_words(f"{DELAY} {waits}") >= LEAST_WHY


def _room(view: CardView) -> int:
    """How many words are left when the question and the flags have been said."""
    said = [arguments.headline(view.request)[0], *(flag.spoken() for flag in flags.flags(view.request))]
    return WORDS - sum(map(counted_words, [*said, lead(view), SAYS]))


def counted_words(text: str) -> int:
    """How many words a reader has to read: what holds a letter or a digit."""
    return sum(any(map(str.isalnum, word)) for word in text.split())


def _first_words(text: str, most: int) -> tuple[str, int]:
    """The first words of a text, whole sentences where one fits, and how many characters are left out."""
    words = text.split(" ")
    kept = text if len(words) <= most else " ".join(words[:most])
    if len(kept) < len(text) and (end := _SENTENCE.match(kept)):
        kept = end.group()
    shown, hidden = clip(kept, MAX_WHY)
    left_out = len(text) - len(kept) + hidden
    return (f"{shown} …", left_out) if len(kept) < len(text) else (shown, left_out)


def _arguments(request: Request) -> tuple[list[Json], list[Json]]:
    """The arguments that the question does not name: those that say how much, to whom or where, and the others."""
    rows = arguments.rows(request)
    telling = [part for row in rows if row.telling for part in kit.argument(row.label, row.text)]
    others = [part for row in rows if not row.telling for part in kit.argument(row.label, row.text)]
    rest = arguments.hidden_names(request)
    return [*telling, *([line(run(rest, bold=True))] if rest else [])], others


def _then(view: CardView) -> list[Json]:
    """What happens on Approve, and the rule that wants a person here."""
    label, words = after(view)
    rule = law.leading(view.request)
    return [
        *([kit.labelled(f"{label}:", words, limit=300)] if words else []),
        *([kit.labelled(f"Rule {rule.rule}:", flowing(rule.basis), limit=300)] if rule else []),
    ]


def lead(view: CardView) -> str:
    """What stands before anything the agent says; nothing on an ordinary card."""
    if handed_over(view.request):
        return _HANDED_OVER
    undone = view.effect is not None and view.effect.status is Outcome.COMPENSATED
    return _GONE if view.request.kind is Kind.REVIEW and undone else _LEADS.get(view.request.kind, "")


def _why(view: CardView) -> list[Json]:
    request = view.request
    first = [line(run(lead(view)))] if lead(view) else []
    text, _ = why(view)
    if request.kind in (Kind.RECONCILE, Kind.CHECKPOINT):
        return [*first, *([kit.labelled("Known:", text)] if text else [])]
    return [*first, kit.labelled(SAYS, text or "(no reason given)")]


def cost_of_delay(view: CardView) -> str:
    """What waiting costs, as the agent says, and how long an answer usually takes: `usual answer 3 min`."""
    request = view.request
    if request.kind in (Kind.RECONCILE, Kind.CHECKPOINT):
        return ""
    said = "" if request.kind is Kind.REVIEW else _first_words(flowing(request.brief.cost_of_delay), MAX_DELAY)[0]
    usual = f"usual answer {times.span(timedelta(seconds=view.usual_seconds))}" if view.usual_seconds else ""
    # Ours first: whatever the agent writes can't pose as the rest of it.
    return " · ".join(text for text in (usual, f"agent says “{said}”" if said else "") if text)
