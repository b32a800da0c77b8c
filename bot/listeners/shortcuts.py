"""Shortcuts: report an incident on a decided card, on a batch's about one of its items. Whatever else arrives is
acknowledged and has no effect.
"""

import re
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.delivery.batches import load_batch
from bot.delivery.view import load_view
from bot.ids import INCIDENT, INCIDENT_SUBMIT, decode_batch_origin, decode_origin
from bot.listeners.clicks import Click, click_of_message
from bot.listeners.forms import open_view
from bot.listeners.notices import whisper
from bot.listeners.services import Services
from bot.listeners.submissions import BROKEN, shown
from bot.modals import incident
from bot.modals.frame import REASON
from bot.words import Json, literal, plain
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.incident import Complaint, report_incident, reportable, reportable_items
from graph.verbs.ports import Tx

NO_CARD: Final = "This message is none of Gatepost's cards, so there is no decision to report about."
_REPORTED: Final = "Thank you. It is written down, and operators are told."


def register(app: AsyncApp, services: Services) -> None:
    async def opening(ack: AsyncAck, body: dict[str, Any]) -> None:
        click = click_of_message(body)
        if refusal := await _open(services, click):
            whisper(services, click, refusal)
        await ack()

    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(**await _submitted(services, body["user"]["id"], body["view"]))

    async def stray(ack: AsyncAck) -> None:
        await ack()

    app.message_shortcut(INCIDENT)(opening)
    app.view_submission(INCIDENT_SUBMIT)(submitted)
    app.shortcut(re.compile(""))(stray)


async def _open(services: Services, click: Click) -> str | None:
    """Open the form for whoever may send it; or say why it stays closed."""
    if click.where is None:
        return NO_CARD
    try:
        async with services.store.begin() as tx:
            view = await _form(tx, click.user, click.where)
    except Refusal as refusal:
        return str(refusal)
    if view is None:
        return NO_CARD
    open_view(services, click, view)
    return None


async def _form(tx: Tx, user: str, where: tuple[str, str]) -> Json | None:
    """The form for the card at this place; None where there is none of ours. Raises a `Refusal`."""
    if request_id := await tx.talk.request_at(*where):
        return incident.build(await load_view(tx, await reportable(tx, request_id, user)))
    if batch := await tx.batches.at(*where):
        items = await reportable_items(tx, batch.id, user)
        return incident.build_batch(await load_batch(tx, batch), items, where)
    return None


async def _submitted(services: Services, user: str, view: Json) -> dict[str, Any]:
    """What to answer Slack: what is wrong at its field, else thanks in the form's place."""
    kind, what, errors = incident.parse(view.get("state"))
    try:
        request_id = await _about(services, user, view)
        if request_id is None:
            return shown(view, {}, BROKEN)
        if not request_id:
            errors = {**errors, incident.WHICH: "Please choose which of them it is."}
        if errors:
            return shown(view, errors, "")
        complaint = Complaint(request_id=request_id, user_id=user, kind=kind, what=what, via="slack")
        await report_incident(services.store, complaint)
    except Invalid as invalid:
        return shown(view, {REASON: str(invalid)}, "")
    except Refusal as refusal:
        return shown(view, {}, str(refusal))
    return {"response_action": "update", "view": _thanks()}


async def _about(services: Services, user: str, view: Json) -> str | None:
    """The id of the request that a form is about: "" where none of its batch is chosen, None for a form that is none
    of ours. Raises a `Refusal`.
    """
    carried = view.get("private_metadata")
    if origin := decode_origin(carried):
        return origin.ref.request_id
    of_batch = decode_batch_origin(carried)
    if of_batch is None:
        return None
    chosen = incident.parse_item(view.get("state"))
    async with services.store.begin() as tx:
        items = await reportable_items(tx, of_batch[0].batch_id, user)
    return next((item.request.id for item in items if str(item.seq) == chosen), "")


def _thanks() -> Json:
    return {
        "type": "modal",
        "title": plain("Incident reported", 24),
        "close": plain("Close", 24),
        "blocks": [literal(_REPORTED)],
    }
