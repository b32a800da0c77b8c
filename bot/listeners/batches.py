"""The buttons and forms of a batch's card: approve all, all but some, reject all, review one by one, details."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.delivery.batches import load_batch
from bot.ids import (
    BATCH_APPROVE,
    BATCH_BUT,
    BATCH_BUT_SUBMIT,
    BATCH_DETAILS,
    BATCH_REJECT,
    BATCH_REJECT_SUBMIT,
    BATCH_SINGLY,
    BatchRef,
    decode_batch,
    decode_batch_origin,
)
from bot.listeners.clicks import Click
from bot.listeners.deciding import failures_counted
from bot.listeners.forms import open_view
from bot.listeners.notices import INVALID_BUTTON
from bot.listeners.pressed import pressed
from bot.listeners.services import Services
from bot.listeners.submissions import BROKEN, shown
from bot.modals import batch as form
from bot.modals.frame import REASON
from graph.law.request import DecisionType
from graph.verbs.batch import BatchAnswer, BatchDecided, Shown, decide_batch, dissolve, waiting_items
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.sight import may_see

MOST_SAID: Final = 4
_CLICKS: Final = (BATCH_APPROVE, BATCH_BUT, BATCH_REJECT, BATCH_SINGLY, BATCH_DETAILS)
_OURS: Final = re.compile("^(" + "|".join(map(re.escape, _CLICKS)) + ")$")
_FORMS: Final = re.compile("^(" + "|".join(map(re.escape, (BATCH_BUT_SUBMIT, BATCH_REJECT_SUBMIT))) + ")$")


def register(app: AsyncApp, services: Services) -> None:
    async def submitted(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack(**await _submitted(services, body["user"]["id"], body["view"], click_of_form(body)))

    app.block_action(_OURS)(pressed(services, _clicked))
    app.view_submission(_FORMS)(submitted)


def click_of_form(body: Mapping[str, Any]) -> str:
    """What names this one submission, for a notice that is owed once."""
    view = body["view"]
    return f"{body['user']['id']}/{view.get('id')}/{view.get('hash')}"


async def _clicked(services: Services, click: Click) -> str | None:
    """Do what was clicked; what that person alone is told, if anything."""
    ref = decode_batch(click.value)
    if ref is None or click.where is None or not click.decides():
        return INVALID_BUTTON
    if click.action_id == BATCH_APPROVE:
        seen = _shown(ref, click.where)
        return told(
            await _take(services, BatchAnswer(shown=seen, type=DecisionType.APPROVE, user_id=click.user, via="slack"))
        )
    if click.action_id == BATCH_SINGLY:
        await dissolve(services.store, _shown(ref, click.where), click.user, "slack")
        return None
    if click.action_id == BATCH_DETAILS:
        return await _open_details(services, click, ref, click.where)
    return await _open(services, click, ref, click.where)


async def _open(services: Services, click: Click, ref: BatchRef, where: tuple[str, str]) -> str | None:
    """Open the form for whoever could decide any of it."""
    async with services.store.begin() as tx:
        _, items = await waiting_items(tx, _shown(ref, where), click.user)
    build = form.build_but if click.action_id == BATCH_BUT else form.build_reject
    open_view(services, click, build(items, ref, where))
    return None


async def _open_details(services: Services, click: Click, ref: BatchRef, where: tuple[str, str]) -> str | None:
    async with services.store.begin() as tx:
        batch = await tx.batches.get(ref.batch_id)
        view = await load_batch(tx, batch) if batch else None
        if view is None or where not in [(card.channel, card.ts) for card in await tx.batches.cards(ref.batch_id)]:
            return INVALID_BUTTON
        if not await may_see(tx, click.user, view.sample()):
            return "Only reviewers may look into these requests."
    open_view(services, click, form.build_details(view, ref, where))
    return None


async def _submitted(services: Services, user: str, view: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What to answer Slack: nothing closes the form."""
    carried = decode_batch_origin(view.get("private_metadata"))
    if carried is None:
        return shown(view, {}, BROKEN)
    ref, where = carried
    answer, errors = _answer(user, view, _shown(ref, where))
    if errors:
        return shown(view, errors, "")
    try:
        result = await _take(services, answer)
    except Invalid as invalid:
        return shown(view, {REASON if invalid.fields else form.BUT: str(invalid)}, "")
    except Refusal as refusal:
        return shown(view, {}, str(refusal))
    if said := told(result):
        await _notice(services, user, where[0], key, said)
    return {}


def _answer(user: str, view: Mapping[str, Any], seen: Shown) -> tuple[BatchAnswer, dict[str, str]]:
    state = view.get("state")
    if view["callback_id"] == BATCH_REJECT_SUBMIT:
        reason, errors = form.parse_reject(state)
        reject = BatchAnswer(shown=seen, type=DecisionType.REJECT, user_id=user, via="slack", reason=reason)
        return reject, errors
    chosen = form.parse_but(state)
    approve = BatchAnswer(
        shown=seen,
        type=DecisionType.APPROVE,
        user_id=user,
        via="slack",
        reason=chosen.reason,
        but=chosen.but,
        reject_others=chosen.reject,
    )
    return approve, chosen.errors


async def _take(services: Services, answer: BatchAnswer) -> BatchDecided:
    """The one way from these listeners to a decision, each item counted."""
    counter = services.metrics.decisions
    with failures_counted(counter, answer.type):
        result = await decide_batch(services.store, answer)
    for each in result.decided:
        counter.labels(each.decision.type if each.decision else answer.type, "decided").inc()
    for _, problem in result.refused:
        counter.labels(answer.type, problem.code).inc()
    return result


def told(result: BatchDecided) -> str:
    """What whoever clicked has to know beside what the card says: what was not decided, and why."""
    if not result.refused and not result.gone:
        return ""
    counted = Counter(str(refusal) for _, refusal in result.refused)
    said = [f"{len(result.decided)} decided."]
    said += [f"{number} not: {why}" for why, number in counted.most_common(MOST_SAID)]
    return " ".join([*said, *result.gone])


def _shown(ref: BatchRef, where: tuple[str, str]) -> Shown:
    return Shown(batch_id=ref.batch_id, upto=ref.upto, waiting=ref.waiting, digest=ref.digest, where=where)


async def _notice(services: Services, user: str, channel: str, key: str, text: str) -> None:
    async with services.store.begin() as tx:
        await tx.owed.add("ephemeral", f"batch:{key}", {"text": text, "user": user, "channel": channel})
