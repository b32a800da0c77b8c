"""Grants on real parts: what a reviewer allowed for the rest of a run is done at once, and nothing beyond it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from graph.flow.execution import Execution
from graph.law.grants import Grant, Scope
from graph.law.request import DecisionType, Request
from graph.law.routing import RouteKind
from graph.verbs.decide import Answer, Decided, decide
from graph.verbs.errors import Invalid, NotAllowed, NotFound, Stale
from graph.verbs.grant import Revocation, listed, revoke
from graph.verbs.stop import Order, lift, stop
from storage.store import PgStore
from tests.support.db import DEFAULT_POLICY, open_store
from tests.support.people import mirror_people
from tests.support.tools import Tools

ROW = """
[[grants]]
actions = ["tools.payments_refund", "tools.payments_bulk", "tools.mail_send"]
at_most = "2h"
times = 10
up_to = 80
target = "any"
basis = "Refunds of one run are alike"
"""
POLICY = DEFAULT_POLICY.read_text() + ROW
HOUR = timedelta(hours=1)
SCOPE = Scope(any_target=False, up_to=Decimal("20.00"), times=3, length=HOUR)


def refund(amount: str = "10.00", order: str = "4711", **more: Any) -> dict[str, Any]:
    args = {"order": order, "amount": amount, "currency": more.pop("currency", "EUR")}
    return {"tool": "payments.refund", "args": args, "summary": "late", "confidence": 0.9, **more}


def bulk(amount: str = "10.00", **more: str) -> dict[str, Any]:
    return {"tool": "payments.bulk", "args": {"amount": amount, "more": more}, "summary": "late", "confidence": 0.9}


class House(Tools):
    """Tools with the words that these tests want to say."""

    async def allow(
        self, scope: Scope = SCOPE, user: str = "UALICE", reason: str = "the first one was right"
    ) -> Decided:
        decided = await self.allow_only(scope, user, reason)
        await self.settle()
        return decided

    async def allow_only(self, scope: Scope, user: str = "UALICE", reason: str = "the first one was right") -> Decided:
        """The decision alone: the run has not gone on yet."""
        request = await self.only()
        answer = Answer(
            request_id=request.id,
            type=DecisionType.APPROVE,
            user_id=user,
            digest=request.digest,
            via="cli",
            reason=reason,
            grant=scope,
        )
        return await decide(self.store, answer)

    async def grant(self) -> Grant:
        """The only one there ever was."""
        [(found, _)] = await listed(self.store, all=True)
        return found

    async def requests(self, run_id: str) -> list[Request]:
        async with self.store.begin() as tx:
            return list(await tx.requests.of_run(run_id))

    async def sql(self, statement: str) -> None:
        async with self.store.engine.begin() as connection:
            await connection.exec_driver_sql(statement)

    async def check(self) -> None:
        """No effect without its own decision on its own digest, and no more uses than were allowed."""
        bare = await self.rows(
            "select e.id from effects e left join decisions d on d.request_id = e.request_id and d.digest = e.digest"
            " and d.type = 'approve' where d.request_id is null"
        )
        assert bare == []
        over = await self.rows(
            "select g.id from grants g join grant_uses u on u.grant_id = g.id group by g.id, g.times"
            " having count(*) > g.times"
        )
        assert over == []
        unlike = await self.rows(
            "select d.request_id from decisions d left join grant_uses u"
            " on u.request_id = d.request_id and d.decided_by = 'grant:' || u.grant_id"
            " where d.decided_by like 'grant:%%' and u.request_id is null"
        )
        assert unlike == []


@pytest.fixture
async def house(database: URL, tmp_path: Path) -> AsyncIterator[House]:
    async with open_store(database, policy=POLICY) as store:
        await mirror_people(store)
        made = House(store, tmp_path)
        yield made
        await made.check()


async def test_what_was_allowed_is_done_without_asking_and_says_whose_word_it_was(house: House) -> None:
    run_id = await house.propose(refund(), refund("11.00"), refund("20.00"), refund("12.00"), refund("13.00"))
    await house.allow()
    assert house.done() == ["payments_refund"] * 4, "three more were allowed, the fifth is asked"
    asked = await house.only()
    assert asked.args["amount"] == "13.00"
    first, second, *_ = await house.requests(run_id)
    assert (second.route, second.status, second.approvals_required) == (RouteKind.AUTO, "approved", 1)
    assert second.route_why[0].startswith("allowed for the rest of the run by Alice")
    assert "the first one was right" in second.route_why[0]
    grant = await house.grant()
    async with house.store.begin() as tx:
        decision = await tx.requests.decision(second.id)
    assert decision is not None
    assert (decision.by, decision.via, decision.digest) == (f"grant:{grant.id}", "policy", second.digest)
    assert (grant.request_id, grant.used, grant.left) == (first.id, 3, 0)
    [given] = await house.audit("grant_given")
    assert (given["grant"], given["times"], given["up_to"], given["target"]) == (grant.id, 3, "20.00 EUR", "4711")
    used = await house.audit("grant_used")
    assert [(entry["grant"], entry["given_by"], entry["person"], entry["use"]) for entry in used] == [
        (grant.id, "UALICE", grant.person, number) for number in (1, 2, 3)
    ]
    assert len({entry["digest"] for entry in used}) == 3


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (refund("20.01"), "more than was allowed"),
        (refund(order="4712"), "another target"),
        (refund(currency="USD"), "another currency"),
        (refund(confidence=0.5), "too unsure"),
        ({"tool": "fs.delete", "args": {"path": "/a"}, "confidence": 0.9}, "another action"),
        ({"tool": "mail.send", "args": {"to": "4711"}, "confidence": 0.9}, "another action that could be allowed"),
        (refund(order="47\u202e11"), "text that turns round"),
    ],
)
async def test_what_is_not_the_same_asks_a_person(house: House, more: dict[str, Any], why: str) -> None:
    await house.propose(refund(), more)
    await house.allow()
    assert house.done() == ["payments_refund"], why
    assert await house.audit("grant_used") == []


async def test_another_run_is_not_covered(house: House) -> None:
    await house.propose(refund(), key="k1")
    await house.allow()
    await house.propose(refund(), key="k2")
    assert (await house.only()).route == RouteKind.REVIEW


async def test_a_flag_of_the_agent_and_a_total_that_grows_ask_again(house: House) -> None:
    await house.propose(refund("40.00"), refund("40.00"), refund("40.00"))
    await house.allow(replace(SCOPE, up_to=Decimal(40), times=5))
    # 80 together are of low impact, 120 are not.
    assert house.done() == ["payments_refund"] * 2
    assert any("together with" in flag for flag in (await house.only()).brief.flags)


async def test_any_target_only_where_policy_and_the_reviewer_say_so(house: House) -> None:
    await house.propose(refund(), refund(order="4712"), refund(order="4713"))
    await house.allow(replace(SCOPE, any_target=True))
    assert house.done() == ["payments_refund"] * 3


async def test_an_argument_that_policy_does_not_let_differ_asks_a_person(house: House) -> None:
    await house.propose(bulk(iban="DE1"), bulk("11.00", iban="DE1"), bulk("11.00", iban="DE1", note="urgent"))
    await house.allow()
    assert house.done() == ["payments_bulk"] * 2, "only the amount of the second differed"
    assert (await house.only()).args["more"] == {"iban": "DE1", "note": "urgent"}


async def test_an_argument_that_policy_lets_differ_may(house: House) -> None:
    await _apply(house.store, POLICY + 'varying = ["more"]\n')
    await house.propose(bulk(iban="DE1"), bulk(iban="DE2"), bulk(iban="DE3"))
    await house.allow()
    assert house.done() == ["payments_bulk"] * 3
    grant = await house.grant()
    assert (grant.fixed, grant.bounded, grant.used) == ({}, ("amount",), 2)


async def test_what_policy_lets_differ_no_more_asks_a_person(house: House) -> None:
    await _apply(house.store, POLICY + 'varying = ["more"]\n')
    await house.propose(bulk(iban="DE1"), bulk(iban="DE2"))
    await house.allow_only(SCOPE)
    await _apply(house.store, POLICY)
    await house.settle()
    assert (await house.only()).args["more"] == {"iban": "DE2"}


async def test_beyond_the_policy_nothing_is_approved_either(house: House) -> None:
    await house.propose(refund())
    for scope, field in (
        (replace(SCOPE, up_to=Decimal(81)), "up_to"),
        (replace(SCOPE, up_to=Decimal(0)), "up_to"),
        (replace(SCOPE, up_to=None), "up_to"),
        (replace(SCOPE, times=11), "times"),
        (replace(SCOPE, times=0), "times"),
        (replace(SCOPE, length=timedelta(hours=3)), "length"),
        (replace(SCOPE, length=timedelta(0)), "length"),
    ):
        with pytest.raises(Invalid) as refused:
            await house.allow(scope)
        assert set(refused.value.fields) == {field}
    assert (await house.only()).status == "pending"
    assert await listed(house.store, all=True) == []


async def test_it_takes_a_reason_and_the_right_to_approve(house: House) -> None:
    await house.propose(refund())
    with pytest.raises(Invalid):
        await house.allow(reason=" ")
    with pytest.raises(NotAllowed):
        await house.allow(user="UREQ")
    with pytest.raises(NotAllowed):
        await house.allow(user="UOUT")
    assert await listed(house.store, all=True) == []


async def test_what_policy_does_not_name_can_not_be_allowed(house: House) -> None:
    await house.propose({"tool": "fs.delete", "args": {"path": "/a"}, "confidence": 0.9})
    with pytest.raises(NotAllowed):
        await house.allow(replace(SCOPE, up_to=None))


async def test_high_risk_can_not_be_allowed(house: House) -> None:
    await house.propose(refund("600.00"))
    with pytest.raises(NotAllowed):
        await house.allow(replace(SCOPE, up_to=Decimal(80)))


async def test_it_ends_with_its_time(house: House) -> None:
    await house.propose(refund(), refund())
    await house.allow_only(SCOPE)
    await house.sql("update grants set given_at = given_at - interval '2 h', expires_at = gp_now() - interval '1 s'")
    await house.settle()
    assert (await house.only()).status == "pending"
    assert await listed(house.store) == []


async def test_taken_back_it_covers_nothing_more(house: House) -> None:
    await house.propose(refund(), refund())
    await house.allow_only(SCOPE)
    grant = await house.grant()
    await revoke(house.store, Revocation(grant_id=grant.id, user_id="UBOB", via="cli", reason="wrong customer"))
    await house.settle()
    assert house.done() == ["payments_refund"], "the approved one stands"
    assert (await house.only()).status == "pending"
    [entry] = await house.audit("grant_revoked")
    assert (entry["grant"], entry["reason"], entry["given_by"]) == (grant.id, "wrong customer", "UALICE")
    with pytest.raises(Stale):
        await revoke(house.store, Revocation(grant_id=grant.id, user_id="UBOB", via="cli"))


async def test_who_may_not_take_it_back(house: House) -> None:
    await house.propose(refund(), refund("20.01"))
    await house.allow()
    strangers = ("UOUT", "UGUEST", "UGONE", "UBOTX", "UNOBODY")
    for user in strangers:
        with pytest.raises(NotAllowed):
            await revoke(house.store, Revocation(grant_id=(await house.grant()).id, user_id=user, via="cli"))
    assert (await house.grant()).revoked_at is None
    assert len(await house.audit("grant_denied")) == len(strangers)


async def test_what_is_not_there_can_not_be_taken_back(house: House) -> None:
    with pytest.raises(NotFound):
        await revoke(house.store, Revocation(grant_id="gra_0", user_id="UALICE", via="cli"))


async def test_taken_back_between_the_decision_and_the_effect(house: House) -> None:
    await _before_second(house, lambda: _revoke(house))
    assert house.done() == ["payments_refund"]
    asked = await house.only()
    assert any("taken back" in flag for flag in asked.brief.flags)


async def test_the_granter_lost_the_right_between_the_decision_and_the_effect(house: House) -> None:
    await _before_second(house, lambda: house.sql("update people set active = false where user_id = 'UALICE'"))
    assert house.done() == ["payments_refund"]
    assert any("may no longer" in flag for flag in (await house.only()).brief.flags)


async def test_the_policy_changed_between_the_decision_and_the_effect(house: House) -> None:
    await _before_second(house, lambda: _apply(house.store, DEFAULT_POLICY.read_text()))
    assert house.done() == ["payments_refund"]
    assert (await house.only()).status == "pending"


async def test_it_ended_between_the_decision_and_the_effect(house: House) -> None:
    await _before_second(house, lambda: house.sql("update grants set expires_at = gp_now()"))
    assert house.done() == ["payments_refund"]


async def test_a_tighter_policy_between_the_decision_and_the_effect_that_still_covers_it(house: House) -> None:
    await _before_second(house, lambda: _apply(house.store, POLICY.replace("times = 10", "times = 3")))
    assert house.done() == ["payments_refund"] * 2


async def test_the_granter_is_gone_before_the_next_one(house: House) -> None:
    await house.propose(refund(), refund())
    await house.allow_only(SCOPE)
    await house.sql("update people set active = false where user_id = 'UALICE'")
    # The first is not carried out either: whoever approved it may no longer.
    await house.settle()
    assert house.done() == []


async def test_a_policy_without_grants_asks_again(house: House) -> None:
    await house.propose(refund(), refund())
    await house.allow_only(SCOPE)
    await _apply(house.store, DEFAULT_POLICY.read_text())
    await house.settle()
    assert house.done() == ["payments_refund"]
    assert (await house.only()).status == "pending"


async def test_while_it_is_stopped_nothing_is_covered(house: House) -> None:
    await house.propose(refund(), refund())
    await house.allow_only(SCOPE)
    await stop(house.store, Order(workflow="tools", user_id="UCARA", reason="an incident", via="cli"))
    await house.settle()
    assert house.done() == []
    await lift(house.store, Order(workflow="tools", user_id="UEVE", reason="it is over", via="cli"))
    await house.settle()
    assert house.done() == []
    assert await house.audit("grant_used") == []


async def test_a_replay_counts_a_use_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.propose(refund(), refund("11.00"), refund("12.00"))
    await house.allow_only(SCOPE)
    died = False

    def die(name: str, call: Any) -> None:
        nonlocal died
        if not died and len(house.done()) == 1:
            died = True
            raise ConnectionError("the worker's network is away")

    house.world.before = die
    await house.settle()
    await house.sql("update runs set wake_at = gp_now() where status = 'ready'")
    await house.settle()
    grant = await house.grant()
    assert died
    assert house.done() == ["payments_refund"] * 3
    assert grant.used == 2


async def test_two_segments_at_once_use_no_more_than_is_left(house: House) -> None:
    """Not what leases allow; the count holds all the same."""
    await house.propose(refund(), refund("20.01"))
    await house.allow(replace(SCOPE, times=1))
    asked, grant = await house.only(), await house.grant()

    async def use(number: int) -> bool:
        async with house.store.begin() as tx:
            locked = await tx.grants.get(grant.id, lock=True)
            assert locked is not None
            if locked.left == 0:
                return False
            bound = replace(asked, id=f"req_{number:020d}", revision=asked.revision + 1 + number, status=asked.status)
            bound = replace(bound, status="approved", decided_at=asked.created_at, next_step_at=None)
            bound = replace(bound, execution_expires_at=asked.expires_at)
            assert await tx.requests.insert(bound)
            await tx.grants.use(locked, bound.id)
            return True

    used = await asyncio.gather(*(use(number) for number in range(8)))
    assert sum(used) == 1
    await house.sql("delete from grant_uses")


async def test_an_approval_that_fails_gives_nothing(house: House) -> None:
    await house.propose(refund())
    await house.sql("update requests set expires_at = gp_now() - interval '1 s' where status = 'pending'")
    with pytest.raises(Stale):
        await house.allow()
    assert await listed(house.store, all=True) == []


async def test_only_an_approval_can_allow_more(house: House) -> None:
    await house.propose(refund())
    request = await house.only()
    with pytest.raises(Invalid):
        await decide(
            house.store,
            Answer(
                request_id=request.id,
                type=DecisionType.REJECT,
                user_id="UALICE",
                digest=request.digest,
                via="cli",
                reason="not this one",
                grant=SCOPE,
            ),
        )


async def test_what_runs_under_a_grant_is_sampled_like_what_runs_alone(house: House) -> None:
    await _apply(
        house.store,
        POLICY.replace(
            'action = "*"\nauto = 0.85\nreview = 0.60', 'action = "*"\nauto = 0.85\nreview = 0.60\nsample = 1.0'
        ),
    )
    await house.propose(refund(), refund("11.00"))
    await house.allow()
    review = await house.only()
    assert (review.kind, review.args["amount"]) == ("review", "11.00")


async def _before_second(house: House, change: Any) -> None:
    """Two refunds, the second under a grant; `change` happens when it is decided and not begun."""
    await house.propose(refund(), refund("11.00"))
    await house.allow_only(SCOPE)
    real, changed = house.runner, False

    original = Execution._intend

    async def intend(self: Any, request: Request, key: str) -> Any:
        nonlocal changed
        if request.args["amount"] == "11.00" and not changed:
            changed = True
            await change()
        return await original(self, request, key)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Execution, "_intend", intend)
        while await real.work():
            pass
    assert changed


async def _revoke(house: House) -> None:
    await revoke(house.store, Revocation(grant_id=(await house.grant()).id, user_id="UALICE", via="cli"))


async def _apply(store: PgStore, text: str) -> None:
    async with store.begin() as tx:
        await tx.policies.apply(text, "test")
