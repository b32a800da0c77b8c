"""The newcomer's first minutes, clicked through in a real browser on the real demo."""

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.support.blockkit import check_calls
from tests.support.demo import Demo
from tests.support.screen import SLOW, card, fill_reason, open_as, press, start_case, wait_for_rows


def approve_credit(page: Page, text: str) -> None:
    """The small goodwill credit that every case begins with."""
    asked = card(page, f"Reserve {text} of store credit")
    press(asked, "approve")
    expect(asked).to_contain_text("Approved by", ignore_case=True, timeout=SLOW)


def test_every_tier_has_a_card_and_the_newest_is_the_first_to_look_at(demo: Demo, page: Page, shots: Path) -> None:
    open_as(page, demo)
    expect(page.locator("[data-testid^='message-']").last).to_contain_text("customer C-1042?", timeout=SLOW)
    page.screenshot(path=shots / "opening.png")
    open_as(page, demo, user="UCARA", channel="CTIER2")
    card(page, "12,480.00 EUR to Halvorsen Pumps")
    open_as(page, demo, user="UEVE", channel="CTIER3")
    asked = card(page, "920,000 litres of ethyl acetate")
    expect(asked).to_contain_text("cancelled")
    page.screenshot(path=shots / "opening-managers.png")


def test_one_click_on_approve(demo: Demo, page: Page, shots: Path) -> None:
    open_as(page, demo)
    approve_credit(page, "15.00 EUR")
    asked = card(page, "Refund 420.00 EUR to order 4711?")
    page.screenshot(path=shots / "pending.png")
    press(asked, "approve")
    for words in ("Approved by", "alice"):
        expect(asked).to_contain_text(words, ignore_case=True, timeout=SLOW)
    # Not "Not done yet".
    expect(asked).to_contain_text("Done", timeout=SLOW)
    expect(asked.locator("[data-action-id='gatepost.approve']")).to_have_count(0)
    page.screenshot(path=shots / "approved.png")
    assert [row["amount"] for row in demo.ledger(kind="refund", case_id="case-4711")] == ["420.00"]
    expect(page.get_by_test_id("shop-ledger")).to_contain_text("420.00")


def test_modify_ten_less_refunds_exactly_that(demo: Demo, page: Page, shots: Path) -> None:
    open_as(page, demo)
    approve_credit(page, "5.00 EUR")
    asked = card(page, "Refund 89.90 EUR to order 4903?")
    press(asked, "edit")
    modal = page.get_by_test_id("modal")
    amount = modal.locator("input").first
    expect(amount).to_have_value("89.90", timeout=SLOW)
    amount.fill("79,90")
    fill_reason(modal, "ten less, as agreed")
    page.get_by_test_id("modal-submit").click()
    expect(modal.get_by_test_id("field-error").filter(has_text="amount")).to_be_visible(timeout=SLOW)
    page.screenshot(path=shots / "modify-error.png")
    amount.fill("79.90")
    page.get_by_test_id("modal-submit").click()
    expect(modal).to_have_count(0, timeout=SLOW)
    expect(asked).to_contain_text("modified", ignore_case=True, timeout=SLOW)
    page.screenshot(path=shots / "modified.png")
    wait_for_rows(page, demo, kind="refund", case_id="case-4903")
    assert [row["amount"] for row in demo.ledger(kind="refund", case_id="case-4903")] == ["79.90"]


def test_reject_with_a_reason_makes_the_agent_take_its_alternative(demo: Demo, page: Page, shots: Path) -> None:
    start_case(demo, 4)
    open_as(page, demo)
    approve_credit(page, "15.00 USD")
    asked = card(page, "Refund 240.00 USD to order")
    press(asked, "reject")
    modal = page.get_by_test_id("modal")
    expect(modal).to_be_visible(timeout=SLOW)
    page.screenshot(path=shots / "reject-modal.png")
    modal.locator("textarea, input").first.fill("the parcel was delivered")
    page.get_by_test_id("modal-submit").click()
    expect(asked).to_contain_text("the parcel was delivered", timeout=SLOW)
    alternative = card(page, "Reserve 240.00 USD of store credit")
    press(alternative, "reject")
    modal.locator("textarea, input").first.fill("no credit either")
    page.get_by_test_id("modal-submit").click()
    expect(modal).to_have_count(0, timeout=SLOW)
    wait_for_rows(page, demo, kind="credit_release", case_id="case-5105")
    kinds = [row["kind"] for row in demo.ledger(case_id="case-5105")]
    assert kinds == ["credit", "credit_release"]


def test_managers_stop_the_order_of_2_47(demo: Demo, page: Page, shots: Path) -> None:
    open_as(page, demo, user="UEVE", channel="CTIER3")
    asked = card(page, "920,000 litres of ethyl acetate")
    press(asked, "reject")
    modal = page.get_by_test_id("modal")
    fill_reason(modal, "R-4417 was cancelled at 22:41")
    page.get_by_test_id("modal-submit").click()
    expect(asked).to_contain_text("R-4417 was cancelled at 22:41", timeout=SLOW)
    page.screenshot(path=shots / "stopped.png")
    assert httpx.get(f"{demo.url}/shop/deeds", timeout=10).json() in ([], {"deeds": []})


def test_details_show_the_whole_context(demo: Demo, page: Page, shots: Path) -> None:
    open_as(page, demo)
    asked = card(page, "Reserve 20.00 EUR of store credit for customer C-2077?")
    asked.locator("[data-action-id='gatepost.more']").get_by_role("button").or_(
        asked.locator("button[data-action-id='gatepost.more']")
    ).first.click()
    asked.locator("[data-value^='details|']").click()
    modal = page.get_by_test_id("modal")
    expect(modal).to_contain_text("case-4802", timeout=SLOW)
    page.screenshot(path=shots / "details.png")
    page.get_by_test_id("modal-close").click()


def test_somebody_without_a_say_is_told_so(demo: Demo, page: Page, shots: Path) -> None:
    open_as(page, demo, user="UREQ")
    asked = card(page, "Reserve 20.00 EUR of store credit for customer C-2077?")
    press(asked, "approve")
    expect(page.locator("body")).to_contain_text("You asked for this yourself", timeout=SLOW)
    page.screenshot(path=shots / "refused.png")
    assert demo.ledger(case_id="case-4802") == []


def test_all_that_was_sent_is_within_slacks_limits(demo: Demo) -> None:
    assert check_calls(demo.calls()) > 10


@pytest.mark.timeout(400)
def test_it_survives_kill_9(demo: Demo, page: Page, shots: Path) -> None:
    """Everything dies while the card waits, and again right after the click: one refund."""
    start_case(demo, 3)
    open_as(page, demo)
    approve_credit(page, "5.00 GBP")
    card(page, "Refund 12.50 GBP to order 5004?")
    demo.kill_everything()
    demo.start()
    open_as(page, demo)
    asked = card(page, "Refund 12.50 GBP to order 5004?")
    rows = json.loads(demo.cli("queue", "--json").stdout)
    (request,) = [row["id"] for row in rows if row["action"]["args"].get("order") == "5004"]
    press(asked, "approve")
    wait_for_decision(demo, request)
    demo.kill_everything()
    demo.start()
    open_as(page, demo)
    asked = card(page, "Refund 12.50 GBP to order 5004?")
    wait_for_rows(page, demo, kind="refund", case_id="case-5004")
    expect(asked).to_contain_text("Done", timeout=SLOW)
    page.screenshot(path=shots / "after-kill.png")
    assert [row["amount"] for row in demo.ledger(kind="refund", case_id="case-5004")] == ["12.50"]


def wait_for_decision(demo: Demo, request: str) -> None:
    """Nothing but the decision is waited for: the refund itself may or may not have begun."""
    for _ in range(30):
        if json.loads(demo.cli("show", request, "--json").stdout)["decision"]:
            return
    pytest.fail("the click was never recorded")
