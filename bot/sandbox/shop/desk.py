"""What every counter of the shop shares: transactions beside the event loop, faults before and after a deed."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.sandbox.shop import faults
from bot.sandbox.shop.bodies import ShopError
from bot.sandbox.shop.book import Book

T = TypeVar("T")
Act = Callable[[sqlite3.Connection], Any]


class Desk:
    """Handlers over one book are written on top of this."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def _deed(self, target: str, act: Act) -> Response:
        """Do it, unless a fault comes first; and answer, unless a fault comes then."""
        fault = await self._write(lambda c: faults.draw(c, target))
        if (early := faults.instead(fault)) is not None:
            return early
        answer = JSONResponse(await self._write(act))
        if fault is not None and fault["mode"] == "slow":
            await asyncio.sleep(fault["seconds"])
        return faults.spoilt(fault, answer)

    async def _read(self, act: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with self._book.reading() as connection:
                return act(connection)

        return await run_in_threadpool(run)

    async def _write(self, act: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with self._book.writing() as connection:
                return act(connection)

        return await run_in_threadpool(run)


def key_of(request: Request) -> str | None:
    """The request's Idempotency-Key, if it has one."""
    return request.headers.get("idempotency-key") or None


async def json_of(request: Request) -> Any:
    """The request's body, or a 422."""
    raw = await request.body()
    try:
        return json.loads(raw or b"{}")
    except (ValueError, RecursionError):
        raise ShopError(422, "body: not valid JSON") from None
