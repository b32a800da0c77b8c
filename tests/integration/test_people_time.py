"""People's time on real parts: nights, shifts, people who are away and who stands in for them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from graph.law.request import Kind, Request
from graph.verbs.away import Away, absent, come_back, leave
from graph.verbs.errors import Invalid, NotAllowed, Refusal
from graph.verbs.review import open_review
from graph.verbs.start import start
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.integration.test_law import DEFAULT, House
from tests.support.clock import Clock
from tests.support.lawful import NAME, pay
from tests.support.people import person

SLA = {1: 'sla = "15m"', 2: 'sla = "1h"', 3: 'sla = "4h"'}
DAY = 'hours = "Mon-Fri 09:00-17:00"'
CHANNEL = {1: "#approvals", 2: "#approvals-tier-2", 3: "#approvals-managers"}


class Office(House):
    """The house, with working hours and a clock."""

    def __init__(self, store: PgStore) -> None:
        super().__init__(store)
        self.clock = Clock(store.engine)
        self.monday, self.asked = datetime.min, 0

    async def hours(self, rows: dict[int, str], *changes: tuple[str, str]) -> None:
        """These lines in these tiers; it is Monday, midnight UTC."""
        source = DEFAULT
        for tier, row in rows.items():
            assert source.count(SLA[tier]) == 1
            source = source.replace(SLA[tier], f"{SLA[tier]}\n{row}")
        for old, new in changes:
            assert old in source
            source = source.replace(old, new, 1)
        await self.policy(source)
        async with self.store.begin() as tx:
            now = await tx.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.monday = midnight + timedelta(days=7 - now.weekday())

    def at(self, time: str, day: int = 0) -> datetime:
        hour, minute, *second = map(int, time.split(":"))
        return self.monday + timedelta(days=day, hours=hour, minutes=minute, seconds=sum(second))

    async def it_is(self, time: str, day: int = 0) -> None:
        """Move to this moment, and let the clock look."""
        await self.clock.to(self.at(time, day))
        await sweep(self.store)

    async def asks(self, requester: str | None = None, amount: str = "90.00") -> Request:
        self.asked += 1
        await start(self.store, NAME, {"plan": [pay(amount)]}, key=str(self.asked), requester=requester)
        await self.settle()
        return (await self.pending())[-1]

    async def review(self, about: Request) -> None:
        async with self.store.begin() as tx:
            await open_review(tx, about, await tx.policies.current(), await tx.now())

    async def now(self, request: Request) -> Request:
        async with self.store.begin() as tx:
            found = await tx.requests.get(request.id)
        assert found is not None
        return found

    async def channels(self, request: Request) -> set[str]:
        async with self.store.begin() as tx:
            return {card.target for card in await tx.cards.of_request(request.id)}

    async def said(self, event: str) -> list[dict[str, Any]]:
        async with self.store.engine.connect() as connection:
            query = text("select detail::json from audit where event = :event order by id")
            return [row[0] for row in await connection.execute(query, {"event": event})]

    async def away(self, user: str, deputy: str | None = None, until: str = "3d") -> Away:
        return await leave(self.store, user, until, deputy, "test")


@pytest.fixture
def office(store: PgStore) -> Office:
    return Office(store)


# Nights


async def test_at_night_the_next_tier_is_asked_at_once_and_learns_why(office: Office) -> None:
    await office.hours({1: DAY})
    await office.it_is("03:00")
    asked = await office.asks()
    assert (asked.tier, asked.first_tier) == (2, 1)
    assert asked.moved_why == "tier 1 is off duty until Mon 09:00 UTC"
    assert asked.sla_seconds == 3600
    assert await office.channels(asked) == {CHANNEL[2]}, "no card for those who sleep"
    assert [entry["why"] for entry in await office.said("request_escalated")] == [asked.moved_why]
    await office.answer("approve", "UCARA")
    assert office.ledger.names() == ["pay"]


async def test_whom_the_tier_tells_directly_hears_of_it_at_night(office: Office) -> None:
    await office.hours({1: DAY, 2: DAY})
    await office.it_is("03:00")
    asked = await office.asks()
    assert (asked.tier, asked.approvals_required) == (3, 2)
    assert await office.channels(asked) == {CHANNEL[3], "UDIRK", "UDIRK2", "UEVE"}


async def test_with_nobody_anywhere_its_time_begins_when_somebody_comes(office: Office) -> None:
    await office.hours({1: DAY, 2: DAY, 3: DAY})
    await office.it_is("03:00")
    asked = await office.asks()
    assert (asked.tier, asked.asked_at, asked.due_at) == (1, office.at("09:00"), office.at("09:15"))
    assert asked.expires_at == office.at("09:00", 3)
    [opened] = await office.said("request_opened")
    assert opened["why_later"] == "tier 1 is off duty until Mon 09:00 UTC"
    for time, tier in (("08:59:59", 1), ("09:00", 1), ("09:14:59", 1), ("09:15", 2)):
        await office.it_is(time)
        assert (await office.now(asked)).tier == tier, time


async def test_a_weekend_is_no_time_in_which_to_answer(office: Office) -> None:
    quick = ('expires = "72h"\nremind = "5m"\non_timeout = "escalate"', 'expires = "1h"')
    await office.hours({1: DAY, 2: DAY, 3: DAY}, quick)
    await office.it_is("18:00", day=4)
    asked = await office.asks()
    for time, day, status in (("12:00", 5, "pending"), ("09:59:59", 7, "pending"), ("10:00", 7, "expired")):
        await office.it_is(time, day)
        assert (await office.now(asked)).status == status, (day, time)


async def test_whoever_comes_first_is_asked(office: Office) -> None:
    await office.hours({1: DAY, 2: 'hours = "Mon-Fri 06:00-14:00"', 3: DAY})
    await office.it_is("03:00")
    asked = await office.asks()
    assert asked.tier == 1
    await office.it_is("05:59:59")
    assert (await office.now(asked)).tier == 1
    await office.it_is("06:00")
    assert (await office.now(asked)).tier == 2
    await office.it_is("09:30")
    assert (await office.now(asked)).tier == 3, "tiers only go up, also when the one below has come"


@pytest.mark.parametrize("opened", ["16:44", "16:46", "16:59:59"])
async def test_when_the_shift_ends_the_next_tier_is_asked(office: Office, opened: str) -> None:
    """By the database's clock: not a second early, and whatever else was due."""
    await office.hours({1: DAY}, (SLA[1], 'sla = "2h"'))
    await office.it_is(opened)
    asked = await office.asks()
    assert asked.tier == 1
    await office.it_is("16:59:59")
    assert (await office.now(asked)).tier == 1
    await office.it_is("17:00")
    moved = await office.now(asked)
    assert (moved.tier, moved.moved_why) == (2, "tier 1 is off duty until Tue 09:00 UTC")


async def test_with_nobody_above_it_stays_until_somebody_comes(office: Office) -> None:
    await office.hours({2: DAY, 3: DAY})
    await office.it_is("03:00")
    asked = await office.asks()
    for time, tier in (("03:15", 1), ("08:59:59", 1), ("09:00", 2)):
        await office.it_is(time)
        assert (await office.now(asked)).tier == tier, time
    assert (await office.now(asked)).moved_why == "nobody of tier 1 decided in time"


async def test_what_is_only_looked_at_afterwards_waits_for_the_morning(office: Office) -> None:
    await office.hours({1: DAY})
    await office.it_is("16:30")
    first, second = await office.asks(), await office.asks()
    await office.review(first)
    await office.it_is("20:00")
    await office.review(second)
    reviews = {one.parent_id: one for one in await office.pending() if one.kind is Kind.REVIEW}
    assert {one.tier for one in reviews.values()} == {1, 2}, "after its SLA the first has gone up as others do"
    assert (reviews[second.id].tier, reviews[second.id].asked_at) == (1, office.at("09:00", 1))


async def test_a_review_stays_when_the_shift_ends(office: Office) -> None:
    await office.hours({1: DAY})
    await office.it_is("16:50")
    about = await office.asks()
    await office.review(about)
    await office.it_is("17:00")
    assert {one.kind: one.tier for one in await office.pending()} == {Kind.ACTION: 2, Kind.REVIEW: 1}


async def test_an_edit_at_night_is_asked_where_somebody_is(office: Office) -> None:
    await office.hours({2: DAY})
    await office.it_is("03:00")
    await office.asks()
    edited = await office.answer("edit", args={"customer": "C-17", "amount": "6000.00", "note": ""})
    assert edited.followup is not None
    assert (edited.followup.tier, edited.followup.first_tier) == (3, 2)
    assert edited.followup.moved_why == "tier 2 is off duty until Mon 09:00 UTC"


# Away


async def test_a_deputy_decides_in_the_place_of_who_is_away_and_only_then(office: Office) -> None:
    asked = await office.asks()
    with pytest.raises(NotAllowed, match="not a reviewer of tier 1"):
        await office.answer("approve", "UCARA")
    await office.away("UALICE", "UCARA")
    decided = await office.answer("approve", "UCARA")
    assert decided.decision is not None
    assert (decided.decision.by, decided.decision.acting_for) == ("UCARA", "UALICE")
    [entry] = await office.said("request_approved")
    assert entry["acting_for"] == "UALICE"
    assert office.ledger.names() == ["pay"]
    async with office.store.begin() as tx:
        assert (await tx.requests.decision(asked.id)) == decided.decision
    await come_back(office.store, "UALICE", "test")
    await office.asks()
    with pytest.raises(NotAllowed, match="not a reviewer of tier 1"):
        await office.answer("approve", "UCARA")


async def test_who_could_decide_anyway_decides_in_their_own_name(office: Office) -> None:
    await office.away("UALICE", "UBOB")
    await office.asks()
    decided = await office.answer("approve", "UBOB")
    assert decided.decision is not None
    assert decided.decision.acting_for is None


async def test_an_absence_ends_by_itself(office: Office) -> None:
    await office.hours({})
    await office.away("UALICE", "UCARA", until="2h")
    await office.clock.forward(timedelta(hours=2))
    await office.asks()
    with pytest.raises(NotAllowed):
        await office.answer("approve", "UCARA")
    assert await absent(office.store) == []


async def test_an_approval_given_in_time_is_carried_out_after_the_return(office: Office) -> None:
    await office.away("UALICE", "UCARA")
    await office.asks()
    await office.answer("approve", "UCARA", go=False)
    await come_back(office.store, "UALICE", "test")
    await office.settle()
    assert office.ledger.names() == ["pay"]


async def test_the_deputy_of_the_requester_gets_nothing(office: Office) -> None:
    await office.away("UREQ", "UCARA")
    await office.asks("UREQ")
    with pytest.raises(NotAllowed, match="not a reviewer of tier 1"):
        await office.answer("approve", "UCARA")


async def test_the_requester_as_deputy_still_decides_nothing_of_their_own(office: Office) -> None:
    """SC-13."""
    await office.away("UALICE", "UREQ")
    await office.asks("UREQ")
    with pytest.raises(NotAllowed, match="asked for this yourself"):
        await office.answer("approve", "UREQ")


async def test_a_deputy_has_no_deputy(office: Office) -> None:
    await office.away("UALICE", "UCARA")
    await office.away("UCARA", "UEVE")
    await office.asks()
    with pytest.raises(NotAllowed, match="not a reviewer of tier 1"):
        await office.answer("approve", "UEVE")


@pytest.mark.parametrize(
    ("sentence", "team", "allowed"),
    [
        ("who is away sees them, the deputy does not", '["UALICE"]', False),
        ("the deputy sees them, who is away does not", '["UCARA"]', False),
        ("both do", '["UALICE", "UCARA"]', True),
    ],
)
async def test_a_teams_requests_stay_with_the_team(office: Office, sentence: str, team: str, allowed: bool) -> None:
    await office.policy(f'{DEFAULT}\n[[teams]]\nworkflows = ["lawful"]\nmembers = {team}\n')
    await office.away("UALICE", "UCARA")
    await office.asks()
    if allowed:
        assert (await office.answer("approve", "UCARA")).decision is not None
    else:
        with pytest.raises(NotAllowed):
            await office.answer("approve", "UCARA")


async def test_two_persons_and_one_seat(office: Office) -> None:
    two = ("[tiers.1]", "[tiers.1]\napprovals = 2")
    await office.hours({}, two)
    await office.away("UALICE", "UCARA")
    asked = await office.asks()
    assert (await office.answer("approve", "UALICE", asked)).missing == 1, "away, and answers all the same"
    assert (await office.answer("approve", "UCARA", asked)).missing == 1, "the same seat a second time"
    assert (await office.answer("approve", "UBOB", asked)).missing == 0
    assert office.ledger.names() == ["pay"]
    again = await office.asks(amount="91.00")
    assert (await office.answer("approve", "UBOB", again)).missing == 1
    assert (await office.answer("approve", "UCARA", again)).missing == 0, "two people in two seats"


async def test_when_everybody_is_away_the_next_tier_is_asked(office: Office) -> None:
    asked = await office.asks()
    for user in ("UALICE", "UBOB"):
        await office.away(user)
        await sweep(office.store)
        assert (await office.now(asked)).tier == 1
    await office.away("UREQ")
    await sweep(office.store)
    moved = await office.now(asked)
    assert moved.tier == 2
    assert moved.moved_why.startswith("everybody of tier 1 is away until ")
    assert (await office.asks(amount="91.00")).first_tier == 1


async def test_a_deputy_keeps_it_where_it_is(office: Office) -> None:
    for user in ("UALICE", "UBOB"):
        await office.away(user)
    await office.away("UREQ", "UCARA")
    assert (await office.asks()).tier == 1


REFUSED = [
    ("UALICE", "UEXT", "3d", NotAllowed, "Only an active account"),
    ("UALICE", "UGUEST", "3d", NotAllowed, "Only an active account"),
    ("UALICE", "UGONE", "3d", NotAllowed, "Only an active account"),
    ("UALICE", "UBOTX", "3d", NotAllowed, "Only an active account"),
    ("UALICE", "UNOBODY", "3d", NotAllowed, "not known here"),
    ("UALICE", "UALICE", "3d", NotAllowed, "can't stand in for yourself"),
    ("UDIRK", "UDIRK2", "3d", NotAllowed, "can't stand in for yourself"),
    ("UALICE", "UOUT", "3d", NotAllowed, r"Out reviews neither .* Name Bob or Req or Cara instead\."),
    ("UCARA", "UBOB", "3d", NotAllowed, r"Bob reviews neither .* Name Dirk or Dirk2 or Eve instead\."),
    ("UOUT", "UALICE", "3d", NotAllowed, "You review nothing here"),
    ("UNOBODY", None, "3d", NotAllowed, "You review nothing here"),
    ("UGUEST", "UALICE", "3d", NotAllowed, "Guests"),
    ("UALICE", "UBOB", "91d", Invalid, "At most 90 days"),
    ("UALICE", "UBOB", "someday", Invalid, "Say until when"),
]


@pytest.mark.parametrize(("user", "deputy", "until", "kind", "said"), REFUSED)
async def test_standing_in_gives_nobody_rights(
    office: Office, user: str, deputy: str | None, until: str, kind: type[Refusal], said: str
) -> None:
    with pytest.raises(kind, match=said):
        await office.away(user, deputy, until)
    assert await absent(office.store) == []
    assert len(await office.said("away_denied")) == (kind is NotAllowed)


async def test_who_is_away_is_no_deputy(office: Office) -> None:
    await office.away("UBOB")
    with pytest.raises(NotAllowed, match=r"Bob is away as well\. Name Req or Cara or Dirk instead\."):
        await office.away("UALICE", "UBOB")


async def test_saying_it_again_replaces_what_was_said(office: Office) -> None:
    await office.away("UALICE", "UCARA")
    await office.away("UALICE", "UBOB", until="2d")
    [found] = await absent(office.store)
    assert (found.deputy, found.absence.ends_at - found.absence.starts_at) == ("Bob", timedelta(days=2))
    await office.asks()
    with pytest.raises(NotAllowed):
        await office.answer("approve", "UCARA")


async def test_away_with_every_account(office: Office) -> None:
    """One human with two accounts is away with both."""
    await office.away("UDIRK")
    await office.away("UEVE")
    assert {found.absence.user_id for found in await absent(office.store)} == {"UDIRK", "UDIRK2", "UEVE"}
    assert await come_back(office.store, "UDIRK2", "test")
    assert {found.absence.user_id for found in await absent(office.store)} == {"UEVE"}


async def test_a_deputy_who_leaves_the_house_decides_nothing(office: Office) -> None:
    await office.away("UALICE", "UCARA")
    await office.asks()
    async with office.store.begin() as tx:
        await tx.people.mirror([replace(person("UCARA", await tx.now()), active=False)])
    with pytest.raises(NotAllowed, match="deactivated"):
        await office.answer("approve", "UCARA")
