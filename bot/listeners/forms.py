"""Opening a form: what it shows comes from the store; a person who could not send it is told at once."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import structlog

from bot.cards.notice import already
from bot.cards.pending import can_modify
from bot.delivery.view import load_view
from bot.ids import Ref
from bot.listeners.clicks import Click
from bot.listeners.notices import INVALID_BUTTON, NOT_OPENED, owe_notice
from bot.listeners.services import Services
from bot.listeners.sight import may_see
from bot.modals import approve, ask, details, edit, hand, reject, respond
from bot.slack import SlackProblem
from bot.words import Json
from graph.law.authorization import authorize, refusal_of_state
from graph.law.request import DecisionType, Request, Status
from graph.verbs.authority import holds_role, standing
from graph.verbs.authority import may_see as of_team
from graph.verbs.ports import Tx
from graph.verbs.stop import forbidden, standstill

_log = structlog.get_logger(__name__)


class Form(StrEnum):
    """Our modals."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"
    ASK = "ask"
    HAND = "hand"
    DETAILS = "details"


_DECIDES: Final = {
    Form.APPROVE: DecisionType.APPROVE,
    Form.EDIT: DecisionType.EDIT,
    Form.REJECT: DecisionType.REJECT,
    Form.RESPOND: DecisionType.RESPOND,
    # Whoever could decide it may ask about it and hand it on.
    Form.ASK: DecisionType.APPROVE,
    Form.HAND: DecisionType.APPROVE,
}

_SETS_OFF: Final = (Form.APPROVE, Form.EDIT, Form.RESPOND)

_BUILD: Final[dict[Form, Callable[[Request, Ref, str | None, str | None], Json]]] = {
    Form.APPROVE: approve.build,
    Form.EDIT: edit.build,
    Form.REJECT: reject.build,
    Form.RESPOND: respond.build,
    Form.ASK: ask.build,
    Form.HAND: hand.build,
}


async def open_form(services: Services, click: Click, form: Form, ref: Ref) -> str | None:
    """Open the form for whoever clicked, after the ack; or say why it stays closed."""
    async with services.store.begin() as tx:
        request = await tx.requests.get(ref.request_id)
        if request is None:
            return INVALID_BUTTON
        refusal = await _refusal(tx, request, click, form, ref)
        if refusal:
            return refusal
        view = await _view(tx, request, click, form, ref, services.traces)
    open_view(services, click, view)
    return None


def open_view(services: Services, click: Click, view: Json) -> None:
    """Open a form after the ack."""
    services.background.spawn(f"open {view.get('callback_id')}", _open(services, click, view))


async def _refusal(tx: Tx, request: Request, click: Click, form: Form, ref: Ref) -> str | None:
    """Why this person can't send this form now, in a sentence; checked again when they do."""
    if form is Form.DETAILS:
        return None if await may_see(tx, click.user, request) else "Only reviewers may look into this request."
    if not await of_team(tx, click.user, request.workflow):
        return "Requests of this workflow are for its own team."
    if request.status is not Status.PENDING:
        return already(await load_view(tx, request))
    stop, clock = await standstill(tx, request)
    stale = refusal_of_state(request, ref.version, ref.digest, clock)
    if stale:
        return stale
    if click.where and not await tx.cards.known(request.id, *click.where):
        return "This message is a copy of a card. Please use the original card."
    if form is Form.HAND and await holds_role(tx, click.user, "operators"):
        return None
    rights = await standing(tx, request, await tx.policies.current())
    verdict = authorize(request, await tx.people.get(click.user), _DECIDES[form], rights, await tx.now())
    if not verdict.allowed:
        return verdict.reason
    if form in _SETS_OFF and (stopped := await forbidden(tx, stop, request, _DECIDES[form])):
        return str(stopped)
    if form is Form.EDIT and not can_modify(request):
        return "Nothing about this action can be changed; approve or reject it."
    if form is Form.APPROVE and details.must_be_read(request):
        return "The card can't show all of this. Please read it in full first, and approve it there."
    return None


async def _view(tx: Tx, request: Request, click: Click, form: Form, ref: Ref, traces: str | None) -> Json:
    channel, ts = click.where or (None, None)
    if form is not Form.DETAILS:
        return _BUILD[form](request, ref, channel, ts)
    known = click.where is not None and await tx.cards.known(request.id, *click.where)
    names, asked = (await load_view(tx, request)).names, await tx.talk.of_request(request.id)
    # On a queue or a copy there is no card of this request: what is approved here names no place.
    place = (channel, ts) if known else (None, None)
    return details.build(request, ref, *place, names=names, asked=asked, traces=traces)


async def _open(services: Services, click: Click, view: Json) -> None:
    """views.open within the three seconds that the trigger lives; a lost answer is not asked again."""
    try:
        async with asyncio.timeout(3.0):
            await services.slack.write("views.open", trigger_id=click.trigger_id, view=view)
    except (SlackProblem, TimeoutError) as problem:
        code = problem.code if isinstance(problem, SlackProblem) else "timeout"
        _log.warning("form not opened", code=code, form=view.get("callback_id"))
        await owe_notice(services.store, click, NOT_OPENED)
