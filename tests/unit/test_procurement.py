import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from graph.flow.registry import broken_promises
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn
from graph.law.action import bind, check_edit, currency_of, question, value_of
from graph.law.canonical import canonical_text
from graph.law.facts import Facts, Record
from graph.law.policy import parse_part, parse_policy
from graph.law.request import EffectClass, Reason, Risk
from graph.law.routing import Route, RouteKind, Signal, route
from graph.workflows import shop
from graph.workflows.procurement import ONE_SIGNATURE, POLICY, workflow
from tests.support.payments import shop_at
from tests.support.shop import fail, running_shop

DEFAULT = Path(shop.__file__).parent.parent / "policies" / "default.toml"


def action(name: str) -> Action[Any]:
    found = workflow.action(name)
    assert found is not None
    return found


def checked(name: str, args: Mapping[str, Any]) -> Args:
    """The arguments as the gateway would take them: by way of JSON."""
    bound: Args = action(name).args.model_validate_json(json.dumps(dict(args)))
    return bound


class Play:
    """A run without the house around it: a test says what becomes of each proposal."""

    def __init__(self, demo: DemoCase, **changed: Any) -> None:
        self.input = {**demo.input, **changed}
        assert workflow.input_problem(self.input) is None
        self.history: list[Turn] = []

    async def next(self, *remarks: str) -> Step:
        case = Case(run_id="run_1", input=self.input, history=tuple(self.history), remarks=remarks)
        step = await workflow.agent.next(case)
        assert step == await workflow.agent.next(case), "the agent is a pure function"
        return step

    async def proposal(self) -> Proposal:
        step = await self.next()
        assert isinstance(step, Proposal), step
        return step

    async def turn(
        self,
        status: str = "approved",
        outcome: str | None = None,
        reason: str = "",
        *,
        policy: bool = False,
        **edits: Any,
    ) -> Proposal:
        """What was proposed, after telling the agent what became of it."""
        step = await self.proposal()
        args = checked(step.action, {**step.args, **edits}).model_dump(mode="json")
        told = Turn(
            action=step.action,
            args=args,
            status=status,
            outcome=outcome,
            reason=reason,
            result=None,
            error="no answer" if outcome == "failed" else "",
            by_policy=policy,
        )
        self.history.append(told)
        return step

    async def done(self, **edits: Any) -> Proposal:
        return await self.turn("approved", "done", **edits)

    async def gives_up(self) -> str:
        step = await self.next()
        assert isinstance(step, GiveUp), step
        return step.reason


async def judged(step: Proposal, total: str = "0", **edits: Any) -> tuple[Route, list[str]]:
    """The route and the flags of a proposal under the shipped policy; `total`: earlier ones that count together."""
    chosen, args = action(step.action), checked(step.action, {**step.args, **edits})
    plain = args.model_dump(mode="json")
    facts = await chosen.facts(args)
    flags = list(chosen.flags(args, facts))
    nature = chosen.nature(args, chosen.impact(args, facts))
    stated = {"model": step.confidence, **step.signals}
    asked = Facts(
        action=f"{workflow.name}.{step.action}",
        args=plain,
        value=value_of(nature.form, plain),
        currency=currency_of(nature.form, plain),
        effect_class=nature.effect_class,
        reversible=nature.reversible,
        tags=nature.tags,
        impact=nature.impact,
        signals={Signal(name): stated.get(name) for name in nature.signals},
        flags=tuple(flags),
        facts=facts,
        record=Record(totals={"together": Decimal(total)}),
    )
    return route(parse_policy(DEFAULT.read_text(), {workflow.name: POLICY}), asked), flags


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shop(tmp_path_factory.mktemp("shop") / "shop.db") as base, shop_at(base):
        yield base


def test_its_promises_hold() -> None:
    assert list(broken_promises(workflow)) == []
    assert parse_part(workflow.name, POLICY).rules
    assert {action.effect for action in workflow.actions} == set(EffectClass)


@pytest.mark.parametrize("demo", workflow.demo_cases, ids=lambda demo: str(demo.title))
async def test_every_demo_case_ends_when_all_is_approved(demo: DemoCase) -> None:
    play = Play(demo)
    while isinstance(step := await play.next(), Proposal):
        chosen, args = action(step.action), checked(step.action, step.args)
        plain = args.model_dump(mode="json")
        bind(workflow.name, step.action, plain)
        assert "(missing)" not in question(chosen.form(), plain)
        assert check_edit(chosen.form(), plain, plain) == (plain, {})
        canonical_text(await chosen.facts(args))
        canonical_text(dict(step.context))
        assert {"goal", "situation", "tried", "recommendation"} <= set(step.context)
        assert 0 < len(step.rationale) <= 200 and any(char.isdigit() for char in step.cost_of_delay)
        for other in step.alternatives:
            checked(other.type, other.args)
        await play.done()
    assert isinstance(step, Done)
    assert play.history


@pytest.mark.parametrize("demo", workflow.demo_cases, ids=lambda demo: str(demo.title))
@pytest.mark.parametrize(
    ("status", "policy"), [("rejected", False), ("rejected", True), ("expired", False), ("cancelled", False)]
)
async def test_a_refusal_leads_to_the_alternative_once_and_then_to_the_end(
    demo: DemoCase, status: str, policy: bool
) -> None:
    play = Play(demo)
    first = await play.turn(status, reason="not like this", policy=policy)
    if first.alternatives:
        other = await play.turn(status, reason="nor like this", policy=policy)
        assert other.args == first.alternatives[0].args
    assert "like this" in await play.gives_up()


async def test_a_failure_is_tried_once_more_and_doubt_ends_it() -> None:
    play = Play(workflow.demo_cases[0])
    first = await play.turn("approved", "failed")
    assert (await play.turn("approved", "failed")).args == first.args
    assert "failed" in await play.gives_up()
    for outcome in ("unknown", "intent", "compensated"):
        play = Play(workflow.demo_cases[0])
        await play.turn("approved", outcome)
        assert ("Nobody knows" in await play.gives_up()) == (outcome != "compensated")


async def test_what_never_began_is_proposed_again_and_what_a_person_did_is_settled() -> None:
    play = Play(workflow.demo_cases[0])
    first = await play.turn("approved", None)
    assert await play.proposal() == first or (await play.proposal()).args == first.args
    await play.turn("handled", reason="by hand")
    step = await play.next()
    assert isinstance(step, Done) or step.action != first.action  # type: ignore[union-attr]


async def test_remarks_end_it() -> None:
    end = await Play(workflow.demo_cases[0]).next("amount: too large")
    assert isinstance(end, GiveUp) and "too large" in end.reason


@pytest.mark.parametrize("demo", workflow.demo_cases, ids=lambda demo: str(demo.title))
async def test_each_effect_keeps_what_its_class_promises(url: str, demo: DemoCase) -> None:
    play = Play(demo)
    while isinstance(step := await play.next(), Proposal):
        chosen, args = action(step.action), checked(step.action, step.args)
        call = Call(f"{demo.title}/{len(play.history)}", "run_1", 1)
        assert await chosen.still_valid(args) is None
        result = await chosen.perform(args, call)
        if chosen.effect is EffectClass.IDEMPOTENT:
            assert await chosen.perform(args, call) == result
        elif chosen.effect is EffectClass.QUERYABLE:
            assert await chosen.lookup(args, call) == result
            assert await chosen.lookup(args, Call("another", "run_1", 1)) is None
        if chosen.reversible:
            undo = Call(f"undo/{call.key}", "run_1", 1)
            assert await chosen.undo(args, result, undo) == await chosen.undo(args, result, undo)
        await play.done()


async def test_a_broken_answer_is_not_a_no(url: str) -> None:
    step = await Play(workflow.demo_cases[0]).proposal()
    fail(url, "deeds", "lost_answer", times=1)
    with pytest.raises(shop.ShopTrouble):
        await action(step.action).perform(checked(step.action, step.args), Call("lost", "run_1", 1))  # type: ignore[arg-type]


async def test_the_order_at_2_47_shows_what_the_agent_missed() -> None:
    step = await Play(workflow.demo_cases[0]).proposal()
    routed, flags = await judged(step)
    assert flags == [
        "Requisition cancelled 4 h 06 min earlier by the plant manager",
        "46× the usual order (50,000.00 USD)",
        "Ordered at 02:47, outside working hours",
    ]
    assert step.confidence == 0.97
    assert [(other.args["quantity"], other.args["amount"]) for other in step.alternatives] == [(20_000, "50000.00")]
    assert (routed.kind, routed.tier, routed.approvals, routed.risk) == (RouteKind.REVIEW, 3, 2, Risk.CRITICAL)
    assert Reason.POLICY_VIOLATION in routed.reasons
    assert "cancelled-requisition" in [match.rule for match in routed.matched]
    text = question(action(step.action).form(), dict(step.args))
    assert text == "Order 920,000 litres of ethyl acetate from Nordhaven Solvents for 2,300,000.00 USD?"


async def test_a_cancellation_after_the_order_was_prepared_is_flagged_too() -> None:
    step = await Play(workflow.demo_cases[0], cancelled_at="2026-11-22T02:50:00Z", cancelled_by=None).proposal()
    assert (await judged(step))[1][0] == "Requisition cancelled after this was prepared by somebody"


async def test_the_routine_order_is_unremarkable_and_still_asked() -> None:
    routed, flags = await judged(await Play(workflow.demo_cases[1]).proposal())
    assert flags == []
    assert (routed.kind, routed.tier, routed.approvals) == (RouteKind.REVIEW, 1, 1)


async def test_splitting_gains_nothing() -> None:
    step = await Play(workflow.demo_cases[2]).proposal()
    alone, flags = await judged(step)
    together, _ = await judged(step, total="4900.00")
    assert "1 of 4 orders, together above the limit of 5,000.00" in flags
    assert "over-one-signature" not in [match.rule for match in alone.matched]
    assert (together.tier, together.approvals) == (2, 2)
    assert Reason.COST_THRESHOLD in together.reasons


async def test_a_rush_price_is_said_in_numbers() -> None:
    _, flags = await judged(await Play(workflow.demo_cases[3]).proposal())
    assert flags == [
        "3.6× the usual order (400.00 GBP)",
        "3× the usual price per unit (8.00 GBP)",
    ]


async def test_an_edited_quantity_is_what_is_fetched() -> None:
    play = Play(workflow.demo_cases[1])
    await play.done(quantity=30, amount="234.00")
    transport = await play.done()
    slot = await play.turn("approved", "done", "agreed on the phone")
    assert (transport.action, transport.args["quantity"]) == ("book_transport", 30)
    assert (slot.action, slot.args["quantity"]) == ("confirm_delivery_slot", 30)
    done = await play.next()
    assert isinstance(done, Done) and "234.00" in done.summary
    assert "agreed on the phone" not in done.summary


async def test_a_message_of_unknown_fate_is_no_reason_to_cancel_the_order() -> None:
    play = Play(workflow.demo_cases[1])
    await play.done()
    await play.done()
    await play.turn("approved", "unknown")
    done = await play.next()
    assert isinstance(done, Done) and "unknown" in done.summary


async def test_a_withdrawn_requisition_is_noticed_before_anything_is_done(url: str) -> None:
    step = await Play(workflow.demo_cases[0], requisition="R-9999").proposal()
    order, args = action(step.action), checked(step.action, step.args)
    assert await order.still_valid(args) is None
    await shop.post("/subjects/R-9999/close", {"reason": "put off to spring"})
    changed = await order.still_valid(args)
    assert changed is not None and "put off to spring" in changed


async def test_policy_and_flags_mean_the_same_limit() -> None:
    rule = next(rule for rule in parse_part("procurement", POLICY).rules if rule.name == "over-one-signature")
    assert rule.when == f"total > {ONE_SIGNATURE}.0"


@pytest.mark.parametrize("name", ["requisition", "supplier", "cancelled_at", "usual_amount", "ordered_at", "orders"])
async def test_what_the_order_is_seen_against_can_not_be_edited(name: str) -> None:
    step = await Play(workflow.demo_cases[0]).proposal()
    plain = checked(step.action, step.args).model_dump(mode="json")
    assert name in check_edit(action(step.action).form(), plain, {**plain, name: "7"})[1]
