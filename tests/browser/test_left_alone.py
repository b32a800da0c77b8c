"""A request that nobody answers, watched in the browser: tier 1 → tier 2 → tier 3 and its managers → expired."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.db import DEFAULT_POLICY
from tests.support.demo import Demo, running_demo

SLOW = 30_000
QUESTION = "Reserve 15.00 EUR of store credit for customer C-1042?"
SHORT = (
    ('sla = "15m"\nexpires = "72h"\nremind = "5m"', 'sla = "12s"\nexpires = "72h"\nremind = "6s"'),
    ('sla = "1h"\nexpires = "72h"\nremind = "15m"', 'sla = "14s"\nexpires = "72h"'),
    ('sla = "4h"\nexpires = "72h"\nrepeat = "12h"', 'sla = "8s"\nexpires = "16s"'),
)


@pytest.fixture(scope="module")
def hasty() -> Iterator[Demo]:
    """The demo with one workflow and a policy whose tiers wait for seconds."""
    source = DEFAULT_POLICY.read_text()
    for old, new in SHORT:
        assert old in source
        source = source.replace(old, new)
    with tempfile.TemporaryDirectory(prefix="gatepost-hasty-", ignore_cleanup_errors=True) as place:
        policy = Path(place) / "policy.toml"
        policy.write_text(source)
        policy.chmod(0o644)
        env = {"GATEPOST_POLICY": str(policy), "GATEPOST_WORKFLOWS": "payments"}
        with running_demo(Path(place) / "home", **env) as running:
            yield running


def card(page: Page, hasty: Demo, user: str, channel: str) -> Locator:
    page.goto(f"{hasty.url}/#user={user}&channel={channel}")
    page.reload()
    found = page.locator("[data-testid^='message-']").filter(has_text=QUESTION)
    expect(found.first).to_be_visible(timeout=SLOW)
    return found.first


def test_tier_by_tier_each_once_and_every_old_card_says_where_it_went(hasty: Demo, page: Page, shots: Path) -> None:
    first = card(page, hasty, "UALICE", "CTIER1")
    expect(first).to_contain_text("Went up to tier 2 (#approvals-tier-2)", timeout=SLOW)
    expect(first.locator("[data-action-id='gatepost.approve']")).to_have_count(0)
    page.screenshot(path=shots / "left-alone-1.png")
    second = card(page, hasty, "UCARA", "CTIER2")
    expect(second).to_contain_text("from tier 1", ignore_case=True)
    page.screenshot(path=shots / "left-alone-2.png")
    expect(second).to_contain_text("Went up to tier 3 (#approvals-managers)", timeout=SLOW)
    third = card(page, hasty, "UEVE", "CTIER3")
    expect(third.locator("[data-action-id='gatepost.approve']")).to_have_count(1, timeout=SLOW)
    page.screenshot(path=shots / "left-alone-3.png")
    expect(third).to_contain_text("Nobody decided in time", ignore_case=True, timeout=SLOW)
    page.screenshot(path=shots / "left-alone-expired.png")
    for user, channel in (("UALICE", "CTIER1"), ("UCARA", "CTIER2")):
        old = card(page, hasty, user, channel)
        expect(old).to_contain_text("Nobody decided in time", ignore_case=True, timeout=SLOW)
        expect(old.locator("[data-action-id='gatepost.approve']")).to_have_count(0)

    shown = hasty.cli("queue", "--json")
    assert shown.returncode == 0, shown.stderr
    posts = Counter(
        call["args"]["channel"]
        for call in hasty.calls()
        if call["method"] == "chat.postMessage" and QUESTION.rstrip("?") in json.dumps(call["args"])
        if (call["args"].get("metadata") or {}).get("event_type") == "gatepost_card"
    )
    for target in ("#approvals", "#approvals-tier-2", "#approvals-managers", "UDIRK", "UEVE"):
        assert posts[target] == 1, posts
