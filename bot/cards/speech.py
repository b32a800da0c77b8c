"""The top-level `text`: all that a screen reader gets, and the notification. Escaped; pings nobody."""

from typing import Final

from bot.cards import arguments, law, times
from bot.cards.arguments import counted
from bot.cards.brake import stopped_line
from bot.cards.buttons import can_modify, first_button, offered, option_words
from bot.cards.context import (
    after,
    approvals,
    capital,
    changed,
    deputies,
    lasting,
    raised,
    requester,
    standing_still,
    sure,
    unanswered,
)
from bot.cards.decided import told
from bot.cards.flags import flags
from bot.cards.kinds import wording
from bot.cards.pending import cost_of_delay, lead, moved_up, why
from bot.cards.talk import talk_spoken
from bot.cards.view import CardView
from bot.words import clip, escape, flowing
from graph.law.request import Kind, Request
from graph.verbs.answer import needs_reason

MAX_TEXT: Final = 2900


def speech(view: CardView) -> str:
    """The card in sentences, the decision first."""
    said = _pending(view) if view.request.status == "pending" else _decided(view)
    return spoken(" ".join(sentence for sentence in said if sentence))


def spoken(text: str) -> str:
    """Any text as a message's top-level text: escaped, never empty, never too long."""
    return escape(clip(text, MAX_TEXT)[0]) or "Gatepost"


def _pending(view: CardView) -> list[str]:
    request = view.request
    if view.went_to:
        return [_sentence(clip(arguments.headline(request)[0], 800)[0]), moved_up(view)]
    said = [_sentence(clip(arguments.headline(request)[0], 800)[0]), stopped_line(view)]
    said += [*_flags(request), *_arguments(request), lead(view)]
    if request.kind in (Kind.ACTION, Kind.REVIEW):
        said.append(_sentence(f"Agent says: {why(view)[0] or '(no reason given)'}"))
    if request.kind is Kind.ACTION:
        said.append(_sentence(f"Delay: {cost_of_delay(view)}") if cost_of_delay(view) else "")
    return [*said, *_standing(view), *map(_sentence, talk_spoken(view)), _how(view)]


def _standing(view: CardView) -> list[str]:
    due, request = view.due_at(), view.request
    left = f"Due {times.utc(due)}: {times.left(due, view.clock())}, urgency {view.urgency()}."
    if view.stop:
        left = f"Its clock stands still: {standing_still(view)}."
    elif request.since > view.now:
        left = f"Nobody is on duty: its time starts {times.utc(request.since)}, due {times.utc(due)}."
    who = (law.risky(request), sure(request), requester(view), f"tier {request.tier}")
    notes = (raised(request), deputies(view), changed(view), law.ruled(request), unanswered(view))
    return [
        _sentence(", ".join(text for text in who if text)),
        left if view.open() else "Expired: no decision counts any more.",
        f"{approvals(view)}." if approvals(view) else "",
        *(_sentence(text) for text in notes if text),
        "It can't be undone." if lasting(request) else "",
        clip(flowing(view.run_note), 200)[0],
        clip(_sentence(": ".join(after(view))), 300)[0] if any(after(view)) else "",
    ]


def _how(view: CardView) -> str:
    if not view.open():
        return ""
    request = view.request
    setting_off = [first_button(view), *(["Modify"] if can_modify(request) else [])] if view.approvable() else []
    others = [option_words(choice).rstrip("?") for choice in offered(view)]
    names = [*setting_off, wording(request).no, "more"]
    reason = " Approving needs a reason." if setting_off and needs_reason(request) else ""
    instead = f" Or instead: {'; '.join(others)}." if others else ""
    return f"Buttons: {', '.join(name.rstrip('…') for name in names)}.{clip(instead, 400)[0]}{reason}"


def _arguments(request: Request) -> list[str]:
    shown = [_sentence(f"{row.label}: {clip(flowing(row.text), 120)[0]}") for row in arguments.rows(request)]
    rest = arguments.hidden_names(request)
    return [*shown, f"{clip(rest, 300)[0]}." if rest else ""]


def _flags(request: Request) -> list[str]:
    found = flags(request)
    if not found:
        return []
    more = f" And {counted(len(found) - 5, 'more flag')}." if len(found) > 5 else ""
    return ["Unusual: " + "; ".join(flag.spoken() for flag in found[:5]) + "." + more]


def _sentence(text: str) -> str:
    """Begun with a capital and ended with a stop."""
    text = capital(text)
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _decided(view: CardView) -> list[str]:
    return [_sentence(clip(arguments.headline(view.request)[0], 800)[0]), told(view)]
