"""Slack would take all that we render: says slackblocks, our own strict validator, and random Unicode."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import slackblocks as sb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slackblocks._surfaces import validate_surface_blocks

from bot.cards import notice, queue
from bot.cards.examples import NOW
from bot.cards.examples import examples as cards
from bot.cards.home import home
from bot.cards.review import card
from bot.cards.samples import REFUND_SCHEMA, decision, effect, request
from bot.cards.view import Card, CardView
from bot.ids import ref_of
from bot.modals import details, edit, reject, respond
from bot.modals.examples import examples as modals
from bot.sandbox.blocks import check_message, check_view
from graph.law.request import Alternative, Brief, DecisionType, Form, Kind, Outcome, Request, Status
from graph.law.words import made_storable

OUR_TOKENS = re.compile(r"<!date\^\d+\^\{date_short_pretty\} at \{time\}\|[^<>|]+>|<https?://[^<>| ]+\|[A-Za-z ]+>")
KINDS = {"button", "overflow", "static_select", "plain_text_input", "number_input", "datepicker"}


# --- an independent reading of Block Kit's limits --------------------------------------------------------------


def text(data: dict[str, Any] | None) -> sb.Text | None:
    return None if data is None else sb.Text.from_dict(data)


def option(data: dict[str, Any] | None) -> sb.Option | None:
    return None if data is None else sb.Option.from_dict(data)


def element(data: dict[str, Any]) -> Any:
    more = {key: value for key, value in data.items() if key != "type"}
    assert data["type"] in KINDS
    match data["type"]:
        case "button":
            return sb.Button(**more | {"text": text(data["text"])})
        case "overflow":
            return sb.OverflowMenu(data["action_id"], [sb.Option.from_dict(item) for item in data["options"]])
        case "static_select":
            more["options"] = [sb.Option.from_dict(item) for item in data["options"]]
            return sb.StaticSelectMenu(**more | {"initial_option": option(data.get("initial_option"))})
        case "plain_text_input":
            assert len(data.get("initial_value", "")) <= data["max_length"]
            return sb.PlainTextInput(**more)
        case "number_input":
            return sb.NumberInput(**more)
        case _:
            return sb.DatePicker(**more)


def rich_line(data: dict[str, Any]) -> sb.RichTextSection | sb.RichTextQuote:
    kinds = {"rich_text_section": sb.RichTextSection, "rich_text_quote": sb.RichTextQuote}
    assert {item["type"] for item in data["elements"]} == {"text"}, "agent text must not become links or emoji"
    return kinds[data["type"]]([sb.RichText(item["text"], **item.get("style", {})) for item in data["elements"]])


def block(data: dict[str, Any]) -> Any:
    at = data.get("block_id")
    match data["type"]:
        case "header":
            return sb.HeaderBlock(text(data["text"]), at)
        case "section":
            inside = element(data["accessory"]) if "accessory" in data else None
            return sb.SectionBlock(text(data["text"]), block_id=at, accessory=inside)
        case "context":
            assert len(data["elements"]) <= 10
            return sb.ContextBlock([text(item) for item in data["elements"]], at)
        case "actions":
            return sb.ActionsBlock([element(item) for item in data["elements"]], at)
        case "rich_text":
            return sb.RichTextBlock([rich_line(item) for item in data["elements"]], at)
        case "input":
            return sb.InputBlock(
                text(data["label"]), element(data["element"]), False, at, text(data.get("hint")), data["optional"]
            )
        case kind:
            raise AssertionError(f"unexpected block {kind}")


def check(item: Card | dict[str, Any]) -> None:
    """One message, modal or Home tab, through both validators and our own promises."""
    if isinstance(item, Card):
        built = [block(each) for each in item.blocks]
        sb.Message(channel="C1", blocks=built, text=item.text)
        validate_surface_blocks(built, "message")
        assert check_message(item.blocks) == []
        assert 0 < len(item.text) <= 3000
        assert_escaped(item.text)
        blocks = item.blocks
    elif item["type"] == "home":
        sb.HomeTabView([block(each) for each in item["blocks"]])
        assert check_view(item, "home") == []
        blocks = item["blocks"]
    else:
        check_modal(item)
        blocks = item["blocks"]
    ids = [each["block_id"] for each in blocks if "block_id" in each]
    assert len(ids) == len(set(ids))
    for each in texts(blocks):
        assert each["text"].strip() or each["type"] == "text"
        if each["type"] == "mrkdwn":
            assert_escaped(each["text"])
        if each["type"] == "plain_text":
            assert each["emoji"] is False
    for written in strings(blocks):
        written.encode()
        assert "\0" not in written


def check_modal(view: dict[str, Any]) -> None:
    sb.ModalView(
        title=text(view["title"]),
        blocks=[block(each) for each in view["blocks"]],
        submit=text(view.get("submit")),
        close=text(view["close"]),
        private_metadata=view["private_metadata"],
        callback_id=view["callback_id"],
    )
    assert check_view(view, "modal") == []
    assert view["notify_on_close"] is False


def assert_escaped(written: str) -> None:
    rest = OUR_TOKENS.sub("", written)
    assert "<" not in rest
    assert ">" not in rest
    assert not re.search(r"&(?!amp;|lt;|gt;)", rest)


def texts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") in ("plain_text", "mrkdwn", "text"):
            yield value
        for item in value.values():
            yield from texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


EXAMPLES = {**{f"card {n}": c for n, c in cards().items()}, **{f"modal {n}": m for n, m in modals().items()}}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_within_slacks_limits(name: str) -> None:
    check(EXAMPLES[name])


# --- random Unicode at every renderer --------------------------------------------------------------------------

NASTY = st.sampled_from(
    [
        "<!channel>",
        "<@U1>",
        "<#C1>",
        "<http://x|y>",
        "&amp;",
        "\u202e",
        "\u200b",
        "\0",
        "\ud800",
        "\U000e0041",
        "```",
    ]
)
WORDS = st.lists(st.text(max_size=40) | NASTY, max_size=8).map("".join).map(made_storable)
LONG = st.tuples(WORDS, st.integers(0, 4000)).map(lambda pair: pair[0] * (pair[1] // 40 + 1))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(WORDS, inside, max_size=4),
    max_leaves=12,
)
CONFIDENCE = st.none() | st.floats()
TYPED = dict.fromkeys(REFUND_SCHEMA["properties"], JSON)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    brief = Brief(
        rationale=draw(LONG),
        confidence=draw(CONFIDENCE),
        signals=draw(st.dictionaries(WORDS, CONFIDENCE, max_size=3)),
        flags=tuple(draw(st.lists(WORDS, max_size=8))),
        alternatives=tuple(
            Alternative(title=draw(WORDS), type=draw(WORDS), args={}) for _ in range(draw(st.integers(0, 2)))
        ),
        cost_of_delay=draw(WORDS),
        context=draw(st.dictionaries(WORDS, JSON, max_size=4)),
        facts=draw(st.dictionaries(WORDS, JSON, max_size=3)),
    )
    schema = draw(st.sampled_from([REFUND_SCHEMA, {}, {"properties": {"order": {"title": draw(WORDS)}}}]))
    form = Form(title=draw(WORDS), question=draw(WORDS) + "{order} {x}?", schema=schema, after_approve=draw(WORDS))
    args = draw(st.fixed_dictionaries({}, optional=TYPED)) | draw(st.dictionaries(WORDS, JSON | LONG, max_size=4))
    return request(
        form,
        args,
        brief=brief,
        status=draw(st.sampled_from(Status)),
        kind=draw(st.sampled_from(Kind)),
        requester=draw(st.none() | WORDS),
        route_why=tuple(draw(st.lists(WORDS, max_size=3))),
        approvals_required=draw(st.integers(1, 3)),
        reversible=draw(st.booleans()),
        action_type=draw(WORDS),
    )


@st.composite
def views(draw: st.DrawFn) -> CardView:
    asked = draw(requests())
    result = draw(st.none() | st.dictionaries(WORDS, JSON, max_size=3))
    return CardView(
        request=asked,
        now=NOW + timedelta(minutes=draw(st.integers(-30, 10**6))),
        decision=draw(st.none() | st.builds(decision, st.sampled_from(DecisionType), WORDS, LONG)),
        decided_name=draw(WORDS),
        effect=draw(st.none() | st.builds(effect, st.sampled_from(Outcome), LONG, st.just(result))),
        votes=tuple((draw(WORDS), NOW) for _ in range(draw(st.integers(0, 3)))),
        run_note=draw(WORDS),
        run_status=draw(st.sampled_from(["", "failed", "strange"])),
        followup=draw(st.none() | st.just(asked)),
        followup_url=draw(WORDS | st.just("https://x.slack.com/archives/C1/p1")),
        names=draw(st.dictionaries(WORDS, WORDS, max_size=2)),
    )


FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@FUZZ
@given(views())
def test_cards_take_any_unicode(view: CardView) -> None:
    check(card(view))
    check(queue.show(view))
    for told in (notice.outcome(view), notice.too_late(view), notice.unknown_effect(view)):
        check(told)


@FUZZ
@given(st.lists(requests(), max_size=3), WORDS)
def test_lists_and_notices_take_any_unicode(asked: list[Request], words: str) -> None:
    rows = [replace(each, id=f"req_{index:020x}") for index, each in enumerate(asked)]
    links = {each.id: words for each in rows}
    check(queue.queue(rows, NOW, links))
    check(home(rows, NOW, links))
    for told in (queue.usage(words), queue.not_found(words), notice.refused(words)):
        check(told)
    check(notice.quarantined(words, words, words, NOW))


@FUZZ
@given(requests())
def test_modals_take_any_unicode(asked: Request) -> None:
    ref = ref_of(asked)
    check(edit.build(asked, ref, "C1", "1.2"))
    check(reject.build(asked, ref, None, None))
    check(respond.build(asked, ref, "C1", "1.2"))
    check(details.build(asked, ref, "C1", "1.2", earlier=[decision(DecisionType.REJECT, reason=asked.brief.rationale)]))
