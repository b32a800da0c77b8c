"""All Slack ids in one place, and the codec of what a button or a modal carries: a key, never facts."""

import re
from dataclasses import dataclass
from typing import Final

from graph.law.request import Request

APPROVE: Final = "gatepost.approve"
APPROVE_FORM: Final = "gatepost.approve.form"
"""Opens the form that asks for the reason, where approving needs one."""
EDIT: Final = "gatepost.edit"
REJECT: Final = "gatepost.reject"
RESPOND: Final = "gatepost.respond"
"""Take over; on cards of what the agent hands over, else a choice in the overflow menu."""
MORE: Final = "gatepost.more"
INSTEAD: Final = "gatepost.instead"
"""Chooses another of the agent's ideas, in one step where its option says all of it."""
ANSWER: Final = "gatepost.answer"
"""Answers a question; it stands in a message to the requester."""
STOP: Final = "gatepost.stop"
LIFT: Final = "gatepost.lift"
READ: Final = "gatepost.read"
"""Opens Details: on cards that could not show everything, in queues and on the Home tab."""
HAND: Final = "gatepost.hand"
"""Hands it on from Details, where the card's menu has no room for that."""
TURNS: Final = "gatepost.turns"
"""Turns the pages of a conversation in Details; what follows says which way."""

QUEUE_NEXT: Final = "gatepost.queue.next"
QUEUE_PREVIOUS: Final = "gatepost.queue.previous"
INCIDENT: Final = "gatepost.incident"
"""The message shortcut that reports an incident."""
INCIDENT_NAME: Final = "Report an incident"

REVOKE_GRANT: Final = "gatepost.grant.revoke"
"""Takes back what was allowed for the rest of a run; it stands on the card with which it was given."""

BATCH_APPROVE: Final = "gatepost.batch.approve"
BATCH_BUT: Final = "gatepost.batch.but"
BATCH_REJECT: Final = "gatepost.batch.reject"
BATCH_SINGLY: Final = "gatepost.batch.singly"
BATCH_DETAILS: Final = "gatepost.batch.details"
BATCH_BUT_SUBMIT: Final = "gatepost.batch.but.submit"
BATCH_REJECT_SUBMIT: Final = "gatepost.batch.reject.submit"

APPROVE_SUBMIT: Final = "gatepost.approve.submit"
GRANT_SUBMIT: Final = "gatepost.grant.submit"
EDIT_SUBMIT: Final = "gatepost.edit.submit"
REJECT_SUBMIT: Final = "gatepost.reject.submit"
RESPOND_SUBMIT: Final = "gatepost.respond.submit"
ASK_SUBMIT: Final = "gatepost.ask.submit"
HAND_SUBMIT: Final = "gatepost.hand.submit"
ANSWER_SUBMIT: Final = "gatepost.answer.submit"
INCIDENT_SUBMIT: Final = "gatepost.incident.submit"
STOP_SUBMIT: Final = "gatepost.stop.submit"
LIFT_SUBMIT: Final = "gatepost.lift.submit"
DETAILS: Final = "gatepost.details"
"""Details; as a submission it is an approval by somebody who had the full text before them."""

COMMAND: Final = "/approvals"
CARD_EVENT: Final = "gatepost_card"
NOTICE_EVENT: Final = "gatepost_notice"

CHOICE_DETAILS: Final = "details"
CHOICE_RESPOND: Final = "respond"
CHOICE_CLAIM: Final = "claim"
CHOICE_RELEASE: Final = "release"
CHOICE_ASK: Final = "ask"
CHOICE_HAND: Final = "hand"
CHOICE_GRANT: Final = "grant"
CHOICES: Final = (
    CHOICE_DETAILS,
    CHOICE_RESPOND,
    CHOICE_CLAIM,
    CHOICE_RELEASE,
    CHOICE_ASK,
    CHOICE_HAND,
    CHOICE_GRANT,
)

INSTEAD_NONE: Final = -1
"""In the menu of alternatives: none of them, and not what was asked either."""

DIGEST_DIGITS: Final = 16
MAX_REF: Final = 100
MAX_CHOICE: Final = 150
MAX_ORIGIN: Final = 250

_REF_PATTERN: Final = r"(req_[0-9a-z]{1,40})\.(0|[1-9][0-9]{0,8})\.([0-9a-f]{16})"
_REF: Final = re.compile(_REF_PATTERN, re.ASCII)
_ORIGIN: Final = re.compile(r"([^|]{1,100})(?:\|([A-Za-z0-9_-]{1,64})\|([0-9.]{1,32}))?", re.ASCII)
_CHOICE: Final = re.compile(rf"({'|'.join(CHOICES)})\|([^|]{{1,100}})", re.ASCII)
_INSTEAD: Final = re.compile(r"(none|[0-9]{1,2})\|([^|]{1,100})", re.ASCII)
_PAGE: Final = re.compile(r"(0|[1-9][0-9]{0,5})\|([^|]{1,100})", re.ASCII)
_LEAF: Final = re.compile(r"([A-Za-z0-9_. -]{0,160})\|([<>])(-?[0-9]{1,17})\|(req_[0-9a-z]{1,40})", re.ASCII)
_QUESTION: Final = re.compile(r"qst_[0-9a-f]{20}", re.ASCII)
_GRANT: Final = re.compile(r"gra_[0-9a-f]{20}", re.ASCII)


_BATCH: Final = re.compile(r"(bat_[0-9a-f]{16})\.([1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,3})\.([0-9a-f]{16})", re.ASCII)
_BATCH_ORIGIN: Final = re.compile(r"([^|]{1,100})\|([A-Za-z0-9_-]{1,64})\|([0-9.]{1,32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class BatchRef:
    """Which batch, its items up to which number, how many of them waited, and the first 16 digits of the digest over
    all of them.
    """

    batch_id: str
    upto: int
    waiting: int
    digest: str


@dataclass(frozen=True, slots=True)
class Ref:
    """Which request, as which version, with which action (the first 16 digits of its digest)."""

    request_id: str
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a modal was opened: on which request and on which card (None when on no card)."""

    ref: Ref
    channel: str | None = None
    ts: str | None = None


@dataclass(frozen=True, slots=True)
class Leaf:
    """Another page of the queue: what was asked for, in words, and the request behind (`back`: before) which it is,
    with the microsecond of 1970 when that is due.
    """

    words: str
    due: int
    request_id: str
    back: bool = False


def ref_of(request: Request) -> Ref:
    """What a button on this request's card carries."""
    return Ref(request.id, request.version, request.digest[:DIGEST_DIGITS])


def encode(ref: Ref) -> str:
    """`req_ab12….3.0123456789abcdef`; raises ValueError when `decode` would not give the same back."""
    return _checked(f"{ref.request_id}.{ref.version}.{ref.digest}", _REF)


def decode(value: object) -> Ref | None:
    """The reference in a button's value, or None for anything else."""
    match = _match(_REF, value, MAX_REF)
    return Ref(match.group(1), int(match.group(2)), match.group(3)) if match else None


def encode_origin(origin: Origin) -> str:
    """The private_metadata of a modal."""
    ref = encode(origin.ref)
    if origin.channel is None or origin.ts is None:
        return ref
    return _checked(f"{ref}|{origin.channel}|{origin.ts}", _ORIGIN)


def decode_origin(value: object) -> Origin | None:
    """Where the modal with this private_metadata was opened, or None for anything else."""
    match = _match(_ORIGIN, value, MAX_ORIGIN)
    ref = decode(match.group(1)) if match else None
    return Origin(ref, match.group(2), match.group(3)) if match and ref else None


def encode_choice(choice: str, ref: Ref) -> str:
    """The value of an option in the overflow menu."""
    return _checked(f"{choice}|{encode(ref)}", _CHOICE)


def decode_choice(value: object) -> tuple[str, Ref] | None:
    """What was chosen in the overflow menu and on which request, or None for anything else."""
    match = _match(_CHOICE, value, MAX_CHOICE)
    ref = decode(match.group(2)) if match else None
    return (match.group(1), ref) if match and ref else None


def encode_instead(index: int, ref: Ref) -> str:
    """The value of an option in the menu of alternatives: its place, or `INSTEAD_NONE`."""
    return _checked(f"{'none' if index == INSTEAD_NONE else index}|{encode(ref)}", _INSTEAD)


def decode_instead(value: object) -> tuple[int, Ref] | None:
    """The place of the alternative that was chosen (`INSTEAD_NONE`: none of them), or None for anything else."""
    match = _match(_INSTEAD, value, MAX_CHOICE)
    ref = decode(match.group(2)) if match else None
    if match is None or ref is None:
        return None
    return INSTEAD_NONE if match.group(1) == "none" else int(match.group(1)), ref


def encode_page(page: int, ref: Ref) -> str:
    """The value of a button that leads to this page of a conversation."""
    return _checked(f"{page}|{encode(ref)}", _PAGE)


def decode_page(value: object) -> tuple[int, Ref] | None:
    """Which page is wanted and of which request, or None for anything else."""
    match = _match(_PAGE, value, MAX_CHOICE)
    ref = decode(match.group(2)) if match else None
    return (int(match.group(1)), ref) if match and ref else None


def encode_question(question_id: str) -> str:
    """What the button that answers a question carries, and the private_metadata of the form it opens."""
    return _checked(question_id, _QUESTION)


def decode_question(value: object) -> str | None:
    """The question's id, or None for anything else."""
    match = _match(_QUESTION, value, MAX_REF)
    return match.group() if match else None


def encode_leaf(leaf: Leaf) -> str:
    """What the buttons under a page of the queue carry."""
    return _checked(f"{leaf.words}|{'<' if leaf.back else '>'}{leaf.due}|{leaf.request_id}", _LEAF)


def decode_leaf(value: object) -> Leaf | None:
    """Which page of the queue is wanted, or None for anything else."""
    match = _match(_LEAF, value, MAX_ORIGIN)
    return Leaf(match[1], int(match[3]), match[4], back=match[2] == "<") if match else None


def encode_grant(grant_id: str) -> str:
    """What the button carries that takes back what was allowed for the rest of a run."""
    return _checked(grant_id, _GRANT)


def decode_grant(value: object) -> str | None:
    """The grant's id, or None for anything else."""
    match = _match(_GRANT, value, MAX_REF)
    return match.group() if match else None


def encode_batch(ref: BatchRef) -> str:
    """What the buttons of a batch's card carry."""
    return _checked(f"{ref.batch_id}.{ref.upto}.{ref.waiting}.{ref.digest}", _BATCH)


def decode_batch(value: object) -> BatchRef | None:
    """The batch as the card showed it, or None for anything else."""
    match = _match(_BATCH, value, MAX_REF)
    return BatchRef(match[1], int(match[2]), int(match[3]), match[4]) if match else None


def encode_batch_origin(ref: BatchRef, channel: str, ts: str) -> str:
    """The private_metadata of a form about a batch: it is opened from its card only."""
    return _checked(f"{encode_batch(ref)}|{channel}|{ts}", _BATCH_ORIGIN)


def decode_batch_origin(value: object) -> tuple[BatchRef, tuple[str, str]] | None:
    """Which batch a form is about and on which message it was opened, or None for anything else."""
    match = _match(_BATCH_ORIGIN, value, MAX_ORIGIN)
    ref = decode_batch(match[1]) if match else None
    return (ref, (match[2], match[3])) if match and ref else None


def _match(pattern: re.Pattern[str], value: object, most: int) -> re.Match[str] | None:
    return pattern.fullmatch(value) if isinstance(value, str) and len(value) <= most else None


def _checked(text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"can't be carried by a button or modal: {text[:120]!r}")
    return text
