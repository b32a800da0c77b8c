"""The `slash_command` cases of attacks.jsonl, sent as Slack sends them: a signed form to the whole door."""

import json
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from storage.store import PgStore
from tests.support.slack import House, house
from tests.support.slack_attacks import call, cases, headers_of, user_id, variants

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "SC-09": "tests/scenario/test_stopping.py::test_who_pulls_the_brake_by_command",
    "SC-10": "tests/scenario/test_stopping.py::test_who_pulls_the_brake_by_command",
    "SC-17": "tests/scenario/test_commands.py::test_a_flood_of_queue_calls_is_answered_politely_and_hurts_nobody",
}
CASES = {case["id"]: case for case in cases("slash_command")}
HERE = [case for case in CASES.values() if case["id"] not in ELSEWHERE]


@pytest.fixture
async def door(store: PgStore, tmp_path: Path) -> AsyncIterator[House]:
    async with house(store, tmp_path) as made:
        yield made


async def send(door: House, spec: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """A signed slash command; the answer's status and body, which came in time."""
    raw = spec.get("$slash_raw")
    given = raw or spec["$slash"]
    form = {"team_id": given.get("user_team", "THOME").replace("_", ""), "trigger_id": secrets.token_hex(8)}
    form |= {"channel_id": user_id(given.get("channel", "C_T1")).replace("CT", "CTIER"), "api_app_id": "AGATEPOST"}
    form |= {"command": given["command"], "text": given["text"].replace("<@U_", "<@U")}
    form |= {} if raw else {"user_id": user_id(given["user"]), "user_name": "somebody"}
    body = urlencode(form, errors="surrogatepass").encode()
    started = time.monotonic()
    status, answer = await call(door.web, body, headers_of({}, body))
    assert time.monotonic() - started < 2.5
    assert status < 500
    return status, json.loads(answer) if answer.startswith(b"{") else {}


def said(answer: dict[str, Any]) -> str:
    """All that is seen of an answer, and what a screen reader gets."""
    return f"{answer.get('text', '')} {json.dumps(answer.get('blocks', []), ensure_ascii=False)}"


@pytest.mark.parametrize("case", HERE, ids=[case["id"] for case in HERE])
async def test_case(case: dict[str, Any], door: House) -> None:
    request = await door.propose()
    expected = case["expected"]
    for spec in variants(case["input"]):
        status, answer = await send(door, spec)
        assert answer.get("response_type", "ephemeral") == "ephemeral"
        if expected["result"] == "accept":
            assert status == 200 and "420.00" in said(answer)
        elif case["id"] == "SC-13":
            assert "stands in for you" in said(answer)
            clicked = await door.person("UREQ").click(await door.card("UREQ", request), "gatepost.approve", force=True)
            assert clicked, "Slack got its answer; the verb said no"
        else:
            assert "4711" not in said(answer) and "420" not in said(answer)
        if expected["result"] == "usage":
            assert "/approvals queue" in said(answer) or "There is no request" in said(answer)
    assert not [message for message in await door.sandbox.messages("CSHARED") if "ephemeral_to" not in message]
    assert (await door.decisions(), await door.approved()) == (expected["decisions_added"], expected["executed"])
    assert (await door.request(request)).status == "pending"


def test_every_case_is_accounted_for() -> None:
    assert {*ELSEWHERE, *(case["id"] for case in HERE)} == CASES.keys()
    for told in ELSEWHERE.values():
        path, _, name = told.partition("::")
        assert f"def {name}(" in (ROOT / path).read_text()


@pytest.mark.parametrize(
    "words",
    [
        *("<!channel>", "<!here|here>", "<@UALICE>", "<!subteam^STIER1>", "<https://evil.example|help>", "*x* `y` ~z~"),
        *("&lt;!channel&gt;", "\u202e gnp", "pay\u200bpal", "\x1b[2K", ":joy:", "x" * 8000, "password=hunter22"),
        *("show <!channel>", "show password=hunter22", "show \u202e", "show req_" + "0" * 5000, "show <@UALICE>"),
        *(
            "withdraw <!channel> reason",
            "stats <!channel>",
            "shadow <!here>",
            "away until <!channel>",
            "queue <@UALICE>",
        ),
        *(
            "queue tier 99999999999999999999",
            "queue tier \u0663",
            "queue ' or 1=1 --",
            "show %00",
            "show ../../etc/passwd",
        ),
        *(
            "stop <!channel> reason: because",
            "resume <!channel> reason: because",
            "delegate <!channel> 7d",
            "\u200bqueue",
        ),
    ],
)
async def test_whatever_is_typed_comes_back_harmless(door: House, words: str) -> None:
    """SC-07 and SC-16 in every sub-command: seen by the asker alone, nothing in it is parsed, nothing is changed."""
    await door.propose()
    status, answer = await send(door, {"$slash": {"command": "/approvals", "text": words, "user": "U_ALICE"}})
    assert status == 200 and answer["response_type"] == "ephemeral"
    for text in (answer["text"], *mrkdwn(answer.get("blocks", []))):
        assert not any(sign in text for sign in ("<!channel", "<!here", "<@", "<!subteam", "<https://evil", "<http"))
    for hidden in ("\u202e", "\u200b", "\x1b", "hunter22"):
        assert hidden not in said(answer)
    assert len(answer["text"]) <= 3000
    assert await door.decisions() == 0
    assert not {"stop_on", "stop_off"} & {*await door.audit()}


def mrkdwn(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["text"]] if value.get("type") == "mrkdwn" else []
        return own + [text for item in value.values() for text in mrkdwn(item)]
    return [text for item in value for text in mrkdwn(item)] if isinstance(value, list) else []


@pytest.mark.parametrize(
    "form",
    [
        *(
            {"text": "queue"},
            {"user_id": "", "text": "queue"},
            {"user_id": "UALICE"},
            {"user_id": "\u202e", "text": "queue"},
        ),
        *({"user_id": "UALICE", "text": "queue", "team_id": "TPARTNER"}, {"user_id": "UGONE", "text": "queue"}),
        *({"user_id": "UALICE' or 1=1", "text": "queue"}, {"user_id": "U" * 5000, "text": "queue"}),
    ],
)
async def test_a_form_that_is_not_whole_or_not_from_here_shows_nothing(door: House, form: dict[str, str]) -> None:
    """SC-03 and SC-14."""
    await door.propose()
    body = urlencode({"command": "/approvals", "team_id": "THOME", "channel_id": "CTIER1", **form}).encode()
    status, answer = await call(door.web, body, headers_of({}, body))
    assert status < 500
    assert (b"4711" not in answer and b"420" not in answer) or form == {"user_id": "UALICE"}
