"""Every example of every card and modal looks as it did. `GOLDEN=write` accepts what it looks like now."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.cards.examples import examples as cards
from bot.cards.view import Card
from bot.modals.examples import examples as modals

GOLDEN = Path(__file__).parent / "golden"
RENDERED: dict[str, Any] = {
    **{f"card_{name}": item for name, item in cards().items()},
    **{f"modal_{name}": item for name, item in modals().items()},
}


def as_json(item: Any) -> Any:
    plain = {"text": item.text, "blocks": item.blocks} if isinstance(item, Card) else item
    return json.loads(json.dumps(plain))


@pytest.mark.parametrize("name", RENDERED)
def test_looks_as_it_did(name: str) -> None:
    path = GOLDEN / f"{name}.json"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(json.dumps(as_json(RENDERED[name]), indent=1, ensure_ascii=True) + "\n")
    assert path.exists(), f"no golden file for {name}; look at it, then GOLDEN=write"
    assert as_json(RENDERED[name]) == json.loads(path.read_text())


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("card_*.json")} | {p.stem for p in GOLDEN.glob("modal_*.json")} == set(
        RENDERED
    )
