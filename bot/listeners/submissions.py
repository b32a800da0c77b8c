"""Submitted forms: decided before the ack, so that what is wrong can still be shown in the form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.ids import (
    APPROVE_SUBMIT,
    DETAILS,
    EDIT_SUBMIT,
    GRANT_SUBMIT,
    REJECT_SUBMIT,
    RESPOND_SUBMIT,
    Origin,
    decode_origin,
)
from bot.listeners.deciding import take
from bot.listeners.home import refresh_home
from bot.listeners.services import Services
from bot.modals import approve, details, edit, grant, notice, reject, respond
from bot.modals.code import CODE, read_code
from bot.modals.fields import Kind, fields
from bot.modals.frame import REASON
from graph.law.grants import Scope
from graph.law.request import DecisionType, Request
from graph.verbs.decide import Answer
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.stepup import CODE as CODE_FIELD

BROKEN: Final = "This form is not valid any more. Please close it and use the current card."
_TYPES: Final = {
    APPROVE_SUBMIT: DecisionType.APPROVE,
    GRANT_SUBMIT: DecisionType.APPROVE,
    EDIT_SUBMIT: DecisionType.EDIT,
    REJECT_SUBMIT: DecisionType.REJECT,
    RESPOND_SUBMIT: DecisionType.RESPOND,
    DETAILS: DecisionType.APPROVE,
}
_REASONS: Final = {REJECT_SUBMIT: reject.parse, RESPOND_SUBMIT: respond.parse}
_APPROVALS: Final = {APPROVE_SUBMIT: approve.parse, DETAILS: details.parse}
_OWN: Final = {GRANT_SUBMIT: {CODE_FIELD: CODE, **grant.BLOCKS}}
"""Where in a form stands what a verb says of something that is no argument; in the others, only the code."""
_OURS: Final = re.compile("^(" + "|".join(re.escape(name) for name in _TYPES) + ")$")
_ANY: Final = re.compile("")


@dataclass(frozen=True, slots=True)
class Filled:
    """What a form holds; `errors` by block_id."""

    reason: str = ""
    args: Mapping[str, Any] | None = None
    alternative: int | None = None
    errors: Mapping[str, str] | None = None
    code: str = field(default="", repr=False)
    grant: Scope | None = None


def register(app: AsyncApp, services: Services) -> None:
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        view = body["view"]
        origin = decode_origin(view.get("private_metadata"))
        if origin is None:
            await ack(**shown(view, {}, BROKEN))
            return
        user = body["user"]["id"]
        await ack(**await _decide(services, user, view, origin))
        if origin.channel is None:
            # Opened from the Home tab, or from a list beside it.
            refresh_home(services, user)

    async def stray(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(**shown(body["view"], {}, BROKEN))

    async def closed(ack: AsyncAck) -> None:
        await ack()

    app.view_submission(_OURS)(submitted)
    app.view_submission(_ANY)(stray)
    app.view_closed(_ANY)(closed)


async def _decide(services: Services, user: str, view: dict[str, Any], origin: Origin) -> dict[str, Any]:
    """What to answer Slack: nothing closes the form."""
    async with services.store.begin() as tx:
        request = await tx.requests.get(origin.ref.request_id)
    if request is None:
        return shown(view, {}, BROKEN)
    decision = _TYPES[view["callback_id"]]
    filled = _filled(view["callback_id"], view.get("state"), request)
    if filled.errors:
        return shown(view, filled.errors, "")
    try:
        await take(services, _answer(decision, user, origin, filled))
    except Invalid as invalid:
        return shown(view, _at_blocks(invalid, request, view["callback_id"]), str(invalid))
    except Refusal as refusal:
        return shown(view, {}, str(refusal))
    return {}


def _filled(callback: str, state: object, request: Request) -> Filled:
    code = read_code(state)
    if callback == EDIT_SUBMIT:
        edited = edit.parse(state, request)
        args = None if edited.alternative is not None else edited.args
        return Filled(edited.reason, args, edited.alternative, edited.errors, code)
    if callback == GRANT_SUBMIT:
        allowed = grant.parse(state, request)
        return Filled(allowed.reason, errors=allowed.errors, grant=allowed.scope)
    read = _APPROVALS.get(callback)
    reason, errors = read(state, request) if read else _REASONS[callback](state)
    return Filled(reason, errors=errors, code=code)


def _answer(decision: DecisionType, user: str, origin: Origin, filled: Filled) -> Answer:
    placed = origin.channel is not None and origin.ts is not None
    return Answer(
        request_id=origin.ref.request_id,
        type=decision,
        user_id=user,
        digest=origin.ref.digest,
        via="slack",
        version=origin.ref.version,
        reason=filled.reason,
        args=filled.args,
        alternative=filled.alternative,
        code=filled.code,
        grant=filled.grant,
        where=(origin.channel or "", origin.ts or "") if placed else None,
    )


def _at_blocks(invalid: Invalid, request: Request, callback: str) -> dict[str, str]:
    """Errors by argument → errors by block; what belongs to no input stands at the reason."""
    places = {item.name: item.block_id for item in fields(request) if item.kind is not Kind.FIXED}
    places |= _OWN.get(callback, {CODE_FIELD: CODE})
    return {places.get(name, REASON): text for name, text in invalid.fields.items()}


def shown(view: Mapping[str, Any], errors: Mapping[str, str], refusal: str) -> dict[str, Any]:
    """Errors at their inputs; a refusal at the first input, or as the modal itself where it has none."""
    inputs = _inputs(view)
    placed = {block: text for block, text in errors.items() if block in inputs}
    lost = "; ".join(text for block, text in errors.items() if block not in inputs)
    said_at_first = refusal if not placed and not lost else lost
    if inputs and said_at_first:
        placed.setdefault(inputs[0], said_at_first)
    if placed:
        return {"response_action": "errors", "errors": placed}
    return {"response_action": "update", "view": notice.build(said_at_first or BROKEN)}


def _inputs(view: Mapping[str, Any]) -> list[str]:
    blocks = view.get("blocks")
    found = (block for block in blocks if isinstance(block, dict)) if isinstance(blocks, list) else ()
    return [block["block_id"] for block in found if block.get("type") == "input" and _named(block)]


def _named(block: Mapping[str, Any]) -> bool:
    return isinstance(block.get("block_id"), str) and bool(block["block_id"])
