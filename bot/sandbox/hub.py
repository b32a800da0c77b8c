"""News for the browser page: whoever listens hears that something changed, not what."""

from __future__ import annotations

import asyncio

from bot.sandbox.wire import Json


class Hub:
    def __init__(self) -> None:
        self._listeners: set[asyncio.Queue[Json | None]] = set()

    def tell(self, type_: str, **fields: str | None) -> None:
        news = {"type": type_, **{k: v for k, v in fields.items() if v is not None}}
        for queue in self._listeners:
            queue.put_nowait(news)

    def listen(self) -> asyncio.Queue[Json | None]:
        queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._listeners.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[Json | None]) -> None:
        self._listeners.discard(queue)

    def close(self) -> None:
        """Lets every open stream end, so that the server can stop at once."""
        for queue in self._listeners:
            queue.put_nowait(None)
