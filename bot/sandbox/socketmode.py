"""Socket Mode: up to ten connections, each payload to any one of them, acknowledged by its envelope id."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bot.sandbox.wire import Json

MOST = 10
GRACE = 3.0


class Lost(Exception):
    """The connection went away before the payload was acknowledged."""


@dataclass(eq=False)
class Connection:
    socket: WebSocket
    waiting: dict[str, asyncio.Future[Json]] = field(default_factory=dict)
    sent: int = 0

    async def send(self, message: Json) -> None:
        await self.socket.send_text(json.dumps(message))

    def answered(self, message: Any) -> None:
        future = self.waiting.pop(str(message.get("envelope_id")), None) if isinstance(message, dict) else None
        if future is not None and not future.done():
            future.set_result(message)

    def lose(self) -> None:
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(Lost())


class Sockets:
    def __init__(self, app_id: str) -> None:
        self._app_id = app_id
        self.connections: list[Connection] = []
        self._closing: set[asyncio.Task[None]] = set()

    async def serve(self, socket: WebSocket) -> None:
        """One connection from `hello` to its end."""
        await socket.accept()
        connection = Connection(socket)
        if len(self.connections) >= MOST:
            await connection.send(_disconnect("too_many_websockets"))
            await socket.close()
            return
        self.connections.append(connection)
        try:
            await connection.send(self._hello())
            while True:
                connection.answered(_parsed(await socket.receive_text()))
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._forget(connection)

    async def send(self, type_: str, payload: Json, wants_answer: bool, retry: tuple[int, str] | None) -> Json:
        """Sends to one connection, whichever, and waits for its ack. Raises Lost when it never comes."""
        connection = secrets.choice(self.connections)
        envelope_id = secrets.token_hex(16)
        message: Json = {
            "envelope_id": envelope_id,
            "payload": payload,
            "type": type_,
            "accepts_response_payload": wants_answer,
        }
        if type_ == "events_api":
            message |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        future = connection.waiting[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            connection.sent += 1
            await connection.send(message)
            answer: Json = await future
            return answer
        except (RuntimeError, WebSocketDisconnect) as error:
            raise Lost from error
        finally:
            connection.waiting.pop(envelope_id, None)

    async def disconnect(self, reason: str, *, close: bool | None = None, tell: bool = True) -> int:
        """Ends all connections as Slack does: a `disconnect` message, and the close some seconds after it.

        A `warning` closes nothing; `close` forces it to happen at once or not at all.
        """
        ended = list(self.connections)
        for connection in ended:
            if tell:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await connection.send(_disconnect(reason))
            if close or (close is None and reason != "warning"):
                with contextlib.suppress(ValueError):
                    self.connections.remove(connection)
                await self._close(connection, 0 if close else GRACE)
        return len(ended)

    async def _close(self, connection: Connection, wait: float) -> None:
        """Until then the connection gets nothing new, but its acks still count."""

        async def closing() -> None:
            await asyncio.sleep(wait)
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await connection.socket.close(1001)
            connection.lose()

        task = asyncio.create_task(closing())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        if wait == 0:
            await task

    def _forget(self, connection: Connection) -> None:
        if connection in self.connections:
            self.connections.remove(connection)
        connection.lose()

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": "applink-1", "build_number": 1, "approximate_connection_time": 3600},
            "connection_info": {"app_id": self._app_id},
        }


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}
