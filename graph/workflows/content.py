"""The `content` workflow: what happens in a course at a university, proposed step by step, with people at the gates.

1. A run starts from a `CourseCase`. The agent proposes what it asks for, what can be taken back first:
   `publish_material` and `change_grade` (both idempotent, both can be taken back), `message_students` (opaque, final).
2. Actions read off their own arguments what is unusual; the agent adds what the second examiner gave; `POLICY` says
   who must agree, and on what basis.
3. What people or the policy refuse has one safer version: for the teaching staff only, the second examiner's grade,
   a message without names to the usual readers. Refused again, the agent gives up, and all earlier steps are undone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from graph.flow.workflow import A, Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass, Risk
from graph.workflows import shop

MANY_TIMES, LARGE_STEP = 3, 10
_FIXED: Final[dict[str, Any]] = {"editable": False}
CourseId = Annotated[str, Field(title="Course", pattern=r"^[A-Za-z0-9_-]{1,64}$", json_schema_extra=_FIXED)]
Name = Annotated[str, Field(pattern=r"^\S+( \S+)*$", max_length=120)]  # one line: it fits into a title
Text = Annotated[str, Field(min_length=1, max_length=2500, json_schema_extra={"format": "multiline"})]
Count = Annotated[int, Field(ge=1, le=100_000, json_schema_extra=_FIXED)]
# 1.0 is best, from 5.0 on it is a fail.
Grade = Literal["1.0", "1.3", "1.7", "2.0", "2.3", "2.7", "3.0", "3.3", "3.7", "4.0", "5.0"]
Standing = tuple[list[Turn], Turn | None, Turn | None]


class MaterialArgs(Args):
    course: CourseId
    heading: Annotated[Name, Field(title="Heading")]
    readers: Annotated[Literal["students", "teaching staff"], Field(title="Readers")]
    body: Annotated[Text, Field(title="Text")]


class GradeArgs(Args):
    course: CourseId
    student: Annotated[Name, Field(title="Student", json_schema_extra=_FIXED)]
    old_grade: Annotated[Grade, Field(title="Old grade", json_schema_extra=_FIXED)]
    new_grade: Annotated[Grade, Field(title="New grade")]
    days_late: Annotated[int, Field(title="Days after the deadline", ge=-365, le=3650, json_schema_extra=_FIXED)]

    def tenths_better(self) -> int:
        """By how much the new grade is better, in whole numbers: no rule may stumble over 2.3 - 1.3."""
        old, new = (int(grade.replace(".", "")) for grade in (self.old_grade, self.new_grade))
        return old - new


class MessageArgs(Args):
    course: CourseId
    recipients: Annotated[Count, Field(title="Recipients")]
    usual: Annotated[Count, Field(title="Usual number of recipients")]
    body: Annotated[Text, Field(title="Message")]
    students: Annotated[list[Name], Field(title="Students it is about", max_length=20, json_schema_extra=_FIXED)]

    def exposed(self) -> list[str]:
        """The students whom it names to others."""
        return named(self.body, self.students) if self.recipients > 1 else []


class CourseCase(BaseModel, extra="forbid", frozen=True):
    """What a run starts from. `second_grade`: what the second examiner gave; `waiting_days`: the students' wait."""

    situation: Annotated[str, Field(min_length=1, max_length=2000)]
    waiting_days: Annotated[int, Field(ge=0, le=3650)] = 0
    second_grade: Grade | None = None
    material: MaterialArgs | None = None
    grade: GradeArgs | None = None
    message: MessageArgs | None = None


class CourseAction(Action[A]):
    """An action in a course: it no longer fits once the course is withdrawn. All that is known stands in its input."""

    not_applicable = frozenset({Signal.TOOLS, Signal.RETRIEVAL})
    target_field = "course"

    async def still_valid(self, args: A) -> str | None:
        return await shop.withdrawn(getattr(args, "course"))  # noqa: B009 - A is any Args; ours have a course

    async def undo(self, args: A, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)


class PublishMaterial(CourseAction[MaterialArgs]):
    name = "publish_material"
    title = "Publish course material"
    question = "Publish “{heading}” in {course} for {readers}?"
    after_approve = "It can be read at once; it can be unpublished."
    args = MaterialArgs
    effect = EffectClass.IDEMPOTENT
    reversible = True

    async def perform(self, args: MaterialArgs, call: Call) -> dict[str, Any]:
        title = f"“{args.heading}” published for {args.readers}"
        return await shop.do("content", self.name, args.course, title, detail=args.body, key=call.key)


class ChangeGrade(CourseAction[GradeArgs]):
    name = "change_grade"
    title = "Change a grade"
    question = "Change the grade of {student} in {course} from {old_grade} to {new_grade}?"
    after_approve = "The record changes at once; the old grade can be put back."
    args = GradeArgs
    effect = EffectClass.IDEMPOTENT
    reversible = True
    target_field = "student"
    tags = frozenset({"account"})

    async def perform(self, args: GradeArgs, call: Call) -> dict[str, Any]:
        title = f"Grade of {args.student}: {args.new_grade} instead of {args.old_grade}"
        return await shop.do("content", self.name, args.course, title, key=call.key)

    async def facts(self, args: GradeArgs) -> dict[str, Any]:
        return {"tenths_better": args.tenths_better()}

    def flags(self, args: GradeArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        late, step = args.days_late, args.tenths_better()
        leap = f"{abs(step) / 10:.1f} grades {'better' if step > 0 else 'worse'} than before"
        seen = {
            f"Grade changed {late} day{'s' if late > 1 else ''} after the deadline": late > 0,
            leap: abs(step) >= LARGE_STEP,
            f"A fail (5.0) becomes a pass ({args.new_grade})": args.old_grade == "5.0" != args.new_grade,
        }
        return [words for words, held in seen.items() if held]

    def impact(self, args: GradeArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.HIGH if self.flags(args, facts) else Risk.MEDIUM


class MessageStudents(CourseAction[MessageArgs]):
    name = "message_students"
    title = "Write to students"
    question = "Send this message to {recipients} students of {course}?"
    after_approve = "The message goes out at once; it can't be taken back."
    args = MessageArgs
    effect = EffectClass.OPAQUE

    async def perform(self, args: MessageArgs, call: Call) -> dict[str, Any]:
        where, title = ("content", self.name, args.course), f"Message to {args.recipients} students"
        return await shop.do(*where, title, detail=args.body)

    async def facts(self, args: MessageArgs) -> dict[str, Any]:
        return {"named": args.exposed()}

    def flags(self, args: MessageArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        who = args.exposed()
        many = f"{args.recipients} recipients, usual {args.usual}" if args.recipients >= MANY_TIMES * args.usual else ""
        told = f"Tells {args.recipients} people about {len(who)} by name: {', '.join(who)}" if who else ""
        return [flag for flag in (many, told) if flag]


def named(text: str, students: Sequence[str]) -> list[str]:
    """Which of the students a text names, by any part of their name that has 3 letters or more."""
    return [student for student in students if _name(student).search(text)]


def unnamed(text: str, students: Sequence[str]) -> str:
    """The text with “[a student]” for every name."""
    for student in students:
        text = _name(student).sub("[a student]", text)
    return text


def _name(student: str) -> re.Pattern[str]:
    one = "|".join([re.escape(part) for part in student.split() if len(part) > 2] or [re.escape(student)])
    return re.compile(rf"\b(?:{one})(?:\s+(?:{one}))*\b")


class ContentAgent:
    """Plain Python: the same input and history always give the same step."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        given, now = CourseCase.model_validate(dict(case.input)), _standing(case.history)
        if isinstance(now, GiveUp):
            return now
        steps = [part for part in (given.material, given.grade, given.message) if part]
        if len(now[0]) >= len(steps):
            return Done("; ".join(map(_told, now[0])) or "Nothing was asked for.")
        return _proposal(case, given, steps[len(now[0])], now)


def _standing(history: Sequence[Turn]) -> Standing | GiveUp:
    """The turns that settled the steps so far; of the present step, how it was refused and how it failed."""
    ended: list[Turn] = []
    refused = failed = None
    for turn in history:
        doubtful = turn.outcome in ("unknown", "intent")
        # A message that may not have arrived is no reason to unpublish what it was about.
        if turn.outcome == "done" or turn.status == "handled" or (doubtful and turn.action == MessageStudents.name):
            ended, refused, failed = [*ended, turn], None, None
        elif doubtful:
            return GiveUp(f"Nobody knows whether {turn.action} happened; please look before anything else is done.")
        elif turn.outcome == "compensated" or (turn.outcome == "failed" and failed):
            return GiveUp(f"It can't go on: {_told(turn)}.")
        elif turn.outcome == "failed":
            failed = turn
        elif turn.status != "approved":  # else the world had moved, and the same is asked again
            if refused:
                return GiveUp(f"Two versions got no approval, the last one: {_told(turn)}.")
            refused, failed = turn, None
    return ended, refused, failed


def _told(turn: Turn) -> str:
    """`change_grade 1.7: done`, and what was said about it."""
    what = " ".join([turn.action, *(str(turn.args[name]) for name in ("heading", "new_grade") if name in turn.args)])
    return f"{what}: {turn.outcome or turn.status} ({turn.error or turn.reason})".removesuffix(" ()")


def _proposal(case: Case, given: CourseCase, part: Args, now: Standing) -> Step:
    draft, (_, refused, failed) = _draft(given, part, now[0]), now
    args, why, safer = draft.args, draft.rationale, draft.alternatives[0]
    if refused:
        if safer.args in (args, refused.args):
            return GiveUp(f"There is no safer version. {_told(refused)}.")
        args, why = safer.args, f"{safer.title}: the first version got no approval. {_told(refused)}."
    other = given.second_grade
    doubt = [f"The second examiner gave {other}"] if other and args.get("new_grade", other) != other else []
    return replace(
        draft,
        args=args,
        rationale=why + (f" The first try failed. {_told(failed)}." if failed else ""),
        confidence=0.75 if doubt else 0.9,
        flags=doubt,
        alternatives=[safer] if safer.args != args else [],
        context={
            "goal": "Do what the course needs, fairly to each student and in private where it concerns one.",
            "situation": given.situation,
            "tried": list(map(_told, case.history)),
            "recommendation": why,
        },
    )


def _draft(given: CourseCase, part: Args, ended: Sequence[Turn]) -> Proposal:
    """A step as the case wants it; its alternative is a safer version, the same where there is none."""
    args = safer = part.model_dump(mode="json")
    match part:
        case MaterialArgs():
            action, title, why = PublishMaterial.name, "For the teaching staff only", "The course is waiting for it."
            safer = args | {"readers": "teaching staff"}
        case GradeArgs():
            action, title = ChangeGrade.name, f"Take the second examiner's grade ({given.second_grade})"
            why = f"I was asked to correct this grade. The second examiner's is {given.second_grade or 'not there'}."
            safer = args | {"new_grade": given.second_grade or part.new_grade}
        case _:
            action, title = MessageStudents.name, "Without names, to the usual readers"
            why = "It says what was asked for, to those who were named to me."
            args = args | {"body": _with_news(args, ended)}
            safer = args | {"body": unnamed(args["body"], args["students"])}
            safer["recipients"] = min(args["usual"], args["recipients"])
    delay, other = f"Days of waiting: {given.waiting_days}.", Alternative(title=title, type=action, args=safer)
    return Proposal(action=action, args=args, rationale=why, cost_of_delay=delay, alternatives=[other])


def _with_news(args: Mapping[str, Any], ended: Sequence[Turn]) -> str:
    """The message, and what was really done before it, as it was decided; a grade is for nobody but its student."""
    lines = [str(args["body"])]
    for turn in ended:
        if turn.outcome == "done" and turn.args.get("readers") == "students":
            lines.append(f"New in {turn.args['course']}: {turn.args['heading']}")
        if turn.outcome == "done" and "new_grade" in turn.args and args["recipients"] == 1:
            lines.append(f"Your grade is now {turn.args['new_grade']}.")
    joined = "\n\n".join(lines)
    return joined if len(joined) <= 2500 else lines[0]


POLICY: Final = """
[[thresholds]]
action = "content.change_grade" # no `auto`: the record of an examination is for people
review = 0.60
[[rules]]
name = "grade-after-deadline"
actions = ["content.change_grade"]
when = "args.days_late > 0"
tier = 2
basis = "Examination rules: after the deadline only the examination board changes grades"
[[rules]]
name = "grade-leap"
actions = ["content.change_grade"]
when = "facts.tenths_better >= 10"
approvals = 2
basis = "Examination rules: a whole grade better needs two examiners"
[[rules]]
name = "message-to-many"
actions = ["content.message_students"]
when = "args.recipients > 100"
tier = 2
basis = "House rules for mass mail: more than 100 readers need the dean's office"
[[rules]]
name = "names-a-student"
actions = ["content.message_students"]
when = "size(facts.named) > 0"
tier = 2
risk = "high"
basis = "Data protection (GDPR, article 6): one student's matters are not for the others"
"""


def _demo(title: str, situation: str, **case: Any) -> DemoCase:
    return DemoCase(title=title, input={"situation": situation, **case})


workflow: Final = Workflow(
    name="content",
    title="Courses and grades",
    agent=ContentAgent(),
    actions=(PublishMaterial(), ChangeGrade(), MessageStudents()),
    demo_cases=(
        _demo(
            "A grade of 1.3 instead of 4.0, two days after the deadline",
            "The lecturer asks for it by mail, “a slip of the pen”. No points were recounted.",
            waiting_days=2,
            second_grade="3.7",
            grade={"course": "BIO-204", "student": "Jorin Askevold", "old_grade": "4.0", "new_grade": "1.3"}
            | {"days_late": 2},
            message={"course": "BIO-204", "recipients": 1, "usual": 28, "students": ["Jorin Askevold"]}
            | {"body": "Your exam in cell biology was looked at again."},
        ),
        _demo(
            "A message to 412 students that names one of them",
            "The retake moved to room 2. The lecturer drafted this for the seminar, with 28 students.",
            message={"course": "LAW-110", "recipients": 412, "usual": 28, "students": ["Tamsin Orlebar"]}
            | {"body": "The retake is in room 2. Tamsin Orlebar failed twice and sits in the first row."},
        ),
        _demo(
            "Routine: a reading list of 3 titles",
            "The reading list for week 6, as every week.",
            waiting_days=1,
            material={"course": "HIS-301", "heading": "Reading list, week 6", "readers": "students"}
            | {"body": "Harbour towns, chapter 3\nLedgers and salt\nThe long winter, pages 40 to 58"},
        ),
        _demo(
            "A small clarification to 28 students",
            "Three students asked whether task 4 counts. It does.",
            waiting_days=1,
            message={"course": "MAT-120", "recipients": 28, "usual": 28, "students": [], "body": "Task 4 does count."},
        ),
    ),
    input_model=CourseCase,
    policy=POLICY,
)
