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
ANSWER: Final = "gatepost.answer"
"""Answers a question; it stands in a message to the requester."""
STOP: Final = "gatepost.stop"
LIFT: Final = "gatepost.lift"
READ: Final = "gatepost.read"
"""Opens Details: on cards that could not show everything, in queues and on the Home tab."""

APPROVE_SUBMIT: Final = "gatepost.approve.submit"
EDIT_SUBMIT: Final = "gatepost.edit.submit"
REJECT_SUBMIT: Final = "gatepost.reject.submit"
RESPOND_SUBMIT: Final = "gatepost.respond.submit"
ASK_SUBMIT: Final = "gatepost.ask.submit"
HAND_SUBMIT: Final = "gatepost.hand.submit"
ANSWER_SUBMIT: Final = "gatepost.answer.submit"
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
CHOICES: Final = (CHOICE_DETAILS, CHOICE_RESPOND, CHOICE_CLAIM, CHOICE_RELEASE, CHOICE_ASK, CHOICE_HAND)

DIGEST_DIGITS: Final = 16
MAX_REF: Final = 100
MAX_CHOICE: Final = 150
MAX_ORIGIN: Final = 250

_REF_PATTERN: Final = r"(req_[0-9a-z]{1,40})\.(0|[1-9][0-9]{0,8})\.([0-9a-f]{16})"
_REF: Final = re.compile(_REF_PATTERN, re.ASCII)
_ORIGIN: Final = re.compile(r"([^|]{1,100})(?:\|([A-Za-z0-9_-]{1,64})\|([0-9.]{1,32}))?", re.ASCII)
_CHOICE: Final = re.compile(rf"({'|'.join(CHOICES)})\|([^|]{{1,100}})", re.ASCII)
_QUESTION: Final = re.compile(r"qst_[0-9a-f]{20}", re.ASCII)


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


def encode_question(question_id: str) -> str:
    """What the button that answers a question carries, and the private_metadata of the form it opens."""
    return _checked(question_id, _QUESTION)


def decode_question(value: object) -> str | None:
    """The question's id, or None for anything else."""
    match = _match(_QUESTION, value, MAX_REF)
    return match.group() if match else None


def _match(pattern: re.Pattern[str], value: object, most: int) -> re.Match[str] | None:
    return pattern.fullmatch(value) if isinstance(value, str) and len(value) <= most else None


def _checked(text: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"can't be carried by a button or modal: {text[:120]!r}")
    return text
