"""A fresh installation from its first day to its fourth week, on a moved clock: who decided what, and who ran alone."""

import random
from collections import Counter

import pytest
from sqlalchemy import text

from graph.law.request import Kind, Reason, Request, Risk
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.integration.test_law import DEFAULT, SECOND, House

WEEKS = {
    0: "",  # as installed
    1: '[[autonomy]]\naction = "lawful.pay"\nlevel = "gated"\nbasis = "a week without a correction"\n',
    2: '[[autonomy]]\naction = "lawful.pay"\nlevel = "exception_only"\nbasis = "two weeks"\n',
    3: '[[autonomy]]\naction = "lawful.pay"\nlevel = "full_audit"\nbasis = "three weeks"\n',
}
TABLE = '[[thresholds]]\naction = "lawful.*"\nauto = 0.85\nreview = 0.5\nsample = 0.25\n'
FROM = 0.5
"""The lowest confidence from which exception-only actions run alone: the table's `review`."""


class Weeks(House):
    """The house, with a clock that is moved by hand and people who decide by a rule."""

    def __init__(self, store: PgStore) -> None:
        super().__init__(store)
        self.chance = random.Random()
        self.wrong: set[str] = set()

    async def move(self, days: int) -> None:
        moved = f"select transaction_timestamp() + interval '{days} days'"
        async with self.store.engine.begin() as connection:
            function = "create or replace function gp_now() returns timestamptz language sql stable as "
            await connection.execute(text(f"{function}$f${moved}$f$"))
            # Slack is asked every few minutes in real life: people are as known as on the first day.
            await connection.execute(text("update people set checked_at = gp_now()"))
            await connection.execute(text("update groups set checked_at = gp_now()"))

    async def a_day(self, day: int) -> list[Request]:
        """Four proposals and everybody's decisions about them; all requests that came of it."""
        runs = []
        for number in range(4):
            wrong = self.chance.random() < 0.04
            customer = f"C-{day}-{number}"
            if wrong:
                self.wrong.add(customer)
            amount = "700.00" if self.chance.random() < 0.05 else f"{self.chance.randint(20, 60)}.00"
            action = "credit" if number == 3 else "pay"
            step = {
                "action": action,
                "args": {"customer": customer, "amount": amount},
                # A wrong one is a little less sure of itself, as models are.
                "confidence": 0.8 if wrong else round(self.chance.uniform(0.88, 0.99), 2),
            }
            runs.append(await self.propose(step, key=f"{day}/{number}"))
        while waiting := await self.pending():
            for asked in waiting:
                await self.decide_as_people_do(asked)
        async with self.store.begin() as tx:
            return [request for run in runs for request in await tx.requests.of_run(run)]

    async def decide_as_people_do(self, asked: Request) -> None:
        kind = "reject" if asked.args["customer"] in self.wrong else "approve"
        decided = await self.answer(kind, "UALICE" if asked.tier == 1 else SECOND[asked.tier], asked)
        assert decided.missing == 0, "nothing here needs two"


@pytest.mark.timeout(150)
async def test_from_the_first_day_to_the_fourth_week(store: PgStore) -> None:
    house, alone_by_week, precedents = Weeks(store), Counter[int](), []
    everything: list[Request] = []
    for day in range(28):
        week = day // 7
        if day % 7 == 0:
            # Every week brings the same cases, so that only what people allow makes a difference.
            house.chance.seed(7)
            await house.policy(f"{DEFAULT}\n{TABLE}\n{WEEKS[week]}")
        await house.move(day)
        fresh = await house.a_day(day)
        await sweep(store)
        everything += fresh
        alone_by_week[week] += sum(request.route == "auto" and request.kind is Kind.ACTION for request in fresh)
        precedents.append(max((request.judged["record"]["asked"] for request in fresh), default=0))
    await _nothing_is_stuck(house)
    _nothing_runs_alone_that_should_not(everything)
    assert alone_by_week[0] == 0, "a fresh installation asks about everything"
    assert 0 < alone_by_week[1] <= alone_by_week[2] <= alone_by_week[3], alone_by_week
    assert precedents[0] == 0
    assert precedents[6] > precedents[1] > 0, "what people decide becomes precedent"
    looked_at = [request for request in everything if request.kind is Kind.REVIEW]
    alone = [request for request in everything if request.route == "auto" and request.kind is Kind.ACTION]
    assert len(looked_at) == sum(request.review_after for request in alone)
    assert 0 < len(looked_at) < len(alone), "a sample, not all"
    assert sum(house.ledger.names().count(name) for name in ("undo pay",)) == sum(
        request.status == "rejected" for request in looked_at
    ), "what a review finds wrong is undone, and nothing else"


async def _nothing_is_stuck(house: Weeks) -> None:
    assert await house.pending() == []
    async with house.store.begin() as tx:
        ended = Counter(str(run.status) for run in await tx.runs.recent(1000))
    assert set(ended) <= {"done", "rolled_back"}, ended
    assert ended.total() == 28 * 4


def _nothing_runs_alone_that_should_not(everything: list[Request]) -> None:
    for request in everything:
        if request.route != "auto" or request.kind is not Kind.ACTION:
            continue
        assert request.action_type == "pay", "freedom was given to this action only"
        assert request.risk in (Risk.LOW, Risk.MEDIUM)
        assert request.judged["record"]["asked"] >= 5
        assert request.confidence is not None
        assert request.confidence >= FROM
        assert not request.matched or request.risk is Risk.LOW
        assert Reason.HUMAN_CONTROL not in request.reasons
