"""The web process, composed: Bolt behind the guard, over signed HTTP or Socket Mode. Loads no agents' code."""

import asyncio
import gc
import socket
from collections.abc import Mapping

import structlog
import uvicorn
from slack_bolt.async_app import AsyncApp
from sqlalchemy import select
from starlette.applications import Starlette

from bot.guard import Home, Signing
from bot.house import CantStart, House
from bot.listeners import Services, make_app
from bot.listeners.socket import SocketRunner
from bot.slack import Slack, SlackProblem
from bot.supervisor import stop_with_supervisor
from bot.tracing import traced, tracing
from bot.vital import Vital
from bot.web import Check, make_web
from graph.verbs.auditor import gauges
from storage.migrate import behind

_log = structlog.get_logger("gatepost.web")


async def serve_web(house: House, stop: asyncio.Event) -> None:
    """Serve until `stop`; requests under way are answered first."""
    settings = house.settings
    traces = (settings.gatepost_trace_url or "") if traced(settings) else None
    services = Services(store=house.store, slack=house.slack, directory=house.directory, traces=traces)
    home = Home(team_id=house.store.workspace_id, enterprise_id=house.enterprise_id)
    bolt = make_app(services, home)
    signing = None if settings.slack_app_token else _signing(house)
    listener = _listener(settings.gatepost_host, settings.port)
    socket_mode = await _socket_mode(house, bolt, services, home) if settings.slack_app_token else None
    checks = dict(_checks(house))
    if socket_mode is not None:
        checks["socket"] = socket_mode.connected
    vital = Vital(house.store, socket_mode.connected if socket_mode else None)
    web = make_web(
        bolt, services, home=home, signing=signing, checks=checks, ill=vital.ill, measure=lambda: gauges(house.store)
    )
    server = _server(web)
    # The policy and what reads its conditions are loaded now, not when the first click waits.
    await checks["policy"]()
    # What was loaded stays loaded: the collector need not walk it while a click waits.
    gc.collect()
    gc.freeze()
    tasks = [
        asyncio.create_task(_ending(stop, server)),
        asyncio.create_task(stop_with_supervisor(stop)),
        asyncio.create_task(vital.beat(stop)),
    ]
    try:
        # Signals belong to the command, which sets `stop`.
        async with tracing(settings, "web"):
            await server._serve([listener])
    finally:
        for task in tasks:
            task.cancel()
        if socket_mode is not None:
            await socket_mode.stop()


async def _socket_mode(house: House, bolt: AsyncApp, services: Services, home: Home) -> SocketRunner:
    token = house.settings.slack_app_token
    if token is None:
        raise CantStart("SLACK_APP_TOKEN is missing for Socket Mode")
    caller = Slack(token.get_secret_value(), house.settings.slack_api_url)
    runner = SocketRunner(bolt, services, home, caller, token.get_secret_value())
    try:
        await runner.start()
    except (SlackProblem, OSError) as error:
        raise CantStart(f"Socket Mode could not connect ({error}); check SLACK_APP_TOKEN") from error
    return runner


def _signing(house: House) -> Signing:
    settings = house.settings
    if settings.slack_signing_secret is None:
        raise CantStart("SLACK_SIGNING_SECRET is missing: without it nothing from Slack can be trusted")
    previous = settings.slack_signing_secret_previous
    return Signing(
        current=settings.slack_signing_secret.get_secret_value(),
        previous=previous.get_secret_value() if previous else None,
        previous_until=settings.slack_signing_secret_previous_until,
    )


def _server(web: Starlette) -> uvicorn.Server:
    config = uvicorn.Config(
        web, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5, lifespan="on"
    )
    return uvicorn.Server(config)


def _listener(host: str, port: int) -> socket.socket:
    # IPPROTO_TCP by name: only then asyncio turns Nagle's delay off.
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise CantStart(f"PORT {port} on {host} can't be used ({error.strerror}); choose another PORT") from error
    return listener


async def _ending(stop: asyncio.Event, server: uvicorn.Server) -> None:
    await stop.wait()
    server.should_exit = True


def _checks(house: House) -> Mapping[str, Check]:
    async def database() -> bool:
        async with house.engine.connect() as connection:
            return (await connection.execute(select(1))).scalar() == 1

    async def migrations() -> bool:
        return not await behind(house.engine)

    async def policy() -> bool:
        async with house.store.begin() as tx:
            return bool(await tx.policies.current())

    return {"database": database, "migrations": migrations, "policy": policy}
