"""Opening a form: what it shows comes from the store; a person who could not send it is told at once."""

import asyncio
from collections.abc import Callable
from enum import StrEnum
from typing import Final

import structlog

from bot.cards.buttons import can_modify
from bot.cards.granting import grantable
from bot.cards.notice import already
from bot.delivery.view import load_view
from bot.ids import Ref
from bot.listeners.clicks import Click
from bot.listeners.flood import said
from bot.listeners.notices import INVALID_BUTTON, NOT_OPENED, owe_notice, whisper
from bot.listeners.reading import NOT_FOR_YOU, details_view
from bot.listeners.services import Services
from bot.modals import approve, ask, details, edit, grant, hand, reject, respond
from bot.slack import SlackProblem
from bot.words import Json
from graph.law.authorization import authorize, refusal_of_state
from graph.law.request import DecisionType, Request, Status
from graph.verbs.authority import holds_role, standing
from graph.verbs.authority import may_see as of_team
from graph.verbs.ports import Tx
from graph.verbs.sight import may_see
from graph.verbs.stepup import required
from graph.verbs.stop import forbidden, standstill

NOT_GRANTABLE: Final = "This can't be allowed for the rest of the run. Please decide it by itself."
_log = structlog.get_logger(__name__)


class Form(StrEnum):
    """Our modals."""

    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"
    ASK = "ask"
    HAND = "hand"
    GRANT = "grant"
    DETAILS = "details"


_DECIDES: Final = {
    Form.APPROVE: DecisionType.APPROVE,
    Form.GRANT: DecisionType.APPROVE,
    Form.EDIT: DecisionType.EDIT,
    Form.REJECT: DecisionType.REJECT,
    Form.RESPOND: DecisionType.RESPOND,
    # Whoever could decide it may ask about it and hand it on.
    Form.ASK: DecisionType.APPROVE,
    Form.HAND: DecisionType.APPROVE,
}

_SETS_OFF: Final = (Form.APPROVE, Form.GRANT, Form.EDIT, Form.RESPOND)

_BUILD: Final[dict[Form, Callable[[Request, Ref, str | None, str | None], Json]]] = {
    Form.REJECT: reject.build,
    Form.RESPOND: respond.build,
    Form.ASK: ask.build,
    Form.HAND: hand.build,
}


async def open_form(
    services: Services, click: Click, form: Form, ref: Ref, *, alternative: int | None = None
) -> str | None:
    """Open the form for whoever clicked, after the ack; or say why it stays closed.

    `alternative`: which of the agent's ideas the edit form shows as chosen.
    """
    if form is Form.DETAILS and (wait := services.flood.wait(click.user)):
        if click.home:
            return said(wait)
        whisper(services, click, said(wait))
        return None
    async with services.store.begin() as tx:
        request = await tx.requests.get(ref.request_id)
        if request is None:
            return INVALID_BUTTON
        refusal = await _refusal(tx, request, click, form, ref)
        if refusal:
            return refusal
        view = await _view(tx, request, click, form, ref, services.traces, alternative)
    open_view(services, click, view)
    return None


def open_view(services: Services, click: Click, view: Json) -> None:
    """Open a form after the ack."""
    services.background.spawn(f"open {view.get('callback_id')}", _open(services, click, view))


async def _refusal(tx: Tx, request: Request, click: Click, form: Form, ref: Ref) -> str | None:
    """Why this person can't send this form now, in a sentence; checked again when they do."""
    if form is Form.DETAILS:
        return None if await may_see(tx, click.user, request) else NOT_FOR_YOU
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
    if form is Form.GRANT and grantable((await tx.policies.current()).policy, request) is None:
        return NOT_GRANTABLE
    return None


async def _view(
    tx: Tx, request: Request, click: Click, form: Form, ref: Ref, traces: str | None, alternative: int | None
) -> Json:
    channel, ts = click.where or (None, None)
    policy = (await tx.policies.current()).policy
    if form is Form.EDIT:
        step_up = await required(tx, request, policy)
        return edit.build(request, ref, channel, ts, chosen=alternative, step_up=step_up)
    if form is Form.APPROVE:
        return approve.build(request, ref, channel, ts, step_up=await required(tx, request, policy))
    if form is Form.GRANT:
        row = grantable(policy, request)
        if row is None:
            raise RuntimeError(f"nothing can be allowed besides request {request.id}")
        return grant.build(request, ref, channel, ts, policy=policy, row=row)
    if form is not Form.DETAILS:
        return _BUILD[form](request, ref, channel, ts)
    return await details_view(tx, request, ref, click.where, traces)


async def _open(services: Services, click: Click, view: Json) -> None:
    """Within the three seconds that the trigger lives, above the modal that was clicked, if it was one; a lost answer
    is not asked again.
    """
    try:
        async with asyncio.timeout(3.0):
            await services.slack.write(
                "views.push" if click.modal else "views.open", trigger_id=click.trigger_id, view=view
            )
    except (SlackProblem, TimeoutError) as problem:
        code = problem.code if isinstance(problem, SlackProblem) else "timeout"
        _log.warning("form not opened", code=code, form=view.get("callback_id"))
        await owe_notice(services.store, click, NOT_OPENED)
