"""Safe words: nothing hidden stays hidden, nothing is parsed, nothing is cut without saying so."""

import csv
import io
import json
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.words import (
    clip,
    csv_line,
    document,
    escape,
    flowing,
    literal,
    one_line,
    pieces,
    plain,
    suspicious,
    units,
    visible,
)

ANY = st.text(st.characters(codec=None), max_size=200)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        pytest.param("invoice_\u202efdp.exe", "invoice_⟦U+202E⟧fdp.exe", id="bidi override"),
        pytest.param("pay\u200bpal", "pay⟦U+200B⟧pal", id="zero width"),
        pytest.param("x\U000e0041", "x⟦U+E0041⟧", id="tag character"),
        pytest.param(
            "Re\u00adfund\u3164\u00a0a\ufe0f\u2028n", "Re⟦U+00AD⟧fund⟦U+3164⟧⟦U+00A0⟧a⟦U+FE0F⟧⟦U+2028⟧n", id="AC-13"
        ),
        pytest.param("rm /\r\x1b[2Kls\x07\0", "rm /⟦U+000D⟧⟦U+001B⟧[2Kls⟦U+0007⟧⟦U+0000⟧", id="terminal control"),
        pytest.param("\ud800\ue000", "⟦U+D800⟧⟦U+E000⟧", id="lone surrogate, private use"),
        pytest.param("a\tb\r\nc", "a\tb\nc", id="tab and line breaks stay"),
        pytest.param("⚠️ 👨‍👩‍👧 1️⃣ é ü 東京", "⚠️ 👨‍👩‍👧 1️⃣ é ü 東京", id="emoji and scripts stay"),
        pytest.param("a" + "\u0301" * 6, "a" + "\u0301" * 4 + "⟦U+0301⟧⟦U+0301⟧", id="stacked marks"),
    ],
)
def test_what_leaves_no_mark_is_written_out(given: str, shown: str) -> None:
    assert visible(given) == shown


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("billing@p\u0430ypal.com", "xn--pypal-4ve.com"),
        ("p\u0430ypal", "mixes Cyrillic and Latin"),
        ("jose\u0301@b.example", "not NFC"),
        ("x\u202ey", "U+202E"),
        ("\u0441\u043e\u0441\u043e.com", "xn--"),
        ("pay \u0441\u043e\u0441\u043e\u0430 Ltd", "reads as “cocoa” but is Cyrillic"),
        ("\u0440\u0430\u0443\u0440\u0430\u04cf", "reads as “paypal” but is Cyrillic"),
        ("\u0440\u0430\u0443\u0440\u0430@bank.example", "reads as “paypa” but is Cyrillic"),
        ("\u0391\u0392\u0395 Ltd", "reads as “ABE” but is Greek"),
        ("\uff50\uff41\uff59\uff50\uff41\uff4c", "reads as “paypal” but is written with other characters"),
        ("\U0001d429\U0001d41a\U0001d432", "reads as “pay” but is written with other characters"),
        ("p\u0251ypal", "reads as “paypal” but is written with other characters"),
        ("send 4\u09e80.00 EUR", "is 420.00 in Bengali and ordinary digits"),
        ("send \u09ea\u09e8\u09e6 EUR", "is 420 in Bengali digits"),
        ("https://bank.example\u2044login.evil.example", "(U+2044) in “e\u2044l” poses as “/”"),
        ("paypal\u2024com", "poses as “.”"),
        ("jo\uff20bank.example", "poses as “@”"),
        ("https://xn--pypal-4ve.com/x", "may be shown elsewhere as “p\u0430ypal”"),
    ],
)
def test_deceptive_text_is_named(text: str, phrase: str) -> None:
    assert any(phrase in each for each in suspicious(text))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "Jürgen Müller",
            "Київ",
            "東京タワーtower",
            "⚠️ 5 µm",
            "a\tb\nc",
            "naïve café",
            "İstanbul ılık",
            "x² + 10 km²",
        ),
        *("Мы рады: сор и хор", "Καλημέρα και αντίο", "ＡＢＣ株式会社 ID：A12", "٤٢٠ ريال", "½ ™ №5 “quoted” – so…"),
        *("https://shop.example/orders/4711", "1⁄2 l, 5 °C, Ω", "xn--not-a-name-at-all-"),
    ],
)
def test_honest_text_is_not_flagged(text: str) -> None:
    assert suspicious(text) == []


@given(ANY)
def test_visible_text_has_nothing_hidden(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert not [c for c in shown if c not in "\n\t\u200d" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl")]
    shown.encode()


@given(ANY, st.integers(1, 120))
def test_clip_keeps_the_limit_and_counts_what_it_hides(text: str, limit: int) -> None:
    shown, hidden = clip(text, limit)
    assert units(shown) <= max(limit, 1)
    assert (hidden == 0) == (shown == text)
    if limit > 8 and hidden:
        head, _, tail = shown.partition(" … ") if " … " not in text else (None, None, None)
        if head is not None and tail is not None:
            assert text.startswith(head)
            assert text.endswith(tail)
            assert len(head) + len(tail) + hidden == len(text)


@given(ANY, st.integers(5, 60))
def test_pieces_are_the_whole_text(text: str, limit: int) -> None:
    parts = pieces(text, limit)
    assert "".join(parts) == text
    assert all(units(part) <= limit for part in parts)


@given(ANY)
def test_text_objects_are_never_empty(text: str) -> None:
    assert plain(text, 75)["text"].strip()
    assert len(plain(text, 75)["text"]) <= 75
    assert all(e["type"] == "text" and e["text"] for e in literal(text)["elements"][0]["elements"])
    assert "\n" not in one_line(text)
    assert "\n" not in flowing(text)


@given(ANY)
def test_escaped_text_opens_nothing(text: str) -> None:
    assert not set("<>") & set(escape(text))
    assert escape("&lt;") == "&amp;lt;"


def test_long_hostile_text_is_quick() -> None:
    for text in ("a" * 60_000, "а.a" * 20_000, "\u202e" * 60_000, "a\u0301" * 30_000):
        assert suspicious(text) is not None
        assert clip(visible(text), 300)[1] >= 0


# --- terminal and exports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *('=HYPERLINK("http://evil.example","x")', "+1+1", "-2+3", "@SUM(1)", "\t=1", "\n=1", "|calc", "%x", " =1+1"),
        *("\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(1)", "\u2212 1", '"=1+1', "'=1"),
    ],
)
def test_no_cell_is_a_formula(text: str) -> None:
    (row,) = (
        csv.reader([csv_line(["id", text]).removesuffix("\r\n")], strict=True) if "\n" not in text else [["id", "'"]]
    )
    assert row[1].startswith("'")


def test_numbers_stay_numbers_and_text_whole() -> None:
    line = csv_line([Decimal("-420.00"), 7, None, 0.5, "plain", 'a "quoted", one', "two\nlines", "x\r=1", "-"])
    assert line.startswith('-420.00,7,"",0.5,"plain","a ""quoted"", one","two\nlines","x⟦U+000D⟧=1"')
    assert line.endswith("\r\n")


@given(ANY)
def test_a_cell_comes_back_as_it_was_shown(text: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_line([text]), newline=""), strict=True)
    shown = visible(text)
    assert row in ([shown], [f"'{shown}"])
    assert row[0][:1] not in set("=+-@\t\r\n")


@given(st.recursive(ANY | st.integers() | st.none(), lambda inside: st.lists(inside) | st.dictionaries(ANY, inside)))
def test_json_for_scripts_shows_what_is_hidden_and_loses_nothing(value: object) -> None:
    text = document(value)
    assert not [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")]
    assert json.loads(text) == json.loads(json.dumps(value))
