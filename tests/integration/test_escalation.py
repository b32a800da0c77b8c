"""Nobody answers: reminded, up a tier, up again, told directly, expired; each step once, never early, never down."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from graph.law.policy import BadPolicy, parse_policy
from graph.law.request import DecisionType, Kind, Request, Status
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Stale
from graph.verbs.ports import CardRow
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.support.clock import Clock
from tests.support.db import DEFAULT_POLICY
from tests.support.slack import pending

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
MANAGERS = {"UDIRK", "UDIRK2", "UEVE"}
SILENT = """
[[timeouts]]
action = "payments.refund"
then = "approve"
basis = "small refunds may go out when nobody objects"
"""


class Watch:
    """A store, its clock, and what became of a request."""

    def __init__(self, store: PgStore) -> None:
        self.store, self.clock = store, Clock(store.engine)

    async def policy(self, more: str = "", *changes: tuple[str, str]) -> None:
        """The default policy and more, some of it written otherwise."""
        source = DEFAULT_POLICY.read_text() + more
        for old, new in changes:
            assert old in source
            source = source.replace(old, new)
        async with self.store.begin() as tx:
            await tx.policies.apply(source, "test")

    async def request(self, request: Request) -> Request:
        async with self.store.begin() as tx:
            found = await tx.requests.get(request.id)
        assert found is not None
        return found

    async def later(self, by: timedelta) -> None:
        await self.clock.forward(by)
        await sweep(self.store)

    async def cards(self, request: Request) -> dict[str, CardRow]:
        async with self.store.begin() as tx:
            return {card.target: card for card in await tx.cards.of_request(request.id)}

    async def audit(self, request: Request, *events: str) -> list[str]:
        async with self.store.engine.connect() as connection:
            rows = await connection.execute(
                text("select event, detail::json->>'tier' as tier from audit where request_id = :id order by id"),
                {"id": request.id},
            )
            return [f"{row.event} {row.tier}" if row.tier else row.event for row in rows if row.event in events]

    async def owed(self, kind: str) -> list[dict[str, Any]]:
        async with self.store.engine.connect() as connection:
            rows = await connection.execute(text("select payload from owed where kind = :kind"), {"kind": kind})
            return [row.payload for row in rows]

    async def posted(self, request: Request, at: str = "gp_now()") -> None:
        """Slack shows every card of it that is owed."""
        async with self.store.engine.begin() as connection:
            await connection.execute(
                text(
                    f"update cards set channel = target, ts = id, shown = wanted, posted_at = {at}"
                    " where request_id = :id and ts is null"
                ),
                {"id": request.id},
            )

    async def well(self, *names: str) -> None:
        async with self.store.begin() as tx:
            for name in names:
                await tx.health.well(name, 10 * HOUR)


@pytest.fixture
def watch(store: PgStore) -> Watch:
    return Watch(store)


async def test_left_alone_it_goes_up_tier_by_tier_and_expires(watch: Watch) -> None:
    asked = await pending(watch.store)
    await watch.later(14 * MINUTE)
    still = await watch.request(asked)
    assert (still.tier, still.version, len(await watch.owed("reminder"))) == (1, 1, 1), "reminded, not moved"
    await watch.later(2 * MINUTE)
    second = await watch.request(asked)
    assert (second.tier, second.first_tier, second.status) == (2, 1, Status.PENDING)
    assert "tier 1" in second.moved_why
    assert second.due_at - second.since == HOUR, "the next tier has its own time"
    assert set(await watch.cards(asked)) == {"#approvals", "#approvals-tier-2"}
    await watch.later(61 * MINUTE)
    third = await watch.request(asked)
    cards = await watch.cards(asked)
    assert (third.tier, third.approvals_required) == (3, 2)
    assert set(cards) - {"#approvals", "#approvals-tier-2"} == {"#approvals-managers"} | MANAGERS
    assert cards["#approvals"].tier == 1 and cards["UEVE"].tier == 3
    assert cards["#approvals"].wanted > 1, "the old card says where it went"
    await watch.later(73 * HOUR)
    gone = await watch.request(asked)
    assert gone.status is Status.EXPIRED
    events = ("request_escalated", "request_expired")
    assert await watch.audit(asked, *events) == ["request_escalated 2", "request_escalated 3", "request_expired 3"]
    async with watch.store.begin() as tx:
        decision, run = await tx.requests.decision(asked.id), await tx.runs.get(asked.run_id)
    assert decision is not None and (decision.type, decision.by) == (DecisionType.EXPIRE, "clock")
    assert run is not None and run.status == "ready", "the agent is told"


async def test_never_early_and_once_however_many_sweep(watch: Watch) -> None:
    asked = [await pending(watch.store) for _ in range(20)]
    async with watch.store.begin() as tx:
        latest = (await watch.request(asked[0])).due_at
        assert await tx.now() < latest
    await watch.clock.to(latest - SECOND)
    await asyncio.gather(*(sweep(watch.store) for _ in range(3)))
    assert {(await watch.request(each)).tier for each in asked} == {1}, "a second early is early"
    await watch.clock.forward(30 * SECOND)
    await asyncio.gather(*(sweep(watch.store) for _ in range(6)))
    assert {(await watch.request(each)).tier for each in asked} == {2}
    for each in asked:
        assert await watch.audit(each, "request_escalated") == ["request_escalated 2"]
    await asyncio.gather(*(sweep(watch.store) for _ in range(6)))
    assert {(await watch.request(each)).version for each in asked} == {2}
    assert len(await watch.owed("reminder")) == len(asked), "each was reminded of once, before it went up"


async def test_after_a_long_night_one_step_at_a_time(watch: Watch) -> None:
    """Nothing swept for hours: the next tier is asked, and has its whole time; nobody is skipped."""
    asked = await pending(watch.store)
    await watch.later(10 * HOUR)
    assert (await watch.request(asked)).tier == 2
    assert await watch.owed("reminder") == [], "what goes up at once needs no reminder"
    await sweep(watch.store)
    assert (await watch.request(asked)).tier == 2
    await watch.later(59 * MINUTE)
    assert (await watch.request(asked)).tier == 2
    await watch.later(2 * MINUTE)
    assert (await watch.request(asked)).tier == 3


async def test_a_row_that_cannot_be_stepped_holds_up_no_other(watch: Watch) -> None:
    asked = [await pending(watch.store) for _ in range(5)]
    async with watch.store.engine.begin() as connection:
        await connection.execute(text("alter table requests drop constraint ck_requests_risk_known"))
        await connection.execute(text("update requests set risk = 'odd' where id = :id"), {"id": asked[2].id})
    await watch.later(16 * MINUTE)
    async with watch.store.engine.connect() as connection:
        rows = (await connection.execute(text("select id, tier from requests"))).all()
    assert {row.id: row.tier for row in rows} == {each.id: 1 if each is asked[2] else 2 for each in asked}
    assert [asked[2].id in message["text"] for message in await watch.owed("operators")] == [True]


async def test_the_old_buttons_count_no_more(watch: Watch) -> None:
    asked = await pending(watch.store)
    await watch.later(16 * MINUTE)
    old = Answer(
        request_id=asked.id,
        type=DecisionType.APPROVE,
        user_id="UALICE",
        digest=asked.digest,
        via="slack",
        version=asked.version,
    )
    with pytest.raises(Exception, match="not a reviewer of tier 2"):
        await decide(watch.store, old)
    with pytest.raises(Stale, match="moved on"):
        await decide(watch.store, replace(old, user_id="UCARA"))
    assert (await decide(watch.store, replace(old, user_id="UCARA", version=None))).decision is not None


async def test_a_click_between_the_deadline_and_the_sweep_counts(watch: Watch) -> None:
    asked = await pending(watch.store)
    await watch.clock.forward(20 * MINUTE)
    answer = Answer(
        request_id=asked.id, type=DecisionType.APPROVE, user_id="UALICE", digest=asked.digest, via="slack", version=1
    )
    assert (await decide(watch.store, answer)).decision is not None
    await sweep(watch.store)
    assert (await watch.request(asked)).status is Status.APPROVED


async def test_reject_on_timeout_waits_until_it_expires(watch: Watch) -> None:
    await watch.policy("", ('on_timeout = "escalate"\n', ""))
    asked = await pending(watch.store)
    await watch.later(20 * HOUR)
    assert (await watch.request(asked)).tier == 1
    await watch.later(53 * HOUR)
    assert (await watch.request(asked)).status is Status.EXPIRED


async def test_reminded_again_at_the_top(watch: Watch) -> None:
    asked = await pending(watch.store, amount="75000.00")
    await watch.later(5 * HOUR)
    cards = await watch.cards(asked)
    assert set(cards) >= MANAGERS, "nobody above to ask: they are told directly"
    assert len(await watch.owed("reminder")) == 0
    await watch.later(12 * HOUR)
    await sweep(watch.store)
    assert len(await watch.owed("reminder")) == 1
    await watch.later(12 * HOUR)
    assert len(await watch.owed("reminder")) == 2
    assert (await watch.request(asked)).tier == 3


async def test_tiers_that_share_a_channel_share_a_card(watch: Watch) -> None:
    await watch.policy("", ('"#approvals-tier-2"', '"#approvals"'))
    asked = await pending(watch.store)
    await watch.later(16 * MINUTE)
    cards = await watch.cards(asked)
    assert {target: card.tier for target, card in cards.items()} == {"#approvals": 2}


async def test_a_question_about_an_effect_keeps_its_month(watch: Watch) -> None:
    asked = await pending(watch.store)
    async with watch.store.engine.begin() as connection:
        await connection.execute(
            text(
                "update requests set kind = 'reconcile', subject_effect = 'eff_x', expires_at = expires_at + '27 days'"
            )
        )
    before = (await watch.request(asked)).expires_at
    await watch.later(16 * MINUTE)
    moved = await watch.request(asked)
    assert (moved.kind, moved.tier, moved.expires_at, moved.approvals_required) == (Kind.RECONCILE, 2, before, 1)


async def test_the_next_step_is_what_the_queue_is_read_by(watch: Watch) -> None:
    """At a quarter, a half, three quarters the card is drawn again, and at no other moment."""
    asked = await pending(watch.store)
    drawn: list[int] = []
    for _ in range(14):
        before = (await watch.cards(asked))["#approvals"].wanted
        await watch.later(MINUTE)
        drawn.append((await watch.cards(asked))["#approvals"].wanted - before)
    assert sum(drawn) == 4, "three quarters and the reminder"
    assert max(drawn) == 1


async def approve_by_silence(watch: Watch) -> Request:
    """A refund whose card was on the screen at once, with everything up."""
    await watch.policy(SILENT)
    await watch.well("slack", "web")
    asked = await pending(watch.store)
    await watch.posted(asked)
    return asked


async def test_silence_is_consent_where_the_policy_says_so(watch: Watch) -> None:
    asked = await approve_by_silence(watch)
    await watch.clock.forward(14 * MINUTE)
    await watch.well("slack", "web")
    await watch.clock.forward(61 * SECOND)
    await watch.well("slack", "web")
    await sweep(watch.store)
    approved = await watch.request(asked)
    assert approved.status is Status.APPROVED
    async with watch.store.begin() as tx:
        decision = await tx.requests.decision(asked.id)
    assert decision is not None and (decision.by, decision.person) == ("clock", None)
    assert "nobody objected within 15 min" in decision.reason and "small refunds" in decision.reason


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        ("update cards set posted_at = posted_at + interval '5 minutes'", "no card was in front"),
        ("update cards set ts = null, channel = null, posted_at = null", "no card was in front"),
        ("update health set ok_since = gp_now() - interval '2 minutes' where name = 'slack'", "slack was not up"),
        ("update health set ok_since = null where name = 'web'", "web was not up"),
        ("update health set last_ok_at = gp_now() - interval '3 minutes'", "was not up"),
        ("update requests set reversible = false", "can't be undone"),
        ("update requests set risk = 'high'", "own word"),
        ("update requests set route = 'takeover'", "own word"),
        ("update requests set judged = '{}'", "not known"),
    ],
)
async def test_silence_is_no_consent_where_nobody_could_object(watch: Watch, spoilt: str, why: str) -> None:
    asked = await approve_by_silence(watch)
    await watch.clock.forward(14 * MINUTE)
    await watch.well("slack", "web")
    await watch.clock.forward(90 * SECOND)
    await watch.well("slack", "web")
    async with watch.store.engine.begin() as connection:
        await connection.execute(text(spoilt))
    await sweep(watch.store)
    still = await watch.request(asked)
    assert (still.status, still.tier) == (Status.PENDING, 2), "people are asked instead"
    async with watch.store.engine.connect() as connection:
        refused = (await connection.execute(text("select detail from audit where event = 'silence_refused'"))).scalars()
        assert [why in detail for detail in refused] == [True]


async def test_silence_is_judged_by_the_policy_in_force_when_it_fires(watch: Watch) -> None:
    asked = await approve_by_silence(watch)
    rule = '[[rules]]\nname = "refunds-doubted"\nbasis = "an incident"\nwhen = "value > 1.0"\nrisk = "high"\n'
    await watch.policy(SILENT + rule)
    await watch.clock.forward(14 * MINUTE)
    await watch.well("slack", "web")
    await watch.clock.forward(90 * SECOND)
    await watch.well("slack", "web")
    await sweep(watch.store)
    assert (await watch.request(asked)).status is Status.PENDING


def test_approve_on_timeout_is_refused_where_it_can_not_be_undone() -> None:
    source = DEFAULT_POLICY.read_text() + SILENT
    part = 'irreversible = ["refund"]\n'
    assert parse_policy(source, {"payments": "irreversible = []"}).on_timeout("payments.refund", 1) == "approve"
    with pytest.raises(BadPolicy, match=r"timeouts\.0\.then \(line \d+\): payments\.refund can't be undone"):
        parse_policy(source, {"payments": part})
    with pytest.raises(BadPolicy, match="name each action"):
        parse_policy(source.replace('"payments.refund"\nthen', '"payments.*"\nthen'))
    with pytest.raises(BadPolicy, match="say in basis"):
        parse_policy(source.replace("small refunds may go out when nobody objects", ""))
