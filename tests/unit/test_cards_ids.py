"""The codec of buttons and modals: exact values pass, everything else is None, nothing raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ids import (
    CHOICES,
    INSTEAD_NONE,
    Origin,
    Ref,
    decode,
    decode_choice,
    decode_instead,
    decode_origin,
    encode,
    encode_choice,
    encode_instead,
    encode_origin,
)

REFS = st.builds(
    Ref,
    st.from_regex(r"req_[0-9a-f]{20}", fullmatch=True),
    st.integers(0, 999_999_999),
    st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)
ORIGINS = st.builds(
    Origin,
    REFS,
    st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True),
    st.from_regex(r"[0-9.]{1,32}", fullmatch=True),
)
GOOD = "req_0123456789abcdef0123.3.0123456789abcdef"
ANYTHING = st.none() | st.booleans() | st.integers() | st.binary() | st.lists(st.text()) | st.text()


@given(REFS, st.sampled_from(CHOICES))
def test_what_is_encoded_comes_back(ref: Ref, choice: str) -> None:
    assert decode(encode(ref)) == ref
    assert decode_origin(encode_origin(Origin(ref))) == Origin(ref)
    assert decode_choice(encode_choice(choice, ref)) == (choice, ref)
    assert len(encode_choice(choice, ref)) <= 150


@given(REFS, st.integers(INSTEAD_NONE, 25))
def test_choices_of_alternatives_come_back(ref: Ref, index: int) -> None:
    assert decode_instead(encode_instead(index, ref)) == (index, ref)
    assert len(encode_instead(index, ref)) <= 150


@pytest.mark.parametrize("value", [f"-1|{GOOD}", f"100|{GOOD}", f"+1|{GOOD}", f"|{GOOD}", "none|", "1", GOOD, 1, None])
def test_other_choices_of_alternatives_are_none(value: object) -> None:
    assert decode_instead(value) is None


@given(ORIGINS)
def test_origins_come_back(origin: Origin) -> None:
    assert decode_origin(encode_origin(origin)) == origin


@given(ANYTHING)
def test_anything_else_is_none(value: object) -> None:
    assert decode(value) is None
    assert decode_origin(value) is None
    assert decode_choice(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "", "{", "[1]", "A" * 3001, GOOD + "\n", " " + GOOD, GOOD.upper(), GOOD + "0", GOOD.replace(".3.", ".03."),
        GOOD.replace(".3.", ".-3."), GOOD.replace(".3.", ".٣."), GOOD.replace(".3.", "." + "9" * 5000 + "."),
        GOOD.replace(".3.", ".."), f"{GOOD}|C1", f"{GOOD}|C1|1.2|x", f"{GOOD}||", f"x|{GOOD}", f"details|{GOOD}|",
        f"approve|{GOOD}", None, 3, b"x", {"value": GOOD}, "9" * 5000,
    ],
)  # fmt: skip
def test_near_misses_are_none(value: object) -> None:
    assert (decode(value), decode_origin(value), decode_choice(value)) == (None, None, None)


@pytest.mark.parametrize("ref", [Ref("req_é", 1, "0" * 16), Ref("req_1", -1, "0" * 16), Ref("req_1", 1, "0" * 15)])
def test_what_could_not_be_read_back_is_not_written(ref: Ref) -> None:
    with pytest.raises(ValueError, match="can't be carried"):
        encode(ref)
