"""The top-level `text`: all that a screen reader gets, and the notification. Escaped; pings nobody."""

from typing import Final

from bot.cards import arguments, times
from bot.cards.arguments import counted
from bot.cards.decided import told
from bot.cards.flags import flags
from bot.cards.pending import UNDECIDED, approvable, approvals, can_edit, confidence, requester, why
from bot.cards.view import CardView
from bot.words import clip, escape, flowing
from graph.law.request import Kind, Request

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
    said = [_sentence(clip(arguments.headline(request)[0], 800)[0]), *_arguments(request), *_flags(request)]
    if request.kind is Kind.RECONCILE:
        said.append(UNDECIDED)
    else:
        said += [_sentence(f"Agent says: {why(request)[0] or '(no reason given)'}"), _delay(request)]
    return [*said, *_standing(view), _how(view)]


def _standing(view: CardView) -> list[str]:
    due = view.due_at()
    left = f"Due {times.utc(due)}: {times.left(due, view.now)}, urgency {view.urgency()}."
    sure = "" if view.request.kind is Kind.RECONCILE else confidence(view.request)
    votes = approvals(view)
    return [
        _sentence(", ".join(text for text in (sure, requester(view), f"tier {view.request.tier}") if text)),
        left if view.open() else "Expired: no decision counts any more.",
        f"{votes}." if votes else "",
        "Edited by a person." if view.request.revision else "",
        "" if view.request.reversible or view.request.kind is Kind.RECONCILE else "It can't be undone.",
        clip(flowing(view.run_note), 200)[0],
        clip(_after(view.request), 300)[0],
    ]


def _after(request: Request) -> str:
    after = flowing(request.form.after_approve)
    return _sentence(f"On approval: {after}") if after else ""


def _how(view: CardView) -> str:
    if not view.open():
        return ""
    if view.request.kind is Kind.RECONCILE:
        return "Answer with the buttons: It happened, It did not happen."
    first = "Approve" if approvable(view.request) else "Read in full"
    return f"Buttons: {first}, {'Modify, ' if can_edit(view.request) else ''}Reject, more."


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
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _delay(request: Request) -> str:
    text = clip(flowing(request.brief.cost_of_delay), 120)[0]
    return _sentence(f"Agent on delay: {text}") if text else ""


def _decided(view: CardView) -> list[str]:
    return [_sentence(clip(arguments.headline(view.request)[0], 800)[0]), told(view)]
