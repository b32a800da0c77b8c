"""`/approvals`: pages of the queue with their filters, numbers, what agents could have done alone, and floods."""

import asyncio
import re
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import URL

from bot.ids import QUEUE_NEXT, QUEUE_PREVIOUS, Leaf, encode_leaf
from bot.sandbox.signing import headers
from graph.law.request import Request
from tests.scenario.test_looking import answer
from tests.support.crowd import crowd
from tests.support.seeded import Seen, a_week, write
from tests.support.slack import SECRET, House, until


def rows(message: dict[str, Any]) -> list[str]:
    """The questions of the rows, in their order."""
    return [block["text"]["text"] for block in message["blocks"] if block["type"] == "section" and "accessory" in block]


async def ordered(door: House, where: str) -> list[str]:
    """The orders of pending requests that fit, as a queue has to show them."""
    async with door.store.engine.connect() as connection:
        found = await connection.exec_driver_sql(
            "select canonical::json->'args'->>'order' as name from requests where status = 'pending' and "
            f"{where} order by asked_at + make_interval(secs => sla_seconds), id"
        )
        return [row.name for row in found]


async def filled(door: House, database: URL, count: int) -> Request:
    template = await door.propose()
    crowd(database, template.id, count)
    return template


async def pages(door: House, user: str, words: str) -> list[list[str]]:
    """Every page of the queue, turned in place."""
    message = await answer(door, user, f"queue {words}")
    found = [rows(message)]
    while any(QUEUE_NEXT in str(block) for block in message["blocks"]):
        message = await turned(door, user, message, QUEUE_NEXT)
        found.append(rows(message))
    return found


async def turned(door: House, user: str, message: dict[str, Any], button: str) -> dict[str, Any]:
    before, there = message["text"], {m["ts"] for m in await door.sandbox.messages("CTIER1")}
    assert await door.person(user).click({**message, "channel": "CTIER1"}, button)

    async def changed() -> dict[str, Any] | None:
        now = {m["ts"]: m for m in await door.sandbox.messages("CTIER1")}
        assert now.keys() == there, "the page is replaced in place"
        return now[message["ts"]] if now[message["ts"]]["text"] != before else None

    return dict(await until(changed))


def orders(shown: list[list[str]]) -> list[str]:
    return [re.search(r"order (\S+)\?", question).group(1) for page in shown for question in page]  # type: ignore[union-attr]


VISIBLE = "tier in (1, 2, 3)"


@pytest.mark.parametrize(
    ("words", "where"),
    [
        ("", VISIBLE),
        ("tier 2", "tier = 2"),
        ("Overdue", f"{VISIBLE} and asked_at + make_interval(secs => sla_seconds) <= now()"),
        ("payments", "workflow = 'payments'"),
        ("type content.publish", "workflow = 'content'"),
        ("approve tier:1", "action_type = 'approve' and tier = 1"),
    ],
)
async def test_pages_show_what_fits_due_first_and_each_once(door: House, database: URL, words: str, where: str) -> None:
    await filled(door, database, 60)
    door.services.flood.most = 1000
    expected = await ordered(door, where)
    shown = await pages(door, "UEVE", words)
    assert orders(shown) == expected and len(expected) > 5
    assert all(len(page) == 15 for page in shown[:-1])


async def test_mine_is_what_would_count_and_goes_on_beyond_what_would_not(door: House, database: URL) -> None:
    await filled(door, database, 60)
    door.services.flood.most = 1000
    await door.sql("update requests set requester = 'UALICE' where tier = 1 and id < 'req_8'")
    shown = await pages(door, "UALICE", "mine")
    assert orders(shown) == await ordered(door, "tier = 1 and requester <> 'UALICE'")
    both = await pages(door, "UALICE", "mine overdue type refund")
    assert set(orders(both)) < set(orders(shown))


async def test_a_long_stretch_that_is_not_mine_to_decide_is_passed_over(
    door: House, database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled(door, database, 40)
    monkeypatch.setattr("graph.verbs.queue.LOOKED_AT", 16)
    # Who asked for the first thirty can't be looked up, so that nobody may decide them yet.
    await door.sql(
        "update requests set requester = 'UNOBODY' where id in (select id from requests where status = 'pending'"
        " order by asked_at + make_interval(secs => sla_seconds), id limit 30)"
    )
    await door.sql("update requests set tier = 1, risk = 'low'")
    door.services.flood.most = 1000
    message = await answer(door, "UALICE", "queue mine")
    assert "None of these waits for you" in message["text"] and QUEUE_NEXT in str(message["blocks"])
    seen = []
    for _ in range(3):
        message = await turned(door, "UALICE", message, QUEUE_NEXT)
        seen += rows(message)
        if QUEUE_NEXT not in str(message["blocks"]):
            break
    assert orders([seen]) == await ordered(door, "requester not in ('UNOBODY', 'UALICE')")


async def test_turning_back_and_rows_that_are_gone_meanwhile(door: House, database: URL) -> None:
    await filled(door, database, 50)
    first = await answer(door, "UEVE", "queue")
    assert "51 waiting" in first["text"]
    second = await turned(door, "UEVE", first, QUEUE_NEXT)
    assert "16–30" in second["text"]
    third = await turned(door, "UEVE", second, QUEUE_NEXT)
    again = await turned(door, "UEVE", third, QUEUE_PREVIOUS)
    assert rows(again) == rows(second)
    beginning = await turned(door, "UEVE", again, QUEUE_PREVIOUS)
    assert rows(beginning) == rows(first) and QUEUE_PREVIOUS not in str(beginning["blocks"])
    await door.sql("update requests set status = 'cancelled', decided_at = now(), next_step_at = null")
    assert "Nothing waits" in (await turned(door, "UEVE", beginning, QUEUE_NEXT))["text"]


async def test_a_button_shows_its_clicker_only_what_they_may_see(door: House, database: URL) -> None:
    await filled(door, database, 50)
    shown = await answer(door, "UEVE", "queue")
    assert await door.person("UOUT").click({**shown, "channel": "CTIER1"}, QUEUE_NEXT, force=True)
    await door.services.background.drain()
    [message] = [m for m in await door.sandbox.messages("CTIER1") if m["ts"] == shown["ts"]]
    assert rows(message) == [] and "Nothing waits" in message["text"]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x" * 2000,
        "mine|>1|req_1'; drop table requests",
        "tier 1; select|>1|req_1",
        "mine mine|>1|req_1",
        encode_leaf(Leaf("", 10**16, "req_1")),
        encode_leaf(Leaf("", 10**17 - 1, "req_1")),
        encode_leaf(Leaf("", -(10**17) + 1, "req_1", back=True)),
    ],
)
async def test_a_forged_button_turns_to_no_other_page(door: House, database: URL, value: str) -> None:
    await filled(door, database, 20)
    shown = {**await answer(door, "UEVE", "queue"), "channel": "CTIER1"}
    assert await door.person("UEVE").click(shown, QUEUE_NEXT, value, force=True)
    await door.deliver()
    [after] = [m for m in await door.sandbox.messages("CTIER1") if m["ts"] == shown["ts"]]
    assert rows(after) == rows(shown) or "Nothing waits" in after["text"]
    assert "not valid any more" in str(await door.ephemerals("UEVE")) or value.count("|") == 2


@pytest.mark.parametrize("text", ["tier", "tier x", "mine mine", "<!channel>", "'a' or 1", "x" * 161])
async def test_what_no_filter_says_gets_help(door: House, text: str) -> None:
    said = await answer(door, "UALICE", f"queue {text}")
    assert "I don't know" in said["text"] and "/approvals queue [mine]" in said["text"]


async def test_a_type_that_nothing_is_of_names_those_that_wait(door: House, database: URL) -> None:
    await filled(door, database, 8)
    said = await answer(door, "UEVE", "queue refnuds")
    assert "Nothing waits" in said["text"] and "payments.refund" in said["text"] and "content.publish" in said["text"]


async def test_rows_lead_to_the_card_that_counts(door: House) -> None:
    request = await door.propose()
    card = await door.card("UALICE", request)
    said = await answer(door, "UALICE", "queue")
    assert f"/archives/CTIER1/p{card['ts'].replace('.', '')}|Open the card>" in str(said["blocks"])
    await door.sql("update requests set tier = 2, version = version + 1")
    async with door.store.begin() as tx:
        await tx.cards.touch(request.id)
        await tx.cards.want(request.id, "CTIER2", 2)
    await door.deliver()
    [above] = [m for m in await door.sandbox.messages("CTIER2") if "ephemeral_to" not in m]
    said = await answer(door, "UCARA", "queue")
    assert f"/archives/CTIER2/p{above['ts'].replace('.', '')}|Open the card>" in str(said["blocks"])
    assert "CTIER1" not in str(said["blocks"])


async def test_stats_by_tier_and_by_reviewer(door: House) -> None:
    now = await _now(door)
    await write(door.store, a_week(now - timedelta(days=6), 24 * 5, 80, 3, ["payments.refund", "content.publish"]))
    assert "payments.refund" in str(await answer(door, "UALICE", "stats 7d by type"))
    tiers = await answer(door, "UALICE", "stats by tier")
    assert "Last 7 days by tier" in tiers["text"] and "Tier 1:" in tiers["text"]
    assert "Only operators" in (await answer(door, "UALICE", "stats by reviewer"))["text"]
    single = await answer(door, "UEVE", "stats 30d by reviewer")
    assert "Last 30 days by reviewer" in single["text"] and "Alice" in single["text"]


@pytest.mark.parametrize("words", ["2027-02-30", "since=0000-00-00", "tz=Mars/Phobos", "99999999999d", "by", "by moon"])
async def test_stats_of_no_time_get_help(door: House, words: str) -> None:
    assert "I don't know" in (await answer(door, "UEVE", f"stats {words}"))["text"]


async def test_shadow_says_what_people_made_of_what_agents_proposed(door: House) -> None:
    now = await _now(door)
    seen = Seen(action="payments.refund", end="approve", by="person", at=now - timedelta(days=2))
    ends = ["approve"] * 30 + ["edit"] * 4 + ["reject"] * 2
    changes = [Seen(action=seen.action, end=end, by="person", at=seen.at) for end in ends]
    alone = [Seen(action=seen.action, end="approve", by="policy", at=seen.at)] * 9
    await write(door.store, [*changes, *alone])
    await door.sql(
        "insert into incidents (id, workspace_id, request_id, kind, what, reported_by, via)"
        " select 'inc_1', workspace_id, request_id, 'decision', 'wrong', 'UBOB', 'slack' from decisions"
        " where person is not null and type = 'approve' limit 1"
    )
    said = await answer(door, "UALICE", "shadow")
    # 29 of 36 agree; Wilson's lower end of that is 0.6497.
    assert "81 % of 36 proposals" in said["text"] and "at least 64 %" in said["text"], said["text"]
    assert "36 asked, 30 unchanged, 4 changed, 2 rejected, 1 reported" in said["text"]
    assert "Only reviewers" in (await answer(door, "UOUT", "shadow"))["text"]
    assert "I don't know" in (await answer(door, "UALICE", "shadow 8d"))["text"]


async def posted(door: House, user: str, number: int) -> tuple[str, float]:
    """The answer to `queue` as Slack would get it, and after how many seconds."""
    fields = {"command": "/approvals", "text": "queue", "user_id": user, "team_id": "THOME", "channel_id": "CTIER1"}
    body = urlencode({**fields, "trigger_id": f"{user}.{number}"}).encode()
    form = "application/x-www-form-urlencoded"
    begun = time.monotonic()
    signed = headers(SECRET, int(time.time()), body, form)
    answered = await door.sandbox.http.post(door.url, content=body, headers=signed)
    assert answered.status_code == 200, answered.status_code
    assert answered.json()["response_type"] == "ephemeral"
    return answered.json()["text"], time.monotonic() - begun


async def test_a_flood_of_queue_calls_is_answered_politely_and_hurts_nobody(door: House, database: URL) -> None:
    await filled(door, database, 300)
    pool: Any = door.store.engine.pool
    busiest = 0

    async def others(times: int) -> list[float]:
        nonlocal busiest
        took = []
        for number in range(times):
            took.append((await posted(door, ("UBOB", "UCARA", "UDIRK", "UEVE")[number % 4], number))[1])
            busiest = max(busiest, pool.checkedout())
            await asyncio.sleep(0.2)
        return sorted(took)

    async def flood(number: int) -> str:
        await asyncio.sleep(10 * number / 200)
        return (await posted(door, "UALICE", number))[0]

    alone = (await others(8))[-1]
    said, (*_, worst) = await asyncio.gather(asyncio.gather(*map(flood, range(200))), others(20))
    refused = [text for text in said if re.search(r"try again in \d+ s", text)]
    served = [text for text in said if "waiting" in text]
    # Twenty, two a second after that, and never more than three side by side.
    assert len(refused) + len(served) == 200
    assert 10 <= len(served) <= 60
    # A machine that is busy with other things is slow without a flood as well.
    assert worst < max(1.0, 4 * alone)
    assert busiest < 10
    assert await door.decisions() == 0


async def test_the_brake_works_in_the_middle_of_a_flood(door: House) -> None:
    door.services.flood.seconds = 3600.0
    for _ in range(25):
        assert await door.person("UEVE").command("/approvals queue", "CTIER1")
    assert "try again in" in (await answer(door, "UEVE", "queue"))["text"]
    assert "Stopped all workflows" in (await answer(door, "UEVE", "stop all too much at once"))["text"]


async def _now(door: House) -> Any:
    async with door.store.begin() as tx:
        return await tx.now()
