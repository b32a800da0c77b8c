"""The small print of a pending card: how risky, how sure, until when; how it came here, what Approve means."""

from datetime import timedelta
from typing import Final

from bot.cards import kit, law, times
from bot.cards.kinds import wording
from bot.cards.view import CardView
from bot.words import Json, clip, flowing, plain
from graph.law.request import Kind, Request

MAX_DEPUTIES: Final = 2


def standing(view: CardView) -> list[Json]:
    """The line before the buttons: how risky, how sure, who else has to agree, until when."""
    request = view.request
    stakes = ", ".join(text for text in (law.risky(request), "can't be undone" if lasting(request) else "") if text)
    rest = _dots(approvals(view), sure(request))
    return [
        *([kit.mrkdwn(f"*{capital(stakes)}*")] if stakes else []),
        *([plain(capital(rest), 200)] if rest else []),
        kit.mrkdwn(deadline(view)),
    ]


def small_print(view: CardView) -> list[Json]:
    """Below the buttons: for whom, how it came here, and what happens if nobody answers; at most two elements."""
    request = view.request
    history = _dots(
        requester(view), _tier(view), raised(request), changed(view), deputies(view), flowing(view.run_note)
    )
    return [plain(capital(text), 300) for text in (history, unanswered(view)) if text]


def unanswered(view: CardView) -> str:
    """`If nobody answers: tier 2 is asked`."""
    return f"If nobody answers: {view.afterwards}" if view.afterwards and view.open() else ""


def sure(request: Request) -> str:
    """How sure Gatepost is, of what it is sure about: a question to people has no confidence."""
    return "" if request.kind in (Kind.RECONCILE, Kind.CHECKPOINT) else law.sure(request)


def requester(view: CardView) -> str:
    return f"requested by {view.name(view.request.requester)}" if view.request.requester else ""


def approvals(view: CardView) -> str:
    """`2 people have to approve`, `1 of 2 approvals (Alice)`, or nothing where one person suffices."""
    needed = view.request.approvals_required
    if needed <= 1:
        return ""
    if not view.votes:
        return f"{needed} people have to approve"
    by = ", ".join(view.name(user) for user, _ in view.votes[:5])
    return f"{len(view.votes)} of {needed} approvals ({by})"


def raised(request: Request) -> str:
    """`from tier 1: nobody of tier 1 decided in time`, where it went up."""
    if not request.moved_why or request.first_tier is None or request.first_tier >= request.tier:
        return ""
    return f"from tier {request.first_tier}: {clip(flowing(request.moved_why), 120)[0]}"


def deputies(view: CardView) -> str:
    """`Bob stands in for Alice until 30 Nov`."""
    shown = [
        f"{view.name(one.deputy_id)} stands in for {view.name(one.user_id)} until {one.ends_at.day} {one.ends_at:%b}"
        for one in view.standing_in
        if one.deputy_id
    ]
    more = f" and {len(shown) - MAX_DEPUTIES} more" if len(shown) > MAX_DEPUTIES else ""
    return ", ".join(shown[:MAX_DEPUTIES]) + more


def changed(view: CardView) -> str:
    """`changed by Alice; needs tier 2`, where this came out of an edit."""
    request = view.request
    if request.kind is not Kind.ACTION or not request.revision:
        return ""
    who = view.name(view.changed_by) if view.changed_by else "a person"
    return f"changed by {who}" + (f"; needs tier {request.tier}" if _went_up(view) else "")


def lasting(request: Request) -> bool:
    """Whether what it is about can't be undone; what only asks people has nothing to undo."""
    return request.kind in (Kind.ACTION, Kind.REVIEW) and not request.reversible


def after(view: CardView) -> tuple[str, str]:
    """`On Approve` and what it sets off, or two empty texts; a review approves nothing that is still to come."""
    request = view.request
    words = flowing(request.form.after_approve)
    if not words or request.kind is Kind.REVIEW:
        return "", ""
    needed, missing = request.approvals_required, request.approvals_required - len(view.votes)
    yes = wording(request).yes
    if needed > 1 and missing > 1:
        return f"When {needed} people have approved", words
    who = ", the last one" if needed > 1 else " (you decide alone)" if request.risk.needs_reason else ""
    return f"On {yes if request.kind is Kind.ACTION else f'“{yes}”'}{who}", words


def deadline(view: CardView) -> str:
    """mrkdwn: the absolute time, what is left of it, and the urgency word."""
    if not view.open():
        return "*Expired*: no decision counts any more"
    due, request = view.due_at(), view.request
    if view.stop:
        return f"Its clock stands still · *{standing_still(view)}*"
    if request.since > view.now:
        return f"Time starts {times.local(request.since)}: nobody is on duty until then · due {times.local(due)}"
    urgent = f" · urgency {view.urgency()}" if view.urgency() != "low" else ""
    return f"Due {times.local(due)} · {times.left_here(due, view.clock())}{urgent}"


def standing_still(view: CardView) -> str:
    """What is left on a clock that a stop keeps from running: `12 min left when it goes on`."""
    left = view.due_at() - max(view.clock(), view.request.since)
    overdue = left <= timedelta(0)
    return f"overdue by {times.span(-left)}" if overdue else f"{times.span(left)} left when it goes on"


def capital(text: str) -> str:
    """Begun with a capital."""
    return text[:1].upper() + text[1:]


def _tier(view: CardView) -> str:
    request = view.request
    shown = request.tier > 1 or request.approvals_required > 1
    return f"tier {request.tier}" if shown and not _went_up(view) else ""


def _went_up(view: CardView) -> bool:
    return view.before is not None and view.request.tier > view.before.tier


def _dots(*notes: str) -> str:
    return " · ".join(note for note in notes if note)
