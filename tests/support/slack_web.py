"""The Slack door in a process of its own, so that a test can kill it: `python -m tests.support.slack_web`."""

import asyncio
import os

import uvicorn

from bot.guard import Signing
from bot.listeners import Services, make_app
from bot.slack import Slack
from bot.web import make_web
from storage.engine import make_engine, parse_url
from storage.store import PgStore
from tests.support.db import WORKSPACE
from tests.support.slack import HOME, SECRET


async def main() -> None:
    """DATABASE_URL, SLACK_API_URL and PORT say where; FAILPOINT where to die."""
    store = PgStore(make_engine(parse_url(os.environ["DATABASE_URL"])), WORKSPACE)
    services = Services(store=store, slack=Slack("xoxb-sandbox", os.environ["SLACK_API_URL"]))
    web = make_web(make_app(services, HOME), services, home=HOME, signing=Signing(current=SECRET))
    config = uvicorn.Config(web, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="error")
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(main())
