"""`gatepost serve` as deployed, against a Slack that knows only the bare minimum and was not made for it."""

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest
from sqlalchemy import URL

from tests.support.db import dsn
from tests.support.shop import ledger, running_shop

ROOT = Path(__file__).resolve().parents[2]
SECRET = "spare-secret"
POLICY = """
format = 1
[tiers.1]
channel = "C0SPARE"
reviewers = ["U0ALICE"]
[[thresholds]]
action = "*"
"""


class Spare(BaseHTTPRequestHandler):
    """auth.test, users.info, chat.postMessage and chat.update, with the fewest fields that make sense."""

    calls: list[tuple[str, dict[str, Any]]]
    one_at_a_time: threading.Lock

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = json.loads(body) if body.startswith("{") else {k: v[0] for k, v in parse_qs(body).items()}
        self._answer(self.path.partition("?")[0].rpartition("/")[2], asked)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        self._answer(path.rpartition("/")[2], {k: v[0] for k, v in parse_qs(query).items()})

    def _answer(self, method: str, asked: dict[str, Any]) -> None:
        with self.one_at_a_time:
            self.calls.append((method, asked))
            ts = f"1.{len(self.calls):06d}"
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "auth.test": lambda: {"ok": True, "team_id": "T0SPARE", "user_id": "U0BOT"},
            "users.info": lambda: {"ok": True, "user": {"id": asked.get("user"), "name": "alice"}},
            "chat.postMessage": lambda: {"ok": True, "channel": asked.get("channel"), "ts": ts},
            "chat.update": lambda: {"ok": True, "channel": asked.get("channel"), "ts": asked.get("ts")},
        }
        told = answers.get(method, lambda: {"ok": False, "error": "unknown_method"})()
        data = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


@pytest.fixture
def spare() -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    handler = type("Handler", (Spare,), {"calls": [], "one_at_a_time": threading.Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api/", handler.calls  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def until(what: str, found: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := found():
            return result
        time.sleep(0.1)
    raise AssertionError(f"never happened: {what}")


def click(port: int, card: dict[str, Any], ts: str) -> httpx.Response:
    """A signed click on the card's first button, as Slack documents it."""
    button = next(block for block in card["blocks"] if block["type"] == "actions")["elements"][0]
    payload = {
        "type": "block_actions",
        "team": {"id": "T0SPARE"},
        "user": {"id": "U0ALICE", "team_id": "T0SPARE"},
        "channel": {"id": "C0SPARE"},
        "message": {"ts": ts},
        "container": {"type": "message", "message_ts": ts, "channel_id": "C0SPARE"},
        "trigger_id": "1.2.3",
        "actions": [{"action_id": button["action_id"], "block_id": "b", "type": "button", "value": button["value"]}],
    }
    body = urlencode({"payload": json.dumps(payload)})
    stamp = str(int(time.time()))
    signature = hmac.new(SECRET.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": f"v0={signature}",
    }
    return httpx.post(f"http://127.0.0.1:{port}/slack/events", content=body, headers=headers, timeout=10)


@pytest.mark.timeout(240)
def test_a_refund_is_asked_clicked_done_and_shown(
    database: URL, tmp_path: Path, spare: tuple[str, list[tuple[str, dict[str, Any]]]]
) -> None:
    url, calls = spare
    (tmp_path / "policy.toml").write_text(POLICY)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLACK_", "GATEPOST_"))}
    with running_shop(tmp_path / "shop.sqlite") as shop:
        env = clean | {
            "DATABASE_URL": dsn(database),
            "GATEPOST_HOME": str(tmp_path / "home"),
            "GATEPOST_POLICY": str(tmp_path / "policy.toml"),
            "GATEPOST_SHOP_URL": shop,
            "SLACK_API_URL": url,
            "SLACK_BOT_TOKEN": "xoxb-spare",
            "SLACK_SIGNING_SECRET": SECRET,
            "PORT": str(port),
        }
        server = subprocess.Popen([sys.executable, "-m", "bot", "serve"], cwd=ROOT, env=env)
        try:
            until("ready", lambda: _ready(port))
            subprocess.run([sys.executable, "-m", "bot", "propose", "payments"], cwd=ROOT, env=env, check=True)
            for kind in ("credit", "refund", "message"):
                card, ts = until(f"a card for {kind}", lambda: _open_card(calls), 60)
                answer = click(port, card, ts)
                assert (answer.status_code, answer.content) == (200, b"")
                until(f"{kind} in the shop", lambda kind=kind: [r for r in ledger(shop) if r["kind"] == kind])
                until("the card says so", lambda ts=ts: _settled(calls, ts))
            assert [row["kind"] for row in ledger(shop)] == ["credit", "refund", "message"]
        finally:
            server.terminate()
            assert server.wait(40) == 0


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _open_card(calls: list[tuple[str, dict[str, Any]]]) -> tuple[dict[str, Any], str] | None:
    """The newest card that was posted and not yet answered."""
    shown: dict[str, dict[str, Any]] = {}
    for number, (method, asked) in enumerate(list(calls), start=1):
        if method == "chat.postMessage":
            shown[f"1.{number:06d}"] = asked
        elif method == "chat.update":
            shown[asked["ts"]] = asked
    for ts, card in shown.items():
        if any(block["type"] == "actions" for block in card.get("blocks", ())):
            return card, ts
    return None


def _settled(calls: list[tuple[str, dict[str, Any]]], ts: str) -> bool:
    """The card has lost its buttons and says that it was done."""
    updates = [asked for method, asked in list(calls) if method == "chat.update" and asked["ts"] == ts]
    return bool(updates) and "Done" in updates[-1]["text"]
