"""Why a request went where it went, and what another policy would have meant, on the record of a real database."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from graph.flow.explain import foresee
from graph.flow.runner import Runner
from graph.flow.workflow import Proposal
from graph.law.action import Secret
from graph.law.policy import parse_policy
from graph.law.request import DecisionType
from graph.verbs.compare import PAGE, compare
from graph.verbs.decide import Answer, decide
from graph.verbs.errors import Invalid, NotFound
from graph.verbs.explain import explain
from graph.verbs.start import start
from storage.checkpoints import PgCheckpoints
from storage.store import PgStore
from tests.support.db import DEFAULT_POLICY, trusting
from tests.support.lawful import NAME, Ledger, Pay, PayArgs, lawful, pay

DEFAULT = DEFAULT_POLICY.read_text()
FRAIL = '\n[[rules]]\nname = "frail"\nbasis = "an incident"\nwhen = "facts.nowhere > 1"\ntier = 2\n'
EVERYTHING = ("runs", "requests", "policies", "audit", "cards", "owed", "effects")


class House:
    def __init__(self, store: PgStore) -> None:
        self.store, self.workflow = store, lawful(Ledger())
        self.runner = Runner(store, PgCheckpoints(store), {NAME: self.workflow}, lease_seconds=5)

    async def policy(self, source: str) -> int:
        async with self.store.begin() as tx:
            return (await tx.policies.apply(source, "test")).version

    async def propose(self, *plan: dict[str, Any], key: str) -> str:
        """The id of the request that the run's first proposal became."""
        run = await start(self.store, NAME, {"plan": list(plan)}, key=key, requester="UREQ")
        while await self.runner.work():
            pass
        async with self.store.begin() as tx:
            return (await tx.requests.of_run(run.id))[0].id

    async def count(self) -> dict[str, int]:
        async with self.store.engine.begin() as connection:
            return {
                name: (await connection.execute(text(f"select count(*) from {name}"))).scalar_one()
                for name in EVERYTHING
            }

    async def sql(self, statement: str, **values: Any) -> None:
        async with self.store.engine.begin() as connection:
            await connection.execute(text(statement), values)


@pytest.fixture
async def house(store: PgStore) -> House:
    return House(store)


@pytest.mark.parametrize(
    "step",
    [
        pay(),
        pay("90.00", confidence=None),
        pay("620.00", sentiment=-0.9),
        pay("60000.00", confidence=7),
        pay("10.00", confidence=0.2, signals={"tools": 0.1}),
    ],
)
async def test_what_was_recorded_is_what_is_told_and_recomputed(house: House, step: dict[str, Any]) -> None:
    request_id = await house.propose(step, key="one")
    async with house.store.begin() as tx:
        request = await tx.requests.get(request_id)
    assert request is not None
    told = await explain(house.store, request_id)
    assert (told["route"], told["tier"], told["approvals"], told["risk"]) == (
        request.route,
        request.tier,
        request.approvals_required,
        request.risk,
    )
    assert told["route_why"] == list(request.route_why)
    assert [match["rule"] for match in told["matched"]] == [match.rule for match in request.matched]
    assert all(match["basis"] for match in told["matched"])
    assert (told["agree"], told["differ"]) == (True, [])


async def test_a_request_keeps_the_policy_it_was_opened_under(house: House) -> None:
    request_id = await house.propose(pay("620.00"), key="one")
    before = await explain(house.store, request_id)
    newer = await house.policy(DEFAULT + FRAIL)
    after = await explain(house.store, request_id)
    assert after == before
    assert after["policy_version"] < newer
    assert (await explain(house.store, await house.propose(pay(), key="two")))["policy_version"] == newer


async def test_an_edit_is_told_as_it_was_routed(house: House) -> None:
    request_id = await house.propose(pay("90.00"), key="one")
    async with house.store.begin() as tx:
        digest = (await tx.requests.pending(1))[0].digest
    answer = Answer(
        request_id=request_id,
        type=DecisionType.EDIT,
        user_id="UALICE",
        digest=digest,
        via="cli",
        reason="more",
        args={"customer": "C-17", "amount": "620.00", "note": ""},
    )
    decided = await decide(house.store, answer)
    assert decided.followup is not None
    told = await explain(house.store, decided.followup.id)
    assert told["agree"] is True
    assert "a person changed it, so a person answers for it" in told["route_why"]


async def test_a_request_that_went_up_since_is_told_as_it_was_opened(house: House) -> None:
    request_id = await house.propose(pay(), key="one")
    await house.sql("update requests set tier = 3, approvals_required = 2 where id = :id", id=request_id)
    told = await explain(house.store, request_id)
    assert (told["tier"], told["tier_now"], told["approvals"], told["approvals_now"]) == (1, 3, 1, 2)
    assert told["agree"] is True


@pytest.mark.parametrize(
    ("change", "differ"),
    [
        ("judged = jsonb_set(judged, '{value}', '\"60000\"')", {"tier", "approvals", "risk", "impact", "matched"}),
        ("risk = 'critical'", {"risk"}),
        ("route = 'auto'", {"route"}),
        ("confidence = 0.99", {"confidence"}),
    ],
)
async def test_a_record_that_was_tampered_with_is_seen(house: House, change: str, differ: set[str]) -> None:
    request_id = await house.propose(pay(), key="one")
    await house.sql(f"update requests set {change} where id = :id", id=request_id)
    told = await explain(house.store, request_id)
    assert told["agree"] is False
    assert differ <= set(told["differ"])


async def test_nobody_explains_what_is_not_there(house: House) -> None:
    with pytest.raises(NotFound):
        await explain(house.store, "req_0")


async def test_every_rule_is_named_also_the_one_that_could_not_be_checked(house: House) -> None:
    await house.policy(DEFAULT + FRAIL)
    async with house.store.begin() as tx:
        policy = await tx.policies.current()
    before = await house.count()
    told = await foresee(house.store, house.workflow, policy, {"plan": [pay("620.00")]})
    assert await house.count() == before
    rules = {row["rule"]: row for row in told["grounds"]["rules"]}
    assert list(rules) == [rule.name for rule in policy.policy.rules]
    assert rules["payment-over-500"]["matched"]
    assert not rules["irreversible"]["matched"]
    assert rules["frail"]["matched"]
    assert "could not be checked" in rules["frail"]["note"]
    assert all(row["basis"] for row in rules.values())
    assert (told["route"], told["tier"], told["grounds"]["autonomy"]) == ("review", 2, "full_control")


async def test_what_is_foreseen_is_what_happens(house: House) -> None:
    async with house.store.begin() as tx:
        policy = await tx.policies.current()
    foreseen = await foresee(house.store, house.workflow, policy, {"plan": [pay("620.00")]}, requester="UREQ")
    happened = await explain(house.store, await house.propose(pay("620.00"), key="one"))
    same = ("route", "tier", "approvals", "risk", "reasons", "route_why", "matched", "confidence")
    assert {name: foreseen[name] for name in same} == {name: happened[name] for name in same}
    assert foreseen["grounds"] == happened["grounds"]


class Labelled(PayArgs):
    label: Secret


async def test_a_declared_secret_is_not_told_of_what_is_foreseen(house: House) -> None:
    async with house.store.begin() as tx:
        policy = await tx.policies.current()
    action = Pay(Ledger())
    action.args = Labelled
    args = {"customer": "C-17", "amount": "620.00", "label": "sesame"}
    step = Proposal(action="pay", args=args)
    told = await foresee(house.store, replace(house.workflow, actions=(action,)), policy, {}, step=step)
    assert "sesame" not in str(told)
    assert told["action"]["args"] == {**args, "note": "", "label": "⟦secret: 6 characters⟧"}


async def test_a_named_action_is_explained_without_the_agent(house: House) -> None:
    async with house.store.begin() as tx:
        policy = await tx.policies.current()

    async def told(action: str, **args: Any) -> dict[str, Any]:
        return await foresee(house.store, house.workflow, policy, {}, step=Proposal(action=action, args=args))

    assert (await told("credit", customer="C-1", amount="70000.00"))["tier"] == 3
    with pytest.raises(Invalid, match="it has: pay, credit"):
        await told("steal")
    with pytest.raises(Invalid, match="amount"):
        await told("pay", customer="C-1")
    assert (await foresee(house.store, house.workflow, policy, {"plan": []}))["says"] == "all done"


async def test_two_policies_on_the_same_record(house: House) -> None:
    """More pages than one; edits and what nobody judged are left out, and what is older than asked for."""
    small, large = await house.propose(pay("90.00"), key="a"), await house.propose(pay("700.00"), key="b")
    copies = PAGE + 20
    await house.sql(
        "insert into requests select (jsonb_populate_record(r, jsonb_build_object('id', 'req_copy_' || n,"
        " 'turn', 1000 + n, 'status', 'rejected', 'decided_at', now(), 'next_step_at', null,"
        " 'created_at', now() - make_interval(days => case when n > :recent then 40 else 0 end)))).*"
        " from requests r, generate_series(1, :copies) n where r.id = :id",
        copies=copies,
        recent=PAGE,
        id=small,
    )
    await house.sql("update requests set judged = '{}' where id = 'req_copy_1'")
    free = parse_policy(trusting("lawful.pay") + "[[lifts]]\nabove = 600\ntier = 3\n")
    found = (await compare(house.store, parse_policy(DEFAULT), free, timedelta(days=30))).as_json()
    assert (found["routed"], found["differ"]) == (PAGE + 1, PAGE + 1)
    assert found["old"] == {"reviews": PAGE + 1, "approvals": PAGE + 1, "alone": 0, "sent_back": 0}
    assert found["new"] == {"reviews": 1, "approvals": 2, "alone": PAGE, "sent_back": 0}
    assert found["more"]["reviews"] == -PAGE
    (lifted,) = [row for row in found["requests"] if row["id"] == large]
    assert (lifted["old"]["tier"], lifted["new"]["tier"]) == (1, 3)
    assert lifted["question"] == "Pay 700.00 to C-17?"
    older = await compare(house.store, free, free, timedelta(days=60))
    assert (older.routed, older.differ) == (copies + 1, 0)
