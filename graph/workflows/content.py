"""The `content` workflow: what happens in a course at a university, proposed step by step, with people at the gates.

A step that comes back is proposed once more in a safer form where there is one (for the teaching staff only, the second
examiner's grade, a message without names); else the agent gives up, and all that was done is undone, newest first.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import BaseModel, Field

from graph.flow.steps import Standing, standing
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.action import question
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass, Risk
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle

NAME: Final = "content"
GOAL: Final = "Do what the course needs, fairly to each student and in private where it concerns one."
MANY_TIMES: Final = 3  # times the usual number of recipients
LARGE_STEP: Final = 10  # tenths of a grade
_LONGEST: Final = 2500
_FIXED: Final[dict[str, Any]] = {"editable": False}
Name = Annotated[str, Field(pattern=r"^\S+( \S+)*$", max_length=120)]  # one line: it fits into a title
Text = Annotated[str, Field(min_length=1, max_length=_LONGEST, json_schema_extra={"format": "multiline"})]
Count = Annotated[int, Field(ge=1, le=100_000, json_schema_extra=_FIXED)]
Grade = Literal["1.0", "1.3", "1.7", "2.0", "2.3", "2.7", "3.0", "3.3", "3.7", "4.0", "5.0"]  # 5.0: a fail


class CourseArgs(Args):
    """What every action here is about: once the course is withdrawn, nothing is done any more."""

    course: Annotated[str, Field(title="Course", pattern=r"^[A-Za-z0-9_-]{1,64}$", json_schema_extra=_FIXED)]


class MaterialArgs(CourseArgs):
    heading: Annotated[Name, Field(title="Heading")]
    readers: Annotated[Literal["students", "teaching staff"], Field(title="Readers")]
    body: Annotated[Text, Field(title="Text")]


class GradeArgs(CourseArgs):
    student: Annotated[Name, Field(title="Student", json_schema_extra=_FIXED)]
    old_grade: Annotated[Grade, Field(title="Old grade", json_schema_extra=_FIXED)]
    new_grade: Annotated[Grade, Field(title="New grade")]
    days_late: Annotated[int, Field(title="Days after the deadline", ge=-365, le=3650, json_schema_extra=_FIXED)]

    def tenths_better(self) -> int:
        """By how much the new grade is better, in whole numbers: no rule may stumble over 2.3 - 1.3."""
        return int(self.old_grade.replace(".", "")) - int(self.new_grade.replace(".", ""))


class MessageArgs(CourseArgs):
    recipients: Annotated[Count, Field(title="Recipients")]
    usual: Annotated[Count, Field(title="Usual number of recipients")]
    body: Annotated[Text, Field(title="Message")]
    students: Annotated[list[Name], Field(title="Students it is about", max_length=20, json_schema_extra=_FIXED)]


class CourseCase(BaseModel, extra="forbid", frozen=True):
    """The workflow's input. `second_grade`: what the second examiner gave; `waiting_days`: the students' wait."""

    situation: Annotated[str, Field(min_length=1, max_length=2000)]
    waiting_days: Annotated[int, Field(ge=0, le=3650)] = 0
    second_grade: Grade | None = None
    material: MaterialArgs | None = None
    grade: GradeArgs | None = None
    message: MessageArgs | None = None
    file: CaseFile = CaseFile()


T = TypeVar("T", bound=CourseArgs)


class CourseAction(Action[T]):
    """An action in a course that may be withdrawn in the meantime. The shop can undo what is reversible."""

    effect = EffectClass.IDEMPOTENT
    reversible = True
    target_field = "course"
    not_applicable = frozenset({Signal.TOOLS, Signal.RETRIEVAL})  # all that is known stands in the input

    why: ClassVar[str]
    """What the agent says for it; `{second}` is the second examiner's grade."""

    async def perform(self, args: T, call: Call) -> dict[str, Any]:
        plain = args.model_dump(mode="json")
        title, key = question(self.form(), plain).rstrip("?"), None if self.effect is EffectClass.OPAQUE else call.key
        return await shop.do(NAME, self.name, args.course, title, detail=plain.get("body", ""), key=key)

    async def still_valid(self, args: T) -> str | None:
        return await shop.withdrawn(args.course)

    async def undo(self, args: T, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)


class PublishMaterial(CourseAction[MaterialArgs]):
    name = "publish_material"
    title = "Publish course material"
    question = "Publish “{heading}” in {course} for {readers}?"
    after_approve = "It can be read at once; it can be unpublished."
    args = MaterialArgs
    why = "The course is waiting for it."


class ChangeGrade(CourseAction[GradeArgs]):
    name = "change_grade"
    title = "Change a grade"
    question = "Change the grade of {student} in {course} from {old_grade} to {new_grade}?"
    after_approve = "The record changes at once; the old grade can be put back."
    args = GradeArgs
    why = "I was asked to correct this grade. The second examiner's is {second}."
    target_field = "student"
    tags = frozenset({"account"})

    async def facts(self, args: GradeArgs) -> dict[str, Any]:
        return {"tenths_better": args.tenths_better()}

    def flags(self, args: GradeArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        found, step = list[str](), args.tenths_better()
        if args.days_late > 0:
            found.append(f"Grade changed {args.days_late} day{'s' * (args.days_late > 1)} after the deadline")
        if abs(step) >= LARGE_STEP:
            found.append(f"{abs(step) / 10:.1f} grades {'better' if step > 0 else 'worse'} than before")
        if args.old_grade == "5.0" and args.new_grade != "5.0":
            found.append(f"A fail (5.0) becomes a pass ({args.new_grade})")
        return found

    def impact(self, args: GradeArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.HIGH if self.flags(args, facts) else Risk.MEDIUM


class MessageStudents(CourseAction[MessageArgs]):
    name = "message_students"
    title = "Write to students"
    question = "Send this message to {recipients} students of {course}?"
    after_approve = "The message goes out at once; it can't be taken back."
    args = MessageArgs
    why = "It says what was asked for, to those who were named to me."
    effect = EffectClass.OPAQUE
    reversible = False

    async def facts(self, args: MessageArgs) -> dict[str, Any]:
        return {"named": named(args.body, args.students) if args.recipients > 1 else []}

    def flags(self, args: MessageArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        found, who = list[str](), facts["named"]
        if args.recipients >= MANY_TIMES * args.usual:
            found.append(f"{args.recipients} recipients, usual {args.usual}")
        if who:
            found.append(f"Names {len(who)} of them to all {args.recipients}: {', '.join(who)}")
        return found


def named(text: str, students: Sequence[str]) -> list[str]:
    """Which of the students a text names, by any part of their name that has 3 letters or more."""
    return [student for student in students if unnamed(text, [student]) != text]


def unnamed(text: str, students: Sequence[str]) -> str:
    """The text with “[a student]” for every name."""
    for student in students:
        parts = [part for part in student.split() if len(part) > 2] or [student]
        one = "|".join(map(re.escape, parts))
        text = re.sub(rf"\b(?:{one})(?:\s+(?:{one}))*\b", "[a student]", text)
    return text


ACTIONS: Final[tuple[CourseAction[Any], ...]] = (PublishMaterial(), ChangeGrade(), MessageStudents())
_ACTION_OF: Final = {action.args: action for action in ACTIONS}


class ContentAgent:
    """Takes the steps that the input asks for; a pure function of the input and the history."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        given = CourseCase.model_validate(dict(case.input))
        # A message that may not have arrived is no reason to unpublish what it was about.
        now = standing(case.history, harmless=(MessageStudents.name,))
        if isinstance(now, GiveUp):
            return now
        steps = [part for part in (given.material, given.grade, given.message) if part]
        if len(now.settled) >= len(steps):
            return Done("; ".join(map(_told, now.settled)) or "Nothing was asked for.")
        wanted = steps[len(now.settled)]
        if isinstance(wanted, MessageArgs):
            wanted = _with_news(wanted, now.settled)
        safer = _safer(given, wanted)
        if now.refused and (safer is None or safer.args == now.refused.args):
            return GiveUp(f"There is no safer version. {_told(now.refused)}.")
        return _proposal(given, wanted, safer, now, case)


def _proposal(given: CourseCase, wanted: CourseArgs, safer: Alternative | None, now: Standing, case: Case) -> Proposal:
    action, second = _ACTION_OF[type(wanted)], given.second_grade
    args, why = wanted.model_dump(mode="json"), action.why.format(second=second or "not there")
    if now.refused and safer:
        args, why = dict(safer.args), f"{safer.title}: the first version got no approval. {_told(now.refused)}."
    doubts = [f"The second examiner gave {second}"] if second and args.get("new_grade", second) != second else []
    tried = list(map(_told, case.history))
    return Proposal(
        action=action.name,
        args=args,
        rationale=f"{why} The first try failed. {_told(now.failed)}." if now.failed else why,
        confidence=0.75 if doubts else 0.9,
        flags=doubts,
        alternatives=(safer,) if safer and not now.refused else (),
        cost_of_delay=_waited(given.waiting_days),
        context=bundle(
            given.file,
            goal=GOAL,
            situation=given.situation,
            recommendation=why,
            tried=tried,
            confidence="The model's own: 75 % where the second examiner gave another grade, else 90 %",
            who=("students", {"course": wanted.course, "concerns": _concerned(wanted)}),
            what=(_KIND_OF[type(wanted)], {name: value for name, value in args.items() if name != "course"}),
        ),
    )


_KIND_OF: Final = {MaterialArgs: "material", GradeArgs: "grade", MessageArgs: "message"}


def _concerned(wanted: CourseArgs) -> str:
    match wanted:
        case GradeArgs():
            return wanted.student
        case MessageArgs():
            about = f", about {', '.join(wanted.students)}" if wanted.students else ""
            return f"{wanted.recipients} recipients{about}"
        case MaterialArgs():
            return wanted.readers
    return wanted.course


def _waited(days: int) -> str:
    """How long it has been waited for, in words."""
    if days < 1:
        return "Asked for less than 1 day ago."
    return f"Asked for {days} day{'s' if days > 1 else ''} ago."


def _safer(given: CourseCase, wanted: CourseArgs) -> Alternative | None:
    """The same for fewer people, or with a second opinion; None where that is what is wanted anyway."""
    change: dict[str, Any]
    match wanted:
        case MaterialArgs() if wanted.readers == "students":
            title, change = "For the teaching staff only", {"readers": "teaching staff"}
        case GradeArgs() if given.second_grade not in (None, wanted.new_grade):
            title = f"Take the second examiner's grade ({given.second_grade})"
            change = {"new_grade": given.second_grade}
        case MessageArgs() if wanted.recipients > wanted.usual or named(wanted.body, wanted.students):
            title = "Without names, to the usual readers"
            change = {"body": unnamed(wanted.body, wanted.students), "recipients": min(wanted.usual, wanted.recipients)}
        case _:
            return None
    safer = wanted.model_copy(update=change)
    return Alternative(title=title, type=_ACTION_OF[type(wanted)].name, args=safer.model_dump(mode="json"))


def _with_news(wanted: MessageArgs, settled: Sequence[Turn]) -> MessageArgs:
    """A message also says what was really done before it, edits included; a grade only to the student alone."""
    done = [turn.args for turn in settled if turn.outcome == "done"]
    news = [f"New in {args['course']}: {args['heading']}" for args in done if args.get("readers") == "students"]
    if wanted.recipients == 1:
        news += [f"Your grade is now {args['new_grade']}." for args in done if "new_grade" in args]
    body = "\n\n".join([wanted.body, *news])
    return wanted.model_copy(update={"body": body}) if len(body) <= _LONGEST else wanted


def _told(turn: Turn) -> str:
    """`change_grade 1.7: rejected (too early)`; of what was done, not why."""
    what = [turn.action, *(str(turn.args[name]) for name in ("heading", "new_grade") if name in turn.args)]
    why = "" if turn.outcome == "done" else turn.error or turn.reason
    return f"{' '.join(what)}: {turn.outcome or turn.status}" + (f" ({why})" if why else "")


POLICY: Final = """
[[thresholds]] # no `auto`: the record of an examination is for people
action = "content.change_grade"
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


def _demo(title: str, situation: str, **more: Any) -> DemoCase:
    return DemoCase(title=title, input={"situation": situation, **more})


def _message(course: str, recipients: int, body: str, *students: str) -> dict[str, Any]:
    return {"course": course, "recipients": recipients, "usual": 28, "body": body, "students": list(students)}


DEMO_CASES: Final = (
    _demo(
        "A grade of 1.3 instead of 4.0, two days after the deadline",
        "The lecturer asks for it by mail, “a slip of the pen”. No points were recounted.",
        waiting_days=2,
        second_grade="3.7",
        grade={
            "course": "BIO-204",
            "student": "Jorin Askevold",
            "old_grade": "4.0",
            "new_grade": "1.3",
            "days_late": 2,
        },
        message=_message("BIO-204", 1, "Your exam in cell biology was looked at again.", "Jorin Askevold"),
        file=demo_files.GRADE,
    ),
    _demo(
        "A message to 412 students that names one of them",
        "The retake moved to room 2. The lecturer drafted this for the seminar, with 28 students.",
        message=_message(
            "LAW-110",
            412,
            "The retake is in room 2. Tamsin Orlebar failed twice and sits in the first row.",
            "Tamsin Orlebar",
        ),
        file=demo_files.RETAKE,
    ),
    _demo(
        "Routine: a reading list of 3 titles",
        "The reading list for week 6, as every week.",
        waiting_days=1,
        material={
            "course": "HIS-301",
            "heading": "Reading list, week 6",
            "readers": "students",
            "body": "Harbour towns, chapter 3\nLedgers and salt\nThe long winter, pages 40 to 58",
        },
        file=demo_files.READING,
    ),
    _demo(
        "A small clarification to 28 students",
        "Three students asked whether task 4 counts. It does.",
        waiting_days=1,
        message=_message("MAT-120", 28, "Task 4 does count."),
        file=demo_files.TASK,
    ),
)

workflow: Final = Workflow(
    name=NAME,
    title="Courses and grades",
    agent=ContentAgent(),
    actions=ACTIONS,
    demo_cases=DEMO_CASES,
    input_model=CourseCase,
    policy=POLICY,
)
