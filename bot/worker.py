"""The worker process: plays runs, delivers what is owed to Slack, sweeps, seals. As many as you like."""

import asyncio
from contextlib import suppress
from typing import Final

from sqlalchemy import URL

from bot.delivery import Delivery
from bot.house import House, fresh_people, make_runner, offer_parts
from bot.jobs import Weekly, make_scheduler, ticks
from bot.oncall import Rosters
from bot.probe import probe
from bot.supervisor import stop_with_supervisor
from bot.tracing import tracing
from bot.watch import watching
from graph.flow.answering import answer_once
from graph.verbs.digest import post_due
from graph.verbs.reroute import reroute_stranded
from graph.verbs.sweep import sweep
from storage.audit import seal
from storage.hints import listen

LAST_WORDS_SECONDS: Final = 3.0


async def work(house: House, url: URL, stop: asyncio.Event) -> None:
    """Work until `stop`, then finish what was begun (under 30 seconds)."""
    runner = make_runner(house)
    delivery = Delivery(house.store, house.slack, know=house.directory.know)
    owed_run, owed_post = asyncio.Event(), asyncio.Event()

    def heard(topic: str) -> None:
        (owed_run if topic == "run" else owed_post).set()

    await offer_parts(house, runner, replace=True)
    await fresh_people(house)
    every = ticks(
        sweep=lambda: sweep(house.store),
        probe=lambda: probe(house.store, house.slack),
        reroute=lambda: reroute_stranded(house.store),
        seal=lambda: seal(house.engine, house.audit_key),
        directory=house.directory.refresh,
        digest=lambda: post_due(house.store),
        answers=lambda: answer_once(house.store, runner.workflows),
        oncall=Rosters(house.store, house.directory.know).refresh,
    )
    watched = watching(house.store, runner, house.settings.gatepost_heartbeat_url)
    scheduler = make_scheduler({**every, **watched, **await _weekly(house)})
    scheduler.start()
    side = [
        asyncio.create_task(listen(url, heard)),
        asyncio.create_task(delivery.serve(owed_post)),
        asyncio.create_task(stop_with_supervisor(stop)),
    ]
    try:
        async with tracing(house.settings, "worker"):
            await runner.serve(stop, owed_run)
    finally:
        scheduler.shutdown(wait=False)
        for task in side:
            task.cancel()
        for task in side:
            with suppress(asyncio.CancelledError):
                await task
        # What the last segments owe is delivered before leaving, if Slack answers at once; else by another worker.
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await delivery.deliver_once()


async def _weekly(house: House) -> dict[str, Weekly]:
    """The digest's moment as the policy has it now; after a change of policy its ordinary tick is soon enough."""
    async with house.store.begin() as tx:
        rules = (await tx.policies.current()).policy.digest
    if rules.moment is None:
        return {}
    return {"digest_weekly": Weekly(rules.moment, rules.zone, lambda: post_due(house.store))}
