"""Shortcuts: report an incident on a decided card. Whatever else arrives is acknowledged and has no effect."""

import re
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.delivery.view import load_view
from bot.ids import INCIDENT, INCIDENT_SUBMIT, decode_origin
from bot.listeners.clicks import Click, click_of_message
from bot.listeners.forms import open_view
from bot.listeners.notices import whisper
from bot.listeners.services import Services
from bot.listeners.submissions import BROKEN, shown
from bot.modals import incident
from bot.modals.frame import REASON
from bot.words import Json, literal, plain
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.incident import Complaint, report_incident, reportable

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
    async with services.store.begin() as tx:
        request_id = await tx.talk.request_at(*click.where) if click.where else None
        if request_id is None:
            return NO_CARD
        try:
            request = await reportable(tx, request_id, click.user)
        except Refusal as refusal:
            return str(refusal)
        view = incident.build(await load_view(tx, request))
    open_view(services, click, view)
    return None


async def _submitted(services: Services, user: str, view: Json) -> dict[str, Any]:
    """What to answer Slack: what is wrong at its field, else thanks in the form's place."""
    origin = decode_origin(view.get("private_metadata"))
    if origin is None:
        return shown(view, {}, BROKEN)
    kind, what, errors = incident.parse(view.get("state"))
    if errors:
        return shown(view, errors, "")
    complaint = Complaint(request_id=origin.ref.request_id, user_id=user, kind=kind, what=what, via="slack")
    try:
        await report_incident(services.store, complaint)
    except Invalid as invalid:
        return shown(view, {REASON: str(invalid)}, "")
    except Refusal as refusal:
        return shown(view, {}, str(refusal))
    return {"response_action": "update", "view": _thanks()}


def _thanks() -> Json:
    return {
        "type": "modal",
        "title": plain("Incident reported", 24),
        "close": plain("Close", 24),
        "blocks": [literal(_REPORTED)],
    }
