"""Random Unicode at every renderer: no exception, nothing hidden or unescaped, within Slack's limits, and no secret."""

import ast
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.cards import digest, letters, notice, queue, shadow, stats
from bot.cards.brake import Brake
from bot.cards.examples import NOW
from bot.cards.home import Desk, home
from bot.cards.reminder import reminder
from bot.cards.review import card
from bot.cards.rowlist import Sites
from bot.cards.view import Card, CardView
from bot.cli.words import queue_text, request_text, run_text
from bot.ids import ref_of
from bot.modals import answer, approve, ask, details, edit, hand, incident, reject, respond, stop
from bot.modals.known import Known
from bot.words import csv_line, document
from graph.law.looking import Filter
from graph.law.masking import shown_args, shown_value
from graph.law.request import Request
from graph.law.stopping import Stop
from graph.verbs.ports import Figure, Group, Proposals, Question, Tally
from graph.verbs.queue import Page
from graph.verbs.stats import as_json, compared, grouped
from tests.support.blockkit import check, strings
from tests.support.strange import WORDS, Strange

PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
"""Explaining a failure traces every line: minutes for nothing."""
FUZZ = settings(max_examples=20, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
TOKEN = "ghp_C4N4RY1C4N4RY2C4N4RY3C4N4RY4"
CANARY = "C4N4RY"
LEAKS = st.sampled_from(
    [TOKEN, f"password={TOKEN}", f"see {TOKEN}.", f'{{"token": "{TOKEN}"}}', "a" * 290 + f" {TOKEN} " + "b" * 290]
)
SECRETIVE = Strange(
    st.lists(st.text(max_size=9) | LEAKS, max_size=3).map(" ".join).map(lambda text: text.replace("\0", ""))
)
STRANGE = Strange()


def rendered(view: CardView, question: Question, words: str) -> Iterator[Any]:
    """Everything that is ever sent to Slack about a request, or with words in it."""
    request = view.request
    row = replace(request, id="req_0000000000000000000f")
    page = Page(requests=[row], total=1, types=(words,))
    sites = Sites({row.id: words})
    yield card(view)
    yield home(Desk(now=NOW, page=page, waiting=[view], made=[view], sites=sites))
    pulled = Stop(
        id=1,
        workflow="payments",
        stopped_by="UEVE",
        person=None,
        reason=words,
        via="cli",
        at=NOW,
        lifted_at=None,
        lifted_by=None,
        lift_reason="",
    )
    yield home(Desk(now=NOW, brake=Brake(stops=[(pulled, words)], may_stop=True, may_lift=True)))
    yield card(replace(view, stop=pulled))
    yield queue.queue(page, Filter(), NOW, sites)
    yield queue.mine(page, [row], NOW, sites)
    yield queue.show(view, words)
    yield from (queue.usage(words), queue.not_found(words), notice.refused(words), notice.refused(notice.already(view)))
    yield from (notice.outcome(view), notice.withdrawn(request), reminder(view, ["STIER1"], ["UBOB"]))
    for letter in (letters.question_in_thread, letters.answer_in_thread, letters.to_requester, letters.to_asker):
        yield letter(view, question)
    yield from forms(request, question, words)


def forms(request: Request, question: Question, words: str) -> Iterator[Any]:
    ref = ref_of(request)
    yield from (approve.build(request, ref, "C1", "1.2"), approve.build(request, ref, "C1", "1.2", step_up=True))
    yield from (each.build(request, ref, None, None) for each in (ask, edit, hand, reject, respond))
    yield answer.build(request, question)
    yield incident.build(CardView(request=request, now=NOW))
    known = Known(
        names={words: words}, asked=[question], votes=[(words, NOW)], reviewers=[words], traces="https://t/{trace_id}"
    )
    yield details.build(request, ref, "C1", "1.2", known)
    yield from (stop.build_stop(["payments"]), stop.build_lift("payments"))


def printed(view: CardView, words: str) -> Iterator[str]:
    """What a terminal or a file gets."""
    request = view.request
    action = {"type": "refund", "args": shown_args(request.form, request.args)}
    row = {"id": "req_0", "tier": 1, "urgency": "low", "pending_seconds": 60, "digest": "0" * 64, "action": action}
    yield queue_text([row])
    effect = {"id": "eff_0", "outcome": "failed", "action": "refund", "error": words}
    run = {"id": "run_0", "workflow": "payments", "status": "failed", "outcome": words, "last_error": words}
    yield run_text(run | {"requests": [row | {"status": "pending"}], "effects": [effect]})
    said = {"asked_by": "UBOB", "id": "qst_0", "question": words, "answered_by": "URITA", "answer": words}
    shown: dict[str, Any] = row | {
        "question": words,
        "run_id": "run_0",
        "status": "rejected",
        "flags": [words],
        "rationale": words,
        "why": [words],
        "alternatives": [{"title": words}],
        "expires_at": None,
        "assigned_to": None,
        "effects": [effect],
        "claimed_by": None,
        "questions": [said],
        "reviewers": ["UBOB"],
        "decision": {"type": "reject", "by": "UBOB", "at": "now", "reason": words},
    }
    yield request_text(shown)
    yield document({"args": request.args, "context": request.brief.context, words: words, "said": [words]})
    yield csv_line([words, request.brief.rationale, document(shown_value(request.brief.facts), indent=None)])


def hidden(text: str) -> list[str]:
    """Characters that a terminal or a reader would not see; a joiner stands inside emoji."""
    return [
        c for c in text if c not in "\n\r\t\u200d" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
    ]


@FUZZ
@given(STRANGE.views(), STRANGE.questions(), WORDS)
def test_every_renderer_takes_any_unicode(view: CardView, question: Question, words: str) -> None:
    for payload in rendered(view, question, words):
        check(payload)
        blocks = payload.blocks if isinstance(payload, Card) else payload["blocks"]
        for element in _inputs_removed(blocks):
            assert not hidden(element)
    for text in printed(view, words):
        assert not hidden(text)
        assert "\r" not in text.replace("\r\n", "")


@FUZZ
@given(SECRETIVE.views(), SECRETIVE.questions(), SECRETIVE.words)
def test_no_renderer_lets_a_secret_out(view: CardView, question: Question, words: str) -> None:
    for payload in rendered(view, question, words):
        whole = [payload.text, *strings(payload.blocks)] if isinstance(payload, Card) else list(strings(payload))
        assert not [text for text in whole if CANARY in text]
    for text in printed(view, words):
        assert CANARY not in text


@settings(FUZZ, max_examples=15)
@given(st.lists(SECRETIVE.words | WORDS, min_size=1, max_size=4))
def test_figures_take_any_name(names: list[str]) -> None:
    tally = Tally(approved=40, rejected=3, expired=2, went_up=9, median_seconds=45.0, tiers={1: 45})
    found = [
        Figure(action=None, band=None, tally=tally),
        *(Figure(action=name, band=None, tally=tally) for name in names),
    ]
    week = as_json(found, NOW, NOW) | {"week": "2026-W47"}
    people = grouped([Group(name=name, tally=tally) for name in names], NOW, NOW)
    agreed = compared([Proposals(action=f"tools.{name}", unchanged=9, rejected=1) for name in names], NOW, NOW)
    for made in (
        *(stats.stats(week, 7), digest.digest(week | {"before": week})),
        *(shadow.groups(people, 7, "reviewer"), shadow.shadow(agreed, 30)),
    ):
        check(made)
        assert not [text for text in [made.text, *strings(made.blocks)] if CANARY in text or hidden(text)]


def _inputs_removed(value: Any) -> Iterator[str]:
    """Every text but what a form's fields begin with: that is the value itself, to be changed and sent back."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not key.startswith("initial_") and key not in ("value", "options"):
                yield from _inputs_removed(item)
    elif isinstance(value, list):
        for item in value:
            yield from _inputs_removed(item)
    elif isinstance(value, str):
        yield value


ROOT = Path(__file__).resolve().parents[2]
RENDERERS = sorted([*(ROOT / "bot" / "cards").glob("*.py"), *(ROOT / "bot" / "modals").glob("*.py")])
READERS = {
    "arguments.py": "makes them safe to show",
    "fields.py": "what a form sends back has to be what it was",
    "edit.py": "compares what was sent back",
    "samples.py": "builds examples",
}
SAFE = ("shown_args", "shown_arg", "shown_value", "unexpected_secrets", "question", "set", "sorted")
"""What may be given the arguments themselves: it shows nothing of them, or makes them safe."""


@pytest.mark.parametrize("path", RENDERERS, ids=lambda path: path.stem)
def test_no_renderer_reads_the_arguments_themselves(path: Path) -> None:
    """`request.args` holds secrets: only `bot.cards.arguments` and the functions of `graph.law.masking` look at it."""
    if path.name in READERS:
        return
    tree = ast.parse(path.read_text())
    fine = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in SAFE
        for argument in call.args
    }
    fine |= {id(right) for test in ast.walk(tree) if isinstance(test, ast.Compare) for right in test.comparators}
    bad = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "args" and id(node) not in fine
    ]
    assert bad == []
