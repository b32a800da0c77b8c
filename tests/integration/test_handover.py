"""Whoever takes over a gate of a shipped domain finds the whole file behind Details, beside Gatepost's own record."""

from pathlib import Path
from typing import Any, Final

import pytest

from bot.ids import ref_of
from bot.listeners.reading import details_view
from bot.modals.handover import Part, handover
from graph.flow.workflow import DemoCase
from graph.law.action import question
from graph.law.request import Outcome, Request
from storage.store import PgStore
from tests.support.blockkit import check
from tests.support.domains import CASES, REASON, Domains
from tests.support.payments import shop_at
from tests.support.shop import running_shop

ALWAYS: Final = ("What is asked", "Why a person is asked", "Recommendation (agent says)", "Goal (agent says)",
                 "Customer (agent says)", "Transaction (agent says)", "Tried (agent says)", "Policy context",
                 "Confidence, signal by signal", "Record")  # fmt: skip
RECORD: Final = "Done in this run (Gatepost's record)"
SILENT: Final = 10
"""Cases in which nobody talked to anybody."""
MOST_WORDS: Final = 20
_EACH: Final = pytest.mark.parametrize(
    ("workflow", "case"), CASES, ids=[f"{name}: {case.title}" for name, case in CASES]
)


@pytest.fixture
async def house(store: PgStore, tmp_path: Path) -> Any:
    with running_shop(tmp_path / "shop.db") as base, shop_at(base):
        made = Domains(store, base)
        await made.offer()
        yield made


async def page(house: Domains, gate: Request) -> dict[str, str]:
    """What stands under each heading of Details."""
    async with house.store.begin() as tx:
        view = await details_view(tx, gate, ref_of(gate), None, None)
    check(view)
    found, heading = dict[str, str](), ""
    for block in view["blocks"]:
        if block["type"] == "header":
            heading = block["text"]["text"]
            found[heading] = ""
        elif block["type"] == "rich_text":
            found[heading] += "\n".join(each["text"] for part in block["elements"] for each in part["elements"])
    return found


@_EACH
async def test_every_case_hands_over_all_there_is_to_know(house: Domains, workflow: str, case: DemoCase) -> None:
    run_id = await house.propose(workflow, case)
    first = await house.gate(run_id)
    told = await page(house, first)
    assert [heading for heading in told if heading in ALWAYS] == list(ALWAYS)
    # Policy may have turned something down before people were asked.
    assert (RECORD in told) is (len(await house.requests(run_id)) > 1)
    assert len(first.brief.rationale.split()) <= MOST_WORDS, first.brief.rationale
    await house.approve(first)
    second = await house.waiting(run_id)
    if second is None:
        return
    record = (await page(house, second))[RECORD]
    assert question(first.form, first.args) in record
    assert f"“{REASON}”" in record
    assert "Outcome: Done" in record
    assert len(second.brief.rationale.split()) <= MOST_WORDS, second.brief.rationale


async def test_most_cases_come_with_what_people_said() -> None:
    silent = [case.title for name, case in CASES if name != "payments" and not _talks(case)]
    assert len(silent) <= SILENT, silent


def _talks(case: DemoCase) -> list[Any]:
    files = [case.input.get("file"), *(each.get("file") for each in case.input.get("instructions", ()))]
    return [turn for file in files if file for turn in file["conversation"]]


async def test_the_conversation_of_a_case_is_shown_turn_by_turn(house: Domains) -> None:
    [case] = [case for name, case in CASES if name == "orders" and "upset" in case.title]
    gate = await house.gate(await house.propose("orders", case))
    told = await page(house, gate)
    [heading] = [heading for heading in told if heading.startswith("Conversation")]
    assert heading == "Conversation (agent says), 5 turns"
    assert told[heading].startswith("1 · C-204 · 2 Sep 19:12\nThe kettle leaks from the base.")
    assert handover(gate.brief.context).of(Part.OTHER) == []


async def test_what_was_decided_about_the_same_thing_before_is_told(house: Domains) -> None:
    [case] = [case for name, case in CASES if name == "orders" and "upset" in case.title]
    before = await house.gate(await house.propose("orders", case, key="first"))
    await house.reject(before)
    again = await house.gate(await house.propose("orders", case, key="second"))
    earlier = (await page(house, again))["Earlier decisions on the same thing"]
    assert "Rejected by UALICE" in earlier or "Rejected by Alice" in earlier
    assert f"{question(before.form, before.args)}\nReason: “{REASON}”" in earlier
    async with house.store.begin() as tx:
        [taken] = [one for one in await tx.trail.about(again, 5) if one.run_id == before.run_id]
        assert (taken.question, taken.effect) == (question(before.form, before.args), None)
        assert await tx.trail.of_run(again, 5) == []


async def test_the_record_of_a_run_is_its_own_newest_first_and_bounded(house: Domains) -> None:
    [case] = [case for name, case in CASES if name == "transactions" and "Four small" in case.title]
    run_id, gates = await house.propose("transactions", case), list[Request]()
    for _ in range(3):
        gates.append(await house.gate(run_id))
        await house.approve(gates[-1])
    last = await house.gate(run_id)
    async with house.store.begin() as tx:
        taken = await tx.trail.of_run(last, 10)
        assert [one.turn for one in taken] == [gate.turn for gate in reversed(gates)]
        assert {one.effect.status for one in taken if one.effect} == {Outcome.DONE}
        assert [one.turn for one in await tx.trail.of_run(last, 2)] == [gates[2].turn, gates[1].turn]
        assert await tx.trail.about(last, 10) == [], "other runs only"
