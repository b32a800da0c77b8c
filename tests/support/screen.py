"""The demo's page in a browser, in the words of those who sit in front of it: cards, forms, buttons, menus."""

import re

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support.demo import Demo

SLOW = 30_000
"""Milliseconds in which anything that is awaited has to come true, also on a busy machine."""


def start_case(demo: Demo, case: int, workflow: str = "payments", **more: int) -> None:
    """Start a demo case, counted from 0, as the page's own menu does; `times`: so many of the runs in it."""
    body = {"workflow": workflow, "case": case, **more}
    answer = httpx.post(f"{demo.url}/demo/propose", json=body, timeout=20)
    assert answer.status_code == 200, answer.text


def open_as(page: Page, demo: Demo, user: str = "UALICE", channel: str = "CTIER1") -> None:
    """Show a channel as that person sees it."""
    page.goto(f"{demo.url}/#user={user}&channel={channel}")


def card(page: Page, text: str) -> Locator:
    """The newest message that says this, once it is there."""
    found = page.locator("[data-testid^='message-']").filter(has_text=text)
    expect(found.last).to_be_visible(timeout=SLOW)
    return found.last


def button(place: Locator, action: str) -> Locator:
    """The button with this action id, without its prefix."""
    return place.locator(f"[data-action-id='gatepost.{action}']")


def show(place: Locator) -> None:
    """Scroll to it, also where it is just being drawn anew."""
    place.evaluate("(node) => node.scrollIntoView({block: 'center'})")


def press(place: Locator, action: str) -> None:
    button(place, action).click()


def pick(place: Locator, choice: str) -> None:
    """Choose in the card's menu of all that else there is to do."""
    button(place, "more").get_by_role("button").first.click()
    place.locator(f"[data-value^='{choice}|']").click()


def modal(page: Page) -> Locator:
    """The form that is open."""
    return page.get_by_test_id("modal")


def submit(page: Page) -> None:
    page.get_by_test_id("modal-submit").click()


def fill_reason(form: Locator, words: str) -> None:
    form.locator("textarea").last.fill(words)


def field_error(form: Locator, block_id: str) -> Locator:
    """What the form says is wrong with one of its fields."""
    return form.locator(f"[data-testid='field-error'][data-block-id='{block_id}']")


def type_command(page: Page, words: str) -> None:
    """Type into the composer and send."""
    page.get_by_test_id("composer").fill(words)
    page.get_by_test_id("composer").press("Enter")


def open_home(page: Page, demo: Demo, user: str) -> Locator:
    """The app's Home tab, opened as that person."""
    open_as(page, demo, user)
    page.get_by_role("button", name=re.compile("^Gatepost")).click()
    page.get_by_test_id("home-tab").click()
    shown = page.get_by_test_id("home-view")
    expect(shown).to_be_visible(timeout=SLOW)
    return shown


def wait_for_rows(page: Page, demo: Demo, **filters: str) -> None:
    """Wait for a row of the shop's ledger that fits."""
    for _ in range(150):
        if demo.ledger(**filters):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"the shop's ledger never showed {filters}")
