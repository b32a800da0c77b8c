"""A real shop for a test: uvicorn in a thread on a free loopback port, gone when the test is done."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from bot.sandbox.shop import create_shop
from bot.sandbox.wire import tls


def listening() -> socket.socket:
    """A socket that accepts already: whoever connects before the server is up waits for it."""
    # asyncio switches Nagle's 40 ms off only where the protocol is named.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(128)
    return sock


def url_of(sock: socket.socket) -> str:
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


@contextmanager
def running_shop(path: Path) -> Iterator[str]:
    """Serve the shop whose state is the file at `path`; yields its base URL."""
    sock = listening()
    server = uvicorn.Server(uvicorn.Config(create_shop(path), log_level="critical", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="shop", daemon=True)
    thread.start()
    try:
        call("GET", f"{url_of(sock)}/health", timeout=20)
        yield url_of(sock)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        sock.close()
        assert not thread.is_alive(), "the shop did not stop"


def call(method: str, url: str, **more: Any) -> httpx.Response:
    """What it answered; an error is raised."""
    return httpx.request(method, url, trust_env=False, verify=tls(), **more).raise_for_status()


def ledger(url: str, case_id: str | None = None) -> list[dict[str, Any]]:
    """What really happened, in order."""
    params = {"case_id": case_id} if case_id else {}
    return list(call("GET", f"{url}/ledger", params=params).json())


def fresh_case(url: str, **fields: Any) -> dict[str, Any]:
    """A case with a customer and an order of its own."""
    return dict(call("POST", f"{url}/cases", json=fields).json())


def withdraw(url: str, case_id: str) -> None:
    """The customer takes the case back."""
    call("POST", f"{url}/cases/{case_id}/withdraw")


def fail(url: str, target: str, mode: str, **fields: Any) -> None:
    """From now on the shop fails like this."""
    call("POST", f"{url}/faults", json={"target": target, "mode": mode, **fields})
