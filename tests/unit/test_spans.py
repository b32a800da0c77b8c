"""Spans: told only to who asked, with ids and outcomes; Details names the run's trace."""

from collections.abc import Iterator

import pytest

from bot.cards.samples import request
from bot.ids import ref_of
from bot.modals import details
from bot.modals.known import Known
from bot.settings import BadSettings, load
from graph.spans import Span, span, trace_id, trace_to


@pytest.fixture
def told() -> Iterator[list[Span]]:
    spans: list[Span] = []
    trace_to(spans.append)
    yield spans
    trace_to(None)


def test_a_span_is_told_at_its_end(told: list[Span]) -> None:
    with span("effect", "run_1", action="pay") as one:
        assert told == []
        one.say(outcome="done", long="x" * 500)
    assert told == [one]
    assert one.began <= one.ended
    assert one.about == {"action": "pay", "outcome": "done", "long": "x" * 120}


def test_an_error_is_told_by_its_kind_and_goes_on(told: list[Span]) -> None:
    with pytest.raises(ValueError, match="hush"), span("effect"):
        raise ValueError("hush")
    assert [one.error for one in told] == ["ValueError"]


def test_nothing_to_do_is_not_told(told: list[Span]) -> None:
    with span("sweep") as one:
        one.drop()
    assert told == []


def test_a_run_has_the_same_trace_everywhere() -> None:
    assert trace_id("run_1") == trace_id("run_1") != trace_id("run_2")
    assert len(bytes.fromhex(trace_id("run_1"))) == 16


def test_details_name_the_trace_where_somebody_traces() -> None:
    asked = request()
    trace = trace_id(asked.run_id)
    ref = ref_of(asked)
    assert trace not in str(details.build(asked, ref, "C1", "1.2"))
    assert f"Trace {trace}" in str(details.build(asked, ref, "C1", "1.2", Known(traces="")))
    view = str(details.build(asked, ref, "C1", "1.2", Known(traces="https://traces.example.com/{trace_id}?x=1")))
    assert f"<https://traces.example.com/{trace}?x=1|Open the trace>" in view


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/{trace_id}", "plain http only on this machine"),
        ("javascript:alert(1)//{trace_id}", "must be a URL"),
        ("https://example.com/trace", "must say {trace_id}"),
    ],
)
def test_where_traces_are_looked_at_must_make_sense(monkeypatch: pytest.MonkeyPatch, url: str, said: str) -> None:
    monkeypatch.setenv("GATEPOST_TRACE_URL", url)
    with pytest.raises(BadSettings, match=said):
        load()
