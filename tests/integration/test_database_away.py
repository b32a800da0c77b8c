"""The database goes away under a running house: nothing is acknowledged, nothing happens, and all goes on by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import URL

from bot.delivery import Delivery
from bot.ids import APPROVE
from graph.flow.runner import Runner
from graph.verbs.start import start
from storage.checkpoints import PgCheckpoints
from storage.engine import make_engine
from storage.hints import listen
from storage.store import PgStore
from tests.support.db import WORKSPACE
from tests.support.slack import House, house, pending, until
from tests.support.toy import World, toy


class Line:
    """The only way to the database, which can be cut."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> URL:
        return self._server.set(host="127.0.0.1", port=self.port, query={})

    async def mend(self) -> None:
        self._listener = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._listener is not None
        self._listener.close()
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def close(self) -> None:
        with suppress(AssertionError):
            await self.cut()
        for task in self._tasks:
            task.cancel()

    async def _carry(self, here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        where = str(self._server.query.get("host") or self._server.host)
        if where.startswith("/"):
            there, forth = await asyncio.open_unix_connection(f"{where}/.s.PGSQL.{self._server.port or 5432}")
        else:
            there, forth = await asyncio.open_connection(where, self._server.port or 5432)
        self._open |= {back, forth}
        for source, target in ((here, forth), (there, back)):
            task = asyncio.create_task(_pour(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pour(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


@pytest.fixture
async def line(store: PgStore, database: URL) -> AsyncIterator[Line]:
    made = Line(database)
    await made.mend()
    yield made
    await made.close()


@pytest.fixture
async def door(line: Line, tmp_path: Path) -> AsyncIterator[House]:
    engine = make_engine(line.url)
    async with house(PgStore(engine, WORKSPACE), tmp_path) as made:
        yield made
    await engine.dispose()


@pytest.mark.timeout(120)
async def test_no_click_is_acknowledged_while_the_database_is_away(store: PgStore, line: Line, door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    await line.cut()
    assert not await door.person("UALICE").click(card, APPROVE)
    await line.mend()
    async with store.begin() as tx:
        found = await tx.requests.get(request.id)
    assert found is not None
    assert found.status == "pending"
    assert await door.person("UALICE").click(card, APPROVE)
    assert await door.decisions() == 1


@pytest.mark.timeout(120)
async def test_workers_go_on_by_themselves_when_it_is_back(
    store: PgStore, line: Line, door: House, tmp_path: Path
) -> None:
    world, stop, owed_run, owed_post = World(tmp_path / "world"), asyncio.Event(), asyncio.Event(), asyncio.Event()
    runner = Runner(door.store, PgCheckpoints(door.store), {"toy": toy(world)})
    delivery = Delivery(door.store, door.slack, spacing=0.0)
    heard: list[str] = []
    tasks = [
        asyncio.create_task(runner.serve(stop, owed_run)),
        asyncio.create_task(delivery.serve(owed_post)),
        asyncio.create_task(listen(line.url, heard.append)),
    ]
    try:
        first = await pending(store)
        await until(lambda: shown(door, first.id), within=30)
        await line.cut()
        # What is proposed elsewhere meanwhile waits.
        await start(store, "toy", {"plan": ["hold"]}, key="while away", requester="UREQ")
        await asyncio.sleep(3.0)
        assert world.names() == []
        assert not any(task.done() for task in tasks)
        await line.mend()

        async def asked() -> str | None:
            async with store.begin() as tx:
                found = [request for request in await tx.requests.pending(10) if request.workflow == "toy"]
            return found[0].id if found and await shown(door, found[0].id) else None

        assert await until(asked, within=30)
        heard.clear()

        async def listening() -> bool:
            async with store.begin() as tx:
                await tx.cards.touch(first.id)
            await asyncio.sleep(0.2)
            return bool(heard)

        await until(listening, within=30)
        assert world.names() == []
    finally:
        stop.set()
        for task in tasks[1:]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def shown(door: House, request_id: str) -> bool:
    return any(request_id in str(m.get("metadata")) for m in await door.sandbox.messages("CTIER1"))
