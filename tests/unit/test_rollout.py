"""The rollout workflow: plan, resources, waves; any no at any stage ends it, and all of it is undone."""

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
from graph.law.request import Risk
from graph.law.routing import Route, RouteKind, route
from graph.workflows import shop
from graph.workflows.rollout import POLICY, workflow
from tests.support.shop import running_shop

ROUTER, TILLS, BADGES, LAPTOPS = (demo.input for demo in workflow.demo_cases)
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


def routed(name: str, args: Mapping[str, Any], confidence: float = 0.95) -> Route:
    chosen = action(name)
    bound = chosen.args.model_validate_json(json.dumps(args))
    policy = parse_policy(DEFAULT.read_text(), {workflow.name: POLICY})
    facts = Facts(
        action=f"{workflow.name}.{name}",
        args=bound.model_dump(mode="json"),
        effect_class=chosen.effect,
        reversible=chosen.reversible,
        value=getattr(bound, "amount", None),
        tags=tuple(chosen.tags),
        impact=chosen.impact(bound, {}),
        flags=tuple(chosen.flags(bound, {})),
        signals={Signal.MODEL: confidence, Signal.TOOLS: 1.0, Signal.PRECEDENT: None, Signal.ALIGNMENT: None},
    )
    return route(policy, facts)


def flags(name: str, args: Mapping[str, Any]) -> list[str]:
    chosen = action(name)
    return list(chosen.flags(chosen.args.model_validate_json(json.dumps(args)), {}))


async def steps_of(given: Mapping[str, Any]) -> list[Proposal]:
    play = Play(given)
    return [await play.approve() for _ in range(2 + len(given["waves"]))]


def test_it_keeps_its_promises() -> None:
    assert list(broken_promises(workflow)) == []
    assert [workflow.input_problem(demo.input) for demo in workflow.demo_cases] == [None] * 4
    assert workflow.input_problem({**ROUTER, "waves": []}) is not None
    assert workflow.input_problem({**ROUTER, "planned": "1e3"}) is not None


def test_a_long_rollout_asks_whether_to_go_on() -> None:
    policy = parse_policy(DEFAULT.read_text(), {workflow.name: POLICY})
    checkpoint = policy.checkpoint("rollout")
    assert checkpoint is not None and checkpoint.every_steps == 3
    assert parse_part(workflow.name, POLICY).totals[0].by == "target"


@pytest.mark.parametrize("given", [ROUTER, TILLS, BADGES, LAPTOPS], ids=lambda given: given["rollout"])
async def test_plan_then_resources_then_wave_after_wave(given: Mapping[str, Any]) -> None:
    steps = await steps_of(given)
    waves = len(given["waves"])
    assert [step.action for step in steps] == ["publish_plan", "reserve_resources", *["roll_out_wave"] * waves]
    assert [step.args["wave"] for step in steps[2:]] == list(range(1, waves + 1))
    assert all(not step.alternatives for step in steps)


async def test_questions_lead_with_the_decision() -> None:
    asked = [question(action(step.action).form(), dict(step.args)) for step in await steps_of(ROUTER)]
    assert asked[:3] == [
        "Publish the plan for Router firmware 4.2 to 310 sites?",
        "Reserve 18,400.00 EUR of crews and material for Router firmware 4.2?",
        "Roll out Router firmware 4.2 to wave 1: 10 of 310 sites, Pilot in the north?",
    ]


async def test_all_approved_is_done_and_edits_count() -> None:
    play = Play(ROUTER)
    await play.approve()
    await play.approve(edit={"amount": "17000.00"}, reason="agreed on the phone")
    assert any("17,000.00 EUR" in line for line in (await play.proposal()).context["tried"])
    await play.approve()
    await play.approve()
    await play.approve()
    done = await play.next()
    assert isinstance(done, Done)
    assert "17,000.00 EUR" in done.summary and "120 of 310 sites" in done.summary
    assert "agreed on the phone" not in done.summary
    assert await play.next() == done, "a pure function"


@pytest.mark.parametrize("stage", range(5))
@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
@pytest.mark.parametrize("by_policy", [False, True])
async def test_a_no_at_any_stage_ends_it(stage: int, status: str, by_policy: bool) -> None:
    play = Play(ROUTER)
    for _ in range(stage):
        await play.approve()
    await play.answer(status, reason="not now", by_policy=by_policy)
    end = await play.next()
    assert isinstance(end, GiveUp)
    assert status in end.reason and "not now" in end.reason


async def test_a_failure_is_tried_once_more_at_every_step() -> None:
    play = Play(BADGES)
    for _ in range(4):
        failed = await play.answer("approved", "failed", error="The receiver refused it.")
        assert (await play.approve()).args == failed.args
    assert isinstance(await play.next(), Done)
    play = Play(BADGES)
    await play.answer("approved", "failed", error="The receiver refused it.")
    await play.answer("approved", "failed", error="The receiver refused it.")
    end = await play.next()
    assert isinstance(end, GiveUp) and "refused it" in end.reason


async def test_nobody_knowing_is_the_end() -> None:
    play = Play(ROUTER)
    await play.answer("approved", "unknown")
    end = await play.next()
    assert isinstance(end, GiveUp) and "Nobody knows" in end.reason


async def test_a_moved_world_and_a_helping_hand() -> None:
    play = Play(ROUTER)
    first = await play.answer("approved")
    again = await play.answer("handled", reason="sent by mail")
    assert first.args == again.args
    assert (await play.proposal()).action == "reserve_resources"


async def test_remarks_end_the_agent() -> None:
    end = await Play(ROUTER).next("sites: too many")
    assert isinstance(end, GiveUp) and "too many" in end.reason


async def test_the_largest_rollout_that_passes_is_no_accident() -> None:
    waves = [{"region": "R" * 80, "sites": 1_000_000}] * 20
    given = {**ROUTER, "what": "W" * 80, "planned": "0.01", "quoted": "999999999999.99", "waves": waves}
    assert workflow.input_problem(given) is None
    assert len(await steps_of(given)) == 22


async def test_what_is_unusual_is_said_in_numbers() -> None:
    tills, badges = await steps_of(TILLS), await steps_of(BADGES)
    assert flags("roll_out_wave", tills[3].args) == ["90.9 % of all sites in one wave"]
    assert list(tills[3].flags) == ["Saturday 10:00, when 58 % of the week's sales are made"]
    assert flags("roll_out_wave", tills[2].args) == [] and not tills[2].flags
    assert flags("reserve_resources", badges[1].args) == ["1.9× the planned cost (4,800.00 EUR)"]
    assert flags("reserve_resources", {**badges[1].args, "amount": "4800.00"}) == []


async def test_whom_the_policy_asks() -> None:
    router, tills, badges = [await steps_of(given) for given in (ROUTER, TILLS, BADGES)]
    pilot = routed("roll_out_wave", router[2].args)
    assert (pilot.kind, pilot.tier, pilot.risk) == (RouteKind.REVIEW, 1, Risk.MEDIUM)
    most = routed("roll_out_wave", tills[3].args, confidence=0.65)
    assert (most.kind, most.tier, most.risk) == (RouteKind.REVIEW, 2, Risk.HIGH)
    blind = routed("roll_out_wave", badges[2].args)
    assert (blind.tier, blind.approvals) == (2, 2)
    assert "no-pilot" in [match.rule for match in blind.matched]
    over = routed("reserve_resources", badges[1].args)
    assert "over-plan" in [match.rule for match in over.matched]
    assert (over.kind, over.tier) == (RouteKind.REVIEW, 2)
    cheap = routed("reserve_resources", (await steps_of(LAPTOPS))[1].args)
    assert (cheap.kind, cheap.tier) == (RouteKind.REVIEW, 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_shop(tmp_path_factory.mktemp("world") / "shop.db") as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATEPOST_SHOP_URL", url)
        yield url


async def test_what_really_happens_and_is_undone_newest_first(world: str) -> None:
    done = []
    for number, step in enumerate(await steps_of(ROUTER)):
        chosen, call = action(step.action), Call(f"e{number}", "run_1", 1)
        args = chosen.args.model_validate_json(json.dumps(step.args))
        assert await chosen.still_valid(args) is None
        result = await chosen.perform(args, call)
        if chosen.effect == "idempotent":
            assert await chosen.perform(args, call) == result
        else:
            assert await chosen.lookup(args, call) == result
        done.append((chosen, args, result))
    for number, (chosen, args, result) in enumerate(reversed(done)):
        await chosen.undo(args, result, Call(f"u{number}", "run_1", 1))
    deeds = (await shop.get("/deeds", {"domain": "rollout"}))["deeds"]
    forward = ["publish_plan", "reserve_resources", *["roll_out_wave"] * 3]
    assert [deed["kind"] for deed in deeds] == forward + [f"undo: {kind}" for kind in reversed(forward)]


async def test_a_withdrawn_rollout_fits_no_more(world: str) -> None:
    wave = (await steps_of(TILLS))[2]
    args = action(wave.action).args.model_validate_json(json.dumps(wave.args))
    await shop.post("/subjects/ro-2219/close", {"reason": "The vendor called it back"})
    changed = await action(wave.action).still_valid(args)
    assert changed is not None and "The vendor called it back" in changed


async def test_a_refusal_is_let_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GATEPOST_SHOP_URL", raising=False)
    plan = (await steps_of(ROUTER))[0]
    args = action(plan.action).args.model_validate_json(json.dumps(plan.args))
    with pytest.raises(Refused):
        await action(plan.action).perform(args, Call("r1", "run_1", 1))
