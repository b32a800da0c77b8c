"""Slack would take all that we render: says slackblocks, our own strict validator, and random Unicode."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cards import notice, queue
from bot.cards.examples import NOW
from bot.cards.examples import examples as cards
from bot.cards.home import home
from bot.cards.review import card
from bot.cards.samples import CREDIT, REFUND_SCHEMA, decision, effect, request
from bot.cards.view import CardView
from bot.ids import ref_of
from bot.modals import approve, details, edit, reject, respond
from bot.modals.examples import examples as modals
from graph.law.confidence import Signal
from graph.law.request import (
    Alternative,
    Brief,
    DecisionType,
    Form,
    Kind,
    Match,
    Outcome,
    Reason,
    Request,
    Risk,
    Status,
)
from graph.law.words import made_storable
from tests.support.blockkit import check

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
SOME = st.dictionaries(WORDS, JSON, max_size=2)
MATCHES = st.builds(
    Match, WORDS, st.just("review"), WORDS, WORDS, st.sampled_from(["", *Risk]), st.none() | st.integers(1, 3)
)
JUDGED = st.just({}) | st.fixed_dictionaries(
    {
        "signals": st.dictionaries(st.sampled_from(Signal), CONFIDENCE),
        "computed": st.dictionaries(st.sampled_from(Signal), CONFIDENCE),
        "record": st.fixed_dictionaries({"asked": st.integers(0, 99), "totals": st.dictionaries(WORDS, WORDS)}),
    }
)
TYPED = dict.fromkeys(REFUND_SCHEMA["properties"], JSON)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    brief = Brief(
        rationale=draw(LONG),
        confidence=draw(CONFIDENCE),
        signals=draw(st.dictionaries(WORDS, CONFIDENCE, max_size=3)),
        flags=tuple(draw(st.lists(WORDS, max_size=8))),
        alternatives=tuple(
            Alternative(title=draw(WORDS), type=draw(WORDS), args=draw(SOME), nature=draw(st.none() | st.just(CREDIT)))
            for _ in range(draw(st.integers(0, 30)))
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
        risk=draw(st.sampled_from(Risk)),
        reasons=tuple(draw(st.lists(st.sampled_from(Reason), unique=True))),
        matched=tuple(draw(st.lists(MATCHES, max_size=4))),
        confidence=draw(st.none() | st.floats(0, 1)),
        judged=draw(JUDGED),
        target=draw(st.none() | LONG),
        revision=draw(st.sampled_from([0, 1])),
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
        undo=draw(st.none() | st.builds(effect, st.sampled_from(Outcome))),
        before=draw(st.none() | st.just(asked)),
        changed_by=draw(WORDS),
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
    for told in (notice.outcome(view), notice.refused(notice.already(view))):
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


@FUZZ
@given(requests())
def test_modals_take_any_unicode(asked: Request) -> None:
    ref = ref_of(asked)
    check(approve.build(asked, ref, "C1", "1.2"))
    check(edit.build(asked, ref, "C1", "1.2"))
    check(reject.build(asked, ref, None, None))
    check(respond.build(asked, ref, "C1", "1.2"))
    check(details.build(asked, ref, "C1", "1.2", earlier=[decision(DecisionType.REJECT, reason=asked.brief.rationale)]))
