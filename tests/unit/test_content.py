"""The content workflow: every way a course's case can go, what is said to be unusual, and who must agree."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.flow.registry import broken_promises
from graph.flow.workflow import Action, Call, Case, Done, GiveUp, Proposal, Refused, Step, Turn
from graph.law.action import bind, question
from graph.law.facts import Facts
from graph.law.policy import parse_part, parse_policy
from graph.law.request import Risk
from graph.law.routing import Route, route
from graph.workflows.content import POLICY, named, unnamed, workflow
from graph.workflows.shop import ShopTrouble
from tests.support.payments import shop_at
from tests.support.shop import fail, running_shop

DEFAULT = Path("graph/policies/default.toml").read_text(encoding="utf-8")
GRADE, NAMED, READING, CLEAR = (dict(demo.input) for demo in workflow.demo_cases)
ALL: dict[str, Any] = {**GRADE, "material": READING["material"]}


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
    """A run of one case: `history` is what its agent is told."""

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


async def routed(name: str, args: Mapping[str, Any]) -> Route:
    """The route of an action under the default policy and the domain's own."""
    chosen = action(name)
    bound = chosen.args.model_validate_json(json.dumps(args))
    found = await chosen.facts(bound)
    facts = Facts(
        action=f"{workflow.name}.{name}",
        args=bound.model_dump(mode="json"),
        effect_class=chosen.effect,
        reversible=chosen.reversible,
        tags=tuple(chosen.tags),
        impact=chosen.impact(bound, found),
        facts=found,
        flags=tuple(chosen.flags(bound, found)),
    )
    return route(parse_policy(DEFAULT, {workflow.name: POLICY}), facts)


def rules(found: Route) -> set[str]:
    return {match.rule for match in found.matched}


def test_it_keeps_its_promises() -> None:
    assert list(broken_promises(workflow)) == []
    assert parse_part(workflow.name, POLICY).rules
    for demo in workflow.demo_cases:
        assert workflow.input_problem(demo.input) is None
    bad = {**GRADE, "grade": {**GRADE["grade"], "new_grade": "0.7"}}
    assert "grade.new_grade" in (workflow.input_problem(bad) or "")


@pytest.mark.parametrize("given", [GRADE, NAMED, READING, CLEAR, ALL])
async def test_approved_all_the_way(url: str, given: dict[str, Any]) -> None:
    play = Play(given)
    while isinstance(await play.next(), Proposal):
        assert (await play.approve()).outcome == "done"
    asked = [name for name in ("material", "grade", "message") if name in given]
    assert len(play.history) == len(asked)
    assert isinstance(await play.next(), Done)
    assert deeds(url) == [turn.action for turn in play.history]


async def test_nothing_to_do_is_done() -> None:
    assert await Play({"situation": "Nothing."}).next() == Done("Nothing was asked for.")


async def test_edits_are_what_students_read(url: str) -> None:
    play = Play(ALL)
    await play.approve(heading="Week 6, corrected")
    await play.approve(new_grade="3.7")
    body = (await play.proposal()).args["body"]
    assert "New in HIS-301: Week 6, corrected" in body and "Your grade is now 3.7." in body
    assert "1.3" not in body


async def test_a_grade_is_told_to_nobody_but_its_student(url: str) -> None:
    play = Play({**GRADE, "message": {**GRADE["message"], "recipients": 28}})
    await play.approve()
    assert "1.3" not in (await play.proposal()).args["body"]


async def test_what_was_not_published_for_students_is_not_announced(url: str) -> None:
    play = Play({**READING, "message": CLEAR["message"]})
    await play.approve(readers="teaching staff")
    assert (await play.proposal()).args["body"] == CLEAR["message"]["body"]


async def test_long_messages_stay_within_their_limit(url: str) -> None:
    play = Play({**READING, "message": {**CLEAR["message"], "body": "x" * 2500}})
    await play.approve()
    assert len((await play.proposal()).args["body"]) == 2500


@pytest.mark.parametrize("status", ["rejected", "expired", "cancelled"])
@pytest.mark.parametrize("by_policy", [False, True])
async def test_a_refusal_leads_to_one_safer_version(status: str, by_policy: bool) -> None:
    for given, name, safer in (
        (READING, "readers", "teaching staff"),
        (GRADE, "new_grade", "3.7"),
        (NAMED, "recipients", 28),
    ):
        play = Play(given)
        await play.answer(status, reason="not like this", by_policy=by_policy)
        step = await play.proposal()
        assert step.args[name] == safer and "not like this" in step.rationale and not step.alternatives
        await play.answer(status, reason="no", by_policy=by_policy)
        end = await play.next()
        assert isinstance(end, GiveUp) and end.reason.endswith("Last words: no")


async def test_without_a_safer_version_it_gives_up() -> None:
    for given in (CLEAR, {**GRADE, "second_grade": None}):
        play = Play(given)
        await play.answer("rejected", reason="leave it")
        end = await play.next()
        assert isinstance(end, GiveUp) and "leave it" in end.reason


async def test_the_safer_message_names_nobody() -> None:
    play = Play(NAMED)
    await play.answer("rejected")
    assert (await play.proposal()).args["body"] == (
        "The retake is in room 2. [a student] failed twice and sits in the first row."
    )


def test_names_are_found_by_their_parts() -> None:
    who = ["Tamsin Orlebar", "Li Wu"]
    assert named("Ask Orlebar, or Tamsin.", who) == ["Tamsin Orlebar"]
    assert named("Li Wu was there.", who) == ["Li Wu"]
    assert named("An orlebarite; Lions.", who) == []
    assert unnamed("Tamsin Orlebar and Li Wu; Orlebar's", who) == "[a student] and [a student]; [a student]'s"


async def test_a_failure_is_tried_once_more(url: str) -> None:
    play = Play(READING)
    fail(url, "deeds", "refuse", times=2)
    first = await play.approve()
    assert first.outcome == "failed" and first.error in (await play.proposal()).rationale
    await play.approve()
    end = await play.next()
    assert isinstance(end, GiveUp) and first.error in end.reason


@pytest.mark.parametrize(("outcome", "ending"), [("unknown", "Nobody knows"), ("compensated", "This was undone")])
async def test_a_grade_of_unknown_fate_ends_it(outcome: str, ending: str) -> None:
    play = Play(GRADE)
    await play.answer("approved", outcome)
    step = await play.next()
    assert isinstance(step, GiveUp) and ending in step.reason


async def test_a_message_of_unknown_fate_ends_nothing() -> None:
    play = Play(CLEAR)
    await play.answer("approved", "unknown")
    assert await play.next() == Done("message_students: unknown")


async def test_approved_and_never_begun_is_asked_again() -> None:
    play = Play(CLEAR)
    before = await play.answer("approved")
    assert (await play.proposal()).args == before.args


async def test_what_a_person_took_over_is_settled_and_remarks_end_it() -> None:
    play = Play(GRADE)
    await play.answer("handled", reason="changed by hand")
    assert (await play.proposal()).action == "message_students"
    end = await play.next("body: too long")
    assert isinstance(end, GiveUp) and "too long" in end.reason


async def test_effects_happen_once_and_are_undone_once(url: str) -> None:
    for name, args in (("publish_material", READING["material"]), ("change_grade", GRADE["grade"])):
        chosen, call, undo = action(name), Call(f"k-{name}", "run_1", 1), Call(f"u-{name}", "run_1", 1)
        bound = chosen.args.model_validate(args)
        done = await chosen.perform(bound, call)
        assert await chosen.perform(bound, call) == done
        assert await chosen.undo(bound, done, undo) == await chosen.undo(bound, done, undo)
    write = action("message_students")
    fail(url, "deeds", "lost_answer", times=1)
    with pytest.raises(ShopTrouble):
        await write.perform(write.args.model_validate(CLEAR["message"]), Call("k", "run_1", 1))


async def test_a_withdrawn_course_no_longer_fits(url: str) -> None:
    grade = action("change_grade").args.model_validate(GRADE["grade"])
    assert await action("change_grade").still_valid(grade) is None
    close(url, "BIO-204", "The course was cancelled")
    assert "cancelled" in (await action("change_grade").still_valid(grade) or "")


async def test_what_is_unusual_is_said_in_numbers() -> None:
    grade = GRADE["grade"]
    assert await flags("change_grade", grade) == [
        "Grade changed 2 days after the deadline",
        "2.7 grades better than before",
    ]
    failed = {**grade, "old_grade": "5.0", "new_grade": "4.0", "days_late": 1}
    assert await flags("change_grade", failed) == [
        "Grade changed 1 day after the deadline",
        "1.0 grades better than before",
        "A fail (5.0) becomes a pass (4.0)",
    ]
    assert await flags("change_grade", {**grade, "new_grade": "3.7", "days_late": -3}) == []
    assert await flags("message_students", NAMED["message"]) == [
        "412 recipients, usual 28",
        "Names 1 of them to all 412: Tamsin Orlebar",
    ]
    assert await flags("message_students", {**NAMED["message"], "recipients": 1}) == []
    assert await flags("message_students", CLEAR["message"]) == []
    assert (await Play(GRADE).proposal()).flags == ["The second examiner gave 3.7"]


async def test_who_must_agree() -> None:
    grade = await routed("change_grade", GRADE["grade"])
    assert (grade.kind, grade.tier, grade.approvals, grade.risk) == ("review", 2, 2, Risk.HIGH)
    assert {"grade-after-deadline", "grade-leap"} <= rules(grade)
    whole = {**GRADE["grade"], "old_grade": "2.3", "new_grade": "1.3", "days_late": 0}
    assert rules(await routed("change_grade", whole)) & {"grade-after-deadline", "grade-leap"} == {"grade-leap"}
    small = await routed("change_grade", {**whole, "new_grade": "2.0"})
    assert (small.tier, small.approvals) == (1, 1)
    many = await routed("message_students", NAMED["message"])
    assert many.tier == 2 and {"message-to-many", "names-a-student"} <= rules(many)
    few = await routed("message_students", CLEAR["message"])
    assert (few.kind, few.tier) == ("review", 1)
    assert not rules(few) & {"message-to-many", "names-a-student"}
    assert (await routed("publish_material", READING["material"])).tier == 1
