"""The guard on its own: what may reach Bolt, what is answered before anything parses, and that no body is logged."""

import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.guard import Guard, Home, Malformed, Signing, accepts_envelope, payload_of
from bot.guard.parse import depth_of, loads
from tests.support.slack import PREVIOUS_SECRET, SECRET
from tests.support.slack_attacks import FORM, call, cases, headers_of, raw_of, sign, variants

HOME = Home(team_id="THOME", enterprise_id="EHOME")
CLICK = {
    "type": "block_actions",
    "team": {"id": "THOME"},
    "user": {"id": "UALICE", "team_id": "THOME"},
    "actions": [{"type": "button", "action_id": "gatepost.approve", "value": "x"}],
}
EVENT = {"type": "event_callback", "team_id": "THOME", "event": {"type": "user_change", "user": {"id": "U1"}}}
COMMAND = {"command": "/approvals", "text": "payload of queue", "user_id": "UALICE", "team_id": "THOME"}
NEEDS_DECISIONS = {
    "HS-01": "runs in tests/attacks, where a click decides",
    "HS-13": "runs in tests/attacks",
    "HS-29": "runs in tests/attacks; the expiry of the previous secret is below",
}
HOSTILE = [case for case in cases("http_signature") if case["id"] not in NEEDS_DECISIONS]


class Inner:
    """Stands where Bolt stands; keeps what got through."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.got.append(payload_of(scope))
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def guard(inner: Inner) -> Guard:
    return Guard(inner, signing=Signing(current=SECRET), home=HOME)


def form(payload: Any) -> bytes:
    return urlencode({"payload": json.dumps(payload)}).encode()


async def send(guard: Any, content: bytes, /, **spec: Any) -> int:
    status, answer = await call(guard, content, headers_of(spec, content))
    assert answer == b""
    return status


@pytest.mark.parametrize("case", HOSTILE, ids=[case["id"] for case in HOSTILE])
async def test_hostile_requests_never_get_through(case: dict[str, Any], guard: Guard, inner: Inner) -> None:
    for spec in variants(case["input"]):
        body = raw_of(spec) if "raw" in spec or "raw_hex" in spec else form(CLICK)
        with capture_logs() as logs:
            status = await send(guard, body, **spec)
        wanted = case["expected"].get("http")
        assert status == wanted if wanted else status in (200, 401, 415), spec
        assert "UALICE" not in str(logs) and "zzz" not in str(logs)
    assert inner.got == []


@pytest.mark.parametrize("payload", [CLICK, CLICK | {"team": None}])
async def test_a_signed_click_arrives_with_its_raw_bytes(payload: Any, guard: Guard, inner: Inner) -> None:
    body = form(payload)
    assert await send(guard, body) == 200
    assert inner.got == [payload] and inner.bodies == [body]


async def test_commands_and_events_arrive_too(guard: Guard, inner: Inner) -> None:
    assert await send(guard, urlencode(COMMAND).encode()) == 200
    assert await send(guard, json.dumps(EVENT).encode(), content_type="application/json; charset=utf-8") == 200
    assert inner.got == [COMMAND, EVENT]


async def test_the_previous_secret_counts_until_it_expires() -> None:
    for until, status in ((time.time() + 3600, 200), (time.time() - 1, 401), (None, 200)):
        signing = Signing(current=SECRET, previous=PREVIOUS_SECRET, previous_until=until)
        guard = Guard(Inner(), signing=signing, home=HOME)
        assert await send(guard, form(CLICK), sign="previous_secret") == status
        assert await send(guard, form(CLICK)) == 200


@pytest.mark.parametrize(
    "change",
    [
        {"actions": []}, {"actions": None}, {"actions": "approve"}, {"actions": [{"type": "button"}]},
        {"actions": [None]}, {"actions": [{"action_id": 1}]}, {"actions": [{"action_id": "x" * 256}]},
        {"user": None}, {"user": {}}, {"user": {"id": ["UALICE"]}}, {"user": {"id": "U\u0000"}}, {"user": "UALICE"},
        {"user": {"id": "U" * 65}}, {"team": {"id": "T_EVIL"}}, {"team": {}}, {"team": 5},
        {"team": None, "user": {"id": "U1"}},
        {"container": []}, {"channel": 5}, {"enterprise": 5}, {"authorizations": [1]}, {"response_url": 5},
        {"response_url": "http://127.0.0.1.evil.example/x"}, {"response_url": "file:///etc/passwd"},
        {"type": "view_submission"}, {"type": "view_submission", "view": None},
        {"type": "view_submission", "view": {"callback_id": "modify"}},
        {"type": "view_submission", "view": {"callback_id": 5, "state": {"values": {}}}},
        {"type": "view_closed"}, {"type": "shortcut"}, {"type": "message_action"},
    ],
    ids=str,
)  # fmt: skip
async def test_signed_but_malformed_is_a_400(change: Any, guard: Guard, inner: Inner) -> None:
    assert await send(guard, form(CLICK | change)) == 400
    with pytest.raises(Malformed):
        accepts_envelope("interactive", CLICK | change, HOME)
    assert inner.got == []


@pytest.mark.parametrize("payload", [None, [], "x", 1, {"a": int("9" * 4000)}])
async def test_payloads_that_are_no_objects_or_hold_huge_numbers(payload: Any, guard: Guard, inner: Inner) -> None:
    assert await send(guard, form(payload)) == 400
    digits = b'{"type":"event_callback","n":' + b"9" * 5000 + b"}"
    assert await send(guard, digits, content_type="application/json") == 400
    assert inner.got == []


async def test_what_nobody_handles_has_no_effect(guard: Guard, inner: Inner) -> None:
    for kind in ("zzz", None, "block_suggestion"):
        assert await send(guard, form(CLICK | {"type": kind})) == 200
    assert await send(guard, b'{"type":"app_rate_limited"}', content_type="application/json") == 200
    assert not accepts_envelope("hello", {}, HOME)
    assert inner.got == []


async def test_url_verification_only_when_signed(guard: Guard, inner: Inner) -> None:
    body = b'{"type":"url_verification","challenge":"abc"}'
    assert await send(guard, body, content_type="application/json", sig="v0=" + "0" * 64) == 401
    assert await send(guard, body, content_type="application/json") == 200
    assert inner.got[0]["challenge"] == "abc"


async def test_size_method_encoding_and_doubled_headers(guard: Guard, inner: Inner) -> None:
    big = b"payload=" + b"a" * (1024 * 1024)
    assert await send(guard, big) == 413
    assert (await call(guard, big, [(b"content-type", FORM.encode())]))[0] == 413
    assert await send(guard, form(CLICK), headers={"content-encoding": "br"}) == 415
    body = form(CLICK)
    twice = [*headers_of({}, body), (b"x-slack-signature", sign(SECRET, b"1", body))]
    assert (await call(guard, body, twice))[0] == 401
    doubled = body + b"&payload=%7B%7D"
    assert await send(guard, doubled) == 400
    assert inner.got == []


async def test_an_organisation_wide_install_names_its_enterprise(guard: Guard, inner: Inner) -> None:
    install = {"team": None, "enterprise": {"id": "EHOME"}, "is_enterprise_install": True, "user": {"id": "U1"}}
    assert await send(guard, form(CLICK | install)) == 200
    assert await send(guard, form(CLICK | install | {"enterprise": {"id": "EVIL"}})) == 400
    assert len(inner.got) == 1


def test_depth_is_counted_outside_strings_only() -> None:
    assert loads('{"a": "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\""}')
    assert depth_of([[[]]]) == 3
    with pytest.raises(Malformed):
        loads("[" * 65 + "]" * 65)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
fields = st.sampled_from(
    ["type", "team", "user", "actions", "view", "container", "channel", "event", "authorizations", "response_url"]
)


@given(kind=st.sampled_from(["interactive", "events_api", "slash_commands"]), changes=st.dictionaries(fields, anything))
@settings(max_examples=300, deadline=None)
def test_any_payload_is_accepted_ignored_or_malformed(kind: str, changes: dict[str, Any]) -> None:
    base: dict[str, Any] = {"interactive": CLICK, "events_api": EVENT, "slash_commands": COMMAND}[kind]
    try:
        accepts_envelope(kind, {**base, **changes}, HOME)
    except Malformed:
        return
