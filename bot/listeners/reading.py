"""Details: shown with all that is known of a request, its conversation turned page by page."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import structlog
from slack_bolt.async_app import AsyncApp

from bot.delivery.shelf import Shelf
from bot.delivery.view import load_view
from bot.ids import DETAILS, TURNS, Ref, decode_origin, decode_page
from bot.listeners.clicks import Click
from bot.listeners.notices import INVALID_BUTTON, owe_notice
from bot.listeners.pressed import pressed
from bot.listeners.services import Services
from bot.modals import details, trail
from bot.modals.known import Known
from bot.slack import SlackProblem
from bot.words import Json
from graph.law.request import Request
from graph.verbs.ports import Question, Taken, Tx
from graph.verbs.sight import may_see

NOT_FOR_YOU: Final = "Only reviewers may look into this request."
NOT_TURNED: Final = "The page could not be turned. Please click again."
_TURNING: Final = re.compile("^" + re.escape(TURNS) + r"\.[a-z]{1,20}$")
_log = structlog.get_logger(__name__)


def register(app: AsyncApp, services: Services) -> None:
    app.block_action(_TURNING)(pressed(services, _turn))


async def details_view(
    tx: Tx, request: Request, ref: Ref, where: tuple[str, str] | None, traces: str | None, page: int = 0
) -> Json:
    """Details as they are now; `where` is the card on which they were opened."""
    # On a queue or a copy there is no card of this request: what is approved here names no place.
    channel, ts = where if where and await tx.cards.known(request.id, *where) else (None, None)
    return details.build(request, ref, channel, ts, await _known(tx, request, traces, page))


async def _known(tx: Tx, request: Request, traces: str | None, page: int) -> Known:
    shelf = await Shelf.of(tx, [request])
    view = await load_view(tx, request, shelf=shelf)
    steps = await tx.trail.of_run(request, trail.MOST + 1)
    earlier = await tx.trail.about(request, trail.MOST + 1)
    asked = await tx.talk.of_request(request.id)
    tier = shelf.policy.tiers.get(request.tier)
    return Known(
        names={**view.names, **await shelf.names(tx, _people([*steps, *earlier], asked))},
        steps=steps,
        earlier=earlier,
        asked=asked,
        votes=view.votes,
        reviewers=tier.reviewers if tier else (),
        traces=traces,
        page=page,
        step_up=view.step_up,
        grantable=view.grantable,
    )


def _people(taken: list[Taken], asked: Iterable[Question]) -> Iterator[str | None]:
    yield from (one.decision.by for one in taken)
    yield from (user for one in asked for user in (one.asked_by, one.answered_by))


async def _turn(services: Services, click: Click) -> str | None:
    """Show another page where the click came from; or say why not."""
    view = click.modal if click.modal.get("callback_id") == DETAILS else {}
    origin, wanted = decode_origin(view.get("private_metadata")), decode_page(click.value)
    if origin is None or wanted is None or wanted[1] != origin.ref:
        return INVALID_BUTTON
    page, ref = wanted
    async with services.store.begin() as tx:
        request = await tx.requests.get(ref.request_id)
        if request is None:
            return INVALID_BUTTON
        if not await may_see(tx, click.user, request):
            return NOT_FOR_YOU
        shown = await details_view(tx, request, ref, click.where, services.traces, page)
    services.background.spawn("turn a page", _update(services, click, view, shown))
    return None


async def _update(services: Services, click: Click, old: Mapping[str, Any], view: Json) -> None:
    """Only where nothing else has changed the page meanwhile: of two quick clicks the first one counts."""
    try:
        await services.slack.write("views.update", view_id=old.get("id"), hash=old.get("hash"), view=view)
    except SlackProblem as problem:
        _log.warning("page not turned", code=problem.code)
        if problem.code not in ("hash_conflict", "not_found"):
            await owe_notice(services.store, click, NOT_TURNED)
