"""Every shipped domain, every demo case, on the real parts: PostgreSQL, LangGraph, the sandbox's shop over HTTP."""

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text

from graph.flow.workflow import DemoCase
from graph.law.action import question
from graph.law.confidence import Signal
from graph.law.facts import Facts, Record
from graph.law.policy_rows import Level
from graph.law.request import EffectClass, Kind, Request
from graph.law.routing import RouteKind, route
from graph.verbs.ports import RunStatus
from graph.verbs.sweep import sweep
from storage.store import PgStore
from tests.support.card_counts import card_of, count
from tests.support.db import trusting
from tests.support.domain_routes import ROUTES, Gate
from tests.support.domains import CASES, SUBJECT, WORKFLOWS, Domains, names, shop_list, withdrawn
from tests.support.payments import shop_at
from tests.support.shop import fail, running_shop

OPTIONAL: Final = {"payments": ("reserve_credit", "write_customer"), "deployment": ("announce",)}
"""Steps that the agent leaves out when people don't want them: a no there is no reason to undo the rest."""
MOST_WORDS: Final = 25
_EACH: Final = pytest.mark.parametrize(
    ("workflow", "case"), CASES, ids=[f"{name}: {case.title}" for name, case in CASES]
)

_TWO: Final = [case for name in WORKFLOWS for case in [case for case in CASES if case[0] == name][:2]]
_SOME: Final = pytest.mark.parametrize(("workflow", "case"), _TWO, ids=[f"{name}: {case.title}" for name, case in _TWO])
"""The way back is the same code for every case: two of each workflow show it."""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[str]:
    with running_shop(tmp_path / "shop.db") as base, shop_at(base):
        yield base


@pytest.fixture
async def house(store: PgStore, shop: str) -> Domains:
    made = Domains(store, shop)
    await made.offer()
    return made


async def check_gate(house: Domains, gate: Request) -> None:
    """What people are shown is whole, asks them in time, and stands in their channel."""
    asked = question(gate.form, gate.args)
    assert "(missing)" not in asked
    assert "{" not in asked
    assert asked.endswith("?")
    assert len(asked.split()) <= MOST_WORDS, "more than ten seconds to read"
    for flag in gate.brief.flags:
        assert re.search(r"\d", flag) or flag.startswith("Allergy on record: "), f"no number: {flag}"
    assert gate.route in (RouteKind.REVIEW, RouteKind.TAKEOVER)
    assert gate.brief.rationale
    assert gate.brief.cost_of_delay
    assert gate.brief.context["goal"]
    assert all(other.nature for other in gate.brief.alternatives), "an alternative that can't be chosen"
    assert count(await card_of(house, gate), gate).problems == ()
    async with house.store.begin() as tx:
        cards = await tx.cards.of_request(gate.id)
        policy = (await tx.policies.version(gate.policy_version)).policy
    assert [card.target for card in cards] == [policy.tiers[gate.tier].channel]


async def nothing_ran_alone(house: Domains, run_id: str) -> None:
    assert [one.action_type for one in await house.requests(run_id) if one.route == RouteKind.AUTO] == []


def seen(gate: Request) -> Gate:
    return gate.action_type, gate.tier, gate.approvals_required, str(gate.risk)


def test_every_case_is_in_the_table() -> None:
    assert set(ROUTES) == {(workflow, case.title) for workflow, case in CASES}


@_EACH
async def test_all_approved_everything_happens_once(house: Domains, workflow: str, case: DemoCase) -> None:
    run_id, gates, did = await house.propose(workflow, case), [], []
    while gate := await house.waiting(run_id):
        await check_gate(house, gate)
        assert names(shop_list(house.url)) == did, "nothing happens before it is approved"
        gates.append(seen(gate))
        await house.approve(gate)
        did.append(gate.action_type)
    run = await house.run(run_id)
    assert (run.status, tuple(gates)) == (RunStatus.DONE, ROUTES[workflow, case.title])
    happened = shop_list(house.url)
    assert names(happened) == did
    assert happened == await house.ledger(run_id)
    subjects = {gate.args[SUBJECT[workflow]] for gate in await house.requests(run_id)}
    assert [entry for subject in sorted(subjects) for entry in shop_list(house.url, subject)] == happened
    await nothing_ran_alone(house, run_id)


@_SOME
async def test_rejected_at_the_last_gate_what_can_be_undone_is(house: Domains, workflow: str, case: DemoCase) -> None:
    asked = [action for action, *_ in ROUTES[workflow, case.title]]
    last = max(n for n, action in enumerate(asked) if action not in OPTIONAL.get(workflow, ()))
    run_id = await house.propose(workflow, case)
    for _ in range(last):
        await house.approve(await house.gate(run_id))
    before = shop_list(house.url)
    await house.reject_until_the_end(run_id)
    await undone_newest_first(house, run_id, names(before))
    await nothing_ran_alone(house, run_id)


async def undone_newest_first(house: Domains, run_id: str, before: list[str]) -> None:
    """Of what was done before, all that is reversible was undone once, the rest stands and is named."""
    run, happened = await house.run(run_id), shop_list(house.url)
    can = {one.action_type: one.reversible for one in await house.requests(run_id)}
    undone = [f"undo: {name}" for name in reversed(before) if can[name]]
    stands = [name for name in before if not can[name]]
    assert names(happened) == [*before, *undone]
    assert happened == await house.ledger(run_id)
    assert run.status == RunStatus.ROLLED_BACK
    assert run.outcome
    assert (f"(not undone: {', '.join(stands)})" in run.outcome) if stands else ("not undone" not in run.outcome)


def given(workflow: str, title: str) -> dict[str, Any]:
    """The input of the case whose title begins like this."""
    (case,) = [case for case in WORKFLOWS[workflow].demo_cases if case.title.startswith(title)]
    return dict(case.input)


def mixed(workflow: str, *titles: str, joined: str = "") -> dict[str, Any]:
    """One input made of several cases; the list called `joined` holds all of theirs, else the last one counts."""
    parts = [given(workflow, title) for title in titles]
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= part
    if joined:
        merged[joined] = [item for part in parts for item in part[joined]]
    return merged


STANDS: Final[list[tuple[str, dict[str, Any], list[str]]]] = [
    (
        "clinical",
        mixed("clinical", "P-2041", "P-6093", "P-2041", joined="prescriptions"),
        ["order_medication", "change_dose"],
    ),
    (
        "contracts",
        mixed("contracts", "Routine: a notice", "A settlement", "A court filing"),
        ["change_clause", "offer_settlement"],
    ),
    (
        "transactions",
        mixed("transactions", "A credit limit", "A routine wire", "A trade", joined="instructions"),
        ["change_credit_limit", "send_wire"],
    ),
    (
        "transactions",
        mixed("transactions", "A trade", "A routine wire", "A credit limit", joined="instructions"),
        ["place_trade", "send_wire"],
    ),
    ("procurement", given("procurement", "A routine reorder"), ["place_order", "book_transport"]),
    ("deployment", mixed("deployment", "New start page", "“Tidying up”"), ["deploy_production"]),
]
"""What is done before people say no, with something final among it, or last."""


@pytest.mark.parametrize(("workflow", "case", "before"), STANDS, ids=lambda value: "+".join(value) if value else "")
async def test_what_is_final_stands_and_is_named(
    house: Domains, workflow: str, case: dict[str, Any], before: list[str]
) -> None:
    run_id = await house.propose(workflow, case)
    for _ in before:
        await house.approve(await house.gate(run_id))
    assert names(shop_list(house.url)) == before
    await house.reject_until_the_end(run_id)
    await undone_newest_first(house, run_id, before)


async def test_an_undo_that_is_refused_is_shown_to_a_person(house: Domains) -> None:
    """What was to be undone stands: people are told, and the run says so."""
    run_id = await house.propose("rollout", given("rollout", "Badge readers"))
    await house.approve(await house.gate(run_id))
    fail(house.url, "undos", "refuse", times=1)
    await house.reject(await house.gate(run_id))
    gate = await house.gate(run_id)
    assert gate.kind is Kind.RECONCILE
    assert "needs doing by hand" in gate.brief.flags[0]
    await house.reject(gate)
    run = await house.run(run_id)
    assert (run.status, names(shop_list(house.url))) == (RunStatus.FAILED, ["publish_plan"])
    assert "(not undone: publish_plan)" in run.outcome


STAGED: Final = [
    (workflow, title, stage)
    for (workflow, title), gates in ROUTES.items()
    if title.startswith(("A routine car loan", "Router firmware"))
    for stage in range(len(gates))
]


@pytest.mark.parametrize(("workflow", "title", "stage"), STAGED)
async def test_a_no_at_any_stage_takes_back_all_before_it(
    house: Domains, workflow: str, title: str, stage: int
) -> None:
    run_id = await house.propose(workflow, given(workflow, title))
    for _ in range(stage):
        await house.approve(await house.gate(run_id))
    before = names(shop_list(house.url))
    assert len(before) == stage
    await house.reject_until_the_end(run_id)
    await undone_newest_first(house, run_id, before)


@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_withdrawn_while_it_waits_is_not_executed_and_asked_again(house: Domains, workflow: str) -> None:
    run_id = await house.propose(workflow, WORKFLOWS[workflow].demo_cases[0])
    first = await house.gate(run_id)
    withdrawn(house.url, workflow, str(first.args[SUBJECT[workflow]]), "Taken back by phone")
    await house.approve(first)
    again = await house.gate(run_id)
    assert (again.parent_id, again.digest) == (first.id, first.digest)
    assert again.brief.flags[0].startswith("Approved before, but not carried out: ")
    assert "withdr" in again.brief.flags[0]
    await house.approve(again)
    assert (await house.gate(run_id)).parent_id == again.id
    await house.reject_until_the_end(run_id)
    assert shop_list(house.url) == []
    assert (await house.run(run_id)).status == RunStatus.ROLLED_BACK


CHOICES: Final = [
    ("clinical", "P-4406"),
    ("content", "A grade"),
    ("contracts", "A “minor wording”"),
    ("deployment", "Patch 7.1.5"),
    ("loan", "A routine"),
    ("orders", "47 parcels"),
    ("payments", "A leaking"),
    ("procurement", "A rush order"),
    ("transactions", "A supplier"),
]


@pytest.mark.parametrize(("workflow", "title"), CHOICES)
async def test_every_alternative_can_be_chosen_instead(house: Domains, workflow: str, title: str) -> None:
    run_id, chosen = await house.propose(workflow, given(workflow, title)), []
    while gate := await house.waiting(run_id):
        if not gate.brief.alternatives:
            await house.approve(gate)
            continue
        chosen.append((gate.brief.alternatives[0].type, gate.brief.alternatives[0].args))
        await house.say(gate, "edit", alternative=0)
        await house.settle()
    assert (await house.run(run_id)).status == RunStatus.DONE
    done = [one for one in await house.requests(run_id) if one.id in await house.executed(run_id)]
    assert chosen
    assert [(one.action_type, one.args) for one in done if (one.action_type, one.args) in chosen] == chosen
    assert names(shop_list(house.url)) == [one.action_type for one in done]


@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_a_fresh_installation_trusts_nobody(house: Domains, workflow: str) -> None:
    """Not the surest agent with the best record, and not for the smallest amount."""
    async with house.store.begin() as tx:
        policy = (await tx.policies.current()).policy
    for action in WORKFLOWS[workflow].actions:
        named = f"{workflow}.{action.name}"
        best = Facts(
            action=named,
            value=Decimal(1) if action.value_field else None,
            effect_class=EffectClass.IDEMPOTENT,
            signals=dict.fromkeys(Signal, 1.0),
            record=Record(asked=200, well=200),
        )
        assert policy.book(named).level is Level.FULL_CONTROL
        assert route(policy, best).kind is not RouteKind.AUTO


PLAN: Final = ["publish_plan", "reserve_resources", "roll_out_wave"]


@pytest.fixture
async def trusted(house: Domains) -> Domains:
    """The rollout's own actions may run alone."""
    policy = trusting(*(f"rollout.{action.name}" for action in WORKFLOWS["rollout"].actions))
    async with house.store.begin() as tx:
        await tx.policies.apply(policy, "test")
    return house


async def at_checkpoint(house: Domains) -> tuple[str, Request]:
    run_id = await house.propose("rollout", given("rollout", "Laptop"))
    gate = await house.gate(run_id)
    assert (gate.kind, gate.action_type, gate.args["steps"]) == (Kind.CHECKPOINT, "continue", 3)
    assert [one.route for one in await house.requests(run_id)] == ["auto"] * 3 + ["review"]
    assert names(shop_list(house.url)) == PLAN
    return run_id, gate


async def test_a_trusted_rollout_stops_from_time_to_time_and_goes_on(trusted: Domains) -> None:
    run_id, gate = await at_checkpoint(trusted)
    await trusted.approve(gate)
    gate = await trusted.gate(run_id)
    assert (gate.kind, gate.args["steps"], len(shop_list(trusted.url))) == (Kind.CHECKPOINT, 3, 6)
    await trusted.approve(gate)
    unusual = await trusted.gate(run_id)
    assert (unusual.kind, unusual.args["region"]) == (Kind.ACTION, "Travelling staff"), "the agent noticed something"
    await trusted.approve(unusual)
    assert (await trusted.run(run_id)).status == RunStatus.DONE
    assert names(shop_list(trusted.url)) == [*PLAN, *["roll_out_wave"] * 5]
    assert shop_list(trusted.url) == await trusted.ledger(run_id)


@pytest.mark.parametrize("later", [0, 3])
async def test_stopped_at_a_checkpoint_all_is_taken_back(trusted: Domains, later: int) -> None:
    run_id, gate = await at_checkpoint(trusted)
    if later:
        await trusted.approve(gate)
    await trusted.reject(await trusted.gate(run_id))
    await undone_newest_first(trusted, run_id, [*PLAN, *["roll_out_wave"] * later])
    assert "People stopped this run at a checkpoint." in (await trusted.run(run_id)).outcome


async def test_a_checkpoint_that_nobody_answers_takes_all_back(trusted: Domains) -> None:
    run_id, gate = await at_checkpoint(trusted)
    async with trusted.store.engine.begin() as connection:
        due = "update requests set expires_at = gp_now(), next_step_at = gp_now() where id = :id"
        await connection.execute(text(due), {"id": gate.id})
    assert await sweep(trusted.store) == 1
    await trusted.settle()
    await undone_newest_first(trusted, run_id, PLAN)
    assert "Nobody let this run go on." in (await trusted.run(run_id)).outcome
