"""What a reviewer touches all day, clicked through on the real demo: forms, Details, batches, Home, the queue."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.blockkit import check_calls
from tests.support.demo import Demo
from tests.support.screen import (
    SLOW,
    button,
    card,
    field_error,
    fill_reason,
    modal,
    open_as,
    open_home,
    pick,
    press,
    show,
    start_case,
    submit,
    type_command,
    wait_for_rows,
)

ORDERS = 47
ONE_BATCH = f"{ORDERS} × Acknowledge an order?"
TURNS = 23


@pytest.fixture(scope="module")
def orders(demo: Demo) -> str:
    """Forty-seven similar requests and one that differs; the headline of their card while all of them wait."""
    start_case(demo, 4, "orders")
    return ONE_BATCH


@pytest.fixture
def other_page(chromium: Browser) -> Iterator[Page]:
    """A second person's browser."""
    context = chromium.new_context(viewport={"width": 1360, "height": 940})
    yield context.new_page()
    context.close()


@pytest.fixture
def phone(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    yield context.new_page()
    context.close()


@pytest.fixture(autouse=True)
def nothing_open(demo: Demo) -> None:
    """Slack keeps open forms for each person: one that a failed test left lies over the next one's page."""
    for user in ("UALICE", "UBOB"):
        place = f"{demo.url}/ui/api/as/{user}/view"
        for view in (httpx.get(place, timeout=20).json() or [])[-1:]:
            httpx.post(f"{place}/close", json={"view_id": view["id"], "clear": True}, timeout=20)


def decided(asked: Locator, *words: str) -> None:
    """Wait until the card says all of it."""
    for each in words:
        expect(asked).to_contain_text(each, timeout=SLOW)


def done(page: Page, demo: Demo, order: str) -> list[str]:
    """What was done with an order, as the shop tells it, once it has anything to tell."""
    for _ in range(150):
        deeds = httpx.get(f"{demo.url}/shop/deeds", params={"subject": order}, timeout=20).json()["deeds"]
        if deeds:
            return [deed["title"] for deed in deeds]
        page.wait_for_timeout(200)
    raise AssertionError(f"the shop never did anything with {order}")


def test_reject_without_a_reason_asks_for_it(demo: Demo, page: Page, shots: Path) -> None:
    open_as(page, demo)
    asked = card(page, "Accept Jo Abel's documents")
    press(asked, "reject")
    form = modal(page)
    expect(form).to_contain_text("Why not?", timeout=SLOW)
    submit(page)
    expect(field_error(form, "reason")).to_have_text("Please complete this required field.")
    # Blanks satisfy Slack's own check, and not ours.
    fill_reason(form, "   ")
    submit(page)
    expect(field_error(form, "reason")).to_contain_text("Please say why", timeout=SLOW)
    page.screenshot(path=shots / "reject-without-reason.png")
    assert button(asked, "approve").count() == 1
    fill_reason(form, "the address has to be verified first")
    submit(page)
    expect(form).to_have_count(0, timeout=SLOW)
    decided(asked, "Rejected by", "Alice", "the address has to be verified first")
    expect(button(asked, "approve")).to_have_count(0)


def test_another_of_its_ideas_is_chosen_in_one_step(demo: Demo, page: Page, shots: Path) -> None:
    start_case(demo, 2, "orders")
    open_as(page, demo)
    asked = card(page, "Acknowledge order 6141 to customer C-377, to ship within 2 days?")
    menu = button(asked, "instead")
    expect(menu.locator("option")).to_contain_text(
        [
            "Another of its ideas…",
            "B: Acknowledge order 6141 to customer C-377, to ship within 4 days?",
            "None of these",
        ]
    )
    page.screenshot(path=shots / "ideas.png")
    menu.select_option(index=1)
    decided(asked, "Modified by", "Alice")
    expect(modal(page)).to_have_count(0)
    expect(menu).to_have_count(0)
    assert done(page, demo, "6141") == ["Acknowledge order 6141 to customer C-377, to ship within 4 days"]
    page.screenshot(path=shots / "idea-chosen.png")


def test_details_turn_to_earlier_turns_and_back(demo: Demo, page: Page, shots: Path) -> None:
    said = [{"who": "customer", "at": f"{n // 60 + 8:02}:{n % 60:02}", "text": f"Sentence {n}."} for n in range(1, 24)]
    given = {
        "steps": [{"order": "7001", "customer": "C-2301", "amount": "40.00", "currency": "EUR", "customer_days": 900}],
        "situation": "A customer who writes a lot.",
        "file": {"conversation": said},
    }
    started = demo.cli("propose", "orders", "--requester", "UREQ", "--input", json.dumps(given), "--json")
    assert started.returncode == 0, started.stderr
    open_as(page, demo)
    asked = card(page, "Release 40.00 EUR of order 7001")
    pick(asked, "details")
    form = modal(page)
    expect(form).to_contain_text(f"last 10 of {TURNS} turns", timeout=SLOW)
    page.screenshot(path=shots / "turns-last.png")
    expect(form).to_contain_text("Sentence 23.")
    expect(form).not_to_contain_text("Sentence 13.")
    press(form, "turns.earlier")
    expect(form).to_contain_text(f"turns 4 to 13 of {TURNS} turns", timeout=SLOW)
    expect(form).to_contain_text("Sentence 4.")
    press(form, "turns.earlier")
    expect(form).to_contain_text(f"turns 1 to 3 of {TURNS} turns", timeout=SLOW)
    expect(button(form, "turns.earlier")).to_have_count(0)
    page.screenshot(path=shots / "turns-first.png")
    press(form, "turns.later")
    expect(form).to_contain_text(f"turns 4 to 13 of {TURNS} turns", timeout=SLOW)
    press(form, "turns.later")
    expect(form).to_contain_text(f"last 10 of {TURNS} turns", timeout=SLOW)
    page.get_by_test_id("modal-close").click()
    expect(form).to_have_count(0, timeout=SLOW)


def test_of_two_people_the_second_hears_who_was_faster(demo: Demo, page: Page, other_page: Page, shots: Path) -> None:
    question = "Reserve 5.00 EUR of store credit for customer C-3310?"
    open_as(other_page, demo, user="UBOB")
    bobs = card(other_page, question)
    press(bobs, "reject")
    form = modal(other_page)
    fill_reason(form, "no credit for this one")
    open_as(page, demo)
    alices = card(page, question)
    press(alices, "approve")
    decided(alices, "Approved by", "Alice")
    submit(other_page)
    expect(form).to_contain_text("Already approved by Alice", timeout=SLOW)
    other_page.screenshot(path=shots / "second-of-two.png")
    other_page.get_by_test_id("modal-close").click()
    decided(bobs, "Approved by", "Alice")
    wait_for_rows(page, demo, case_id="case-4903")
    assert [row["kind"] for row in demo.ledger(case_id="case-4903")] == ["credit"]


def test_on_a_phone_a_card_is_read_and_approved(demo: Demo, phone: Page, shots: Path) -> None:
    open_as(phone, demo)
    asked = card(phone, "Reserve 15.00 EUR of store credit for customer C-1042?")
    show(asked)
    phone.screenshot(path=shots / "phone-card.png")
    assert stick_out(asked) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    press(asked, "approve")
    decided(asked, "Approved by", "Alice", "Done")
    phone.screenshot(path=shots / "phone-approved.png")
    assert [row["amount"] for row in demo.ledger(kind="credit", case_id="case-4711")] == ["15.00"]


def stick_out(card: Locator) -> list[str]:
    """What of a card reaches over the edge of a 390 pixels wide screen."""
    found: list[str] = card.evaluate(
        "(card) => [...card.querySelectorAll('.content *')]"
        ".filter((each) => each.getBoundingClientRect().right > 390)"
        ".map((each) => `${each.className}: ${each.textContent}`)"
    )
    return found


def test_home_is_where_to_decide_and_shows_what_i_decided(demo: Demo, page: Page, shots: Path) -> None:
    question = "Reserve 20.00 EUR of store credit for customer C-2077?"
    home = open_home(page, demo, "UALICE")
    row = home.locator("[data-block-id^='gatepost.row.']").filter(has_text=question)
    approve = button(row.locator("xpath=following-sibling::*[contains(@class, 'block-actions')][1]"), "approve")
    expect(approve).to_be_visible(timeout=SLOW)
    page.screenshot(path=shots / "home-waiting.png")
    approve.click()
    mine = home.locator(".block-context").filter(has_text="Approved by").filter(has_text=question)
    expect(mine).to_contain_text("you", timeout=SLOW)
    expect(row).to_have_count(0, timeout=SLOW)
    show(mine)
    page.screenshot(path=shots / "home-decided.png")
    open_as(page, demo)
    decided(card(page, question), "Approved by", "Alice")
    wait_for_rows(page, demo, case_id="case-4802")


def test_the_queue_is_asked_for_and_paged_through(demo: Demo, page: Page, orders: str, shots: Path) -> None:
    open_as(page, demo)
    card(page, orders)
    type_command(page, "/approvals queue orders.acknowledge_order")
    answer = page.locator(".message.ephemeral").last
    expect(answer).to_contain_text(re.compile(r"\d+ waiting"), timeout=SLOW)
    page.screenshot(path=shots / "queue-1.png")
    first = rows(answer)
    press(answer, "queue.next")
    expect(answer).to_contain_text("16–30", timeout=SLOW)
    page.screenshot(path=shots / "queue-2.png")
    second = rows(answer)
    assert len(first) == len(second) == 15
    assert not set(first) & set(second)
    press(answer, "queue.previous")
    expect(answer).to_contain_text("1–15", timeout=SLOW)
    assert rows(answer) == first


def rows(answer: Locator) -> list[str]:
    """The questions on a page of the queue."""
    return answer.locator(".block-section .section-text").all_inner_texts()


def test_a_batch_of_47_is_approved_but_for_two(demo: Demo, page: Page, orders: str, shots: Path) -> None:
    open_as(page, demo)
    asked = card(page, orders)
    expect(asked).to_contain_text("1 kept out: days 45, the others: 2")
    show(asked)
    page.screenshot(path=shots / "batch-waiting.png")
    press(asked, "batch.but")
    form = modal(page)
    expect(form).to_contain_text(f"Approve these {ORDERS}, but for those you choose.", timeout=SLOW)
    form.locator(".multi").click()
    for number in (3, 20):
        form.locator(f"input[type=checkbox][value='{number}']").check()
    page.screenshot(path=shots / "batch-but.png")
    chosen = form.locator(".chip").all_inner_texts()
    left_out = [re.search(r"order (\d+)", text)[1] for text in chosen]  # type: ignore[index]
    assert len(left_out) == 2
    page.keyboard.press("Escape")
    submit(page)
    expect(form).to_have_count(0, timeout=SLOW)
    after = card(page, "45 approved by Alice")
    expect(after).to_contain_text("45 done", timeout=SLOW)
    expect(after).to_contain_text("2 left it: left out when the others were answered")
    expect(after.get_by_role("button", name=re.compile("^(Approve|Reject|All but)"))).to_have_count(0)
    show(after)
    page.screenshot(path=shots / "batch-results.png")
    for order in left_out:
        alone = card(page, f"Acknowledge order {order} ")
        expect(button(alone, "approve")).to_have_count(1, timeout=SLOW)
    page.screenshot(path=shots / "batch-alone.png")
    deeds = httpx.get(f"{demo.url}/shop/deeds", timeout=20).json()["deeds"]
    acknowledged = [deed["subject"] for deed in deeds if deed["subject"].startswith("62")]
    assert len(acknowledged) == len(set(acknowledged)) == 45
    assert not set(acknowledged) & set(left_out)
    press(after, "batch.details")
    expect(form).to_contain_text("Acknowledge order", timeout=SLOW)
    expect(form).to_contain_text("Kept out")
    page.screenshot(path=shots / "batch-details.png")


def test_all_that_was_sent_is_within_slacks_limits(demo: Demo) -> None:
    assert check_calls(demo.calls()) > 50
