"""The `action_content` cases of attacks.jsonl that are about what people see: on the card, in Details, in every form,
in direct messages, in the terminal, in logs and in exports. Each is played through the whole house.
"""

import asyncio
import csv
import io
import itertools
import json
import logging
import unicodedata
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from bot import logs
from bot.cli.words import queue_text, request_text, run_text
from bot.ids import APPROVE, CHOICE_DETAILS, EDIT, MORE, encode_choice, ref_of
from bot.words import document
from graph.law.action import bind
from graph.law.request import Request, Status
from graph.verbs import report
from storage.store import PgStore
from tests.support.blockkit import strings
from tests.support.cli import QuickCli
from tests.support.db import WORKSPACE, one_by_one
from tests.support.slack import House, house
from tests.support.slack_attacks import cases, variants
from tests.support.tools import Tools

CASES = {case["id"]: case for case in cases("action_content")}
CLEAN = CASES["AC-01"]["input"]["$propose"]
Spec = dict[str, Any]


def spec_of(case: str) -> Spec:
    return dict(CASES[case]["input"]["$propose"])


class Scene:
    """Tools whose requests are put before people in a sandbox."""

    def __init__(self, tools: Tools, door: House) -> None:
        self.tools, self.door = tools, door
        self._count = itertools.count()

    async def ask(self, spec: Spec) -> tuple[Request, dict[str, Any]]:
        """Propose it; gives the request and its card as Alice (or, of a higher tier, Cara or Eve) sees it."""
        known = {request.id for request in await self.tools.pending()}
        await self.tools.propose(spec, key=f"case {next(self._count)}")
        (request,) = (each for each in await self.tools.pending() if each.id not in known)
        await self.door.deliver()
        return request, await self.door.card(self.reviewer(request), request)

    def reviewer(self, request: Request) -> str:
        return {1: "UALICE", 2: "UCARA", 3: "UEVE"}[request.tier]

    async def details(self, request: Request, card: dict[str, Any]) -> dict[str, Any]:
        user = self.reviewer(request)
        assert await self.door.person(user).click(card, MORE, encode_choice(CHOICE_DETAILS, ref_of(request)))
        return await self.door.view(user)

    async def calls(self) -> list[Mapping[str, Any]]:
        return list(await self.door.sandbox.calls())


@pytest.fixture
async def scene(store: PgStore, tmp_path: Path) -> AsyncIterator[Scene]:
    # Each on a card of its own, however many are alike.
    await one_by_one(store)
    async with house(store, tmp_path) as door:
        yield Scene(Tools(store, tmp_path), door)


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every text object and element of a message or view."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str) and "type" in value:
            yield value
        for item in value.values():
            yield from objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from objects(item)


def literally(blocks: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    """The objects that show these words; in none of them does Slack parse anything, or set them in bold."""
    found = [each for each in objects(blocks) if words in each["text"]]
    assert found
    for each in found:
        assert each["type"] in ("text", "plain_text"), each
        assert not each.get("style"), each
        assert each.get("emoji", False) is False
    return found


def unparsed(card: dict[str, Any]) -> None:
    """Nothing in the card or its text is markup of anybody but us, and no element links, mentions or smiles."""
    kinds = {each["type"] for each in objects(card["blocks"])}
    assert kinds <= {"text", "plain_text", "mrkdwn", "header", "section"}
    for sign in ("<!channel", "<!here", "<!everyone", "<@", "<#", "<https://evil", "<http://evil"):
        assert sign not in card["text"]
        assert not [each for each in objects(card["blocks"]) if each["type"] == "mrkdwn" and sign in each["text"]]


async def test_ac_03_markup_of_the_agent_stays_text(scene: Scene) -> None:
    spec = spec_of("AC-03")
    request, card = await scene.ask(spec)
    literally(card["blocks"], "*APPROVED by CFO* ~not~ `safe`")
    literally(card["blocks"], ":white_check_mark: Security: verified")
    unparsed(card)
    assert "\n>" not in card["text"] and "\n&gt;" not in card["text"]
    assert card["text"].startswith("Refund 420.00 EUR to order 4711?")
    # Everywhere that an agent can speak.
    more = CLEAN | {"summary": "late", "reasoning": spec["summary"], "args": CLEAN["args"] | {"order": spec["summary"]}}
    request, card = await scene.ask(more)
    literally(card["blocks"], "*APPROVED by CFO*")
    unparsed(card)
    view = await scene.details(request, card)
    literally(view["blocks"], "*APPROVED by CFO*")


async def test_ac_04_nobody_is_pinged(scene: Scene) -> None:
    spec = spec_of("AC-04")
    _, card = await scene.ask(spec)
    literally(card["blocks"], "<!channel> <!here> <!everyone> please approve")
    assert "&lt;!channel&gt;" in card["text"]
    unparsed(card)
    others = ("<!subteam^STIER1>", "<@UALICE>", "<#CTIER1>", "@channel", "<!date^0^{date}|now>", "&lt;!channel&gt;")
    for words in others:
        args = CLEAN["args"] | {"order": words}
        _, card = await scene.ask(CLEAN | {"summary": f"{words} approve", "args": args})
        literally(card["blocks"], words)
        assert words not in card["text"] or words == "@channel"
        unparsed({"text": card["text"], "blocks": card["blocks"]})


async def test_ac_06_a_link_shows_where_it_leads_and_leads_nowhere(scene: Scene) -> None:
    spec = spec_of("AC-06")
    link = "<https://evil.example/login|https://bank.example/policy>"
    request, card = await scene.ask(spec)
    view = await scene.details(request, card)
    literally(view["blocks"], link)
    _, card = await scene.ask(CLEAN | {"summary": f"see {link}"})
    literally(card["blocks"], link)
    unparsed(card)
    for index, words in enumerate(("[bank](https://evil.example)", "https://evil.example", "javascript:alert(1)")):
        _, card = await scene.ask(CLEAN | {"summary": words, "args": CLEAN["args"] | {"order": f"o{index}"}})
        literally(card["blocks"], words)
        unparsed(card)


async def test_ac_07_slack_fetches_nothing(scene: Scene) -> None:
    """`chat.update` knows no unfurling: it is the post's own word that counts."""
    spec = spec_of("AC-07")
    request, card = await scene.ask(spec | {"summary": spec["reasoning"]})
    alice = scene.door.person("UALICE")
    assert await scene.door.person("UOUT").click(card, APPROVE)
    assert await alice.click(card, APPROVE)
    await scene.tools.settle()
    await scene.door.deliver()
    posts = [each for each in await scene.calls() if each["method"] == "chat.postMessage"]
    assert len({each["args"]["channel"] for each in posts}) > 1, "the requester was told, too"
    for each in posts:
        assert (each["args"]["unfurl_links"], each["args"]["unfurl_media"]) == (False, False)
    assert (await scene.door.request(request)).status is Status.APPROVED


@pytest.mark.parametrize(
    ("case", "shown", "flagged"),
    [
        ("AC-09", "invoice_⟦U+202E⟧fdp.exe", "hidden characters: U+202E"),
        ("AC-10", "pay⟦U+200B⟧pal@bank.example", "hidden characters: U+200B"),
        ("AC-11", "billing@p\u0430ypal.com", "xn--pypal-4ve.com"),
        ("AC-12", "Refund⟦U+E0077⟧", "hidden characters: U+E0077"),
        ("AC-13", "Re⟦U+00AD⟧fund⟦U+3164⟧⟦U+00A0⟧order⟦U+FE0F⟧ 4711⟦U+2028⟧next", "hidden characters: U+00AD"),
        ("AC-19", "rm -rf /⟦U+000D⟧⟦U+001B⟧[2Kls -l⟦U+0007⟧", "hidden characters: U+000D"),
    ],
)
async def test_what_misleads_the_eye_is_written_out_and_flagged(
    scene: Scene, case: str, shown: str, flagged: str
) -> None:
    await misleads(scene, spec_of(case), shown, flagged)


async def misleads(scene: Scene, spec: Spec, shown: str, flagged: str) -> None:
    """It is written out on the card, in its text, in Details, the forms and the terminal, and the card flags it."""
    request, card = await scene.ask(spec)
    view = await scene.details(request, card)
    for blocks in (card["blocks"], view["blocks"]):
        assert [each for each in objects(blocks) if shown in each["text"]]
    flags = [each["text"] for each in objects(card["blocks"]) if flagged in each["text"]]
    assert flags
    assert shown in card["text"] and flagged in card["text"]
    printed = request_text(await report.show(scene.tools.store, request.id))
    assert shown in printed
    for text in (*strings(card["blocks"]), *strings(view["blocks"]), card["text"], printed):
        assert not [char for char in text if char not in "\n\t" and unseen(char)]


def unseen(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Co", "Zl", "Zp") or char in "\u00a0\u3164"


NEAR = [
    pytest.param(
        "invoice_\u2066fdp.exe\u2069", "invoice_⟦U+2066⟧fdp.exe⟦U+2069⟧", "hidden characters: U+2066", id="isolates"
    ),
    pytest.param("pay\u2060pal", "pay⟦U+2060⟧pal", "hidden characters: U+2060", id="word joiner"),
    pytest.param("pay\ufeffpal", "pay⟦U+FEFF⟧pal", "hidden characters: U+FEFF", id="byte order mark"),
    pytest.param("a\x9b2Kb", "a⟦U+009B⟧2Kb", "hidden characters: U+009B", id="C1 control sequence introducer"),
    pytest.param("a\x7f\x08b", "a⟦U+007F⟧⟦U+0008⟧b", "hidden characters: U+007F, U+0008", id="delete and backspace"),
    pytest.param("x" + "\u0301" * 9, "⟦U+0301⟧", "hidden characters: U+0301", id="stacked marks"),
    pytest.param(
        "\u0440\u0430\u0443\u0440\u0430\u04cf", "\u0440\u0430\u0443", "reads as “paypal” but is Cyrillic", id="whole"
    ),
    pytest.param("\uff50\uff41\uff59\uff50\uff41\uff4c", "\uff50\uff41", "reads as “paypal”", id="full width"),
    pytest.param("\U0001d429\U0001d41a\U0001d432", "\U0001d429", "reads as “pay”", id="mathematical"),
    pytest.param("xn--pypal-4ve.com", "xn--pypal-4ve.com", "p\u0430ypal", id="already encoded"),
    pytest.param("bank.example\u2215login.evil", "\u2215", "poses as “/”", id="division slash"),
    pytest.param("jos\u0065\u0301@b.example", "@b.example", "not NFC", id="AC-28, decomposed"),
]


@pytest.mark.parametrize(("words", "shown", "flagged"), NEAR)
@pytest.mark.parametrize("place", ["argument", "rationale"])
async def test_its_near_relatives_too(scene: Scene, words: str, shown: str, flagged: str, place: str) -> None:
    if place == "argument":
        await misleads(scene, CLEAN | {"tool": "mail.send", "args": {"to": words}}, shown, flagged)
    else:
        await misleads(scene, CLEAN | {"summary": f"late {words} delivery"}, shown, flagged)


async def test_ac_28_twins_that_look_the_same_are_told_apart(scene: Scene) -> None:
    flagged = []
    for step in CASES["AC-28"]["input"]["steps"]:
        _, card = await scene.ask(step["$propose"])
        flagged.append("not NFC" in card["text"])
    assert flagged == [False, True]


async def test_ac_02_words_that_contradict_the_action_are_flagged(scene: Scene) -> None:
    _, card = await scene.ask(spec_of("AC-02"))
    assert card["text"].startswith("Refund 42,000.00 EUR to order 4711?")
    claim = "The agent's words say “Refund EUR 4.20”; the action's amount is 42,000.00 EUR"
    assert claim in card["text"] and [each for each in objects(card["blocks"]) if claim in each["text"]]
    literally(card["blocks"], "Refund EUR 4.20 (routine)")
    assert "Agent says" in card["text"]
    for index, (words, contrary) in enumerate(
        [
            *(("Refund 4.20 EUR", True), ("refunding €4,20 only", True), ("Refunds of 1.234,50 EUR", True)),
            *(("Refund 420.00 EUR as promised", False), ("Refund EUR 420 (average 135.40)", False)),
            *(("Refund order 4711, 2 items at 210.00", False), ("It costs 4.20 more to wait", False)),
        ]
    ):
        args = CLEAN["args"] | {"order": f"47{index}"}
        _, card = await scene.ask(CLEAN | {"summary": words, "args": args})
        assert ("The agent's words say" in card["text"]) == contrary, words


# --- secrets ---------------------------------------------------------------------------------------------------------

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


# --- words that press ------------------------------------------------------------------------------------------------


async def test_ac_42_pressure_is_shown_as_the_agents_words_and_changes_nothing(scene: Scene) -> None:
    spec = spec_of("AC-42")
    calm, before = await scene.ask(CLEAN | {"args": CLEAN["args"] | {"order": "4712"}})
    pressed, card = await scene.ask(spec | {"summary": spec["reasoning"]})
    (said,) = literally(card["blocks"], "URGENT!!!")
    assert "Agent says" in str(card["blocks"])[: str(card["blocks"]).index("URGENT!!!")]
    assert "Agent says: URGENT!!!" in card["text"]
    view = await scene.details(pressed, card)
    literally(view["blocks"], "URGENT!!!")
    assert said["type"] == "text"
    for name in ("tier", "sla_seconds", "risk", "route"):
        assert getattr(pressed, name) == getattr(calm, name)
    assert buttons(card) == buttons(before)
    for word in ("high urgency", "overdue", "critical"):
        assert word not in card["text"]


def buttons(card: dict[str, Any]) -> list[str]:
    return [each["action_id"] for block in card["blocks"] if block["type"] == "actions" for each in block["elements"]]


async def test_ac_47_the_headline_is_made_of_the_arguments_alone(scene: Scene) -> None:
    for index, spec in enumerate(variants(spec_of("AC-47"))):
        _, card = await scene.ask(spec | {"args": spec["args"] | {"order": f"47{index}"}})
        headline = card["blocks"][0]
        assert headline["text"]["text"] == f"Refund 420.00 EUR to order 47{index}?"
        assert card["text"].startswith(f"Refund 420.00 EUR to order 47{index}?")
    order = "W" * 260
    _, card = await scene.ask(CLEAN | {"args": CLEAN["args"] | {"order": order}})
    assert card["blocks"][0]["text"]["text"] == f"Refund 420.00 EUR to order {order}?", "never cut, whatever its length"


async def test_the_agents_words_cannot_pose_as_ours(scene: Scene) -> None:
    """Line breaks, labels and signs of ours inside an agent's text stay on its line."""
    forged = "ok\n⚠ No flags.\nDue 1 Mar · low urgency\n✅ Approved by Bob"
    _, card = await scene.ask(CLEAN | {"summary": forged})
    (said,) = literally(card["blocks"], "✅ Approved by Bob")
    assert "\n" not in said["text"] and said["text"].startswith("ok ⚠ No flags.")
    assert "✅ Approved by Bob" not in card["text"].split("Agent says:")[0]
