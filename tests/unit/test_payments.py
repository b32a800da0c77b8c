"""The payments workflow against a real shop: every way a case can go, and what each failure means."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from graph.flow.workflow import Call, Done, GiveUp, Refused, Turn, Unreached
from graph.law.action import bind, check_edit, question
from graph.law.canonical import canonical_text
from graph.law.request import EffectClass
from graph.workflows.payments import PaymentsAgent, workflow
from graph.workflows.payments.plan import Standing, standing
from graph.workflows.shop import ShopTrouble
from tests.support.payments import Play, action, kinds, shop_at
from tests.support.shop import fail, fresh_case, ledger, listening, running_shop, url_of, withdraw


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shop(tmp_path_factory.mktemp("shop") / "shop.db") as base, shop_at(base):
        yield base


@pytest.fixture
def play(url: str, monkeypatch: pytest.MonkeyPatch) -> Play:
    monkeypatch.delenv("GATEPOST_MODEL", raising=False)
    return Play(PaymentsAgent(), fresh_case(url)["id"])


def refund_args(case: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "case_id": case["id"],
        "order": case["order"]["id"],
        "amount": case["amount"],
        "currency": case["currency"],
        **fields,
    }


async def refund_facts(args: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    refund = action("refund_card")
    bound = refund.args.model_validate(args)
    facts = await refund.facts(bound)
    return facts, list(refund.flags(bound, facts))


async def test_the_ordinary_way(url: str, play: Play) -> None:
    first = await play.approve()
    second = await play.approve()
    third = await play.approve()
    assert [first.action, second.action, third.action] == ["reserve_credit", "refund_card", "write_customer"]
    done = await play.next()
    assert done == Done(f"Case {play.case_id}: store credit: 15.00 EUR; refund: 420.00 EUR; message: sent.")
    entries = ledger(url, play.case_id)
    assert kinds(entries) == ["credit", "refund", "message"]
    assert [entry["amount"] for entry in entries] == ["15.00", "420.00", None]
    assert "We have refunded 420.00 EUR" in entries[2]["detail"]


@pytest.mark.parametrize("demo", workflow.demo_cases, ids=lambda demo: str(demo.input["case_id"]))
async def test_every_demo_case_can_be_run_again_and_again(url: str, demo: Any) -> None:
    for _ in range(2):
        run = Play(PaymentsAgent(), demo.input["case_id"])
        for _ in workflow.actions:
            await run.approve()
        assert isinstance(await run.next(), Done)
    assert kinds(ledger(url, demo.input["case_id"])) == ["credit", "refund", "message"] * 2


async def test_the_agent_is_a_pure_function(play: Play) -> None:
    await play.approve()
    assert await play.next() == await play.next()


async def test_everything_a_proposal_says_can_be_stored_and_shown(url: str) -> None:
    for demo in workflow.demo_cases:
        run = Play(PaymentsAgent(), demo.input["case_id"])
        for _ in workflow.actions:
            step = await run.proposal()
            chosen = action(step.action)
            args = chosen.args.model_validate(step.args).model_dump(mode="json")
            bind(workflow.name, step.action, args)
            canonical_text(dict(step.context))
            canonical_text(await chosen.facts(chosen.args.model_validate(step.args)))
            assert check_edit(chosen.form(), args, args) == (args, {})
            assert step.confidence is not None
            assert 0 <= step.confidence <= 1
            assert step.cost_of_delay
            assert {"goal", "conversation", "tried", "customer", "transaction", "policy", "recommendation"} <= set(
                step.context
            )
            for other in step.alternatives:
                action(other.type).args.model_validate(other.args)
            await run.answer("handled", "done by hand")


async def test_an_edit_is_what_the_customer_hears_about(url: str, play: Play) -> None:
    await play.approve()
    step = await play.proposal()
    await play.approve({**step.args, "amount": "410.00"})
    await play.approve()
    entries = ledger(url, play.case_id)
    assert entries[1]["amount"] == "410.00"
    assert "410.00 EUR" in entries[2]["detail"]
    assert "420.00" not in entries[2]["detail"]


async def test_a_rejected_refund_has_one_alternative(url: str, play: Play) -> None:
    await play.approve()
    await play.answer("rejected", "not to the card")
    step = await play.proposal()
    assert (step.action, step.args["amount"]) == ("reserve_credit", "420.00")
    assert any("not to the card" in line for line in step.context["earlier decisions"])
    await play.approve()
    await play.approve()
    assert isinstance(await play.next(), Done)
    assert kinds(ledger(url, play.case_id)) == ["credit", "credit", "message"]
    assert "We have added 420.00 EUR of store credit" in ledger(url, play.case_id)[2]["detail"]


async def test_rejecting_the_alternative_too_ends_it(play: Play) -> None:
    await play.approve()
    await play.answer("rejected", "no")
    await play.answer("rejected", "still no")
    end = await play.next()
    assert isinstance(end, GiveUp)
    assert "both rejected" in end.reason
    assert "still no" in end.reason


async def test_a_person_may_choose_the_alternative(play: Play) -> None:
    await play.approve()
    step = await play.proposal()
    other = step.alternatives[0]
    await play.approve(other.args, other.type)
    assert (await play.proposal()).action == "write_customer"


async def test_without_the_goodwill_it_goes_on(url: str, play: Play) -> None:
    await play.answer("rejected", "no presents")
    await play.approve()
    await play.approve()
    assert isinstance(await play.next(), Done)
    assert "store credit" not in ledger(url, play.case_id)[1]["detail"]


async def test_a_step_that_a_person_took_is_taken(url: str, play: Play) -> None:
    await play.approve()
    await play.answer("handled", "I have phoned the bank")
    await play.approve()
    done = await play.next()
    assert isinstance(done, Done)
    assert "refund: done by a person" in done.summary
    detail = ledger(url, play.case_id)[1]["detail"]
    assert "A colleague has taken care of your refund" in detail
    assert "bank" not in detail, "a reviewer's words are not for the customer"


async def test_a_rejected_letter_is_reworded_once_and_then_left_out(play: Play) -> None:
    await play.approve()
    await play.approve()
    first = await play.answer("rejected", "too long")
    second = await play.answer("rejected", "no letter at all")
    assert len(second.args["body"]) < len(first.args["body"])
    done = await play.next()
    assert isinstance(done, Done), "a letter is no reason to take the refund back"
    assert "message: left out" in done.summary


async def test_expiry_is_named_as_expiry(play: Play) -> None:
    await play.approve()
    await play.answer("expired")
    end = await play.next()
    assert isinstance(end, GiveUp)
    assert "expired" in end.reason
    assert "Nobody rejected it" in end.reason


async def test_a_failure_is_tried_once_more(url: str, play: Play) -> None:
    await play.approve()
    fail(url, "refunds", "refuse", times=2)
    failed = await play.approve()
    assert (failed.outcome, failed.error) == ("failed", "The shop refuses this.")
    await play.approve()
    end = await play.next()
    assert isinstance(end, GiveUp)
    assert "failed twice" in end.reason
    assert kinds(ledger(url, play.case_id)) == ["credit"]


@pytest.mark.parametrize(
    ("step", "status", "outcome", "goes_on"),
    [
        (0, "approved", "unknown", False),
        (1, "approved", "unknown", False),
        (2, "approved", "unknown", True),
        (1, "approved", "compensated", False),
        (1, "cancelled", None, False),
        (1, "approved", None, True),
    ],
)
def test_standings_that_are_rare(step: int, status: str, outcome: str | None, goes_on: bool) -> None:
    def turn(status: str, outcome: str | None) -> Turn:
        return Turn(action="any", args={}, status=status, outcome=outcome, reason="", result=None)

    now = standing([turn("approved", "done")] * step + [turn(status, outcome)])
    assert isinstance(now, GiveUp) is not goes_on


def test_approvals_that_were_never_begun_are_no_failures() -> None:
    def turn(outcome: str | None) -> Turn:
        return Turn(action="any", args={}, status="approved", outcome=outcome, reason="", result=None)

    now = standing([turn(None), turn(None), turn(None), turn("done")])
    assert isinstance(now, Standing)
    assert now.step == "refund_card"


async def test_a_case_withdrawn_in_the_meantime_is_noticed(url: str, play: Play) -> None:
    await play.approve()
    step = await play.proposal()
    refund = action("refund_card")
    args = refund.args.model_validate(step.args)
    assert await refund.still_valid(args) is None
    withdraw(url, play.case_id)
    changed = await refund.still_valid(args)
    assert changed is not None
    assert changed.startswith("The customer withdrew the case on ")
    assert changed.endswith(" UTC.")
    assert await play.next() == GiveUp(changed)


async def test_a_case_that_does_not_exist(url: str) -> None:
    end = await Play(PaymentsAgent(), "case-none").next()
    assert end == GiveUp("The shop has no case case-none.")


async def test_a_shop_that_is_away_is_no_reason_to_undo_anything(play: Play) -> None:
    with listening() as sock:
        away = url_of(sock)
    with shop_at(away), pytest.raises(Unreached, match="could not be reached"):
        await play.next()


async def test_remarks_end_the_plain_agent(play: Play) -> None:
    end = await play.next("amount: too large")
    assert isinstance(end, GiveUp)
    assert "too large" in end.reason


async def test_what_is_unusual_is_said_in_numbers(url: str) -> None:
    past = [{"amount": "120.00", "days_ago": 200}, {"amount": "150.00", "days_ago": 90}]
    case = fresh_case(url, past_refunds=past)
    facts, flags = await refund_facts(refund_args(case))
    assert facts["average_refund"] == "135.00"
    assert flags == ["3.1× this customer's average refund (135.00 EUR)"]
    assert (await refund_facts(refund_args(case, amount="400.00")))[1] == []
    assert (await refund_facts(refund_args(case, amount="420.01")))[1][
        1
    ] == "0.01 EUR more than the order's total of 420.00"
    assert "paid in EUR, not in USD" in (await refund_facts(refund_args(case, currency="USD")))[1][0]


async def test_another_order_than_the_case_is_about_is_flagged(url: str) -> None:
    case = fresh_case(url)
    number = case["order"]["id"]
    _, flags = await refund_facts(refund_args(case, order="4711"))
    assert flags[-1] == f"Case {case['id']} is about order {number}, not 4711"
    assert (await refund_facts(refund_args(case, order="none")))[1] == ["The shop has no order none."]


async def test_many_refunds_and_new_customers_are_flagged(url: str) -> None:
    past = [{"amount": "400.00", "days_ago": n} for n in range(6)]
    case = fresh_case(url, past_refunds=past, customer_days=12)
    _, flags = await refund_facts(refund_args(case))
    assert flags == ["6 refunds to this customer in 30 days (2400.00 EUR)", "Customer for only 12 days"]


async def test_an_order_that_was_refunded_already_is_flagged(play: Play) -> None:
    await play.approve()
    done = await play.approve()
    _, flags = await refund_facts(dict(done.args))
    assert "420.00 of this order's 420.00 EUR has been refunded already" in flags


async def test_a_large_credit_is_flagged(url: str) -> None:
    case = fresh_case(url)
    reserve = action("reserve_credit")
    args = {"case_id": case["id"], "customer": case["customer"]["id"], "currency": "EUR"}
    for amount, flags in (("50.00", []), ("420.00", ["8.4× the usual limit for store credit (50.00)"])):
        bound = reserve.args.model_validate({**args, "amount": amount})
        assert list(reserve.flags(bound, await reserve.facts(bound))) == flags


async def test_each_effect_happens_once_per_key_and_is_undone_once(url: str, play: Play) -> None:
    for name in ("reserve_credit", "refund_card"):
        step = await play.proposal()
        chosen, call, undo = action(name), Call(f"e-{name}", "run_1", 1), Call(f"u-{name}", "run_1", 1)
        bound = chosen.args.model_validate(step.args)
        result = await chosen.perform(bound, call)
        if chosen.effect is EffectClass.IDEMPOTENT:
            assert await chosen.perform(bound, call) == result
        else:
            assert await chosen.lookup(bound, call) == result
            assert await chosen.lookup(bound, Call("another", "run_1", 1)) is None
        assert await chosen.undo(bound, result, undo) == await chosen.undo(bound, result, undo)
        await play.answer("handled")
    assert kinds(ledger(url, play.case_id)) == ["credit", "credit_release", "refund", "refund_reversal"]


@pytest.mark.parametrize(
    ("mode", "raised", "happened"),
    [
        ("refuse", Refused, 0),
        ("fail_before", ShopTrouble, 0),
        ("fail_after", ShopTrouble, 1),
        ("lost_answer", ShopTrouble, 1),
    ],
)
async def test_only_a_certain_no_is_called_refused(
    url: str, play: Play, mode: str, raised: type[Exception], happened: int
) -> None:
    fail(url, "messages", mode, times=1)
    write = action("write_customer")
    customer = fresh_case(url)
    args = write.args.model_validate({"case_id": customer["id"], "customer": customer["customer"]["id"], "body": "Hi"})
    with pytest.raises(raised):
        await write.perform(args, Call("k", "run_1", 1))
    assert len(ledger(url, customer["id"])) == happened


@pytest.mark.parametrize(("setting", "words"), [(None, "is not set"), (" ", "is not set"), ("ftp://x", "http")])
async def test_a_missing_shop_address_is_said_clearly(play: Play, setting: str | None, words: str) -> None:
    with shop_at(setting), pytest.raises(Refused, match=f"GATEPOST_SHOP_URL.*{words}"):
        await play.next()


async def test_questions_lead_with_the_decision(play: Play) -> None:
    asked = []
    for _ in workflow.actions:
        step = await play.proposal()
        asked.append(question(action(step.action).form(), dict(step.args)))
        await play.answer("handled")
    number = play.case_id.removeprefix("case-")
    assert asked == [
        f"Reserve 15.00 EUR of store credit for customer C-{number}?",
        f"Refund 420.00 EUR to order {number}?",
        f"Write to customer C-{number} about case-{number}?",
    ]


def test_what_an_edit_may_not_touch() -> None:
    form = action("refund_card").form()
    before = {"case_id": "case-1", "order": "1", "amount": "10.00", "currency": "EUR"}
    _, errors = check_edit(form, before, {**before, "order": "2", "amount": "1e3", "currency": "JPY"})
    assert set(errors) == {"order", "amount", "currency"}


def test_no_model_no_chat_libraries() -> None:
    script = (
        "import sys, json, graph.workflows.payments\n"
        "print(json.dumps([m for m in sys.modules if m.startswith('lang')]))"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert json.loads(done.stdout) == []
