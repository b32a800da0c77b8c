"""The gallery: one page that needs nothing else, with an example of everything that is built for people."""

import ast
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from typer.testing import CliRunner

from bot.cards.examples import views
from bot.cli import app
from bot.gallery.counts import counts, texts
from bot.gallery.document import OWN, SANDBOX, Shown, document
from bot.gallery.shown import all_shown
from graph.law.request import Kind, Outcome, Status

BOT = Path(__file__).parents[2] / "bot"
STRANGE = {"text": "</script><script>alert(1)</script><!--", "blocks": []}
MARK = re.compile(r"</?(script|style)\b", re.IGNORECASE)


@pytest.fixture(scope="module")
def made() -> tuple[list[Shown], set[tuple[str, str]]]:
    """All examples, and file and name of every function that was called for them."""
    found: set[tuple[str, str]] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        found.add((frame.f_code.co_filename, frame.f_code.co_name))

    before = sys.gettrace()
    sys.settrace(note)
    try:
        return all_shown(), found
    finally:
        sys.settrace(before)


def test_every_name_is_there_once_and_headings_stay_together(made: tuple[list[Shown], object]) -> None:
    shown, _ = made
    assert max(Counter(each.name for each in shown).values()) == 1
    headings = [each.heading for each in shown]
    runs = [heading for before, heading in zip([None, *headings], headings, strict=False) if heading != before]
    assert len(runs) == len(set(runs)) > 10
    assert not [each.title for each in shown if "_" in each.title or not each.title[0].isupper()]


def test_it_needs_no_other_file_and_no_network() -> None:
    page = document([Shown("card_x", "Heading", "Title", {"text": "hello", "blocks": []})])
    assert not re.findall(r'(?:src|href)="(?!data:)[^"]+"|url\((?!data:)|@import', page)
    assert "connect-src" not in page
    assert "default-src 'none'" in page
    modules = json.loads(re.findall(r'<script type="importmap">(.*?)</script>', page)[0])["imports"]
    assert {"gallery.js", "blocks.js", "messages.js", "modal.js"} <= set(modules)
    assert "composer.js" not in modules


def test_data_never_ends_the_element_it_stands_in() -> None:
    page = document([Shown("card_strange", "Heading", "Title", STRANGE)])
    plain = document([Shown("card_plain", "Heading", "Title", {"text": "", "blocks": []})])
    assert len(MARK.findall(page)) == len(MARK.findall(plain))
    data = re.findall(r'<script type="application/json" id="shown">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data[0])["groups"][0]["items"][0]["payload"] == STRANGE


def test_its_own_modules_replace_only_what_speaks_to_a_server() -> None:
    replaced = {path.name for path in OWN.glob("*.js")} & {path.name for path in SANDBOX.glob("*.js")}
    assert replaced == {"api.js"}


def test_the_command_writes_the_page(tmp_path: Path, made: tuple[list[Shown], object]) -> None:
    target = tmp_path / "gallery.html"
    done = CliRunner().invoke(app, ["gallery", "--out", str(target), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told == {"out": str(target), "pictures": len(made[0])}
    assert target.read_text().count('<script type="module">') == 1
    refused = CliRunner().invoke(app, ["gallery", "--out", str(tmp_path / "nowhere" / "x.html")])
    assert refused.exit_code == 2
    assert "can't be written" in refused.stderr


def test_counts_are_those_of_what_stands_above_the_buttons() -> None:
    button = {"type": "button", "text": {"type": "plain_text", "text": "Not counted here"}}
    prose = {"type": "rich_text_section", "elements": [{"type": "text", "text": "a b"}]}
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": "Refund 420.00 EUR?"}},
        {"type": "rich_text", "elements": [prose]},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "Due <!date^1^{time}|at ten> <https://x|here>"}]},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": "*one*"}], "accessory": button},
        {"type": "actions", "elements": [button, {"type": "overflow", "options": []}, {"type": "static_select"}]},
        {"type": "context", "elements": [{"type": "plain_text", "text": "below the buttons"}]},
    ]
    assert list(texts(blocks[2])) == ["Due at ten here"]
    assert counts({"text": "", "blocks": blocks}) == (3 + 2 + 4 + 1, 6, 4)


def builders() -> Iterator[tuple[str, str]]:
    """File and name of every public function that makes a whole message or view."""
    for path in BOT.rglob("*.py"):
        if "sandbox" in path.parts or path.name == "frame.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and _whole(node):
                yield str(path), node.name


def _whole(function: ast.FunctionDef) -> bool:
    returned = ast.unparse(function.returns) if function.returns else ""
    calls = {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}
    kinds = {ast.unparse(value) for key, value in _pairs(function) if key == "'type'"}
    framed = calls & {"modal", "form", "frame.modal", "frame.form"}
    return returned == "Card" or bool(framed or kinds & {"'modal'", "'home'"})


def _pairs(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Dict):
            yield from ((ast.unparse(key), value) for key, value in zip(node.keys, node.values, strict=True) if key)


def test_everything_that_is_built_for_people_has_an_example(made: tuple[object, set[tuple[str, str]]]) -> None:
    wanted = set(builders())
    assert {"card", "queue", "home", "build", "build_stop", "digest"} <= {name for _, name in wanted}
    missing = sorted(f"{Path(path).relative_to(BOT)}: {name}" for path, name in wanted - made[1])
    assert not missing, "no example in bot/cards/examples*.py or bot/modals/examples.py"


def test_the_review_card_has_an_example_in_every_state() -> None:
    seen = list(views().values())
    assert {each.request.status for each in seen} == set(Status)
    assert {each.effect.status for each in seen if each.effect} == set(Outcome)
    kinds = {
        status: {each.request.kind for each in seen if each.request.status is status}
        for status in (Status.PENDING, Status.APPROVED, Status.REJECTED, Status.EXPIRED)
    }
    assert kinds.pop(Status.PENDING) == set(Kind)
    assert all(found >= {Kind.ACTION, Kind.CHECKPOINT, Kind.REVIEW} for found in kinds.values()), kinds
