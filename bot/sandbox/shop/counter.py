"""The counter for every domain but refund cases: deeds, their undos, and subjects that can be withdrawn."""

import sqlite3
from typing import Any
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.sandbox.shop import general, subjects
from bot.sandbox.shop.bodies import Close, Deed, ShopError, Subject, Undo, Withdrawal, checked
from bot.sandbox.shop.deeds import once
from bot.sandbox.shop.desk import Desk, json_of, key_of

_FILTERS = frozenset({"reference", "domain", "subject"})
_SUBJECT: TypeAdapter[str] = TypeAdapter(Subject)


class Counter(Desk):
    """The handlers, over one book."""

    def routes(self) -> list[Route]:
        """A subject's address takes slashes, so that a wrong id is answered in words."""
        return [
            Route("/deeds", self.find, methods=["GET"]),
            Route("/deeds", self.do, methods=["POST"]),
            Route("/deeds/{id}/undo", self.undo, methods=["POST"]),
            Route("/subjects/withdraw", self.withdraw, methods=["POST"]),
            Route("/subjects/{id:path}/close", self.close, methods=["POST"]),
            Route("/subjects/{id:path}", self.get_subject, methods=["GET"]),
        ]

    async def find(self, request: Request) -> Response:
        wanted = dict(request.query_params)
        if strange := sorted(wanted.keys() - _FILTERS):
            raise ShopError(422, f"{strange[0]}: deeds are found by reference, domain or subject")
        return JSONResponse({"deeds": await self._read(lambda c: general.deeds(c, **wanted))})

    async def do(self, request: Request) -> Response:
        body, key = checked(Deed, await json_of(request)), key_of(request)

        def act(c: sqlite3.Connection) -> Any:
            return once(c, "deeds", key, body.model_dump(), lambda: general.do(c, body, key))

        return await self._deed("deeds", act)

    async def undo(self, request: Request) -> Response:
        checked(Undo, await json_of(request))
        deed, key = request.path_params["id"], key_of(request)

        def act(c: sqlite3.Connection) -> Any:
            return once(c, "undos", key, deed, lambda: general.undo(c, deed, key))

        return await self._deed("undos", act)

    async def get_subject(self, request: Request) -> Response:
        subject = _subject(request)
        return JSONResponse(await self._read(lambda c: subjects.subject(c, subject)))

    async def close(self, request: Request) -> Response:
        subject, body = _subject(request), checked(Close, await json_of(request))
        return JSONResponse(await self._write(lambda c: subjects.close(c, subject, body.reason)))

    async def withdraw(self, request: Request) -> Response:
        """The page's own form; it leads back to the page."""
        sent = (await request.body()).decode("utf-8", "replace")
        body = checked(Withdrawal, {name: value.strip() for name, value in parse_qsl(sent, keep_blank_values=True)})
        await self._write(lambda c: subjects.close(c, body.id, body.reason))
        # Relative, since the shop does not know where it is mounted.
        return RedirectResponse("../", 303)


def _subject(request: Request) -> str:
    try:
        return _SUBJECT.validate_python(request.path_params["id"])
    except ValidationError as error:
        raise ShopError(422, f"subject: {error.errors()[0]['msg']}") from None
