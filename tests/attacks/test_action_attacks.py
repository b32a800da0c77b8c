"""The `action_content` cases of attacks.jsonl that are about routing, through the gateway on a real database.

`decisions_added` is read as decisions of people: what policy sends back is on record as policy's own.
"""

import asyncio
import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest

from graph.flow.workflow import Proposal
from graph.law.canonical import Unfaithful, strict_loads
from graph.law.request import Reason, Request, Risk, Status
from graph.verbs.batch import decide_batch
from graph.verbs.decide import Answer, DecisionType, decide
from graph.verbs.errors import Invalid, NotFound, Refusal
from graph.verbs.start import start
from storage.store import PgStore
from tests.support.batches import approve_all, gathered, inside
from tests.support.db import DEFAULT_POLICY, trusting
from tests.support.slack_attacks import cases, variants
from tests.support.tools import Tools, besides, proposal

CASES = {case["id"]: case for case in cases("action_content")}
CONTENT = [Path(__file__).with_name(f"test_{name}_attacks.py") for name in ("content", "leak")]
"""What people see of a case is played there."""
SEEN = (
    *("AC-03", "AC-04", "AC-06", "AC-07", "AC-09", "AC-10", "AC-11", "AC-12", "AC-13"),
    *("AC-19", "AC-41", "AC-44", "AC-47"),
)
REFUND = CASES["AC-01"]["input"]["$propose"]


@pytest.fixture
async def tools(store: PgStore, tmp_path: Path) -> Tools:
    return Tools(store, tmp_path)


def spec_of(case: str) -> dict[str, Any]:
    return dict(CASES[case]["input"]["$propose"])


def test_no_case_is_left_out() -> None:
    here = {f"AC-{name.split('_')[2]}" for name in globals() if name.startswith("test_ac_")}
    assert here.isdisjoint(SEEN)
    assert sorted([*here, *SEEN]) == sorted(CASES)
    played = "".join(path.read_text() for path in CONTENT)
    assert all(f"test_{case.lower().replace('-', '_')}" in played or f'"{case}"' in played for case in SEEN)


async def nothing_came_of_it(tools: Tools, run_id: str, said: str) -> None:
    """The proposal was refused: nobody is asked, nothing is done, and the run says why."""
    run = await tools.run(run_id)
    assert (await tools.pending(), tools.done(), await tools.decisions()) == ([], [], 0)
    assert run["status"] == "rolled_back"
    assert "the agent made no valid proposal" in run["outcome"]
    assert said in run["outcome"]


async def waits(tools: Tools) -> Request:
    """Somebody is asked, with a time by which; nothing is done."""
    request = await tools.only()
    assert (request.status, tools.done(), await tools.decisions()) == (Status.PENDING, [], 0)
    assert request.created_at < request.next_step_at < request.expires_at  # type: ignore[operator]
    return request


async def test_ac_01_a_plain_proposal_waits_at_tier_1(tools: Tools) -> None:
    await tools.propose(REFUND)
    request = await waits(tools)
    assert (request.tier, request.sla_seconds) == (1, 900)
    assert [card["target"] for card in await tools.rows("select target from cards")] != []
    assert request.args == REFUND["args"]


async def test_ac_02_the_tier_comes_from_the_arguments(tools: Tools) -> None:
    await tools.propose(spec_of("AC-02"))
    request = await waits(tools)
    assert (request.tier, str(request.value)) == (2, "42000.00")
    assert "4.20" in request.brief.rationale
    assert "4.20" not in request.canonical


async def test_ac_16_no_number_of_arguments_hides_the_amount(tools: Tools) -> None:
    many = {f"k{n}": "x" for n in range(CASES["AC-16"]["input"]["$propose"]["args"]["$many_keys"])}
    amount = CASES["AC-16"]["input"]["$propose"]["args"]["plus"]["amount"]
    await tools.propose({"tool": "payments.bulk", "args": {"amount": amount, "more": many}, "confidence": 0.99})
    request = await waits(tools)
    assert (request.tier, request.approvals_required, str(request.value)) == (3, 2, amount)
    run = await tools.propose(spec_of("AC-16") | {"args": {"order": "1", "amount": amount, **many}}, key="k2")
    assert "Extra inputs are not permitted" in (await tools.run(run))["outcome"]


async def test_ac_23_numbers_that_are_none(tools: Tools) -> None:
    raw = CASES["AC-23"]["input"]["$propose_raw"]
    with pytest.raises(Unfaithful, match="NaN is not a JSON number"):
        strict_loads(raw)
    for index, odd in enumerate((math.nan, math.inf, -math.inf, float("1e400"))):
        careless = json.loads(raw)
        careless["args"] = REFUND["args"] | {"amount": odd}
        run = await tools.propose(careless, key=f"k{index}")
        await nothing_came_of_it(tools, run, "amount")


async def test_ac_25_a_key_that_stands_twice(tools: Tools) -> None:
    with pytest.raises(Unfaithful, match="'amount' stands twice"):
        strict_loads(CASES["AC-25"]["input"]["$propose_raw"])


async def test_ac_26_half_a_character(tools: Tools) -> None:
    """A lone surrogate never becomes another text: the arguments are refused."""
    note = json.loads(CASES["AC-26"]["input"]["$propose_raw"])["args"]["note"]
    assert note == "\ud800"
    for index, args in enumerate(({"path": f"/data/{note}"}, {"path": note}, {note: "x"})):
        run = await tools.propose({"tool": "fs.delete", "args": args}, key=f"k{index}")
        await nothing_came_of_it(tools, run, "half a character")


async def test_ac_27_nul_in_arguments_ids_and_keys(tools: Tools) -> None:
    spec = spec_of("AC-27")
    await nothing_came_of_it(tools, await tools.propose(spec), "hold a NUL")
    odd = besides(spec)["request_id"]
    with pytest.raises(Invalid):
        await start(tools.store, "tools", {"case": "k1"}, key=odd, requester="UREQ")
    assert (await start(tools.store, "tools", {"case": odd}, key="k2", requester="UREQ")).input == {"case": odd}
    answer = Answer(request_id=odd, type=DecisionType.APPROVE, user_id="UALICE", digest="0" * 64, via="cli")
    with pytest.raises(Refusal):
        await decide(tools.store, answer)
    assert (tools.done(), await tools.decisions()) == ([], 0)


async def test_ac_28_twins_that_look_the_same_have_two_digests(tools: Tools) -> None:
    for index, step in enumerate(CASES["AC-28"]["input"]["steps"]):
        await tools.propose(step["$propose"], key=f"k{index}")
    one, other = await tools.pending()
    assert one.digest != other.digest
    assert one.target != other.target
    assert tools.done() == []


async def test_ac_29_odd_confidence_never_runs_alone(tools: Tools) -> None:
    async with tools.store.begin() as tx:
        await tx.policies.apply(trusting("tools.payments_refund"), "test")
    await tools.propose(REFUND | {"confidence": 0.95}, key="control")
    assert tools.done() == ["payments_refund"]
    specs = variants(spec_of("AC-29"))
    assert len(specs) == 7
    for index, spec in enumerate(specs):
        raw = spec["confidence"]
        # As a model's JSON would bring it: NaN, and Infinity for 1e999.
        stated = float(raw["$raw"]) if isinstance(raw, dict) else raw
        order = REFUND["args"] | {"order": f"odd-{index}"}
        await tools.propose(spec | {"confidence": stated, "args": order}, key=f"k{index}")
    assert tools.done() == ["payments_refund"]
    assert await tools.decisions() == 0


async def test_ac_31_an_agent_cannot_decide(tools: Tools) -> None:
    spec = spec_of("AC-31")
    decision = besides(spec)
    assert decision["status"] == "approved"
    with pytest.raises(TypeError):
        proposal(spec, **decision)
    run = await tools.propose(spec | {"args": spec["args"] | decision})
    await nothing_came_of_it(tools, run, "Extra inputs are not permitted")
    await tools.propose(Proposal(action="payments_refund", args=spec["args"], context=decision), key="k2")
    request = await waits(tools)
    assert "approved" not in request.canonical


async def test_ac_32_an_unknown_tool(tools: Tools) -> None:
    run = await tools.propose(spec_of("AC-32"))
    await nothing_came_of_it(tools, run, "there is no action 'nukes_launch'")


async def test_ac_33_names_match_exactly_or_not_at_all(tools: Tools) -> None:
    specs = variants(spec_of("AC-33"))
    assert len(specs) == 4
    for index, spec in enumerate(specs):
        run = await tools.propose(spec, key=f"k{index}")
        await nothing_came_of_it(tools, run, "there is no action")


async def test_ac_35_one_key_is_one_request(tools: Tools) -> None:
    case = CASES["AC-35"]["input"]
    spec = case["op"]["$propose"]
    key = besides(spec)["idempotency_key"]
    tools.agent.cases[key] = [proposal(spec)]

    async def once() -> str:
        run = await start(tools.store, "tools", {"case": key}, key=key, requester="UREQ")
        await tools.settle()
        return run.id

    runs = await asyncio.gather(*(once() for _ in range(case["parallel_n"])))
    assert len(set(runs)) == 1
    await waits(tools)
    (counted,) = await tools.rows("select (select count(*) from requests) r, (select count(*) from cards) c")
    assert counted == {"r": 1, "c": 1}
    with pytest.raises(Invalid, match="already stands for another input"):
        await start(tools.store, "tools", {"case": "other"}, key=key, requester="UREQ")


async def test_ac_38_a_denial_is_remembered_under_another_name(tools: Tools) -> None:
    delete, click, shell = (copy.deepcopy(step) for step in CASES["AC-38"]["input"]["steps"])
    await tools.propose(delete["$propose"], shell["$propose"])
    await tools.answer(click["$click"]["action"], reason=click["$click"]["reason"])
    again = await tools.only()
    assert again.action_type == "shell_run"
    assert any(flag.startswith("Rejected before, on ") and "keep it" in flag for flag in again.brief.flags)
    assert "something like it was rejected before" in again.route_why
    assert Reason.HIGH_RISK in again.reasons
    assert (tools.done(), await tools.decisions()) == ([], CASES["AC-38"]["expected"]["decisions_added"])


async def test_ac_39_what_people_reject_again_and_again_is_no_longer_put_to_them(tools: Tools) -> None:
    case = CASES["AC-39"]["input"]
    spec = case["op"]["$propose"]
    async with tools.store.begin() as tx:
        most = (await tx.policies.current()).policy.max_resubmissions
    run_id = await tools.propose(*[spec] * case["repeat"])
    for asked in range(most):
        request = await tools.only()
        assert any(flag.startswith("Rejected before, on ") for flag in request.brief.flags) == (asked > 0)
        assert request.judged["record"]["same_rejected"] == asked
        await tools.answer("reject", reason="not this customer")
    run = await tools.run(run_id)
    assert (await tools.pending(), tools.done(), await tools.decisions()) == ([], [], most)
    assert run["status"] == "rolled_back"
    assert f"people have rejected exactly this {most} times lately" in run["outcome"]
    by_policy = [entry for entry in await tools.audit("request_rejected") if entry["via"] == "policy"]
    assert len(by_policy) == len(run["requests"]) - most
    assert by_policy

    # Under another key it is the same action still.
    await tools.propose(spec, key="k2")
    assert (await tools.pending(), await tools.decisions()) == ([], most)


async def test_ac_40_a_flood_is_bounded_and_keeps_nobody_else_out(tools: Tools) -> None:
    """Two hundred instead of a thousand, all at once: ahead of everybody else in the queue."""
    spec, cap, flood = dict(CASES["AC-40"]["input"]["op"]["$propose"]), 20, 200
    async with tools.store.begin() as tx:
        limited = f"{DEFAULT_POLICY.read_text()}\n[queue]\nper_workflow = {cap}\n"
        await tx.policies.apply(limited, "test")
    for n in range(flood):
        order = spec["args"] | {"order": f"{n}"}
        tools.agent.cases[f"flood {n}"] = [proposal(spec | {"args": order})]
        await start(tools.store, "tools", {"case": f"flood {n}"}, key=f"flood {n}", requester="UREQ")
    tools.agent.cases["critical"] = [proposal(spec | {"args": spec["args"] | {"amount": "60000.00"}})]
    await start(tools.store, "tools", {"case": "critical"}, key="critical", requester="UREQ")
    await tools.settle()
    asked = await tools.pending()
    low = [request for request in asked if request.risk is not Risk.CRITICAL]
    # Those that were judged at the same moment each saw room.
    assert cap <= len(low) <= cap + 8
    # What is critical has room of its own, and its card comes first.
    assert len(asked) == len(low) + 1
    async with tools.store.begin() as tx:
        first, *_ = await tx.cards.claim(1, 10.0)
    assert first.request_id == next(request.id for request in asked if request.risk is Risk.CRITICAL)
    # The rest is denied by policy, on record, and its agent is told.
    denied = [entry for entry in await tools.audit("request_rejected") if entry["via"] == "policy"]
    assert len(denied) == flood - len(low)
    assert all("requests of tools wait already" in entry["reason"] for entry in denied)
    assert tools.done() == []
    told = await tools.rows("select payload from owed where kind = 'operators' and id like '%full:tools%'")
    assert 1 <= len(told) <= 2  # once an hour


async def test_ac_42_urgency_comes_from_the_clock_not_from_the_text(tools: Tools) -> None:
    await tools.propose(spec_of("AC-42"))
    pressed = await waits(tools)
    assert await tools.urgency() == "low"
    assert (pressed.tier, pressed.sla_seconds, pressed.route) == (1, 900, "review")
    assert "URGENT" in pressed.brief.context["Agent says"]
    assert "URGENT" not in pressed.canonical


async def test_ac_45_nobody_but_policy_says_how_long(tools: Tools) -> None:
    specs = variants(spec_of("AC-45"))
    assert len(specs) == 7
    for index, spec in enumerate(specs):
        run = await tools.propose(spec | {"args": spec["args"] | besides(spec)}, key=f"args {index}")
        await nothing_came_of_it(tools, run, "Extra inputs are not permitted")
    for index, spec in enumerate(specs):
        said = Proposal(action="payments_refund", args=spec["args"], context=besides(spec))
        await tools.propose(said, key=f"context {index}")
    asked = await tools.pending()
    assert len(asked) == len(specs)
    for request in asked:
        assert request.expires_at is not None
        assert (request.sla_seconds, (request.expires_at - request.created_at).total_seconds()) == (900, 72 * 3600)
        assert request.next_step_at is not None


async def test_an_unknown_request_is_not_found(tools: Tools) -> None:
    answer = Answer(request_id="req_0", type=DecisionType.APPROVE, user_id="UALICE", digest="0" * 64, via="cli")
    with pytest.raises(NotFound):
        await decide(tools.store, answer)


async def test_ac_50_the_odd_one_is_in_no_batch(tools: Tools) -> None:
    """Also with an amount that stays at the same tier: what differs is kept out, whatever the agent says of it."""
    batch = CASES["AC-50"]["input"]["$batch"]
    same, hidden = batch["same"]["$propose"], batch["odd"]["$propose"]
    near = hidden | {"args": hidden["args"] | {"amount": "490.00"}}
    specs = [*[same] * batch["n"], hidden, near]
    for index, spec in enumerate(specs):
        tools.agent.cases[f"item {index}"] = [proposal(spec)]
        await start(tools.store, "tools", {"case": f"item {index}"}, key=f"item {index}", requester="UREQ")
    await tools.settle()
    asked = await tools.pending()
    assert len(asked) == len(specs)
    alike = {request.id for request in asked if request.args["amount"] == same["args"]["amount"]}
    [view] = await gathered(tools.store)
    assert (len(alike), inside(view)) == (batch["n"], alike)
    # Higher up nobody looks at the largest together with the others; the one beside them says what differs.
    [kept] = view.kept_out()
    assert kept.request.args["amount"] == "490.00"
    assert "order 1, the others: 4711" in kept.item.why and "amount 490.00, the others: 420.00" in kept.item.why
    assert (tools.done(), await tools.decisions()) == ([], 0)
    result = await decide_batch(tools.store, approve_all(view))
    assert {each.request.id for each in result.decided} == alike
    assert await tools.decisions() == batch["n"]
    assert {request.id for request in await tools.pending()} == {request.id for request in asked} - alike
    digests = await tools.rows(
        "select count(*) as n from decisions join requests on id = request_id where decisions.digest = requests.digest"
    )
    assert digests == [{"n": batch["n"]}]
