"""The week in figures: counted right, posted once, the same numbers at every door."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from sqlalchemy import text

from bot.cards.digest import digest as digest_card
from bot.cards.stats import stats as stats_card
from bot.delivery import Delivery
from graph.law.request import DecisionType
from graph.law.weeks import Week
from graph.verbs.decide import Answer, decide
from graph.verbs.digest import digest, post_digest, post_due
from graph.verbs.errors import Invalid, Refusal
from graph.verbs.stats import recent, stats
from storage.store import PgStore
from tests.support.cli import Cli
from tests.support.db import DEFAULT_POLICY, WORKSPACE, dsn
from tests.support.seeded import Seen, a_week, move_clock, odd_ones, write
from tests.support.slack import House, house, pending
from tests.support.slack_attacks import cases, variants

BERLIN = DEFAULT_POLICY.read_text().replace('timezone = "UTC"', 'timezone = "Europe/Berlin"')
# Week 43 of 2026 as Berlin lives it: the clocks go back on its Sunday, so it has 169 hours.
SINCE, UNTIL = datetime(2026, 10, 18, 22, tzinfo=UTC), datetime(2026, 10, 25, 23, tzinfo=UTC)
WEEK, BEFORE = Week(2026, 43), SINCE - timedelta(hours=168)
DUE = datetime(2026, 10, 26, 7, tzinfo=UTC)
ACTIONS = ("payments.refund", "payments.reserve_credit", "loan.approve", "clinical.prescribe")
ROOT = Path(__file__).resolve().parents[2]
MANAGERS = ("UDIRK", "UDIRK2", "UEVE")


@pytest.fixture
async def week(store: PgStore) -> list[Seen]:
    """Two seeded weeks, Berlin's policy, and a clock that shows ten minutes before the digest is due."""
    async with store.begin() as tx:
        await tx.policies.apply(BERLIN, "test")
    seen = a_week(SINCE, 169, 500, 43, ACTIONS) + a_week(BEFORE, 168, 300, 42, ACTIONS[:3]) + odd_ones(SINCE, UNTIL)
    await write(store, seen)
    await move_clock(store, DUE - timedelta(minutes=10))
    return seen


# --- counting -----------------------------------------------------------------------------------------------------


def counted(seen: Iterable[Seen]) -> dict[str, Any]:
    """What the figures of these requests have to be, counted one by one."""
    found = list(seen)
    ways = Counter((each.end, each.by) for each in found)
    decided = [each for each in found if each.by == "person" and each.end != "cancel"]
    asked = [each for each in found if each.by != "policy"]
    up = sum(each.tier > each.first_tier for each in asked)
    tiers = Counter(str(each.tier) for each in asked)
    approved = ways["approve", "person"]
    return {
        "requests": len(found),
        "people": len(decided),
        "approved": approved,
        "edited": ways["edit", "person"],
        "rejected": ways["reject", "person"],
        "handled": ways["respond", "person"],
        "overrides": ways["edit", "person"] + ways["reject", "person"],
        "approval_rate": approved / len(decided) if decided else None,
        "median_seconds": pytest.approx(median(each.seconds for each in decided), abs=1e-5) if decided else None,
        "asked": len(asked),
        "expired": ways["expire", "clock"],
        "cancelled": ways["cancel", "person"],
        "consented": ways["approve", "clock"],
        "went_up": up,
        "escalation_share": up / len(asked) if asked else None,
        "tiers": {tier: {"asked": count, "share": count / len(asked)} for tier, count in tiers.items()},
        "alone": ways["approve", "policy"],
        "refused": ways["reject", "policy"],
    }


def in_week(seen: Iterable[Seen], since: datetime = SINCE, until: datetime = UNTIL) -> list[Seen]:
    return [
        each
        for each in seen
        if since <= each.at < until
        and each.kind == "action"
        and each.workspace == WORKSPACE
        and not (each.revision and not each.seconds)
    ]


def band_name(confidence: float | None) -> str:
    if confidence is None:
        return "unknown"
    if confidence < 0.5:
        return "0–0.5"
    if confidence < 0.7:
        return "0.5–0.7"
    if confidence < 0.85:
        return "0.7–0.85"
    return "0.85–0.95" if confidence < 0.95 else "0.95–1"


async def test_every_figure_of_a_week_is_what_one_counts_by_hand(store: PgStore, week: list[Seen]) -> None:
    found = await digest(store, WEEK)
    assert (found["since"], found["until"]) == (SINCE.isoformat(), UNTIL.isoformat())
    mine, earlier = in_week(week), in_week(week, BEFORE, SINCE)
    assert found["total"] == counted(mine)
    assert found["before"]["week"] == "2026-W42"
    assert found["before"]["total"] == counted(earlier)
    assert {each["action"] for each in found["actions"]} == set(ACTIONS)
    assert found["actions"][0]["people"] == max(each["people"] for each in found["actions"])
    for each in found["actions"]:
        of_action = [one for one in mine if one.action == each["action"]]
        bands = {band.pop("band"): band for band in each.pop("bands")}
        assert {key: each[key] for key in each if key != "action"} == counted(of_action)
        assert set(bands) == {band_name(one.confidence) for one in of_action}
        for name, band in bands.items():
            for bound in ("from", "to"):
                band.pop(bound)
            assert band == counted(one for one in of_action if band_name(one.confidence) == name)


async def test_the_totals_are_those_of_a_plain_count_in_sql(store: PgStore, week: list[Seen]) -> None:
    query = text("""
        select r.workflow || '.' || r.action_type as action, count(*) as people,
               sum((d.type = 'approve')::int) as approved, sum((d.type = 'edit')::int) as edited,
               percentile_cont(0.5) within group (order by extract(epoch from r.decided_at - r.created_at)) as usual
        from requests r, decisions d
        where d.request_id = r.id and r.workspace_id = 'THOME' and r.kind = 'action'
          and r.decided_at >= timestamptz '2026-10-19 00:00 Europe/Berlin'
          and r.decided_at < timestamptz '2026-10-26 00:00 Europe/Berlin'
          and d.type in ('approve', 'edit', 'reject', 'respond') and d.decided_by like 'U%'
          and (r.revision = 0 or r.decided_at > r.created_at)
        group by 1""")
    async with store.engine.connect() as connection:
        rows = (await connection.execute(query)).mappings().all()
    found = {each["action"]: each for each in (await digest(store, WEEK))["actions"]}
    assert len(rows) == len(found) == len(ACTIONS)
    for row in rows:
        each = found[row["action"]]
        assert (each["people"], each["approved"], each["edited"]) == (row["people"], row["approved"], row["edited"])
        assert each["median_seconds"] == pytest.approx(float(row["usual"]))


async def test_a_week_without_anything_has_no_shares(store: PgStore) -> None:
    found = await stats(store, SINCE, UNTIL)
    assert found["actions"] == []
    assert found["total"] == counted([])


async def test_an_edit_by_somebody_who_suffices_is_one_decision(store: PgStore) -> None:
    asked = await pending(store)
    args = {**asked.args, "amount": "410.00"}
    answer = Answer(
        request_id=asked.id,
        type=DecisionType.EDIT,
        user_id="UALICE",
        digest=asked.digest,
        via="cli",
        reason="ten were store credit",
        args=args,
    )
    done = await decide(store, answer)
    assert done.followup is not None and done.followup.status == "approved"
    await move_clock(store, datetime.now(UTC) + timedelta(minutes=1))
    total = (await recent(store, 7))["total"]
    assert (total["requests"], total["people"], total["edited"], total["approved"]) == (1, 1, 1, 0)


# --- posting ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def door(store: PgStore, week: list[Seen], tmp_path: Path) -> AsyncIterator[House]:
    async with house(store, tmp_path) as made:
        yield made


async def posted(door: House) -> dict[str, int]:
    """Where digests stand, and how many: the channel, and each manager's own conversation with the bot."""
    found = {"CTIER1": [m["text"] for m in await door.sandbox.messages("CTIER1")]}
    for user in (*MANAGERS, "UALICE"):
        person = door.person(user)
        found[user] = [m["text"] for m in await person.messages(await person.dm())]
    return {place: count for place, texts in found.items() if (count := sum(t.startswith("Week ") for t in texts))}


EVERYWHERE = {"CTIER1": 1, **dict.fromkeys(MANAGERS, 1)}


async def test_three_processes_post_it_once_everywhere(door: House, week: list[Seen]) -> None:
    await move_clock(door.store, DUE)
    replica = """
import asyncio, sys
from bot.delivery import Delivery
from bot.slack import Slack
from graph.verbs.digest import post_due
from storage.engine import make_engine, parse_url
from storage.store import PgStore
async def main():
    store, slack = PgStore(make_engine(parse_url(sys.argv[1])), "THOME"), Slack("xoxb-sandbox", sys.argv[2])
    print("ready", flush=True)
    sys.stdin.readline()
    mine = await post_due(store)
    while await Delivery(store, slack).deliver_once():
        pass
    await slack.close()
    print(mine)
asyncio.run(main())
"""
    pipes: dict[str, Any] = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "cwd": ROOT}
    url = dsn(door.store.engine.url)
    replicas = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", replica, url, door.sandbox.api_url, **pipes)
        for _ in range(3)
    ]
    for each in replicas:
        assert each.stdout and each.stdin and await each.stdout.readline() == b"ready\n"
    for each in replicas:
        each.stdin.write(b"go\n")  # all begin at the same time
    said = [(await each.communicate())[0] for each in replicas]
    assert sorted(said) == [b"False\n", b"False\n", b"True\n"]
    assert await posted(door) == EVERYWHERE
    people = counted(in_week(week))["people"]
    [message] = await door.sandbox.messages("CTIER1")
    assert f"Week 43: {people} decisions" in message["text"]
    assert (await door.audit()).count("digest_posted") == 1


async def test_many_at_once_post_it_once(door: House) -> None:
    await move_clock(door.store, DUE)
    found = await asyncio.gather(*(post_due(door.store) for _ in range(8)))
    assert sum(found) == 1
    others = [Delivery(door.store, door.slack) for _ in range(3)]
    await asyncio.gather(*(each.deliver_once() for each in others))
    assert await posted(door) == EVERYWHERE


async def test_it_is_posted_when_due_and_made_up_for_when_missed(door: House) -> None:
    assert await post_due(door.store), "the one of week 42, due six days ago"
    assert not await post_due(door.store), "ten minutes early for week 43"
    await move_clock(door.store, DUE + timedelta(days=3))
    assert await post_due(door.store), "nobody was there on Monday"
    assert not await post_due(door.store)
    await move_clock(door.store, DUE + timedelta(days=15))
    assert await post_due(door.store), "two weeks later: week 44 is not made up for"
    await door.deliver()
    assert await posted(door) == dict.fromkeys(EVERYWHERE, 3)
    titles = [m["text"].partition(":")[0] for m in await door.sandbox.messages("CTIER1")]
    assert sorted(titles) == ["Week 42", "Week 43", "Week 45"]
    assert any("Week 45: nothing was decided by people" in m["text"] for m in await door.sandbox.messages("CTIER1"))


async def test_there_is_no_digest_of_the_time_before_the_first_decision(store: PgStore) -> None:
    await move_clock(store, DUE)
    assert not await post_due(store)
    await write(store, [Seen(action="payments.refund", end="approve", by="person", at=UNTIL)])
    assert not await post_due(store)
    await move_clock(store, DUE + timedelta(days=7))
    assert await post_due(store)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('at = "Mon 08:00"', 'at = "never"'),
        ('channel = "#approvals"\ndm = ["@tier-3-managers"]\n', ""),
    ],
)
async def test_where_the_policy_wants_none_there_is_none(store: PgStore, week: list[Seen], old: str, new: str) -> None:
    policy = BERLIN.replace('operators_channel = "#gatepost-ops"', "").replace(old, new)
    assert policy != BERLIN
    async with store.begin() as tx:
        await tx.policies.apply(policy, "test")
    await move_clock(store, DUE)
    assert not await post_due(store)


async def test_a_week_that_is_not_over_is_shown_and_not_posted(store: PgStore, week: list[Seen]) -> None:
    await move_clock(store, UNTIL - timedelta(hours=1))
    assert not (await digest(store, WEEK))["complete"]
    with pytest.raises(Refusal, match="not over"):
        await post_digest(store, WEEK, by="test")
    with pytest.raises(Invalid, match="not begun"):
        await digest(store, WEEK.shifted(1))


async def test_what_was_posted_is_what_was_counted_then(door: House) -> None:
    """The message is rendered from the row: a decision that comes late changes no message half-way."""
    await move_clock(door.store, DUE)
    assert await post_digest(door.store, by="test")
    before = await digest(door.store, WEEK)
    await write(
        door.store, [Seen(action="payments.refund", end="reject", by="person", at=UNTIL - timedelta(seconds=1))]
    )
    await door.deliver()
    [message] = await door.sandbox.messages("CTIER1")
    assert message["text"] == digest_card(before).text


# --- doors --------------------------------------------------------------------------------------------------------


async def ask(door: House, user: str, words: str) -> dict[str, Any]:
    before = {m["ts"] for m in await door.sandbox.messages("CTIER1")}
    assert await door.person(user).command(f"/approvals {words}", "CTIER1")
    [message] = [m for m in await door.sandbox.messages("CTIER1") if m["ts"] not in before]
    assert message["ephemeral_to"] == user
    return dict(message)


def cells(message: dict[str, Any]) -> list[list[str]]:
    [table] = [block for block in message["blocks"] if block["type"] == "table"]
    return [[cell["text"] for cell in row] for row in table["rows"]]


async def test_every_door_shows_the_same_numbers(door: House, tmp_path: Path, database: Any) -> None:
    await move_clock(door.store, UNTIL)  # the last seven days, but for the hour that the clocks went back
    cli = Cli(tmp_path / "home", database, "http://127.0.0.1:9")
    asked = await ask(door, "UCARA", "stats")
    printed = await asyncio.to_thread(cli.json, "stats", "--days", "7")
    told = await asyncio.to_thread(cli.run, "stats")
    verb = await recent(door.store, 7)
    assert verb["total"]["requests"] > 400
    for found in (printed, verb):
        card = stats_card(found, 7)
        assert (card.text, cells({"blocks": card.blocks})) == (asked["text"], cells(asked))
    assert told.splitlines()[0] == asked["text"].partition(". ")[0]
    weekly = await asyncio.to_thread(cli.json, "digest", "--week", "2026-W43")
    assert {**weekly, "complete": True} == {**await digest(door.store, WEEK), "complete": True}
    window = await stats(door.store, SINCE, UNTIL)
    assert (weekly["total"], weekly["actions"]) == (window["total"], window["actions"])


async def test_the_command_line_posts_once_and_says_so(door: House, tmp_path: Path, database: Any) -> None:
    cli = Cli(tmp_path / "home", database, "http://127.0.0.1:9")
    assert "Posted." in await asyncio.to_thread(cli.run, "digest", "--week", "2026-W43", "--post")
    again = await asyncio.to_thread(cli.run, "digest", "--week", "2026-W43", "--post")
    assert "posted before" in again
    await move_clock(door.store, DUE)
    assert not await post_due(door.store)
    await door.deliver()
    assert await posted(door) == EVERYWHERE
    assert "2026 has no week 54" in await asyncio.to_thread(cli.run, "digest", "--week", "2026-W54", code=2)


async def test_a_teams_requests_are_not_counted_for_others(door: House, week: list[Seen]) -> None:
    team = '[[teams]]\nworkflows = ["clinical"]\nmembers = ["UBOB"]\n'
    async with door.store.begin() as tx:
        await tx.policies.apply(BERLIN + team, "test")
    await move_clock(door.store, UNTIL)
    within = in_week(week, UNTIL - timedelta(days=7), UNTIL + timedelta(minutes=1))
    outside = [each for each in within if not each.action.startswith("clinical.")]
    for user, mine in (("UALICE", outside), ("UBOB", within), ("UDIRK", within)):
        table = cells(await ask(door, user, "stats 7d"))
        assert table[1][2] == str(counted(mine)["people"]), user
        assert any(row[0].startswith("clinical.") for row in table) == (mine is within)


async def test_who_reviews_nothing_sees_no_numbers(door: House) -> None:
    assert "Only reviewers" in (await ask(door, "UOUT", "stats 30d"))["text"]


[SC_15] = [case for case in cases("slash_command") if case["id"] == "SC-15"]
BAD_SPANS = [each["$slash"]["text"] for each in variants(SC_15["input"])]


async def test_what_is_no_span_gets_help(door: House) -> None:
    """SC-15 of the attack cases, and a few more."""
    assert len(BAD_SPANS) == 4
    for words in (*BAD_SPANS, "stats 7", "stats -7d", "stats ٧d", "stats 7d 30d"):
        assert "/approvals stats [7d|30d]" in (await ask(door, "UALICE", words))["text"], words
