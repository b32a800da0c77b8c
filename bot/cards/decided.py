"""The one line of a decided card: who, what, when, why, and what came of it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.cards import arguments, kit, times
from bot.cards.granting import grant_blocks, grant_spoken
from bot.cards.kinds import wording
from bot.cards.view import CardView
from bot.words import Json, clip, flowing, plain
from graph.law.masking import shown_value
from graph.law.request import Effect, Kind, Outcome, Status

MAX_REASON: Final = 300
MAX_OUTCOME: Final = 200
MAX_FIELD: Final = 40
_MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T")
"""The line says when by itself."""

OUTCOMES: Final = {
    Outcome.INTENT: "Being done now",
    Outcome.DONE: "Done",
    Outcome.FAILED: "Failed, nothing happened",
    Outcome.UNKNOWN: "Not known whether it happened; asked separately",
    Outcome.COMPENSATED: "Done, later undone",
}
_UNDOING: Final = {
    Outcome.INTENT: "Being undone now",
    Outcome.FAILED: "The undo failed, operators were told",
    Outcome.UNKNOWN: "Not known whether it was undone, operators were told",
}
_REPORTED: Final = "⚠️ Reported as wrong by"
_STOPPED: Final = "What it did so far is undone where it can be"

_NOT_DONE: Final = {
    "done": "Not done",
    "rolled_back": "Not done, the run was rolled back",
    "failed": "Not done, the run failed",
    "quarantined": "Not done",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the line: our own words (`lead`, bold), then data or a time."""

    lead: str = ""
    text: str = ""
    at: datetime | None = None

    def spoken(self) -> str:
        said = times.utc(self.at) if self.at else self.text
        return " ".join(word for word in (self.lead, said) if word)

    def elements(self) -> list[Json]:
        lead = [kit.mrkdwn(f"*{self.lead}*")] if self.lead else []
        data = [kit.mrkdwn(times.local(self.at))] if self.at else [plain(self.text, 600)] if self.text else []
        return lead + data


def decided_blocks(view: CardView) -> list[Json]:
    """The question and its line; no buttons."""
    request = view.request
    line = kit.context(*(element for part in parts(view) for element in part.elements()))
    blocks = [
        kit.headline(arguments.headline(request)[0], "decision", request),
        line | {"block_id": kit.block_id("outcome", request)},
    ]
    if view.incident:
        said = kit.context(kit.mrkdwn(f"*{_REPORTED}*"), plain(_reported(view), 600))
        blocks.append(said | {"block_id": kit.block_id("incident", request)})
    link = kit.link("Open the new request", view.followup_url) if view.followup else None
    if link:
        blocks.append(kit.context(kit.mrkdwn(link)) | {"block_id": kit.block_id("next", request)})
    return [*blocks, *grant_blocks(view)]


def told(view: CardView) -> str:
    """The line as a sentence, and what was allowed besides."""
    line = ", ".join(part.spoken() for part in parts(view)).rstrip(".") + "."
    incident = f"{_REPORTED} {_reported(view)}." if view.incident else ""
    return " ".join(text for text in (line, incident, grant_spoken(view)) if text)


def parts(view: CardView) -> list[Part]:
    """Who, what, when, why, outcome: at most ten elements."""
    found = [*_who(view), *_when(view), *_why(view), *_outcome(view)]
    if view.run_note.strip():
        found.append(Part(text=_short(view.run_note, MAX_OUTCOME)))
    return found


def _reported(view: CardView) -> str:
    """`Bob: “the customer had been refunded already”`."""
    if view.incident is None:
        return ""
    return f"{view.name(view.incident.reported_by)}: “{_short(view.incident.what, MAX_REASON)}”"


def _who(view: CardView) -> list[Part]:
    status = view.request.status
    words = wording(view.request).decided
    if status is Status.PENDING:
        return [Part("Waiting for a person")]
    if status is Status.EXPIRED:
        return [Part(words[status])]
    if view.decision is None:
        sign = words[status].partition(" ")[0]
        return [Part(f"{sign} {status.capitalize()}")]
    return [Part(words[status], view.decider())]


def _when(view: CardView) -> list[Part]:
    at = view.decision.at if view.decision else view.request.decided_at
    return [Part(at=at)] if at else []


def _why(view: CardView) -> list[Part]:
    reason = view.decision.reason.strip() if view.decision else ""
    return [Part(text=f"“{_short(reason, MAX_REASON)}”")] if reason else []


def _outcome(view: CardView) -> list[Part]:
    status = view.request.status
    match view.request.kind:
        case Kind.REVIEW:
            return [Part(text) for text in (_reviewed(view),) if text]
        case Kind.CHECKPOINT:
            return [Part(_STOPPED)] if status in (Status.REJECTED, Status.EXPIRED, Status.CANCELLED) else []
        case Kind.ACTION if status is Status.CANCELLED:
            return [Part(_STOPPED)]
        case Kind.ACTION if status is Status.MODIFIED:
            return _followup(view)
        case Kind.ACTION if status is Status.APPROVED:
            return _effect(view)
    return []


def _reviewed(view: CardView) -> str:
    """What has become of the thing that people looked at."""
    wrong, undone = view.request.status is Status.REJECTED, view.effect and view.effect.status is Outcome.COMPENSATED
    if undone:
        return "Undone" if wrong else "Later undone"
    if not wrong:
        return ""
    if not view.request.reversible:
        return "It can't be undone, operators were told"
    return _UNDOING.get(view.undo.status, "") if view.undo else "Not undone yet"


def _effect(view: CardView) -> list[Part]:
    if view.effect is None:
        lead = _NOT_DONE.get(view.run_status, "" if view.run_note.strip() else "Not done yet")
        return [Part(lead)] if lead else []
    found = [Part(OUTCOMES[view.effect.status], outcome_detail(view.effect))]
    by = view.effect.reconciled_by
    return [*found, Part("says", view.name(by))] if by else found


def outcome_detail(effect: Effect) -> str:
    """What the receiver answered, in short: names and numbers; `gatepost show` has all of it."""
    if effect.error.strip():
        return _short(effect.error, MAX_OUTCOME)
    result = (effect.result or {}) if effect.status is Outcome.DONE else {}
    texts = {name: arguments.written(shown_value(value, name)) for name, value in result.items() if value is not None}
    telling = (f"{arguments.humanised(name)} {text}" for name, text in texts.items() if _telling(text, effect))
    return _short(", ".join(telling), MAX_OUTCOME)


def _telling(text: str, effect: Effect) -> bool:
    return len(text) <= MAX_FIELD and text != effect.action_type and not _MOMENT.match(text)


def _followup(view: CardView) -> list[Part]:
    new = view.followup
    if new is None:
        return []
    asked = arguments.headline(new)[0]
    if new.status is Status.APPROVED:
        return [Part("Instead", asked.rstrip("?")), *_effect(view)]
    return [Part("Now asks", asked if new.status is Status.PENDING else f"{asked} ({new.status})")]


def _short(text: str, limit: int) -> str:
    return clip(flowing(text), limit)[0]
