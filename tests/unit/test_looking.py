"""What is asked of the queue in words, how sure agreement is, who asks too often, and what page buttons carry."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ids import Leaf, decode_leaf, encode_leaf
from bot.listeners.flood import Flood
from graph.law.agreement import lower_bound
from graph.law.looking import Filter, parse

TYPES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,119}", fullmatch=True).filter(
    lambda word: word.lower() not in ("mine", "overdue", "type") and not word.lower().startswith("tier")
)
FILTERS = st.builds(
    Filter,
    mine=st.booleans(),
    overdue=st.booleans(),
    tier=st.none() | st.integers(0, 999),
    type=st.just("") | TYPES,
)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("", Filter()),
        ("  MINE ", Filter(mine=True)),
        ("tier 2", Filter(tier=2)),
        ("tier:2 overdue", Filter(tier=2, overdue=True)),
        ("tier2", Filter(tier=2)),
        ("`payments.refund` mine", Filter(type="payments.refund", mine=True)),
        ("type tier-one", Filter(type="tier-one")),
        ("payments content", None),
        ("mine mine", None),
        ("tier", None),
        ("tier two", None),
        ("tier 1 tier 1", None),
        ("type", None),
        ("a" * 121, None),
        ("<!here>", None),
        ("tier ٢", None),
    ],
)
def test_words_to_filter(words: str, wanted: Filter | None) -> None:
    assert parse(words) == wanted


@given(FILTERS)
def test_a_filter_reads_its_own_words_and_travels_in_a_button(asked: Filter) -> None:
    assert parse(asked.words()) == asked
    leaf = Leaf(asked.words(), 1_800_000_000_000_000, "req_0a", back=asked.mine)
    assert decode_leaf(encode_leaf(leaf)) == leaf


@given(st.text())
def test_no_words_and_no_button_raise(text: str) -> None:
    asked, leaf = parse(text), decode_leaf(text)
    assert asked is None or parse(asked.words()) == asked
    assert leaf is None or encode_leaf(leaf) == text


@pytest.mark.parametrize(
    ("agreed", "decided", "bound"),
    [
        # Wilson (1927) by hand: (p + z²/2n - z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n), z = 1.959964.
        (0, 0, None),
        (0, 10, 0.0),
        (3, 3, 0.4385),
        (10, 10, 0.7225),
        (8, 10, 0.4902),
        (95, 100, 0.8882),
        (1000, 1000, 0.9962),
    ],
)
def test_how_sure_agreement_is(agreed: int, decided: int, bound: float | None) -> None:
    assert lower_bound(agreed, decided) == (None if bound is None else pytest.approx(bound, abs=5e-5))


@given(st.integers(1, 10_000).flatmap(lambda decided: st.tuples(st.integers(0, decided), st.just(decided))))
def test_it_is_never_surer_than_the_share_and_more_of_the_same_makes_surer(counts: tuple[int, int]) -> None:
    agreed, decided = counts
    bound, twice = lower_bound(agreed, decided), lower_bound(2 * agreed, 2 * decided)
    assert bound is not None and twice is not None
    assert 0 <= bound <= agreed / decided + 1e-12
    assert twice >= bound - 1e-12


@pytest.mark.parametrize("counts", [(-1, 3), (4, 3)])
def test_what_is_no_share_is_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no share"):
        lower_bound(*counts)


class Hand:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def test_twenty_at_once_and_two_a_second_after_that() -> None:
    clock = Hand()
    flood = Flood(clock=clock)
    assert [flood.wait("UALICE") for _ in range(20)] == [0] * 20
    assert flood.wait("UALICE") == 1
    assert flood.wait("UBOB") == 0
    clock.at += 0.5
    assert [flood.wait("UALICE"), flood.wait("UALICE")] == [0, 1]
    clock.at += 3600
    assert [flood.wait("UALICE") for _ in range(21)] == [0] * 20 + [1]


def test_the_wait_it_names_is_enough() -> None:
    clock = Hand()
    flood = Flood(most=3, seconds=60.0, clock=clock)
    while not (wait := flood.wait("UALICE")):
        pass
    assert wait == 20
    clock.at += wait
    assert flood.wait("UALICE") == 0


def test_it_remembers_nobody_for_longer_than_it_matters() -> None:
    clock = Hand()
    flood = Flood(clock=clock)
    for number in range(500):
        flood.wait(f"U{number}")
    clock.at += 11
    flood.wait("UALICE")
    assert list(flood._left) == ["UALICE"]
    for number in range(20_000):
        flood.wait(f"U{number}")
    assert len(flood._left) <= 10_000


def test_three_of_one_person_side_by_side_and_no_more() -> None:
    flood = Flood(clock=Hand())
    with ExitStack() as side_by_side:
        waits = [side_by_side.enter_context(flood.passing(user)) for user in ["UALICE"] * 4 + ["UBOB"]]
    assert waits == [0, 0, 0, 1, 0]
    with flood.passing("UALICE") as again:
        assert again == 0
    assert not flood._under_way
