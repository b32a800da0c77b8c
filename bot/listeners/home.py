"""The Home tab of one person, as it is now: published when it is opened, and again after whatever they do there."""

from collections.abc import Sequence
from typing import Final

from bot.cards.brake import Brake
from bot.cards.home import MAX_MADE, MAX_ROWS, Desk, home
from bot.cards.rowlist import Sites
from bot.cards.view import CardView
from bot.delivery.shelf import Shelf
from bot.delivery.view import load_view
from bot.listeners.looking import links
from bot.listeners.services import Services
from graph.law.looking import Filter
from graph.verbs.ports import Made, Tx
from graph.verbs.queue import look
from graph.verbs.stats import own
from graph.verbs.stop import named, refusal

_SPANS: Final = (7, 30)
_YOU: Final = "you"


def refresh_home(services: Services, user: str) -> None:
    """Publish it after the ack; what is asked for while that goes on is done once, when it is through."""
    homes = services.homes
    if user in homes.busy:
        homes.again.add(user)
        return
    homes.busy.add(user)
    services.background.spawn("publish home", _publish(services, user))


async def _publish(services: Services, user: str) -> None:
    homes = services.homes
    try:
        while True:
            homes.again.discard(user)
            await publish_home(services, user)
            if user not in homes.again:
                return
    finally:
        homes.busy.discard(user)


async def publish_home(services: Services, user: str) -> None:
    """Show this person what is stopped, what waits for them, and what they decided."""
    async with services.store.begin() as tx:
        view = home(await desk(tx, user))
    await services.slack.write("views.publish", user_id=user, view=view)


async def desk(tx: Tx, user: str) -> Desk:
    """All that this person's Home tab shows."""
    tx.people.remember()
    page = await look(tx, user, Filter(mine=True), MAX_ROWS)
    person = await tx.people.get(user)
    made = await tx.queue.decided_by(person.person, MAX_MADE) if person else ()
    shelf = await Shelf.of(tx, page.requests)
    return Desk(
        now=await tx.now(),
        page=page,
        waiting=[await load_view(tx, request, shelf=shelf) for request in page.requests],
        sites=Sites(await links(tx, [*page.requests, *(each.request for each in made)]), shelf.batched),
        made=await _made(tx, made, user),
        numbers=[await own(tx, person.person, days) for days in _SPANS] if made and person else (),
        brake=await _brake(tx, user),
    )


async def _made(tx: Tx, made: Sequence[Made], user: str) -> list[CardView]:
    """What this person decided, each as its card tells it."""
    runs = {run.id: run for run in await tx.runs.many({each.request.run_id for each in made})} if made else {}
    now = await tx.now()
    return [
        CardView(
            request=each.request,
            now=now,
            decision=each.decision,
            decided_name=_YOU,
            effect=each.effect,
            run_status=str(runs[each.request.run_id].status) if each.request.run_id in runs else "",
            names={user: _YOU},
        )
        for each in made
    ]


async def _brake(tx: Tx, user: str) -> Brake:
    """What is stopped, and what this person may do about it."""
    return Brake(
        stops=await named(tx),
        may_stop=await refusal(tx, user, "stop") is None,
        may_lift=await refusal(tx, user, "resume") is None,
    )
