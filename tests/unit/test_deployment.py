"""The deployment workflow: every way a change can go, what people are told of it, and whom its policy asks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from graph.flow.registry import broken_promises
from graph.flow.workflow import Action, Call, Case, Done, GiveUp, Proposal, Refused, Turn
from graph.law.action import bind, check_edit, question
from graph.law.canonical import canonical_text
from graph.law.confidence import Signal
from graph.law.facts import Facts
from graph.law.policy import parse_part, parse_policy
from graph.law.request import Nature, Risk
from graph.law.routing import Route, RouteKind, route
from graph.workflows import shop
from graph.workflows.deployment import POLICY, workflow
from tests.support.shop import running_shop

PATCH, FRIDAY, MIGRATION, FLAG, BROKEN = (demo.input for demo in workflow.demo_cases)
DEFAULT = Path("graph/policies/default.toml")


def action(name: str) -> Action[Any]:
    found = workflow.action(name)
    assert found is not None
    return found


@dataclass
class Play:
    """A run: a test says what becomes of each proposal."""

    input: Mapping[str, Any]
    history: list[Turn] = field(default_factory=list)

    async def next(self, *remarks: str) -> Any:
        return await workflow.agent.next(
            Case(run_id="run_1", input=self.input, history=tuple(self.history), remarks=remarks)
        )

    async def proposal(self) -> Proposal:
        """The next step, with all that the house would check of it."""
        step = await self.next()
        assert isinstance(step, Proposal), step
        chosen = action(step.action)
        args = chosen.args.model_validate_json(json.dumps(step.args)).model_dump(mode="json")
        bind(workflow.name, step.action, args)
        canonical_text(dict(step.context))
        assert check_edit(chosen.form(), args, args) == (args, {})
        assert "(missing)" not in question(chosen.form(), args)
        assert step.confidence is not None and 0 <= step.confidence <= 1
        assert step.rationale and step.cost_of_delay
        for other in step.alternatives:
            action(other.type).args.model_validate_json(json.dumps(other.args))
        return step

    async def answer(self, status: str, outcome: str | None = None, **said: Any) -> Proposal:
        step = await self.proposal()
        args = {**step.args, **said.pop("edit", {})}
        told = {"action": step.action, "reason": "", "result": None, **said}
        self.history.append(Turn(args=args, status=status, outcome=outcome, **told))
        return step

    async def approve(self, **said: Any) -> Proposal:
        return await self.answer("approved", "done", **said)


def nature(name: str, args: Mapping[str, Any]) -> Nature:
    bound = action(name).args.model_validate_json(json.dumps(args))
    return action(name).nature(bound, action(name).impact(bound, {}))


def routed(name: str, args: Mapping[str, Any], confidence: float = 0.95) -> Route:
    chosen = action(name)
    bound = chosen.args.model_validate_json(json.dumps(args))
    policy = parse_policy(DEFAULT.read_text(), {workflow.name: POLICY})
    facts = Facts(
        action=f"{workflow.name}.{name}",
        args=bound.model_dump(mode="json"),
        effect_class=chosen.effect,
        reversible=nature(name, args).reversible,
        tags=tuple(chosen.tags),
        impact=chosen.impact(bound, {}),
        flags=tuple(chosen.flags(bound, {})),
        signals={Signal.MODEL: confidence, Signal.TOOLS: 1.0, Signal.PRECEDENT: None, Signal.ALIGNMENT: None},
    )
    return route(policy, facts)


def flags(name: str, args: Mapping[str, Any]) -> list[str]:
    chosen = action(name)
    return list(chosen.flags(chosen.args.model_validate_json(json.dumps(args)), {}))


def test_it_keeps_its_promises() -> None:
    assert list(broken_promises(workflow)) == []
    parse_part(workflow.name, POLICY)
    assert [workflow.input_problem(demo.input) for demo in workflow.demo_cases] == [None] * 5
    assert workflow.input_problem({"why": "x"}) is not None
    assert workflow.input_problem({**PATCH, "deploy": {"version": "1"}}) is not None


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        (PATCH, ["approve_pipeline", "deploy_production", "announce"]),
        (FRIDAY, ["deploy_production", "announce"]),
        (MIGRATION, ["deploy_production", "announce"]),
        (FLAG, ["set_feature_flag", "announce"]),
        (BROKEN, ["roll_back", "announce"]),
    ],
)
async def test_each_case_goes_its_way(given: Mapping[str, Any], steps: list[str]) -> None:
    play = Play(given)
    assert [(await play.approve()).action for _ in steps] == steps
    assert isinstance(await play.next(), Done)
    assert await play.next() == await play.next(), "a pure function"


async def test_questions_lead_with_the_decision() -> None:
    play = Play(PATCH)
    asked = [question(action(step.action).form(), dict(step.args)) for step in [await play.approve() for _ in range(3)]]
    assert asked == [
        "Approve pipeline p-88121 of checkout 7.1.5 (1284 tests passed, 0 failed)?",
        "Deploy checkout 7.1.5 to 100 % of users (database migration: none)?",
        "Announce in the status channel what was done to checkout?",
    ]


async def test_an_edit_is_what_the_channel_hears_about_and_no_reviewer_is_quoted() -> None:
    play = Play(PATCH)
    await play.approve(reason="fine by me")
    await play.approve(edit={"percent": 25})
    text = (await play.proposal()).args["text"]
    assert "Deploy checkout 7.1.5 to 25 % of users" in text
    assert "fine by me" not in text


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
@pytest.mark.parametrize("by_policy", [False, True])
async def test_what_is_turned_down_comes_back_smaller_once(status: str, by_policy: bool) -> None:
    play = Play(FRIDAY)
    first = await play.answer(status, reason="too risky", by_policy=by_policy)
    assert (first.args["percent"], [other.args["percent"] for other in first.alternatives]) == (100, [5])
    second = await play.answer(status, reason="still no", by_policy=by_policy)
    assert (second.args["percent"], list(second.alternatives)) == (5, [])
    assert "This comes after" in second.rationale
    end = await play.next()
    assert isinstance(end, GiveUp)
    assert "still no" in end.reason


async def test_a_flag_goes_a_quarter_of_the_way_instead() -> None:
    play = Play(FLAG)
    await play.answer("rejected", reason="in steps, please")
    assert (await play.proposal()).args["percent"] == 26


@pytest.mark.parametrize("given", [MIGRATION, BROKEN])
async def test_what_has_no_smaller_form_ends_with_a_no(given: Mapping[str, Any]) -> None:
    play = Play(given)
    await play.answer("rejected", reason="no")
    assert isinstance(await play.next(), GiveUp)


async def test_a_rejected_pipeline_ends_it() -> None:
    play = Play(PATCH)
    await play.answer("rejected", reason="not this one")
    end = await play.next()
    assert isinstance(end, GiveUp) and "not this one" in end.reason


@pytest.mark.parametrize("status", ["rejected", "expired"])
async def test_the_announcement_may_be_left_out(status: str) -> None:
    play = Play(BROKEN)
    await play.approve()
    await play.answer(status)
    assert await play.next() == Done("Roll login back from 5.2.0 to 5.1.7: done")


async def test_an_announcement_of_unknown_fate_calls_nothing_back() -> None:
    play = Play(BROKEN)
    await play.approve()
    await play.answer("approved", "unknown")
    assert isinstance(await play.next(), Done)


async def test_a_failure_is_tried_once_more() -> None:
    play = Play(BROKEN)
    first = await play.answer("approved", "failed", error="The receiver refused it.")
    second = await play.answer("approved", "failed", error="The receiver refused it.")
    assert first.args == second.args
    end = await play.next()
    assert isinstance(end, GiveUp) and "refused it" in end.reason


async def test_nobody_knowing_is_the_end() -> None:
    play = Play(PATCH)
    await play.approve()
    await play.answer("approved", "unknown")
    end = await play.next()
    assert isinstance(end, GiveUp) and "Nobody knows" in end.reason


async def test_a_moved_world_and_a_helping_hand() -> None:
    play = Play(PATCH)
    first = await play.answer("approved")
    again = await play.answer("handled", reason="did it myself")
    assert first == again or first.args == again.args
    assert (await play.proposal()).action == "deploy_production"


async def test_a_person_may_choose_the_alternative() -> None:
    play = Play(FRIDAY)
    step = await play.proposal()
    await play.approve(action=step.alternatives[0].type, edit=step.alternatives[0].args)
    assert "to 5 % of users" in (await play.proposal()).args["text"]


async def test_remarks_end_the_agent() -> None:
    end = await Play(PATCH).next("percent: too large")
    assert isinstance(end, GiveUp) and "too large" in end.reason


async def test_nothing_wanted_is_nothing_done() -> None:
    assert await Play({"why": "?", "cost_of_delay": "0"}).next() == Done("Nothing was asked for.")


async def test_odd_input_that_passes_is_no_accident() -> None:
    deploy = {**FRIDAY["deploy"], "percent": 1, "canary": 0, "hours_unattended": 10**9}
    flag = {**FLAG["flag"], "now_percent": 100, "percent": 0, "users": 0}
    play = Play({**FRIDAY, "why": "…", "deploy": deploy, "flag": flag, "roll_back": BROKEN["roll_back"]})
    for _ in range(4):
        await play.approve()
    assert isinstance(await play.next(), Done)


def test_what_is_unusual_is_said_in_numbers() -> None:
    assert flags("deploy_production", PATCH["deploy"]) == []
    assert flags("deploy_production", FRIDAY["deploy"]) == [
        "The canary fails 8.0× as often as usual",
        "Nobody on the team for 62 hours",
    ]
    assert flags("deploy_production", MIGRATION["deploy"]) == ["Its migration of 41,200,000 rows can't be undone"]
    assert flags("set_feature_flag", FLAG["flag"]) == ["1,862,000 more users at once"]
    assert flags("set_feature_flag", {**FLAG["flag"], "percent": 26}) == []
    assert flags("roll_back", BROKEN["roll_back"]) == []
    assert flags("roll_back", {**BROKEN["roll_back"], "errors": 130}) == ["It fails only 1.3× as often as usual"]
    assert flags("approve_pipeline", {**PATCH["pipeline"], "tests_failed": 3}) == ["3 tests failed"]


def test_whom_the_policy_asks() -> None:
    patch = routed("deploy_production", PATCH["deploy"])
    assert (patch.kind, patch.tier, patch.risk) == (RouteKind.REVIEW, 1, Risk.HIGH)
    friday = routed("deploy_production", FRIDAY["deploy"])
    assert (friday.kind, friday.final) == (RouteKind.REJECT, True)
    fewer = routed("deploy_production", {**FRIDAY["deploy"], "percent": 5}, confidence=0.65)
    assert (fewer.kind, fewer.tier) == (RouteKind.REVIEW, 2)
    migration = routed("deploy_production", MIGRATION["deploy"])
    assert (migration.kind, migration.tier, migration.approvals) == (RouteKind.REVIEW, 3, 2)
    assert "irreversible-migration" in [match.rule for match in migration.matched]
    assert migration.risk is Risk.CRITICAL
    leap = routed("set_feature_flag", FLAG["flag"])
    assert (leap.kind, leap.tier, leap.risk) == (RouteKind.REVIEW, 2, Risk.HIGH)
    assert routed("set_feature_flag", {**FLAG["flag"], "percent": 26}).tier == 1
    assert routed("roll_back", BROKEN["roll_back"]).kind is RouteKind.REVIEW


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shop(tmp_path_factory.mktemp("world") / "shop.db") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEPOST_SHOP_URL", url)
        yield url


async def test_what_really_happens(world: str) -> None:
    for given in (PATCH, FLAG, BROKEN):
        play = Play(given)
        while isinstance(await play.next(), Proposal):
            step = await play.approve()
            chosen, call = action(step.action), Call(f"{given['why']}/{step.action}", "run_1", 1)
            args = chosen.args.model_validate_json(json.dumps(step.args))
            assert await chosen.still_valid(args) is None
            result = await chosen.perform(args, call)
            if chosen.effect == "idempotent":
                assert await chosen.perform(args, call) == result
            if chosen.effect == "queryable":
                assert await chosen.lookup(args, call) == result
            if chosen.reversible:
                undone = await chosen.undo(args, result, Call(f"undo {call.key}", "run_1", 1))
                assert undone["deed"] == result["deed"]
    done = (await shop.get("/deeds", {"domain": "deployment"}))["deeds"]
    assert {"approve_pipeline", "deploy_production", "set_feature_flag", "roll_back", "announce"} <= {
        deed["kind"] for deed in done
    }


@pytest.mark.parametrize(("migration", "can"), [("none", True), ("reversible", True), ("irreversible", False)])
def test_only_a_deployment_without_an_irreversible_migration_can_be_undone(migration: str, can: bool) -> None:
    deploy = {**MIGRATION["deploy"], "migration": migration}
    found = routed("deploy_production", deploy)
    assert nature("deploy_production", deploy).reversible is can
    assert ("irreversible" in [match.rule for match in found.matched]) is not can


async def test_a_refusal_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEPOST_SHOP_URL", raising=False)
    back = action("roll_back")
    args = back.args.model_validate_json(json.dumps(BROKEN["roll_back"]))
    with pytest.raises(Refused):
        await back.perform(args, Call("r1", "run_1", 1))
    with pytest.raises(Refused):
        await back.still_valid(args)
