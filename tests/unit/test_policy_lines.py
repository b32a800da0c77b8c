"""Lines for places in a TOML text, in every way in which TOML lets one write them."""

from collections.abc import Sequence

import pytest

from graph.law.toml_lines import line_of

TEXT = '''# a comment = 1
format = 1
basis = """
[not_a_table]
neither = "key"
"""
dotted.inner.key = 1
"quoted key" = 2
inline = { a = 1, b = 2 } # with = a comment
[tiers.1] # [comment]
channel = "#c"
"sla" = "15m"
[[rules]]
name = "one"
[[rules]]
name = "two"
when = \'\'\'
name = "three"
\'\'\'
basis = """one line"""
tier = 2
[ spaced . table ]
key = 1
[[outer]]
x = 1
[[outer.inner]]
y = 1
[[outer.inner]]
y = 2
[[outer]]
[[outer.inner]]
y = 3
'''


@pytest.mark.parametrize(
    ("sentence", "place", "line"),
    [
        ("a key at the top", ("format",), 2),
        ("what stands in a text over several lines is no table", ("not_a_table",), None),
        ("nor a key", ("neither",), None),
        ("a dotted key", ("dotted", "inner", "key"), 7),
        ("and the tables on its way", ("dotted", "inner"), 7),
        ("a key in quotes", ("quoted key",), 8),
        ("inside an inline table: its own line", ("inline", "b"), 9),
        ("a table", ("tiers", "1"), 10),
        ("a key of a table", ("tiers", "1", "channel"), 11),
        ("a quoted key of a table", ("tiers", "1", "sla"), 12),
        ("a key that is missing: its table", ("tiers", "1", "reviewers"), 10),
        ("numbers as pydantic gives them", ("rules", 1, "name"), 16),
        ("the first row of an array", ("rules", 0), 13),
        ("a key after a text over several lines", ("rules", 1, "tier"), 21),
        ("a name in a text is not the row's name", ("rules", 1, "when"), 17),
        ("three quotes that end on their line", ("rules", 1, "basis"), 20),
        ("a header with spaces", ("spaced", "table", "key"), 23),
        ("arrays within arrays", ("outer", 0, "inner", 1, "y"), 29),
        ("count anew in each row", ("outer", 1, "inner", 0, "y"), 32),
        ("what is nowhere", ("nowhere", 3), None),
        ("the document itself", (), None),
    ],
)
def test_the_line_of(sentence: str, place: Sequence[int | str], line: int | None) -> None:
    assert line_of(TEXT, place) == line, sentence


def test_an_empty_text_has_no_lines() -> None:
    assert line_of("", ("format",)) is None
