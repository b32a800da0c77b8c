"""The loan workflow: its three gates and the payout, every way a case can end, and who has to be asked."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.flow.registry import broken_promises
from graph.flow.workflow import Action, Call, Case, DemoCase, Done, GiveUp, Proposal, Refused, Step, Turn
from graph.law.action import bind, check_edit, question
from graph.law.canonical import canonical_text
from graph.law.facts import Facts, Record
from graph.law.policy import parse_part, parse_policy
from graph.law.request import EffectClass, Reason
from graph.law.routing import Route, RouteKind, route
from graph.workflows.loan import LIMIT, POLICY, LoanAgent, LoanCase, debt_to_income, smaller, workflow
from graph.workflows.shop import ShopTrouble
from tests.support.payments import shop_at
from tests.support.shop import fail, running_shop

DEFAULT = Path(__file__).resolve().parents[2] / "graph/policies/default.toml"
ORDER = ["accept_documents", "underwrite", "clear_compliance", "pay_out"]
ROUTINE, PAYSLIP, DEBTS, NEAR, WITHDRAWN = workflow.demo_cases


def action(name: str) -> Action[Any]:
    found = workflow.action(name)
    assert found is not None
    return found


@dataclass
class Play:
    """A run: `history` is what its agent is told of what the test decided."""

    demo: DemoCase = ROUTINE
    history: list[Turn] = field(default_factory=list)

    async def next(self, *remarks: str) -> Step:
        return await LoanAgent().next(
            Case(run_id="run_1", input=self.demo.input, history=tuple(self.history), remarks=remarks)
        )

    async def proposal(self) -> Proposal:
        """The next step, which has to be a proposal that could be framed and shown."""
        step = await self.next()
        assert isinstance(step, Proposal), step
        chosen = action(step.action)
        args = chosen.args.model_validate_json(json.dumps(step.args)).model_dump(mode="json")
        bind(workflow.name, step.action, args)
        assert check_edit(chosen.form(), args, args) == (args, {})
        assert "(missing)" not in question(chosen.form(), args)
        canonical_text(dict(step.context))
        canonical_text(await chosen.facts(chosen.args.model_validate(args)))
        return step

    async def told(
        self,
        status: str = "approved",
        outcome: str | None = "done",
        reason: str = "",
        by_policy: bool = False,
        error: str = "",
        **edits: Any,
    ) -> Proposal:
        step = await self.proposal()
        args = action(step.action).args.model_validate({**step.args, **edits}).model_dump(mode="json")
        turn = Turn(
            action=step.action,
            args=args,
            status=status,
            outcome=outcome,
            reason=reason,
            result={"deed": "dd_1"} if outcome == "done" else None,
            error=error,
            by_policy=by_policy,
        )
        self.history.append(turn)
        return step

    async def until(self, name: str) -> "Play":
        """Everything before this action approved and done."""
        while (await self.proposal()).action != name:
            await self.told()
        return self


async def ended(play: Play) -> str:
    end = await play.next()
    assert isinstance(end, GiveUp), end
    return end.reason


async def frozen(step: Proposal, **changes: Any) -> Facts:
    """The facts of a proposal as routing sees them."""
    chosen = action(step.action)
    args = {**step.args, **changes}
    bound = chosen.args.model_validate(args)
    facts = await chosen.facts(bound)
    nature = chosen.nature(bound, chosen.impact(bound, facts))
    stated = {**step.signals, "model": step.confidence}
    return Facts(
        action=f"loan.{step.action}",
        args=args,
        value=Decimal(args["amount"]) if chosen.value_field else None,
        tags=nature.tags,
        impact=nature.impact,
        effect_class=nature.effect_class,
        reversible=nature.reversible,
        signals={signal: stated.get(signal) for signal in nature.signals},  # type: ignore[misc]
        flags=(*chosen.flags(bound, facts), *step.flags),
        facts=facts,
    )


def routed(facts: Facts) -> Route:
    return route(parse_policy(DEFAULT.read_text(), {"loan": POLICY}), facts)


@pytest.mark.parametrize("demo", workflow.demo_cases, ids=lambda demo: str(demo.input["application"]))
async def test_every_demo_case_passes_all_gates(demo: DemoCase) -> None:
    assert workflow.input_problem(demo.input) is None
    play = Play(demo)
    steps = [await play.told() for _ in ORDER]
    assert [step.action for step in steps] == ORDER
    for step in steps:
        assert 0 <= (step.confidence or -1) <= 1
        assert "2 days" in step.cost_of_delay
        assert {"goal", "situation", "tried", "recommendation"} <= set(step.context)
        expected = {"tools"} if step.action in ("underwrite", "pay_out") else {"tools", "retrieval"}
        assert set(step.signals) == expected
    end = await play.next()
    assert isinstance(end, Done)
    assert f"{demo.input['amount']} {demo.input['currency']} paid out to {demo.input['name']}" in end.summary


def test_the_workflow_keeps_its_promises() -> None:
    assert list(broken_promises(workflow)) == []
    parse_part("loan", POLICY)
    assert [one.effect for one in workflow.actions] == [
        EffectClass.IDEMPOTENT,
        EffectClass.QUERYABLE,
        EffectClass.IDEMPOTENT,
        EffectClass.QUERYABLE,
    ]
    assert all(one.reversible for one in workflow.actions)


@pytest.mark.parametrize(
    "change", [{"amount": "0.00"}, {"more": 1}, {"name": "a\nb"}, {"rate": "99.00"}, {"months": 5}]
)
def test_inputs_that_are_refused(change: dict[str, Any]) -> None:
    assert workflow.input_problem({**ROUTINE.input, **change}) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"documented_income": "0.01", "stated_income": "999999999999.99"},
        {"amount": "999999999999.99", "months": 120, "rate": "29.99"},
        {"amount": "0.01", "rate": "0.00", "debts": "0.00", "documented_income": "999999999999.99"},
        {"name": "Łukasz O'Brien-Ñandú", "documents": [""], "likeness": 100, "address_days": 0, "waited_days": 0},
    ],
)
async def test_odd_but_valid_inputs_pass_as_well(change: dict[str, Any]) -> None:
    play = Play(DemoCase(title="odd", input={**ROUTINE.input, **change}))
    assert workflow.input_problem(play.demo.input) is None
    for _ in ORDER:
        await play.told()
    assert isinstance(await play.next(), Done)


async def test_questions_lead_with_the_decision() -> None:
    play = Play(PAYSLIP)
    steps = [await play.told() for _ in ORDER]
    assert [question(action(step.action).form(), dict(step.args)) for step in steps] == [
        "Accept Jo Abel's documents (income stated 4,200.00, shown 3,150.00 EUR)?",
        "Lend 18,000.00 EUR to Jo Abel over 48 months at 5.40 % a year?",
        "Clear Jo Abel of sanctions and identity checks (closest listed name: 12 % similar)?",
        "Pay out 18,000.00 EUR to Jo Abel, account DE02TEST002214?",
    ]


@pytest.mark.parametrize(
    ("demo", "name", "flags"),
    [
        (ROUTINE, "accept_documents", []),
        (ROUTINE, "underwrite", []),
        (PAYSLIP, "accept_documents", ["Income stated 4,200.00, documents show 3,150.00 (25 % less)"]),
        (DEBTS, "underwrite", ["Debt-to-income 52 % (limit 45 %)"]),
        (NEAR, "clear_compliance", ["Name 88 % similar to one on a sanctions list"]),
    ],
)
async def test_what_is_unusual_is_said_in_numbers(demo: DemoCase, name: str, flags: list[str]) -> None:
    step = await (await Play(demo).until(name)).proposal()
    bound = action(name).args.model_validate(step.args)
    assert list(action(name).flags(bound, await action(name).facts(bound))) == flags
    assert list(step.flags) == (["Applicant's address changed 3 days ago"] if demo is PAYSLIP else [])
    assert (step.confidence or 0) >= 0.9 or flags


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
@pytest.mark.parametrize("name", ["accept_documents", "clear_compliance", "pay_out"])
async def test_a_no_without_an_alternative_ends_it(name: str, status: str) -> None:
    play = await Play().until(name)
    await play.told(status, None, "not like this")
    end = await ended(play)
    assert end.startswith("This ") and status in end
    assert "not like this" in end


@pytest.mark.parametrize("by_policy", [False, True])
@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
async def test_an_underwriters_no_leads_to_one_smaller_loan(status: str, by_policy: bool) -> None:
    play = await Play(DEBTS).until("underwrite")
    first = await play.told(status, None, "too much", by_policy)
    second = await play.told(status, None, "still too much", by_policy)
    assert (first.args["amount"], second.args["amount"]) == ("26000.00", "17300.00")
    assert second.args == first.alternatives[0].args
    assert not second.alternatives
    assert not action("underwrite").flags(action("underwrite").args.model_validate(second.args), {})
    assert "too much" in second.context["tried"][-1]
    assert "still too much" in await ended(play)


async def test_the_smaller_loan_is_what_is_paid_out() -> None:
    play = await Play().until("underwrite")
    await play.told("rejected", None)
    await play.told()
    await play.until("pay_out")
    assert (await play.told()).args["amount"] == "9000.00"
    end = await play.next()
    assert isinstance(end, Done)
    assert "9000.00 EUR paid out" in end.summary


async def test_a_loan_that_can_be_no_smaller_is_given_up() -> None:
    play = await Play(DemoCase(title="tiny", input={**ROUTINE.input, "amount": "600.00"})).until("underwrite")
    step = await play.told("rejected", None, "no")
    assert not step.alternatives
    assert "This was rejected: Lend 600.00 EUR" in await ended(play)


async def test_edited_terms_count_from_then_on() -> None:
    play = await Play().until("underwrite")
    await play.told(amount="10500.00", months=36)
    payout = await (await play.until("pay_out")).proposal()
    assert payout.args["amount"] == "10500.00"
    assert payout.context["loan"]["months"] == 36


@pytest.mark.parametrize("name", ORDER)
async def test_a_failure_is_tried_once_more_as_it_was_decided(name: str) -> None:
    play = await Play().until(name)
    edits = {"amount": "10500.00"} if name == "underwrite" else {}
    first = await play.told("approved", "failed", error="The shop refuses this.", **edits)
    second = await play.told("approved", "failed", error="The shop refuses this.")
    assert second.args == {**first.args, **edits}
    end = await ended(play)
    assert end.startswith("This failed twice: ")
    assert "The shop refuses this." in end


async def test_a_smaller_loan_that_failed_is_not_made_smaller_again() -> None:
    play = await Play().until("underwrite")
    await play.told("rejected", None)
    tried = await play.told("approved", "failed")
    assert (await play.proposal()).args == tried.args


@pytest.mark.parametrize(("outcome", "words"), [("unknown", "Nobody knows whether"), ("compensated", "undone")])
@pytest.mark.parametrize("name", ORDER)
async def test_what_nobody_knows_or_was_undone_ends_it(name: str, outcome: str, words: str) -> None:
    play = await Play().until(name)
    await play.told("approved", outcome)
    assert words in await ended(play)


async def test_what_a_person_did_by_hand_counts_as_done() -> None:
    play = Play()
    for _ in ORDER:
        await play.told("handled", None, "did it at the branch")
    assert isinstance(await play.next(), Done)


async def test_an_approval_that_was_never_begun_changes_nothing_until_it_is_refused() -> None:
    play = await Play(WITHDRAWN).until("underwrite")
    before = await play.told("approved", None)
    assert (await play.proposal()).args == before.args
    await play.told("rejected", None, "withdrawn")
    end = await ended(play)
    assert end.startswith("This was rejected: Lend 1,500.00 GBP")
    assert "withdrawn" in end


async def test_remarks_end_the_agent() -> None:
    end = await Play().next("amount: too large")
    assert isinstance(end, GiveUp)
    assert "amount: too large" in end.reason


async def test_the_agent_is_a_pure_function() -> None:
    play = await Play(DEBTS).until("underwrite")
    assert await play.next() == await play.next()


@pytest.mark.parametrize(("months", "debts"), [(6, "0.00"), (48, "420.00"), (120, "1400.00")])
def test_a_smaller_loan_keeps_the_limit(months: int, debts: str) -> None:
    loan = LoanCase.model_validate({**ROUTINE.input, "amount": "90000.00", "months": months, "debts": debts})
    less = smaller(loan)
    if less is not None:
        assert less < loan.amount
        assert debt_to_income(loan.model_copy(update={"amount": less})) <= LIMIT
    assert less is not None or debts == "1400.00"


@pytest.mark.parametrize(
    ("demo", "name", "tier", "approvals"),
    [
        (ROUTINE, "accept_documents", 1, 1),
        (PAYSLIP, "accept_documents", 1, 1),
        (ROUTINE, "underwrite", 2, 1),
        (DEBTS, "underwrite", 3, 2),
        (ROUTINE, "clear_compliance", 2, 2),
        (NEAR, "clear_compliance", 2, 2),
        (ROUTINE, "pay_out", 2, 1),
        (WITHDRAWN, "pay_out", 1, 1),
    ],
)
async def test_who_is_asked(demo: DemoCase, name: str, tier: int, approvals: int) -> None:
    found = routed(await frozen(await (await Play(demo).until(name)).proposal()))
    assert (found.kind, found.tier, found.approvals) == (RouteKind.REVIEW, tier, approvals)


async def test_too_much_debt_is_a_policy_violation_that_managers_see() -> None:
    step = await (await Play(DEBTS).until("underwrite")).proposal()
    found = routed(await frozen(step))
    assert Reason.POLICY_VIOLATION in found.reasons
    assert "debt-to-income" in {match.rule for match in found.matched}
    # An edit takes facts and flags away; the rule still knows.
    edited = await frozen(step)
    bare = Facts(action=edited.action, args=edited.args, value=edited.value, tags=edited.tags, edited=True)
    assert (routed(bare).tier, {match.note for match in routed(bare).matched}) == (3, {""})
    less = await frozen(step, amount=step.alternatives[0].args["amount"])
    assert routed(less).tier == 2


@pytest.mark.parametrize("name", ["underwrite", "pay_out"])
@pytest.mark.parametrize(
    ("amount", "earlier", "tier"), [("50000.00", "0", 2), ("50000.01", "0", 3), ("30000.00", "21000", 3)]
)
async def test_amounts_over_50000_are_for_managers(name: str, amount: str, earlier: str, tier: int) -> None:
    rich = DemoCase(title="rich", input={**ROUTINE.input, "amount": amount, "documented_income": "90000.00"})
    facts = await frozen(await (await Play(rich).until(name)).proposal())
    total = Record(totals={"loans-of-a-month": Decimal(earlier)})
    found = routed(Facts(action=facts.action, args=facts.args, value=facts.value, tags=facts.tags, record=total))
    assert found.tier == tier
    assert ("amount-over-50000" in {match.rule for match in found.matched}) == (tier == 3)


async def test_edits_can_change_terms_but_not_the_applicant_nor_the_payout() -> None:
    play = await Play().until("underwrite")
    args = dict((await play.proposal()).args)
    form = action("underwrite").form()
    assert check_edit(form, args, {**args, "amount": "9", "months": 24, "rate": "4.90"})[1] == {}
    assert set(check_edit(form, args, {**args, "name": "X", "documented_income": "9000.00"})[1]) == {
        "name",
        "documented_income",
    }
    payout = dict((await (await play.until("pay_out")).proposal()).args)
    assert set(check_edit(action("pay_out").form(), payout, {**payout, "amount": "9.00"})[1]) == {"amount"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shop(tmp_path_factory.mktemp("shop") / "shop.db") as base, shop_at(base):
        yield base


def deeds(url: str, subject: str) -> list[Mapping[str, Any]]:
    found = httpx.get(f"{url}/deeds", params={"subject": subject}, trust_env=False).raise_for_status().json()
    return list(found["deeds"])


def withdraw(url: str, subject: str, reason: str) -> None:
    httpx.post(f"{url}/subjects/{subject}/close", json={"reason": reason}, trust_env=False).raise_for_status()


@pytest.mark.parametrize("name", ORDER)
async def test_each_effect_happens_once_and_is_undone_once(url: str, name: str) -> None:
    play = await Play(DemoCase(title=name, input={**ROUTINE.input, "application": f"LN-{name}"})).until(name)
    chosen, call, undo = action(name), Call(f"e-{name}", "run_1", 1), Call(f"u-{name}", "run_1", 1)
    args = chosen.args.model_validate((await play.proposal()).args)
    result = await chosen.perform(args, call)
    if chosen.effect is EffectClass.IDEMPOTENT:
        assert await chosen.perform(args, call) == result
    else:
        assert await chosen.lookup(args, call) == result
        assert await chosen.lookup(args, Call("another", "run_1", 1)) is None
    assert await chosen.undo(args, result, undo) == await chosen.undo(args, result, undo)
    found = deeds(url, f"LN-{name}")
    assert [deed["kind"] for deed in found] == [name, f"undo: {name}"]
    assert found[0]["amount"] == ("12000.00" if chosen.value_field else None)
    assert "Marta Lindholm" in found[0]["title"]


@pytest.mark.parametrize(
    ("mode", "raised", "happened"),
    [("refuse", Refused, 0), ("fail_before", ShopTrouble, 0), ("lost_answer", ShopTrouble, 1)],
)
async def test_only_a_certain_no_is_called_refused(url: str, mode: str, raised: type[Exception], happened: int) -> None:
    play = await Play(DemoCase(title=mode, input={**ROUTINE.input, "application": f"LN-{mode}"})).until("pay_out")
    args = action("pay_out").args.model_validate((await play.proposal()).args)
    fail(url, "deeds", mode, times=1)
    with pytest.raises(raised):
        await action("pay_out").perform(args, Call(f"key-{mode}", "run_1", 1))
    assert (await action("pay_out").lookup(args, Call(f"key-{mode}", "run_1", 1)) is not None) == bool(happened)
    assert len(deeds(url, f"LN-{mode}")) == happened


async def test_a_withdrawn_application_is_noticed_at_every_gate(url: str) -> None:
    play, steps = Play(WITHDRAWN), []
    for name in ORDER:
        step = await play.told()
        steps.append((action(name), action(name).args.model_validate(step.args)))
    assert [await chosen.still_valid(args) for chosen, args in steps] == [None] * 4
    withdraw(url, "LN-2541", "the applicant found the money elsewhere")
    for chosen, args in steps:
        assert str(await chosen.still_valid(args)).endswith("UTC: the applicant found the money elsewhere.")
