"""Every example of every card and modal looks as it did. `GOLDEN=write` accepts what it looks like now.

Beside each JSON stands a picture drawn from it: `python -m tests.support.pictures` draws those that are out of date.
"""

import json
import os
from typing import Any

import pytest

from bot.gallery.shown import all_shown
from tests.support import golden

RENDERED: dict[str, Any] = {each.name: each.payload for each in all_shown()}


@pytest.mark.parametrize("name", RENDERED)
def test_looks_as_it_did(name: str) -> None:
    path = golden.GOLDEN / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(json.dumps(RENDERED[name], indent=1, ensure_ascii=True) + "\n")
    assert path.exists(), f"no golden file for {name}; look at it, then GOLDEN=write"
    assert json.loads(json.dumps(RENDERED[name])) == json.loads(path.read_text())


def test_no_golden_file_is_left_over() -> None:
    assert golden.names() == set(RENDERED)
    assert golden.names("png") <= set(RENDERED)


@pytest.mark.parametrize("name", RENDERED)
def test_the_picture_was_drawn_from_this_json(name: str) -> None:
    assert golden.drawn_from(name) == golden.digest(name), "look at it: python -m tests.support.pictures"
