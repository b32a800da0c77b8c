"""The transactions workflow: every way an instruction can go, what is flagged, and whom its policy asks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.flow.registry import broken_promises
from graph.flow.workflow import Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn
from graph.law.action import bind, check_edit, question
from graph.law.canonical import canonical_text
from graph.law.facts import Facts, Record
from graph.law.policy import parse_part, parse_policy
from graph.law.request import Risk
from graph.law.routing import Route, RouteKind, route
from graph.workflows.transactions import POLICY, workflow
from tests.support.payments import shop_at
from tests.support.shop import fail, running_shop

DEFAULT = (Path(__file__).resolve().parents[2] / "graph/policies/default.toml").read_text()
HOUSE = parse_policy(DEFAULT, {"transactions": POLICY})
REDIRECTED, ROUTINE, TRADE, LIMIT, SPLIT = workflow.demo_cases


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running_shop(tmp_path / "shop.db") as base, shop_at(base):
        yield base


def withdraw(url: str, subject: str) -> None:
    body = {"reason": "typing error"}
    httpx.post(f"{url}/subjects/{subject}/close", json=body, trust_env=False).raise_for_status()


@dataclass
class Run:
    """One run without the house around it; `tell` says what became of the current proposal."""

    input: Mapping[str, Any]
    history: list[Turn] = field(default_factory=list)

    async def next(self, *remarks: str) -> Step:
        case = Case(run_id="run_1", input=self.input, history=tuple(self.history), remarks=remarks)
        step = await workflow.agent.next(case)
        assert step == await workflow.agent.next(case), "a pure function of the case"
        return step

    async def proposal(self) -> Proposal:
        step = await self.next()
        assert isinstance(step, Proposal), step
        return step

    async def tell(self, status: str, outcome: str | None = None, *, edit: Any = None, **more: Any) -> Proposal:
        step = await self.proposal()
        told = {"result": None, "reason": "", **more}
        args = {**step.args, **(edit or {})}
        self.history.append(Turn(action=step.action, args=args, status=status, outcome=outcome, **told))
        return step

    async def done(self, **more: Any) -> Proposal:
        return await self.tell("approved", "done", **more)


def facts_of(name: str, args: Mapping[str, Any], **more: Any) -> Facts:
    """What routing is shown of an action, as Gatepost freezes it."""
    action = workflow.action(name)
    assert action is not None
    bound = action.args.model_validate_json(json.dumps(args))
    nature, plain = action.nature(bound, action.impact(bound, {})), bound.model_dump(mode="json")
    return Facts(
        action=f"transactions.{name}",
        args=plain,
        value=Decimal(plain[action.value_field or ""]),
        effect_class=nature.effect_class,
        reversible=nature.reversible,
        tags=nature.tags,
        impact=nature.impact,
        flags=tuple(action.flags(bound, {})),
        **more,
    )


def routed(demo: DemoCase, name: str, edit: Mapping[str, Any] | None = None, **record: Any) -> Route:
    args = {**demo.input["instructions"][0]["args"], **(edit or {})}
    return route(HOUSE, facts_of(name, args, record=Record(**record)))


def flags(demo: DemoCase, name: str, **edit: Any) -> list[str]:
    return list(facts_of(name, {**demo.input["instructions"][0]["args"], **edit}).flags)


def rules(found: Route) -> list[str]:
    return [match.rule for match in found.matched]


def test_it_holds_what_it_promises() -> None:
    assert list(broken_promises(workflow)) == []
    assert parse_part("transactions", POLICY).totals[0].name == "wires-to-one-account-in-a-week"


@pytest.mark.parametrize("demo", workflow.demo_cases, ids=lambda demo: demo.title)
async def test_every_demo_case_goes_through_when_all_is_approved(url: str, demo: DemoCase) -> None:
    assert workflow.input_problem(demo.input) is None
    run = Run(json.loads(json.dumps(demo.input)))
    for number in range(len(demo.input["instructions"])):
        step = await run.proposal()
        action = workflow.action(step.action)
        assert action is not None
        bound = action.args.model_validate_json(json.dumps(step.args))
        args = bound.model_dump(mode="json")
        bind(workflow.name, step.action, args)
        assert "(missing)" not in question(action.form(), args)
        assert check_edit(action.form(), args, args) == (args, {})
        canonical_text(dict(step.context))
        assert step.confidence is not None and 0 <= step.confidence <= 1
        assert "hours" in step.cost_of_delay
        for other in step.alternatives:
            action.args.model_validate_json(json.dumps(other.args))
        assert await action.still_valid(bound) is None
        await run.done(result=await action.perform(bound, Call(f"k{number}", "run_1", 1)))
    assert isinstance(await run.next(), Done)


async def test_a_wire_is_found_again_and_a_limit_is_changed_back(url: str) -> None:
    for demo in (ROUTINE, LIMIT):
        step = await Run(demo.input).proposal()
        action, call = workflow.action(step.action), Call(step.action, "run_1", 1)
        assert action is not None
        bound = action.args.model_validate(step.args)
        result = await action.perform(bound, call)
        if action.reversible:
            assert await action.perform(bound, call) == result
            undone = await action.undo(bound, result, Call("u1", "run_1", 1))
            assert undone["deed"] == result["deed"]
        else:
            wired = "Wire 340.00 EUR to Blankhaus Services for invoice-887, account DE00370400440532013000"
            assert result["title"] == wired
            assert await action.lookup(bound, call) == result
            assert await action.lookup(bound, Call("another", "run_1", 1)) is None


async def test_a_withdrawn_instruction_is_noticed_and_trouble_is_let_through(url: str) -> None:
    step = await Run(LIMIT.input).proposal()
    action = workflow.action(step.action)
    assert action is not None
    bound = action.args.model_validate(step.args)
    withdraw(url, "wish-3308")
    assert "typing error" in str(await action.still_valid(bound))
    fail(url, "deeds", "refuse", times=1)
    with pytest.raises(Exception, match="refuses"):
        await action.perform(bound, Call("k", "run_1", 1))


def test_what_is_unusual_is_said_in_numbers() -> None:
    assert flags(REDIRECTED, "send_wire") == ["Account details changed 19 hours ago, after the last payment"]
    assert flags(ROUTINE, "send_wire") == []
    assert flags(ROUTINE, "send_wire", known_hours=23, amount="700.00") == [
        "New beneficiary, added 23 hours ago",
        "2.1× the usual payment to this account (340.00 EUR)",
    ]
    assert flags(TRADE, "place_trade") == ["2.4× this desk's usual trade (1,500.00 EUR)"]
    assert flags(TRADE, "place_trade", daily_volume="36000.00")[1] == "10.0 % of the average daily volume"
    assert flags(LIMIT, "change_credit_limit") == ["5.0× today's limit (5,000.00 EUR)"]


async def test_what_names_the_target_is_not_edited() -> None:
    fixed = {"instruction": "x", "account": "GB00X0000000", "known_hours": 900, "changed": False, "currency": "USD"}
    step = await Run(REDIRECTED.input).proposal()
    action = workflow.action("send_wire")
    assert action is not None
    before = {"usual": None, **step.args}
    assert set(check_edit(action.form(), before, {**before, **fixed})[1]) == set(fixed)
    assert check_edit(action.form(), before, {**before, "amount": "1.00"})[1] == {}


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
@pytest.mark.parametrize(
    ("demo", "expected"),
    [
        (REDIRECTED, {"account": "NO0086011117947", "known_hours": 26_300, "changed": False, "amount": "12480.00"}),
        (TRADE, {"amount": "1500.00"}),
        (LIMIT, {"amount": "10000.00"}),
    ],
    ids=["wire", "trade", "limit"],
)
async def test_what_comes_back_has_one_safer_form(demo: DemoCase, expected: dict[str, Any], status: str) -> None:
    run = Run(demo.input)
    first = await run.tell(status, reason="not like this")
    safer = await run.proposal()
    assert first.alternatives[0].args == safer.args
    assert {name: safer.args[name] for name in expected} == expected
    assert safer.alternatives == ()
    assert safer.rationale != first.rationale
    await run.tell("rejected", reason="nor like this")
    end = await run.next()
    assert isinstance(end, GiveUp)
    assert "nor like this" in end.reason


async def test_without_a_safer_form_it_gives_up() -> None:
    run = Run(ROUTINE.input)
    await run.tell("rejected", reason="paid already")
    told = "send_wire invoice-887, 340.00 EUR: rejected (paid already)"
    assert await run.next() == GiveUp(f"There is no safer form. {told}.")


async def test_policy_is_asked_twice_at_most() -> None:
    run = Run(TRADE.input)
    first = await run.tell("rejected", by_policy=True, reason="confidence 0.50 is below 0.60")
    second = await run.tell("rejected", by_policy=True, reason="confidence 0.55 is below 0.60")
    assert Decimal(second.args["amount"]) < Decimal(first.args["amount"])
    assert (second.confidence or 0) > (first.confidence or 0), "smaller, and so surer"
    end = await run.next()
    assert isinstance(end, GiveUp)
    assert "0.55" in end.reason


async def test_what_people_changed_is_what_counts_later() -> None:
    run = Run(SPLIT.input)
    await run.done(edit={"amount": "400.00"})
    assert (await run.proposal()).context["tried"][-1] == "send_wire invoice-770, 400.00 EUR: done"
    await run.tell("approved", "failed", edit={"amount": "410.00"}, error="The bank is closed.")
    again = await run.proposal()
    assert (again.args["instruction"], again.args["amount"]) == ("invoice-771", "410.00"), "as people left it"
    await run.done()
    await run.tell("handled")
    await run.done()
    end = await run.next()
    assert isinstance(end, Done)
    assert "400.00 EUR: done; send_wire invoice-771, 410.00 EUR: done; send_wire invoice-772" in end.summary
    assert "450.00 EUR: handled" in end.summary


@pytest.mark.parametrize(
    ("outcome", "words"), [("unknown", "Nobody knows whether this happened"), ("compensated", "This was undone")]
)
async def test_what_is_not_known_or_undone_ends_it(outcome: str, words: str) -> None:
    run = Run(SPLIT.input)
    await run.done()
    await run.tell("approved", outcome)
    end = await run.next()
    assert isinstance(end, GiveUp)
    assert words in end.reason


async def test_a_failure_is_tried_once_more() -> None:
    run = Run(ROUTINE.input)
    await run.tell("approved", "failed", error="The bank is closed.")
    await run.tell("approved", "failed", error="The bank is closed.")
    told = "This failed twice: send_wire invoice-887, 340.00 EUR. Last words: The bank is closed."
    assert await run.next() == GiveUp(told)


async def test_an_approval_that_was_never_begun_changes_nothing() -> None:
    run = Run(ROUTINE.input)
    first = await run.tell("approved")
    assert (await run.proposal()).args == first.args


async def test_remarks_end_it() -> None:
    end = await Run(ROUTINE.input).next("amount: too large")
    assert isinstance(end, GiveUp)
    assert "amount: too large" in end.reason


def test_an_input_that_does_not_fit_is_refused() -> None:
    (wire,) = ROUTINE.input["instructions"]
    for change in ({"amount": "0"}, {"account": "somewhere"}, {"extra": 1}, {"currency": "XTS"}):
        assert workflow.input_problem({"instructions": [{**wire, "args": {**wire["args"], **change}}]})
    assert workflow.input_problem({"instructions": []})


def test_changed_bank_details_need_two_seniors() -> None:
    found = routed(REDIRECTED, "send_wire")
    assert (found.kind, found.tier, found.approvals) == (RouteKind.REVIEW, 2, 2)
    assert {"new-account", "irreversible", "regulated"} <= set(rules(found))
    added = routed(ROUTINE, "send_wire", {"known_hours": 23})
    assert (added.tier, added.approvals) == (2, 2), "however small"
    routine = routed(ROUTINE, "send_wire", {"known_hours": 24})
    assert (routine.kind, routine.tier, routine.approvals) == (RouteKind.REVIEW, 1, 1)
    assert "new-account" not in rules(routine)


def test_small_wires_to_one_account_count_together() -> None:
    before = {"wires-to-one-account-in-a-week": Decimal("900.00")}
    assert routed(SPLIT, "send_wire").tier == 1
    assert routed(SPLIT, "send_wire", totals=before).tier == 2


def test_an_unsure_agent_hands_a_large_wire_over() -> None:
    args = REDIRECTED.input["instructions"][0]["args"]
    low = {"signals": {"model": 0.4, "tools": 0.4}}
    assert route(HOUSE, facts_of("send_wire", args, **low)).kind is RouteKind.TAKEOVER
    small = {**args, "amount": "200.00"}
    assert route(HOUSE, facts_of("send_wire", small, **low)).kind is RouteKind.REJECT


def test_sizes_and_limits_call_for_seniors() -> None:
    assert "trade-out-of-size" in rules(routed(TRADE, "place_trade"))
    assert routed(TRADE, "place_trade").tier == 2
    assert routed(TRADE, "place_trade", {"amount": "1500.00"}).tier == 1
    assert routed(TRADE, "place_trade", {"amount": "1500.00", "daily_volume": "30000.00"}).tier == 2
    limit = routed(LIMIT, "change_credit_limit", {"current": "300.00", "amount": "600.00"})
    assert (limit.tier, limit.risk) == (2, Risk.HIGH)
    assert routed(LIMIT, "change_credit_limit", {"current": "301.00", "amount": "600.00"}).tier == 1
    assert all(
        routed(demo, name).kind is RouteKind.REVIEW
        for demo, name in ((TRADE, "place_trade"), (LIMIT, "change_credit_limit"), (ROUTINE, "send_wire"))
    )
