"""The Slack door on real parts: a database, the sandbox, and the web app between them on a free port."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import uvicorn

from bot.delivery import Delivery
from bot.directory import Directory
from bot.guard import Home, Signing
from bot.ids import APPROVE_FORM, INCIDENT, INCIDENT_NAME
from bot.listeners import Services, make_app
from bot.listeners.socket import SocketRunner
from bot.sandbox.driver import Outcome, Person
from bot.sandbox.harness import Harness, sandbox, until
from bot.slack import Slack
from bot.web import make_web
from graph.law.action import bind
from graph.law.facts import Record
from graph.law.request import Brief, Decision, EffectClass, Form, Nature, Request, request_id
from graph.verbs.frame import frame, judge
from graph.verbs.ports import Run, Store
from storage.store import PgStore
from tests.support.blockkit import check_calls
from tests.support.db import WORKSPACE

SECRET = "sandbox-signing-secret"
PREVIOUS_SECRET = "the-previous-signing-secret"
CHANNELS = {1: "CTIER1", 2: "CTIER2", 3: "CTIER3"}
HOME = Home(team_id=WORKSPACE)
REFUND = Form(
    title="Refund an order",
    question="Refund {amount} {currency} to order {order}?",
    schema={
        "type": "object",
        "additionalProperties": False,
        "required": ["order", "amount", "currency"],
        "properties": {
            "order": {"type": "string", "title": "Order", "maxLength": 40},
            "amount": {"type": "string", "title": "Amount", "format": "money"},
            "currency": {"enum": ["EUR", "USD"], "title": "Currency"},
        },
    },
    value_field="amount",
    currency_field="currency",
    after_approve="The money is sent at once.",
)
__all__ = ["until"]


@dataclass
class House:
    """Everything between a person's click and the rows."""

    store: PgStore
    slack: Slack
    services: Services
    delivery: Delivery
    directory: Directory
    sandbox: Harness
    web: Any = None
    url: str = ""
    socket: SocketRunner | None = None

    def person(self, user: str) -> Person:
        return self.sandbox.person(user)

    async def propose(self, **more: Any) -> Request:
        """A pending request whose card is on the screen."""
        request = await pending(self.store, **more)
        await self.deliver()
        return request

    async def deliver(self) -> int:
        """Deliver until nothing is owed that may go out now."""
        await self.services.background.drain()
        return await self.delivery.deliver_once()

    async def card(self, user: str, request: Request) -> dict[str, Any]:
        """The card as this person sees it."""
        tail = request.id[-12:]
        return await self.person(user).see(
            await self.channel(request), lambda m: any(tail in b.get("block_id", "") for b in m["blocks"])
        )

    async def channel(self, request: Request) -> str:
        async with self.store.begin() as tx:
            cards = await tx.cards.of_request(request.id)
        return cards[0].channel or CHANNELS[request.tier]

    async def view(self, user: str) -> dict[str, Any]:
        """The modal that opens for this person."""
        views = await until(self.person(user).views)
        return dict(views[-1])

    async def approve(self, user: str, request: Request, reason: str = "checked with the bank") -> Outcome:
        """This person approves from the card, saying why: as cards of high risk ask for."""
        clicked = await self.person(user).click(await self.card(user, request), APPROVE_FORM)
        assert clicked, clicked
        return await self.person(user).submit(await self.view(user), {"reason": reason})

    async def request(self, request: Request) -> Request:
        async with self.store.begin() as tx:
            found = await tx.requests.get(request.id)
        assert found is not None
        return found

    async def decision(self, request: Request) -> Decision | None:
        async with self.store.begin() as tx:
            return await tx.requests.decision(request.id)

    async def ephemerals(self, user: str, channel: str = "CTIER1") -> list[str]:
        """What only this person was told."""
        await self.deliver()
        found = await self.sandbox.messages(channel)
        return [m["text"] for m in found if m.get("ephemeral_to") == user]

    async def audit(self) -> list[str]:
        """The events in the record, oldest first."""
        async with self.store.engine.connect() as connection:
            rows = await connection.exec_driver_sql("select event from audit order by id")
            return [row[0] for row in rows]

    async def sql(self, statement: str) -> None:
        """Change a row as time or another process would have."""
        async with self.store.engine.begin() as connection:
            await connection.exec_driver_sql(statement)

    async def decisions(self) -> int:
        """Terminal decisions on record. An edit is none: the request it leads to is what gets decided."""
        async with self.store.engine.connect() as connection:
            query = "select count(*) from decisions where type <> 'edit'"
            return int((await connection.exec_driver_sql(query)).scalar_one())

    async def approved(self) -> int:
        """How many requests may be executed: each has its run woken exactly once."""
        async with self.store.engine.connect() as connection:
            query = "select count(*) from requests where status = 'approved'"
            return int((await connection.exec_driver_sql(query)).scalar_one())


async def pending(
    store: Store,
    amount: str = "420.00",
    *,
    requester: str | None = "UREQ",
    order: str = "4711",
    form: Form = REFUND,
    args: dict[str, Any] | None = None,
    brief: Brief | None = None,
    reversible: bool = True,
    **changes: Any,
) -> Request:
    """A pending request with a run that waits for it and an owed card."""
    run_id = f"run_{secrets.token_hex(8)}"
    args = args or {"order": order, "amount": amount, "currency": "EUR"}
    async with store.begin() as tx:
        await tx.runs.start(run_id, "payments", run_id, requester, "{}")
        [run] = await tx.runs.claim(["payments"], 1, 30.0, run_id)
        policy = await tx.policies.current()
        nature = Nature(effect_class=EffectClass.IDEMPOTENT, reversible=reversible, form=form)
        said = brief or Brief(rationale="It came late.", confidence=0.72)
        bound = bind("payments", "refund", args)
        judged = judge(
            policy.policy, bound, nature, said, Record(), request=request_id(run_id, 1, 0), requester=requester
        )
        request = frame(run, 1, bound, nature, said, judged, policy, await tx.now())
        request = replace(request, interrupt_id=f"int_{secrets.token_hex(4)}", **changes)
        assert await tx.requests.insert(request)
        await tx.cards.want(request.id, policy.policy.tiers[request.tier].channel, request.tier)
        await tx.runs.pause(run, request.interrupt_id or "")
    return request


async def woken(store: Store, request: Request) -> bool:
    """Whether the run is owed a resume."""
    async with store.begin() as tx:
        run: Run | None = await tx.runs.get(request.run_id)
    assert run is not None
    return run.status == "ready"


@asynccontextmanager
async def house(
    store: PgStore,
    tmp_path: Path,
    *,
    transport: str = "http",
    spacing: float = 0.0,
) -> AsyncIterator[House]:
    """The whole door, its people mirrored from the sandbox."""
    async with sandbox(tmp_path / "slack.db") as harness:
        slack = Slack("xoxb-sandbox", harness.api_url)
        directory = Directory(store, slack)
        services = Services(store=store, slack=slack, directory=directory)
        delivery = Delivery(store, slack, know=directory.know, spacing=spacing)
        made = House(store, slack, services, delivery, directory, harness)
        bolt = make_app(services, HOME, bot_user="UGATEPOST", bot_id="BGATEPOST")
        signing = Signing(current=SECRET, previous=PREVIOUS_SECRET, previous_until=2**40)
        web = make_web(bolt, services, home=HOME, signing=signing)
        app_slack = Slack("xapp-sandbox", harness.api_url)
        try:
            async with serving(web) as url:
                made.web, made.url = web, f"{url}/slack/events"
                await harness.control(
                    "app",
                    interactivity_url=made.url,
                    events_url=made.url,
                    commands={"/approvals": made.url},
                    shortcuts=[{"callback_id": INCIDENT, "name": INCIDENT_NAME, "type": "message"}],
                )
                await directory.refresh()
                if transport == "socket":
                    made.socket = SocketRunner(bolt, services, HOME, app_slack, "xapp-sandbox")
                    await made.socket.start()
                    await until(made.socket.connected)
                yield made
                # Whatever a test made the bot send has to please an independent reading of Slack's limits.
                check_calls(await harness.calls())
        finally:
            if made.socket is not None:
                await made.socket.stop()
            await services.background.drain()
            await slack.close()
            await app_slack.close()


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """An ASGI app on a free port in this event loop."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve([listener]))
    await until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
