"""Short messages beside the card: to the requester, and to who clicked too late or may not."""

from datetime import UTC, datetime
from typing import Final

from bot.cards import arguments, kit, times
from bot.cards.decided import told
from bot.cards.kinds import wording
from bot.cards.speech import spoken
from bot.cards.view import Card, CardView
from bot.words import Json, clip, flowing, line, run
from graph.law.request import Kind, Request, Status

MAX_LINE: Final = 600

_ABOUT: Final = {
    Kind.ACTION: "Your request",
    Kind.RECONCILE: "About your request",
    Kind.CHECKPOINT: "Your run",
    Kind.REVIEW: "Looked at afterwards",
}


def outcome(view: CardView) -> Card:
    """To the requester: what became of what they asked for."""
    question = clip(arguments.headline(view.request)[0], MAX_LINE)[0]
    about = _ABOUT[view.request.kind]
    return _card(f"{about}: {question}", told(view), link=kit.link("Open the new request", view.followup_url))


def already(view: CardView) -> str:
    """What happened instead, in one sentence."""
    status, decision = view.request.status, view.decision
    if status is Status.PENDING:
        return "Your answer was not counted. Please look at the current card."
    words = wording(view.request).already[status]
    who = f" by {view.decider()}" if decision and status is not Status.EXPIRED else ""
    return f"Already {words}{who}{_at(decision.at, view.now) if decision else ''}. Nothing was changed by your click."


def withdrawn(request: Request) -> Card:
    """To the requester: it was taken back."""
    question = clip(arguments.headline(request)[0], MAX_LINE)[0]
    return _card(f"Withdrawn: {question}", "Nobody is asked any more, and what was done for it so far is undone.")


def refused(reason: str) -> Card:
    """To who may not, or can't now: the refusal's own sentence."""
    return _card(reason.strip() or "That was not possible.")


def _card(*said: str, link: str | None = None) -> Card:
    """Lines as literal text; the first one is bold."""
    lines = [clip(flowing(text), MAX_LINE)[0] for text in said if text]
    shown = [line(run(text, bold=index == 0)) for index, text in enumerate(lines)]
    blocks: list[Json] = [kit.rich(*shown)]
    if link:
        blocks.append(kit.context(kit.mrkdwn(link)))
    return Card(spoken(" ".join(lines)), blocks)


def _at(at: datetime, now: datetime) -> str:
    """`at 14:03 UTC`, with the day when it was another one."""
    at, now = at.astimezone(UTC), now.astimezone(UTC)
    return f" at {at:%H:%M} UTC" if at.date() == now.date() else f" on {times.utc(at)}"
