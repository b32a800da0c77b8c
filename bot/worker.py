"""The worker process: plays runs, delivers what is owed to Slack, sweeps, seals. As many as you like."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sqlalchemy import URL

from bot.delivery import Delivery
from bot.house import House, fresh_people, make_runner, offer_parts
from bot.jobs import make_scheduler, ticks
from bot.supervisor import stop_with_supervisor
from graph.verbs.sweep import sweep
from storage.audit import seal
from storage.hints import listen


async def work(house: House, url: URL, stop: asyncio.Event) -> None:
    """Work until `stop`, then finish what was begun (under 30 seconds)."""
    runner = make_runner(house)
    delivery = Delivery(house.store, house.slack, know=house.directory.know)
    owed_run, owed_post = asyncio.Event(), asyncio.Event()

    def heard(topic: str) -> None:
        (owed_run if topic == "run" else owed_post).set()

    await offer_parts(house, runner, replace=True)
    await fresh_people(house)
    scheduler = make_scheduler(
        ticks(
            sweep=lambda: sweep(house.store),
            deliver=delivery.deliver_once,
            seal=lambda: seal(house.engine, house.audit_key),
            directory=house.directory.refresh,
        )
    )
    scheduler.start()
    side = [
        asyncio.create_task(listen(url, heard)),
        asyncio.create_task(_eagerly(delivery.deliver_once, owed_post)),
        asyncio.create_task(stop_with_supervisor(stop)),
    ]
    try:
        await runner.serve(stop, owed_run)
    finally:
        scheduler.shutdown(wait=False)
        for task in side:
            task.cancel()
        for task in side:
            with suppress(asyncio.CancelledError):
                await task
        # What the last segments owe is delivered before leaving, if Slack answers.
        await delivery.deliver_once()


async def _eagerly(deliver: Callable[[], Awaitable[int]], owed: asyncio.Event) -> None:
    """Deliver as soon as a hint comes, rather than at the next tick."""
    while True:
        await owed.wait()
        owed.clear()
        await deliver()
