"""The contracts workflow: every way a matter can go, what is said to be unusual, and who must agree."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.flow.registry import broken_promises
from graph.flow.workflow import Action, Call, Case, Done, GiveUp, Proposal, Refused, Step, Turn
from graph.law.action import bind, question
from graph.law.facts import Facts, Record
from graph.law.policy import parse_part, parse_policy
from graph.law.request import Risk
from graph.law.routing import Route, route
from graph.workflows.contracts import POLICY, cap_change, words_apart, workflow
from graph.workflows.shop import ShopTrouble
from tests.support.payments import shop_at
from tests.support.shop import fail, running_shop

DEFAULT = Path("graph/policies/default.toml").read_text(encoding="utf-8")
MINOR, OFFER, FILING, NOTICE = (dict(demo.input) for demo in workflow.demo_cases)
ALL: dict[str, Any] = {"situation": "All at once.", **{k: v for c in (NOTICE, OFFER, FILING) for k, v in c.items()}}


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with running_shop(tmp_path / "shop.db") as base, shop_at(base):
        yield base


def deeds(url: str) -> list[str]:
    """The kinds of all that really happened."""
    return [deed["kind"] for deed in httpx.get(f"{url}/deeds", trust_env=False).json()["deeds"]]


def close(url: str, subject: str, reason: str) -> None:
    """The subject is withdrawn."""
    httpx.post(f"{url}/subjects/{subject}/close", json={"reason": reason}, trust_env=False).raise_for_status()


def action(name: str) -> Action[Any]:
    found = workflow.action(name)
    assert found is not None
    return found


@dataclass
class Play:
    """A run of one matter: `history` is what its agent is told."""

    input: Mapping[str, Any]
    history: list[Turn] = field(default_factory=list)

    async def next(self, *remarks: str) -> Step:
        case = Case(run_id="run_1", input=self.input, history=tuple(self.history), remarks=remarks)
        return await workflow.agent.next(case)

    async def proposal(self) -> Proposal:
        """The next step: a proposal that could be bound, asked and shown."""
        step = await self.next()
        assert isinstance(step, Proposal), step
        chosen = action(step.action)
        for type_, args in ((step.action, step.args), *((other.type, other.args) for other in step.alternatives)):
            bound = action(type_).args.model_validate_json(json.dumps(args)).model_dump(mode="json")
            bind(workflow.name, type_, bound)
            assert "(missing)" not in question(action(type_).form(), bound)
        json.dumps([chosen.name, step.context])
        assert step.rationale and step.confidence is not None and any(c.isdigit() for c in step.cost_of_delay)
        return step

    async def approve(self, **edits: Any) -> Turn:
        """A person approves, with edits if given, and it really happens."""
        step = await self.proposal()
        chosen = action(step.action)
        args = chosen.args.model_validate_json(json.dumps({**step.args, **edits}))
        call = Call(key=f"key-{len(self.history)}", run_id="run_1", attempt=1)
        try:
            result = await chosen.perform(args, call)
        except Refused as error:
            return self.told(step.action, args.model_dump(mode="json"), outcome="failed", error=str(error))
        return self.told(step.action, args.model_dump(mode="json"), outcome="done", result=result)

    async def answer(self, status: str = "approved", outcome: str | None = None, **told: Any) -> Turn:
        """It ends otherwise; nothing happens."""
        step = await self.proposal()
        return self.told(step.action, step.args, status=status, outcome=outcome, **told)

    def told(self, name: str, args: Mapping[str, Any], **fields: Any) -> Turn:
        values = {"status": "approved", "outcome": None, "reason": "", "result": None, **fields}
        self.history.append(Turn(action=name, args=args, **values))
        return self.history[-1]


async def flags(name: str, args: Mapping[str, Any]) -> list[str]:
    bound = action(name).args.model_validate_json(json.dumps(args))
    return list(action(name).flags(bound, await action(name).facts(bound)))


async def routed(name: str, args: Mapping[str, Any], agent_flags: tuple[str, ...] = (), earlier: str = "0") -> Route:
    """The route of an action under the default policy and the domain's own."""
    chosen = action(name)
    bound = chosen.args.model_validate_json(json.dumps(args))
    found = await chosen.facts(bound)
    facts = Facts(
        action=f"{workflow.name}.{name}",
        args=bound.model_dump(mode="json"),
        value=getattr(bound, chosen.value_field) if chosen.value_field else None,
        effect_class=chosen.effect,
        reversible=chosen.reversible,
        tags=tuple(chosen.tags),
        impact=chosen.impact(bound, found),
        facts=found,
        flags=(*chosen.flags(bound, found), *agent_flags),
        record=Record(totals={"offers-to-one-party": Decimal(earlier)}),
    )
    return route(parse_policy(DEFAULT, {workflow.name: POLICY}), facts)


def rules(found: Route) -> set[str]:
    return {match.rule for match in found.matched}


def test_it_keeps_its_promises() -> None:
    assert list(broken_promises(workflow)) == []
    assert parse_part(workflow.name, POLICY).rules
    for demo in workflow.demo_cases:
        assert workflow.input_problem(demo.input) is None
    assert "claus: Extra inputs" in (workflow.input_problem({"situation": "x", "claus": {}}) or "")


@pytest.mark.parametrize("given", [MINOR, OFFER, FILING, NOTICE, ALL])
async def test_approved_all_the_way(url: str, given: dict[str, Any]) -> None:
    play = Play(given)
    while isinstance(await play.next(), Proposal):
        assert (await play.approve()).outcome == "done"
    asked = [name for name in ("clause", "offer", "filing") if name in given]
    assert len(play.history) == len(asked)
    assert isinstance(await play.next(), Done)
    assert deeds(url) == [turn.action for turn in play.history]


async def test_nothing_to_do_is_done() -> None:
    assert await Play({"situation": "Nothing."}).next() == Done("Nothing was asked for.")


async def test_edits_are_told_later(url: str) -> None:
    play = Play(ALL)
    await play.approve()
    await play.approve(amount="29000.00")
    filing = await play.proposal()
    assert "29000.00 EUR" in filing.rationale and "45000.00" not in filing.rationale
    await play.approve()
    done = await play.next()
    assert isinstance(done, Done) and "29000.00 EUR: done" in done.summary


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
@pytest.mark.parametrize("by_policy", [False, True])
async def test_a_refusal_leads_to_one_safer_version(status: str, by_policy: bool) -> None:
    for given, name, safer in (
        (MINOR, "new_text", MINOR["playbook"]),
        (OFFER, "amount", "30000.00"),
        (FILING, "document", "Request for more time"),
    ):
        play = Play(given)
        await play.answer(status, reason="not like this", by_policy=by_policy)
        step = await play.proposal()
        assert step.args[name] == safer and "not like this" in step.rationale and not step.alternatives
        await play.answer(status, reason="no", by_policy=by_policy)
        end = await play.next()
        assert isinstance(end, GiveUp) and "no" in end.reason


async def test_without_a_safer_version_it_gives_up() -> None:
    play = Play(NOTICE)
    await play.answer("rejected", reason="keep 30 days")
    end = await play.next()
    assert isinstance(end, GiveUp) and "keep 30 days" in end.reason


async def test_an_offer_within_the_reserve_becomes_smaller() -> None:
    play = Play({**OFFER, "offer": {**OFFER["offer"], "amount": "20000.00"}})
    await play.answer("rejected")
    assert (await play.proposal()).args["amount"] == "15000.00"
    tiny = Play({**OFFER, "offer": {**OFFER["offer"], "amount": "0.01"}})
    await tiny.answer("rejected")
    assert isinstance(await tiny.next(), GiveUp)


async def test_a_failure_is_tried_once_more(url: str) -> None:
    play = Play(MINOR)
    fail(url, "deeds", "refuse", times=2)
    first = await play.approve()
    assert first.outcome == "failed" and first.error in (await play.proposal()).rationale
    await play.approve()
    end = await play.next()
    assert isinstance(end, GiveUp) and first.error in end.reason


@pytest.mark.parametrize(
    ("status", "outcome", "ending"),
    [("approved", "unknown", "Nobody knows"), ("approved", "compensated", "This was undone"), ("approved", None, None)],
)
async def test_rare_endings(status: str, outcome: str | None, ending: str | None) -> None:
    play = Play(FILING)
    before = await play.proposal()
    await play.answer(status, outcome)
    step = await play.next()
    if ending is None:
        assert isinstance(step, Proposal) and step.args == before.args
    else:
        assert isinstance(step, GiveUp) and ending in step.reason


async def test_what_a_person_took_over_is_settled_and_remarks_end_it() -> None:
    play = Play(ALL)
    await play.answer("handled", reason="changed by hand")
    assert (await play.proposal()).action == "offer_settlement"
    end = await play.next("amount: too large")
    assert isinstance(end, GiveUp) and "too large" in end.reason


async def test_effects_are_found_and_undone(url: str) -> None:
    change, offer, call = action("change_clause"), action("offer_settlement"), Call("k1", "run_1", 1)
    clause = change.args.model_validate(MINOR["clause"])
    done = await change.perform(clause, call)
    assert await change.perform(clause, call) == done
    undo = Call("u1", "run_1", 1)
    assert await change.undo(clause, done, undo) == await change.undo(clause, done, undo)
    offered = offer.args.model_validate(OFFER["offer"])
    assert await offer.lookup(offered, Call("k2", "run_1", 1)) is None
    sent = await offer.perform(offered, Call("k2", "run_1", 1))
    assert await offer.lookup(offered, Call("k2", "run_1", 1)) == sent
    assert (sent["amount"], sent["currency"]) == ("45000.00", "EUR")
    fail(url, "deeds", "lost_answer", times=1)
    with pytest.raises(ShopTrouble):
        await action("file_document").perform(action("file_document").args.model_validate(FILING["filing"]), call)


async def test_a_withdrawn_matter_no_longer_fits(url: str) -> None:
    clause = action("change_clause").args.model_validate(MINOR["clause"])
    assert await action("change_clause").still_valid(clause) is None
    close(url, "M-2041", "The client took another lawyer")
    assert "another lawyer" in (await action("change_clause").still_valid(clause) or "")


async def test_the_striking_case_is_flagged_with_numbers() -> None:
    clause = MINOR["clause"]
    assert await flags("change_clause", clause) == [
        "Liability cap of 100,000.00 removed, now unlimited",
        f"Declared minor, but {words_apart(clause['old_text'], clause['new_text'])} words change",
    ]
    step = await Play(MINOR).proposal()
    away = words_apart(clause["new_text"], MINOR["playbook"])
    assert step.flags == [f"Differs from playbook: {away} words"]
    assert (await Play(NOTICE).proposal()).flags == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        ("Liability up to EUR 100,000.", "Liability up to EUR 40,000.", "lowered", "by 60,000.00, from 100,000.00"),
        ("Liability: 100.000,00 EUR", "Liability: 250,000.00 EUR", "raised", "to 250,000.00"),
        ("Liability up to €100,000.00.", "The Supplier is liable.", "removed", "100,000.00 removed"),
        ("Liability up to 5,000 EUR", "Liability up to 5,000 EUR, unlimited for delay", "removed", "unlimited"),
        ("Liability up to 5,000 EUR", "Liability up to EUR 5,000.00 at most", "", ""),
        ("Liability is unlimited.", "Liability up to 5,000 EUR", "", ""),
        ("A fee of 100 EUR", "A fee of 900 EUR", "", ""),
    ],
)
def test_what_becomes_of_a_liability_cap(old: str, new: str, kind: str, words: str) -> None:
    clause = {**NOTICE["clause"], "old_text": old, "new_text": new}
    found = cap_change(action("change_clause").args.model_validate(clause))
    assert found[0] == kind and words in found[1]


async def test_offers_and_deadlines_are_flagged_with_numbers() -> None:
    assert await flags("offer_settlement", OFFER["offer"]) == ["1.50× the reserve (30,000.00 EUR)"]
    assert await flags("offer_settlement", {**OFFER["offer"], "amount": "30000.00"}) == []
    assert await flags("file_document", FILING["filing"]) == ["Filing deadline 5 hours after this was opened"]
    assert await flags("file_document", {**FILING["filing"], "due_hours": 300}) == []


async def test_who_must_agree() -> None:
    minor = await routed("change_clause", MINOR["clause"])
    assert (minor.kind, minor.tier, minor.approvals, minor.risk) == ("review", 3, 2, Risk.CRITICAL)
    assert "liability-cap-removed" in rules(minor)
    notice = await routed("change_clause", NOTICE["clause"])
    assert (notice.tier, notice.approvals) == (2, 1) and "liability-cap-removed" not in rules(notice)
    above = await routed("offer_settlement", OFFER["offer"])
    assert (above.tier, above.approvals) == (3, 2) and "offer-above-reserve" in rules(above)
    within = await routed("offer_settlement", {**OFFER["offer"], "amount": "30000.00"})
    assert within.tier == 2 and "offer-above-reserve" not in rules(within)
    filing = await routed("file_document", FILING["filing"])
    assert (filing.tier, filing.approvals) == (2, 2) and "filing-two-people" in rules(filing)


async def test_two_offers_within_the_reserve_count_together() -> None:
    part = {**OFFER["offer"], "amount": "20000.00"}
    assert (await routed("offer_settlement", part)).tier == 2
    assert (await routed("offer_settlement", part, earlier="20000")).tier == 3
