"""`gatepost demo`: everything on one machine, with a local Slack in the browser and requests to click."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Annotated, Any, Final

import httpx
import typer

from bot.cli.kit import CANT_START, fail
from bot.cli.serve import SANDBOX_PORT, Role
from bot.demo_door import DemoDoor
from bot.house import CantStart, House, fresh_people, open_house
from bot.laptop import BOT_TOKEN, SIGNING_SECRET, announce, furnished, running_sandbox, serving
from bot.logs import configure
from bot.settings import BadSettings, Settings, load
from bot.supervisor import stop_on_signals, supervise
from graph.law.request import Status
from graph.verbs.ports import RunStatus
from graph.verbs.report import queue

_REQUESTER: Final = "UREQ"
_PATIENCE_SECONDS: Final = 90.0


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the browser page listens.")] = SANDBOX_PORT,
) -> None:
    """Start Gatepost with an embedded PostgreSQL and a local Slack in the browser."""
    try:
        settings = load(slack_bot_token=None, slack_signing_secret=None, slack_app_token=None, gatepost_shop_url=None)
    except BadSettings as error:
        fail(str(error), CANT_START)
    configure("WARNING" if settings.log_level == "INFO" else settings.log_level)
    try:
        raise typer.Exit(asyncio.run(_demo(settings, port)))
    except CantStart as error:
        fail(str(error), CANT_START)


async def _demo(settings: Settings, port: int) -> int:
    if other := await running_sandbox(settings.gatepost_home):
        raise CantStart(f"Gatepost is running already for {settings.gatepost_home}: open {other}")
    stop, door = asyncio.Event(), DemoDoor(_REQUESTER)
    stop_on_signals(stop)
    web_port = settings.port if _free(settings.port) else _any_port()
    app_url = f"http://127.0.0.1:{web_port}/slack/events"
    mounts = {"/demo": door.app}
    async with serving(settings.gatepost_home, port=port if _free(port) else 0, app_url=app_url, mounts=mounts) as url:
        announce(settings.gatepost_home, url)
        async with furnished(settings) as complete, open_house(complete, may_migrate=True, import_policy=True) as house:
            await fresh_people(house)
            await door.open(house)
            roles = {str(role): ("serve", "--role", str(role)) for role in Role}
            working = asyncio.create_task(supervise(roles, _env(url, web_port), stop))
            if await _opened(house, door, f"http://127.0.0.1:{web_port}/readyz", stop):
                _say(url, moved=port if port and not url.endswith(f":{port}") else None)
            return await working


async def _opened(house: House, door: DemoDoor, ready_url: str, stop: asyncio.Event) -> bool:
    """Start a few cases, unless some wait already; see their cards in the channels and the web process ready."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    if not await queue(house.store, 1):
        opening = door.opening()
        for cases in (opening[:-1], opening[-1:]):
            # The last one when all the others are there: its card is then the newest, where people look.
            runs = [await door.start_case(*case) for case in cases]
            await _until(partial(_posted, house, runs), stop, deadline)
    await _until(lambda: _ready(ready_url), stop, deadline)
    return not stop.is_set()


async def _until(true: Callable[[], Awaitable[bool]], stop: asyncio.Event, deadline: float) -> None:
    """Wait for it to come true, but not past the deadline, nor when told to stop."""
    while not stop.is_set() and asyncio.get_running_loop().time() < deadline:
        if await true():
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), 0.2)


async def _ready(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=2) as client:
            return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


async def _posted(house: House, runs: Sequence[str]) -> bool:
    """Whether each of these runs has got somewhere, and what it asks is on the screen."""
    async with house.store.begin() as tx:
        for run_id in runs:
            run = await tx.runs.get(run_id)
            if run is None or (run.status is RunStatus.READY and not run.last_error):
                return False
            asked = [each for each in await tx.requests.of_run(run_id) if each.status is Status.PENDING]
            for request in asked:
                if not any(card.ts for card in await tx.cards.of_request(request.id)):
                    return False
    return True


def _env(url: str, web_port: int) -> Mapping[str, str]:
    return {
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": f"{url}/api/",
        "GATEPOST_SHOP_URL": f"{url}/shop",
        "PORT": str(web_port),
        "LOG_LEVEL": "WARNING",
    }


def _say(url: str, moved: int | None) -> None:
    lines = [
        "",
        "  Gatepost is running." + (f" (Port {moved} was taken; this is another one.)" if moved else ""),
        "",
        f"  Open      {url}/#user=UALICE&channel=CTIER1",
        "            You are Alice, a reviewer. Click Approve, Modify… or Reject… on a card in #approvals",
        "            and watch what really happens in the shop, on the right.",
        f"            Managers decide what is worse: {url}/#user=UEVE&channel=CTIER3",
        "  New case  “New request” on the page, or .venv/bin/gatepost propose (which lists ten domains' cases)",
        "  Stop      Ctrl-C. Start again any time: requests, cards and decisions are still there.",
        "",
    ]
    typer.echo("\n".join(lines))


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        chosen: Any = probe.getsockname()
    return int(chosen[1])
