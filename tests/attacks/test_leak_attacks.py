"""AC-41 and AC-44 of attacks.jsonl: no secret leaves the database, and no cell of an export is a formula."""

import asyncio
import csv
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from bot import logs
from bot.cli.words import queue_text, request_text, run_text
from bot.ids import EDIT
from bot.words import document
from graph.law.action import bind
from graph.law.request import Request, Status
from graph.verbs import report
from tests.support.cli import QuickCli
from tests.support.db import WORKSPACE
from tests.support.scene import Scene, spec_of
from tests.support.slack import House
from tests.support.tools import Tools

CANARY = "CANARY"


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """The process's own logs, all of them, as they go to stderr."""
    root, stderr = logging.getLogger(), io.StringIO()
    before, handlers = root.level, list(root.handlers)
    root.handlers.clear()
    monkeypatch.setattr("sys.stderr", stderr)
    logs.configure("DEBUG")
    yield stderr
    root.handlers[:] = handlers
    root.setLevel(before)
    structlog.reset_defaults()


async def test_ac_41_no_secret_leaves_the_database(scene: Scene, tmp_path: Path, logged: io.StringIO) -> None:
    """It is executed as it was proposed, and nobody sees it: on no card, in no message, log, metric or export."""
    spec, tools, door = spec_of("AC-41"), scene.tools, scene.door
    said = f"use Authorization: Bearer {CANARY}-abc, password={CANARY}42"
    request, card = await scene.ask(spec | {"summary": said, "reasoning": said})
    assert request.args["headers"] == spec["args"]["headers"]
    assert request.digest == bind("tools", "http_call", request.args).digest
    for place in ("Headers", "Key", "Pem", "In the agent's words"):
        assert f"{place}: looks like a secret, so it isn't shown" in card["text"]
    assert "⟦secret: 17 characters⟧" in card["text"]

    alice = door.person("UALICE")
    await scene.details(request, card)
    assert await alice.click(card, EDIT)
    form = (await until_titled(door, "Modify this action"))["blocks"]
    assert [block["block_id"] for block in form if block["type"] == "input" and "arg." in block["block_id"]] == [
        "arg.note"
    ]
    assert await alice.open_home()
    for words in ("queue", "mine", f"show {request.id}"):
        assert await alice.command(f"/approvals {words}", "CTIER1")
    # Somebody puts one into a reason; the receiver answers with all that it was sent.
    await alice.submit((await alice.views())[-1], {"arg.note": "again", "reason": f"token={CANARY}43, ok?"})
    await tools.settle()
    await door.deliver()
    assert (await door.request(request)).status is Status.MODIFIED
    (done,) = [json.loads(note) for name, _, note in tools.world.happened() if name == "http_call"]
    assert done == spec["args"] | {"note": "again"}

    structlog.get_logger("test").warning("x", headers=spec["args"]["headers"], said=said, who=request)
    logging.getLogger("other").warning("it said %s", said)
    metrics = await httpx.AsyncClient(trust_env=False).get(door.url.replace("/slack/events", "/metrics"))
    assert "it said" in logged.getvalue() and "headers" in logged.getvalue()
    shown = [text async for text in printed(tools, request)]
    shown += [json.dumps(each["args"], ensure_ascii=False) for each in await scene.calls()]
    shown += [row["detail"] for row in await tools.rows("select detail from audit where event = 'request_opened'")]
    shown += [logged.getvalue(), metrics.text]
    shown += await exported(scene, tmp_path)
    assert len(shown) > 15
    for text in shown:
        assert CANARY not in text, text[max(0, text.index(CANARY) - 200) :][:400]


async def until_titled(door: House, title: str) -> dict[str, Any]:
    for _ in range(500):
        found = [view for view in await door.person("UALICE").views() if view["title"]["text"] == title]
        if found:
            return dict(found[-1])
        await asyncio.sleep(0.01)
    raise AssertionError(f"no form is called {title}")


async def printed(tools: Tools, request: Request) -> Any:
    """What `gatepost queue`, `show` and `runs` print, for people and for scripts."""
    shown, run = await report.show(tools.store, request.id), await report.run(tools.store, request.run_id)
    for text in (request_text(shown), run_text(run), queue_text([shown]), document(shown), document(run)):
        yield text


async def exported(scene: Scene, home: Path) -> list[str]:
    """Every export there is, written by the command itself."""
    row = f"('{WORKSPACE}', 'Home', 'UGATEPOST')"
    await scene.door.sql(f"insert into workspaces (id, name, bot_user) values {row} on conflict do nothing")
    cli = QuickCli(home / "home", scene.tools.store.engine.url, scene.door.sandbox.url)
    found = []
    for what in ("requests", "entries"):
        for form in ("csv", "json"):
            found.append(await asyncio.to_thread(cli.run, "audit", "export", what, "--format", form))
    return found


async def test_ac_44_no_cell_of_an_export_is_a_formula(scene: Scene, tmp_path: Path) -> None:
    spec = spec_of("AC-44")
    for lead in ("", "@", "-", "\t", "\r", "\uff1d", " ", '"'):
        args = spec["args"] | {"order": f"{lead}{spec['args']['order']}"}
        await scene.ask(spec | {"args": args, "summary": f"{lead}{spec['summary']}"})
    await scene.tools.answer_all("reject", reason="=1+1")
    requests, lines, entries, _ = await exported(scene, tmp_path)
    rows = list(csv.DictReader(io.StringIO(requests, newline="")))
    assert len(rows) == 8
    assert rows[0]["agent_says"] == "'" + spec["summary"]
    assert {row["reason"] for row in rows} == {"'=1+1"}
    assert {row["amount"] for row in rows} == {"1.00"}, "numbers stay numbers"
    for row in [*rows, *csv.DictReader(io.StringIO(entries, newline=""))]:
        for cell in row.values():
            assert not cell.lstrip(' "').startswith(("=", "+", "-", "@", "\t", "\r", "\uff1d"))
    # JSON is read by programs, which take nothing for a formula: there the words are as they were.
    assert {json.loads(line)["agent_says"] for line in lines.splitlines()} >= {spec["summary"]}
    assert "record_exported" in await scene.door.audit()
