"""Telling the shop to fail. Faults live in its file, so that every process of the shop obeys them."""

import random
import sqlite3
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.sandbox.shop.bodies import Fault
from bot.sandbox.shop.book import Row


class Dropped(Response):
    """An answer that never arrives: it promises more than it sends, and the server then closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})


def add(connection: sqlite3.Connection, fault: Fault) -> dict[str, Any]:
    """From now on, fail as told."""
    row = connection.execute(
        "INSERT INTO faults (target, mode, times, seconds, probability) VALUES (?, ?, ?, ?, ?) RETURNING *",
        (fault.target, fault.mode, fault.times, fault.seconds, fault.probability),
    ).fetchone()
    return dict(row)


def all_of(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """The faults that are still in force, oldest first."""
    return [dict(row) for row in connection.execute("SELECT * FROM faults ORDER BY id").fetchall()]


def clear(connection: sqlite3.Connection) -> None:
    """Behave again."""
    connection.execute("DELETE FROM faults")


def draw(connection: sqlite3.Connection, target: str) -> Row | None:
    """The fault that hits this call, if any; one with a limited number of times is used up by it."""
    rows = connection.execute("SELECT * FROM faults WHERE target IN (?, '*') ORDER BY id", (target,)).fetchall()
    hit: Row | None = next((row for row in rows if random.random() < row["probability"]), None)  # noqa: S311
    if hit is not None and hit["times"] is not None:
        connection.execute("UPDATE faults SET times = times - 1 WHERE id = ?", (hit["id"],))
        connection.execute("DELETE FROM faults WHERE times <= 0")
    return hit


def instead(fault: Row | None) -> Response | None:
    """The answer of a fault that keeps anything from happening."""
    match fault["mode"] if fault else None:
        case "fail_before":
            return JSONResponse({"error": "The shop is down for a moment."}, 503)
        case "refuse":
            return JSONResponse({"error": "The shop refuses this."}, 422)
        case _:
            return None


def spoilt(fault: Row | None, answer: Response) -> Response:
    """What a fault makes of the answer to something that did happen."""
    match fault["mode"] if fault else None:
        case "fail_after":
            return JSONResponse({"error": "The shop broke down."}, 500)
        case "lost_answer":
            return Dropped()
        case _:
            return answer
