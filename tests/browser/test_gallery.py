"""The gallery in a browser: it opens from a file, draws everything it is given, and the kept pictures show the same."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from bot.gallery.document import Shown, document
from tests.support import golden
from tests.support.pictures import difference, fresh, kept

ALIKE = 0.02
WIDTHS = "() => [...document.querySelectorAll('.stage')].filter(wide).map((each) => each.parentElement.id)"
WIDE = "(each) => each.scrollWidth > each.clientWidth + 1"


def payloads() -> dict[str, Any]:
    return {name: json.loads((golden.GOLDEN / f"{name}.json").read_text()) for name in sorted(golden.names())}


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("gallery") / "gallery.html"
    path.write_text(document([Shown(name, "Everything", name, payload) for name, payload in payloads().items()]))
    return path


@pytest.fixture
def opened(page: Page, gallery: Path) -> Iterator[Page]:
    """The gallery, which must ask for nothing and complain about nothing."""
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda request: wrong.append(request.url) if request.url[:5] not in ("data:", "file:") else None)
    page.goto(gallery.as_uri())
    expect(page.locator("body[data-drawn]")).to_be_visible()
    yield page
    assert wrong == []


def test_it_draws_everything_and_knows_every_part(opened: Page, shots: Path) -> None:
    names = golden.names()
    expect(opened.locator(".stage")).to_have_count(len(names))
    drawn = opened.locator(".stage").evaluate_all("(all) => all.map((each) => each.innerText.trim().length)")
    assert len(drawn) == len(names)
    assert min(drawn) > 10
    expect(opened.locator(".unsupported")).to_have_count(0)
    opened.screenshot(path=shots / "gallery.png")


def test_nothing_sticks_out_on_a_phone(opened: Page, shots: Path) -> None:
    opened.get_by_role("button", name="Phone").click()
    assert opened.locator(".stage").first.bounding_box()["width"] == 360  # type: ignore[index]
    assert opened.evaluate(WIDTHS.replace("wide", WIDE)) == []
    opened.screenshot(path=shots / "gallery-phone.png")


def test_what_is_typed_is_found_and_json_unfolds(opened: Page) -> None:
    opened.get_by_role("searchbox").fill("card_pending_two")
    shown = opened.locator(".shown:visible")
    expect(shown).to_have_count(1)
    shown.get_by_text("JSON", exact=True).click()
    assert json.loads(shown.locator(".shown-json pre").inner_text()) == payloads()["card_pending_two_persons"]


def test_a_click_opens_a_menu_and_changes_nothing(opened: Page) -> None:
    card = opened.locator("#card_pending")
    card.get_by_role("button", name="more", exact=False).click()
    expect(card.get_by_role("menuitem").first).to_be_visible()
    card.get_by_role("menuitem").first.click()
    expect(card.get_by_role("menuitem")).to_have_count(0)
    before = card.inner_text()
    card.locator(".block-actions button").first.click()
    expect(card.locator(".busy, .inline-warning")).to_have_count(0)
    assert card.inner_text() == before


def test_the_kept_pictures_are_what_is_drawn_today(chromium: Browser) -> None:
    names = telling()
    assert 4 <= len(names) <= 12
    drawn = dict(fresh(chromium, names))
    unlike = {name: round(difference(kept(name), drawn[name]), 4) for name in names}
    assert max(unlike.values()) < ALIKE, f"{unlike}: python -m tests.support.pictures --all"
    for name, other in zip(names, [*names[1:], names[0]], strict=True):
        assert difference(kept(name), drawn[other]) > ALIKE, (name, other)


def telling() -> list[str]:
    """A handful of names that together have every kind of block and element there is."""
    kinds = {name: set(_types(payload)) for name, payload in payloads().items()}
    size = {name: (golden.GOLDEN / f"{name}.json").stat().st_size for name in kinds}
    found: list[str] = []
    left = set[str]().union(*kinds.values())
    while left:
        best = max(sorted(kinds), key=lambda name: (len(kinds[name] & left), -size[name]))
        found.append(best)
        left -= kinds[best]
    return found


def _types(part: Any) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _types(each)
    elif isinstance(part, dict):
        if isinstance(part.get("type"), str):
            yield part["type"]
        for each in part.values():
            yield from _types(each)
