"""The attack cases: read from the file, their little language expanded, sent as Slack would send them."""

import copy
import gzip
import hashlib
import hmac
import itertools
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bot.ids import APPROVE, APPROVE_SUBMIT, EDIT_SUBMIT, REJECT_SUBMIT, Origin, encode, encode_origin, ref_of
from bot.modals import approve, edit, reject
from graph.law.request import Request
from graph.verbs.decide import needs_reason
from tests.support.slack import PREVIOUS_SECRET, SECRET, House

FILE = Path(__file__).parents[1] / "attacks" / "attacks.jsonl"
FORM = "application/x-www-form-urlencoded"
Json = dict[str, Any]


def cases(surface: str) -> list[Json]:
    """The cases of one surface, in the file's order."""
    read = (json.loads(line) for line in FILE.read_text().splitlines() if line.strip())
    return [case for case in read if case["surface"] == surface]


def variants(value: Any) -> list[Any]:
    """The value with every `$each` taken apart and every small function evaluated."""
    if isinstance(value, list):
        return [list(each) for each in itertools.product(*map(variants, value))]
    if not isinstance(value, dict):
        return [value]
    if "$each" in value:
        return [each for item in value["$each"] for each in variants(item)]
    if "$repeat" in value:
        text, times = value["$repeat"]
        return [text * times]
    if "$surrogate" in value:
        return [chr(int(value["$surrogate"], 16))]
    keys = list(value)
    return [dict(zip(keys, each, strict=True)) for each in itertools.product(*(variants(value[k]) for k in keys))]


def user_id(name: str) -> str:
    """The sandbox's name of a person of the world file."""
    return name.replace("_", "", 1)


def sign(secret: str, stamp: bytes, body: bytes) -> bytes:
    return b"v0=" + hmac.new(secret.encode(), b"v0:" + stamp + b":" + body, hashlib.sha256).hexdigest().encode()


def stamp_of(wanted: Any) -> bytes:
    """The timestamp header that the case asks for."""
    now = int(time.time())
    if isinstance(wanted, dict):
        if "$now_digits" in wanted:
            return "".join(chr(0x660 + int(digit)) for digit in str(now)).encode()
        return f"{wanted['$now_prefix']}{now}".encode()
    if isinstance(wanted, str) and wanted.startswith("now"):
        return str(now + int(wanted[3:] or 0)).encode()
    return str(wanted).encode()


def raw_of(spec: Json) -> bytes:
    """The body as bytes: given raw, or a payload in a form."""
    if "raw_hex" in spec:
        return bytes.fromhex(spec["raw_hex"])
    raw = spec["raw"]
    if isinstance(raw, dict) and "$gzip_repeat" in raw:
        # A sixteenth of the case's size makes the same point: nobody may unpack it.
        text, times = raw["$gzip_repeat"]
        return gzip.compress(text.encode() * (times // 64))
    return urlencode(raw["$form"]).encode() if isinstance(raw, dict) else str(raw).encode()


def headers_of(spec: Json, body: bytes) -> list[tuple[bytes, bytes]]:
    stamp = stamp_of(spec.get("ts", "now"))
    secret = PREVIOUS_SECRET if spec.get("sign") == "previous_secret" else SECRET
    signature = spec["sig"].encode() if "sig" in spec else sign(secret, stamp, body)
    found = {
        b"content-type": spec.get("content_type", FORM).encode(),
        b"content-length": str(len(body)).encode(),
        b"x-slack-request-timestamp": stamp,
        b"x-slack-signature": signature,
    } | {name.encode(): str(value).encode() for name, value in spec.get("headers", {}).items()}
    return [(name, value) for name, value in found.items() if name.decode() not in spec.get("drop_headers", ())]


async def call(
    app: Any, body: bytes, headers: list[tuple[bytes, bytes]], path: str = "/slack/events"
) -> tuple[int, bytes]:
    """One request straight into the ASGI app: status and body of the answer."""
    sent = [{"type": "http.request", "body": body, "more_body": False}]
    answer: list[Json] = []

    async def receive() -> Json:
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answer.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    await app(scope, receive, send)
    return int(answer[0]["status"]), b"".join(part.get("body", b"") for part in answer[1:])


@dataclass
class Attacker:
    """Somebody who can sign, and knows the card's place and what its buttons carry."""

    door: House
    request: Request
    place: tuple[str, str]
    answers: list[tuple[int, Json]] = field(default_factory=list)

    def click(self, spec: Json) -> Json:
        """A block_actions payload for the request's card."""
        user = user_id(spec["user"])
        channel, ts = spec.get("channel", self.place[0]), spec.get("message_ts", self.place[1])
        value = spec["value"] if "value" in spec else encode(ref_of(self.request))
        action = {"type": "button", "block_id": "b", "action_id": spec.get("action_id", APPROVE), "value": value}
        workspace = self.door.sandbox.workspace
        assert workspace is not None
        url = workspace.tickets.response_url(self.place[0], user, self.place[1])
        return {
            "type": "block_actions",
            "team": {"id": spec.get("team", "THOME"), "domain": "home"},
            "user": {"id": user, "username": user.lower(), "team_id": "THOME"},
            "api_app_id": "AGATEPOST",
            "trigger_id": secrets.token_hex(8),
            "container": {"type": "message", "message_ts": ts, "channel_id": channel},
            "channel": {"id": channel, "name": "approvals"},
            "message": {"ts": ts, "bot_id": "BGATEPOST"},
            "actions": [action | {"action_ts": f"{time.time():.6f}"}],
            "response_url": self.door.sandbox.url + url,
        }

    def submission(self, spec: Json) -> Json:
        """A view_submission of the modify, the reject or the approve form."""
        wanted = spec.get("view", spec.get("action"))
        if wanted == "reject":
            form, callback, values = reject, REJECT_SUBMIT, {"reason": text_of(spec.get("reason"))}
        elif wanted == "approve":
            form, callback, values = approve, APPROVE_SUBMIT, {"reason": text_of("checked with the bank")}
        else:
            form, callback, values = edit, EDIT_SUBMIT, {"reason": text_of("the customer agreed")}
            values |= {f"arg.{name}": entry(name, value) for name, value in spec["args"].items()}
            if "args_raw" in spec:
                values["arg.extra"] = text_of(spec["args_raw"])
        view = form.build(self.request, ref_of(self.request), *self.place)
        metadata = encode_origin(Origin(ref_of(self.request), *self.place))
        view |= {
            "id": f"V{secrets.token_hex(4)}",
            "callback_id": callback,
            "private_metadata": spec.get("private_metadata_raw", metadata),
            "state": {"values": values},
        }
        user = user_id(spec["user"])
        return {
            "type": "view_submission",
            "team": {"id": "THOME", "domain": "home"},
            "user": {"id": user, "team_id": "THOME"},
            "trigger_id": secrets.token_hex(8),
            "view": view,
        }

    def payload(self, step: Json) -> Json:
        """What a step of a case sends."""
        if "$click" in step:
            spec = step["$click"]
            by_form = spec["action"] == "reject" or needs_reason(self.request)
            return self.submission(spec) if by_form else self.click(spec)
        if "$click_raw" in step:
            return self.click({"user": "U_ALICE"}) | step["$click_raw"]
        if "$submit" in step:
            return self.submission(step["$submit"])
        plain = {"view": "reject", "user": "U_ALICE", "reason": "because"}
        return self.submission(plain) | step["$submit_raw"]

    async def send(self, payload: Json, spec: Json | None = None) -> tuple[int, Json]:
        """Deliver it, signed unless `spec` says otherwise; the answer's status and JSON body."""
        body = urlencode({"payload": json.dumps(payload)}).encode()
        status, raw = await call(self.door.web, body, headers_of(spec or {}, body))
        self.answers.append((status, json.loads(raw) if raw.startswith(b"{") else {}))
        return self.answers[-1]

    async def act(self, step: Json) -> tuple[int, Json]:
        return await self.send(self.payload(step))


def text_of(value: Any) -> Json:
    return {"value": {"type": "plain_text_input", "value": value}}


def entry(name: str, value: Any) -> Json:
    """A field's submitted state: the currency is a menu, the rest is text."""
    if name != "currency":
        return text_of(value)
    option = {"text": {"type": "plain_text", "text": str(value)}, "value": "0"}
    return {"value": {"type": "static_select", "selected_option": option}}


def steps_of(spec: Json) -> Iterator[Json]:
    """The single steps of a case, in order."""
    for step in spec.get("steps", [spec]):
        yield copy.deepcopy(step)
