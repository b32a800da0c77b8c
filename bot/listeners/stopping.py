"""The emergency brake: `/approvals stop` and `resume`, and their buttons on the Home tab."""

import re
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.cards.notice import refused
from bot.cards.view import Card
from bot.ids import COMMAND, LIFT, LIFT_SUBMIT, STOP, STOP_SUBMIT
from bot.listeners.asked import Asked, Sub
from bot.listeners.clicks import Click
from bot.listeners.forms import open_view
from bot.listeners.home import refresh_home
from bot.listeners.notices import INVALID_BUTTON
from bot.listeners.pressed import pressed
from bot.listeners.services import Services
from bot.modals import stop as form
from bot.modals.frame import REASON
from graph.law.stopping import scope
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.stop import Lifted, Order, Pulled, known_workflows, lift, refusal, stop

_REASON: Final = re.compile(r"reason\s*[:=]\s*", re.IGNORECASE)
_ALSO: Final = "Still stopped: {}."


def register(app: AsyncApp, services: Services) -> None:
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        user = body["user"]["id"]
        await ack(**await _submitted(services, user, body["view"]))
        refresh_home(services, user)

    app.block_action(STOP)(pressed(services, _open))
    app.block_action(LIFT)(pressed(services, _open))
    app.view_submission(STOP_SUBMIT)(submitted)
    app.view_submission(LIFT_SUBMIT)(submitted)


async def _stop(services: Services, asked: Asked) -> Card:
    what, reason = parse(asked.rest)
    return await _answered(
        services, "stop", Order(workflow=what or "all", user_id=asked.user, reason=reason, via="slack")
    )


async def _resume(services: Services, asked: Asked) -> Card:
    what, reason = parse(asked.rest)
    return await _answered(services, "resume", Order(workflow=what, user_id=asked.user, reason=reason, via="slack"))


def parse(rest: str) -> tuple[str, str]:
    """`all reason: incident 12` → what and why. Without a name, the reason has to begin with `reason:`."""
    if lone := _REASON.match(rest):
        return "", rest[lone.end() :].strip()
    what, _, why = rest.replace("\n", " ").partition(" ")
    return what.rstrip(":,"), _REASON.sub("", why.strip(), count=1) if _REASON.match(why.strip()) else why.strip()


async def _answered(services: Services, word: str, order: Order) -> Card:
    try:
        return refused(await _done(services, word, order))
    except Invalid as problem:
        return refused(f"{problem}\n{COMMAND} {word} all reason: what happened")
    except Refusal as problem:
        return refused(str(problem))


async def _done(services: Services, word: str, order: Order) -> str:
    """Do it; also when Slack's time runs out before a lock is free: an error shown beats a brake not pulled."""
    if word == "stop":
        return _pulled(await services.background.surely(stop(services.store, order)))
    return _lifted(await services.background.surely(lift(services.store, order)))


def _pulled(pulled: Pulled) -> str:
    begun = f"{pulled.begun} that had begun will finish." if pulled.begun else "Nothing had begun."
    what = scope(pulled.stop.workflow)
    return f"⛔ Stopped {what}.\n{begun} Waiting requests: {pulled.waiting}, their clocks stand still."


def _lifted(lifted: Lifted) -> str:
    still = ", ".join(scope(each.workflow) for each in lifted.still)
    return f"{scope(lifted.stop.workflow)} may go on.\n".capitalize() + (_ALSO.format(still) if still else "")


async def _open(services: Services, click: Click) -> str | None:
    """Open the form for whoever may send it; or say why it stays closed."""
    async with services.store.begin() as tx:
        problem = await refusal(tx, click.user, "stop" if click.action_id == STOP else "resume")
        if problem is not None:
            return str(problem)
        if not isinstance(click.value, str) or not 0 < len(click.value) <= form.MAX_SCOPE:
            return INVALID_BUTTON
        opens = click.action_id == STOP
        view = form.build_stop(await known_workflows(tx)) if opens else form.build_lift(click.value)
    open_view(services, click, view)
    return None


async def _submitted(services: Services, user: str, view: Mapping[str, Any]) -> dict[str, Any]:
    """What to answer Slack: nothing closes the form."""
    word, state = "stop" if view["callback_id"] == STOP_SUBMIT else "resume", view.get("state")
    parsed = form.parse_stop(state) if word == "stop" else form.parse_lift(state, view.get("private_metadata"))
    what, reason, errors = parsed
    try:
        if not errors:
            await _done(services, word, Order(workflow=what, user_id=user, reason=reason, via="slack"))
    except Refusal as problem:
        errors = {REASON: str(problem)}
    return {"response_action": "errors", "errors": errors} if errors else {}


COMMANDS: Final[Mapping[str, Sub]] = {"stop": _stop, "resume": _resume}
