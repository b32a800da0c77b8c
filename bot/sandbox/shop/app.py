"""The shop's addresses. Each request is one short transaction, run beside the event loop."""

import sqlite3
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bot.sandbox.shop import cases, deeds, faults, general, subjects
from bot.sandbox.shop.bodies import (
    Credit,
    Fault,
    Message,
    NewCase,
    Refund,
    Release,
    Reversal,
    ShopError,
    checked,
)
from bot.sandbox.shop.book import Book
from bot.sandbox.shop.counter import Counter
from bot.sandbox.shop.desk import Desk, json_of, key_of
from bot.sandbox.shop.page import page
from bot.sandbox.shop.seeds import seed


def create_shop(path: Path) -> Starlette:
    """A shop whose whole state is the SQLite file at `path`; a new file is filled with the demo cases."""
    book = Book(path)
    with book.writing() as connection:
        seed(connection)
    shop = Shop(book)
    routes = [
        Route("/", shop.show),
        Route("/health", shop.health),
        Route("/cases", shop.open_case, methods=["POST"]),
        Route("/cases/{id}", shop.get_case),
        Route("/cases/{id}/withdraw", shop.withdraw, methods=["POST"]),
        Route("/customers/{id}", shop.get_customer),
        Route("/orders/{id}", shop.get_order),
        Route("/credits", shop.find_credits, methods=["GET"]),
        Route("/credits", shop.reserve, methods=["POST"]),
        Route("/credits/release", shop.release, methods=["POST"]),
        Route("/refunds", shop.refund, methods=["POST"]),
        Route("/refunds/{id}/reverse", shop.reverse, methods=["POST"]),
        Route("/messages", shop.write, methods=["POST"]),
        *Counter(book).routes(),
        Route("/ledger", shop.ledger),
        Route("/faults", shop.list_faults, methods=["GET"]),
        Route("/faults", shop.add_fault, methods=["POST"]),
        Route("/faults", shop.clear_faults, methods=["DELETE"]),
    ]
    return Starlette(routes=routes, exception_handlers={ShopError: _refusal})


class Shop(Desk):
    """The page, the refund cases and the faults."""

    async def show(self, request: Request) -> Response:
        def everything(c: sqlite3.Connection) -> str:
            return page(deeds.ledger(c, None), general.deeds(c), subjects.known(c))

        return HTMLResponse(await self._read(everything))

    async def health(self, request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def open_case(self, request: Request) -> Response:
        new = checked(NewCase, await json_of(request))
        return JSONResponse(await self._write(lambda c: cases.open_case(c, new)), 201)

    async def get_case(self, request: Request) -> Response:
        return JSONResponse(await self._read(lambda c: cases.case(c, request.path_params["id"])))

    async def withdraw(self, request: Request) -> Response:
        return JSONResponse(await self._write(lambda c: cases.withdraw(c, request.path_params["id"])))

    async def get_customer(self, request: Request) -> Response:
        return JSONResponse(await self._read(lambda c: cases.customer(c, request.path_params["id"])))

    async def get_order(self, request: Request) -> Response:
        return JSONResponse(await self._read(lambda c: cases.order(c, request.path_params["id"])))

    async def find_credits(self, request: Request) -> Response:
        reference = request.query_params.get("reference", "")
        if not reference:
            raise ShopError(422, "reference: say which one, as in /credits?reference=…")
        return JSONResponse({"credits": await self._read(lambda c: deeds.credits_by(c, reference))})

    async def reserve(self, request: Request) -> Response:
        body = checked(Credit, await json_of(request))
        return await self._deed("credits", lambda c: deeds.reserve(c, body))

    async def release(self, request: Request) -> Response:
        body, key = checked(Release, await json_of(request)), key_of(request)

        def act(c: sqlite3.Connection) -> Any:
            return deeds.once(c, "releases", key, body.model_dump(), lambda: deeds.release(c, body, key))

        return await self._deed("releases", act)

    async def refund(self, request: Request) -> Response:
        body, key = checked(Refund, await json_of(request)), key_of(request)

        def act(c: sqlite3.Connection) -> Any:
            return deeds.once(c, "refunds", key, body.model_dump(), lambda: deeds.refund(c, body, key))

        return await self._deed("refunds", act)

    async def reverse(self, request: Request) -> Response:
        checked(Reversal, await json_of(request))
        refund_id, key = request.path_params["id"], key_of(request)

        def act(c: sqlite3.Connection) -> Any:
            return deeds.once(c, "reversals", key, refund_id, lambda: deeds.reverse(c, refund_id, key))

        return await self._deed("reversals", act)

    async def write(self, request: Request) -> Response:
        body = checked(Message, await json_of(request))
        return await self._deed("messages", lambda c: deeds.write(c, body))

    async def ledger(self, request: Request) -> Response:
        case_id = request.query_params.get("case_id")
        return JSONResponse(await self._read(lambda c: deeds.ledger(c, case_id)))

    async def list_faults(self, request: Request) -> Response:
        return JSONResponse(await self._read(faults.all_of))

    async def add_fault(self, request: Request) -> Response:
        fault = checked(Fault, await json_of(request))
        return JSONResponse(await self._write(lambda c: faults.add(c, fault)), 201)

    async def clear_faults(self, request: Request) -> Response:
        await self._write(faults.clear)
        return JSONResponse({"ok": True})


async def _refusal(request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, ShopError) else 500
    return JSONResponse({"error": str(error)}, status)
