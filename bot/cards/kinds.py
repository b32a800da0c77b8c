"""The words of each kind of request: what its two buttons say, and how its answer is told."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from graph.law.request import Kind, Request, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """`decided` starts the line of a decided card, `already` finishes "Already … by Bob"."""

    yes: str
    no: str
    decided: Mapping[Status, str] = field(default_factory=dict)
    already: Mapping[Status, str] = field(default_factory=dict)


_DECIDED: Final = {
    Status.APPROVED: "✅ Approved by",
    Status.MODIFIED: "✏️ Modified by",
    Status.REJECTED: "⛔ Rejected by",
    Status.HANDLED: "🙋 Taken over by",
    Status.EXPIRED: "⌛ Expired, nobody decided in time",
    Status.CANCELLED: "↩️ Withdrawn by",
}
_ALREADY: Final = {
    Status.APPROVED: "approved",
    Status.MODIFIED: "modified",
    Status.REJECTED: "rejected",
    Status.HANDLED: "taken over",
    Status.EXPIRED: "expired",
    Status.CANCELLED: "withdrawn",
}
_ANSWERED: Final = {Status.APPROVED: "answered", Status.REJECTED: "answered"}
_WORDS: Final = {
    Kind.ACTION: Wording(yes="Approve", no="Reject…"),
    Kind.RECONCILE: Wording(
        yes="It happened",
        no="It did not happen…",
        decided={Status.APPROVED: "✅ It happened, says", Status.REJECTED: "⛔ It did not happen, says"},
        already=_ANSWERED,
    ),
    Kind.CHECKPOINT: Wording(
        yes="Go on",
        no="Stop…",
        decided={
            Status.APPROVED: "✅ Goes on, says",
            Status.REJECTED: "⛔ Stopped by",
            Status.EXPIRED: "⌛ Stopped, nobody decided in time",
        },
        already={Status.APPROVED: "let go on", Status.REJECTED: "stopped"},
    ),
    Kind.REVIEW: Wording(
        yes="It was right",
        no="Undo it…",
        decided={
            Status.APPROVED: "✅ Kept, it was right, says",
            Status.REJECTED: "⛔ It was wrong, says",
            Status.EXPIRED: "⌛ Kept, nobody looked at it in time",
        },
        already=_ANSWERED,
    ),
}


def decided_by(kind: Kind, status: Status) -> str:
    """`✅ Approved by`, as the line of a decided card begins."""
    return (_DECIDED | dict(_WORDS[kind].decided)).get(status, f"{status.capitalize()} by")


def wording(request: Request) -> Wording:
    """The words for this request, every status included."""
    words = _WORDS[request.kind]
    no = "It was wrong…" if request.kind is Kind.REVIEW and not request.reversible else words.no
    return replace(words, no=no, decided=_DECIDED | dict(words.decided), already=_ALREADY | dict(words.already))
