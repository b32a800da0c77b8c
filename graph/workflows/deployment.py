"""The `deployment` workflow: what goes to production, and the way back, with people at the gates.

The input names the steps that are wanted. Their order is always: pipeline, deployment, feature flag, roll back, and
last the announcement, which may be left out. What is turned down comes once more for fewer users, where that makes it
safer; otherwise the agent gives up, and what was done is undone, newest first, but for irreversible migrations.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import Field

from graph.flow.steps import Standing, became, in_words, no_other_way, standing, tried
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Workflow
from graph.law.action import question
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass, Risk
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle, steps_down

C = TypeVar("C", bound="ChangeArgs")
SMALL_SHARE: Final = 5  # percent of users
LARGE_LEAP: Final = 50  # percent of users
FAILING: Final = 300  # percent of the usual errors; POLICY judges by the same
LONG_HOURS: Final = 12
_FIXED: Final[dict[str, Any]] = {"editable": False}
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", json_schema_extra=_FIXED)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000, json_schema_extra=_FIXED)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Percent = Annotated[int, Field(ge=0, le=100)]
Migration = Annotated[Literal["none", "reversible", "irreversible"], Field(json_schema_extra=_FIXED)]


class ChangeArgs(Args):
    """What all actions name: the change, which somebody may withdraw, and the service it touches."""

    change: Annotated[Id, Field(title="Change")]
    service: Annotated[Id, Field(title="Service")]


class PipelineArgs(ChangeArgs):
    pipeline: Annotated[Id, Field(title="Pipeline")]
    version: Annotated[Id, Field(title="Version")]
    tests_passed: Annotated[Count, Field(title="Tests passed")]
    tests_failed: Annotated[Count, Field(title="Tests failed")] = 0


class DeployArgs(ChangeArgs):
    version: Annotated[Id, Field(title="Version")]
    percent: Annotated[Percent, Field(title="Share of users in percent", ge=1)]
    canary: Annotated[Count, Field(title="Errors of the canary in percent of the usual")]
    hours_unattended: Annotated[Count, Field(title="Hours until the team is back")] = 0
    migration: Annotated[Migration, Field(title="Database migration")] = "none"
    rows: Annotated[Count, Field(title="Rows it migrates")] = 0


class FlagArgs(ChangeArgs):
    flag: Annotated[Id, Field(title="Feature flag")]
    now_percent: Annotated[Percent, Field(title="Share until now in percent", json_schema_extra=_FIXED)]
    percent: Annotated[Percent, Field(title="Share of users in percent")]
    users: Annotated[Count, Field(title="Users in all")]


class RollBackArgs(ChangeArgs):
    version: Annotated[Id, Field(title="Broken version")]
    to_version: Annotated[Id, Field(title="Back to version")]
    errors: Annotated[Count, Field(title="Errors in percent of the usual")]


class AnnounceArgs(ChangeArgs):
    text: Annotated[Text, Field(title="Message", json_schema_extra={"format": "multiline"})]


class ChangeAction(Action[C]):
    """What all actions share; they are idempotent where they don't say otherwise."""

    effect = EffectClass.IDEMPOTENT
    target_field = "service"
    not_applicable = frozenset({Signal.RETRIEVAL})

    def line(self, args: dict[str, Any]) -> str:
        """The action in words, for records and people: its question without the question mark."""
        return question(self.form(), args).rstrip("?")

    async def perform(self, args: C, call: Call) -> dict[str, Any]:
        return await shop.do("deployment", self.name, args.change, self.line(args.model_dump()), key=call.key)

    async def undo(self, args: C, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)

    async def still_valid(self, args: C) -> str | None:
        return await shop.withdrawn(args.change)


class ApprovePipeline(ChangeAction[PipelineArgs]):
    name = "approve_pipeline"
    title = "Approve the pipeline"
    question = (
        "Approve pipeline {pipeline} of {service} {version} ({tests_passed} tests passed, {tests_failed} failed)?"
    )
    after_approve = "The version may be deployed; the approval can be taken back."
    args = PipelineArgs
    effect = EffectClass.QUERYABLE
    reversible = True

    async def perform(self, args: PipelineArgs, call: Call) -> dict[str, Any]:
        return await shop.do("deployment", self.name, args.change, self.line(args.model_dump()), reference=call.key)

    async def lookup(self, args: PipelineArgs, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)

    def flags(self, args: PipelineArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        return (f"{args.tests_failed} tests failed",) if args.tests_failed else ()


class DeployProduction(ChangeAction[DeployArgs]):
    name = "deploy_production"
    title = "Deploy to production"
    question = "Deploy {service} {version} to {percent} % of users (database migration: {migration})?"
    after_approve = "It is live at once; undoing puts the old version back, unless its migration is irreversible."
    args = DeployArgs
    reversible = True

    def can_undo(self, args: DeployArgs) -> bool:
        return args.migration != "irreversible"  # the version before can't run on the migrated database

    def flags(self, args: DeployArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        seen = {
            f"Its migration of {args.rows:,} rows can't be undone": args.migration == "irreversible",
            f"The canary fails {args.canary / 100:.1f}× as often as usual": args.canary >= FAILING,
            f"Nobody on the team for {args.hours_unattended} hours": args.hours_unattended >= LONG_HOURS,
        }
        return tuple(words for words, held in seen.items() if held)

    def impact(self, args: DeployArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.HIGH if args.migration == "none" else Risk.CRITICAL


class SetFeatureFlag(ChangeAction[FlagArgs]):
    name = "set_feature_flag"
    title = "Set a feature flag"
    question = "Turn {flag} of {service} from {now_percent} % to {percent} % of users?"
    after_approve = "Users see it within a minute; it can be set back at any time."
    args = FlagArgs
    reversible = True
    tags = frozenset({"config"})

    def flags(self, args: FlagArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        leap = args.percent - args.now_percent
        return (f"{leap * args.users // 100:,} more users at once",) if leap > LARGE_LEAP else ()


class RollBack(ChangeAction[RollBackArgs]):
    name = "roll_back"
    title = "Roll back"
    question = "Roll {service} back from {version} to {to_version}?"
    after_approve = "The older version serves everybody at once; going forward again takes a new deployment."
    args = RollBackArgs  # not reversible: no run that ends badly may bring the broken version back by itself

    def flags(self, args: RollBackArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        return () if args.errors >= FAILING else (f"It fails only {args.errors / 100:.1f}× as often as usual",)

    def impact(self, args: RollBackArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.HIGH


class Announce(ChangeAction[AnnounceArgs]):
    name = "announce"
    title = "Announce it"
    question = "Announce in the status channel what was done to {service}?"
    after_approve = "The message goes out at once; it can't be taken back."
    args = AnnounceArgs
    effect = EffectClass.OPAQUE

    async def perform(self, args: AnnounceArgs, call: Call) -> dict[str, Any]:
        return await shop.do("deployment", self.name, args.change, "Message to the status channel", detail=args.text)


ACTIONS: Final = (ApprovePipeline(), DeployProduction(), SetFeatureFlag(), RollBack(), Announce())
_told: Final = in_words(ACTIONS)

POLICY: Final = """
[[thresholds]]
action = "deployment.deploy_production"
impact = "high"
review = 0.50 # an unsure agent is no reason not to look

[[rules]]
name = "failing-canary"
actions = ["deployment.deploy_production"]
when = "args.canary >= 300 && args.percent > 10"
then = "reject"
reason = "policy_violation"
basis = "Release handbook: what fails for a few is not given to many"

[[rules]]
name = "irreversible-migration"
actions = ["deployment.deploy_production"]
when = "args.migration == 'irreversible'"
approvals = 2
basis = "After such a migration there is no version to go back to"

[[rules]]
name = "out-of-the-ordinary"
when = "unusual"
risk = "high"
tier = 2
basis = "Review of outages: most began with a change whose flags nobody had read"
"""


class Wanted(Args):
    """The input: why something is wanted, and the steps, each with the arguments of its action."""

    why: Annotated[str, Field(title="Why", min_length=1, max_length=500)]
    cost_of_delay: Annotated[str, Field(title="What waiting costs", min_length=1, max_length=200)]
    pipeline: PipelineArgs | None = None
    deploy: DeployArgs | None = None
    flag: FlagArgs | None = None
    roll_back: RollBackArgs | None = None
    file: CaseFile = CaseFile()


class DeploymentAgent:
    """Plain Python: a pure function of the input and the history."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        now = standing([turn for turn in case.history if turn.action != Announce.name], told=_told)
        if isinstance(now, GiveUp):
            return now
        wanted = Wanted.model_validate(dict(case.input))
        steps = [step for step in (wanted.pipeline, wanted.deploy, wanted.flag, wanted.roll_back) if step]
        if len(now.settled) >= len(steps):
            return _announced(wanted, steps, became(now.settled, _told), case)
        step = steps[len(now.settled)]
        smaller = _smaller(step)
        if now.refused is None:
            return _proposal(wanted, step, now, case, *smaller)
        return _proposal(wanted, smaller[0], now, case) if smaller else no_other_way(now.refused, _told)


def _announced(wanted: Wanted, steps: Sequence[ChangeArgs], done: Sequence[str], case: Case) -> Proposal | Done:
    """The announcement of what was done. It may be left out, and its fate is no reason to undo the rest."""
    announcements = [turn for turn in case.history if turn.action == Announce.name]
    now = standing(announcements, chances=0, harmless=(Announce.name,), told=_told)
    if not steps or isinstance(now, GiveUp):
        return Done("\n".join(done) or "Nothing was asked for.")
    if now.settled:
        return Done("\n".join([*done, *became(now.settled, _told)]))
    text = "\n".join(done)[:2000]
    return _proposal(wanted, AnnounceArgs(change=steps[0].change, service=steps[0].service, text=text), now, case)


def _smaller(args: ChangeArgs) -> list[ChangeArgs]:
    """The same for fewer users, where that makes it safer: a migration touches the data of all of them."""
    if isinstance(args, DeployArgs) and args.migration == "none" and args.percent > SMALL_SHARE:
        return [args.model_copy(update={"percent": SMALL_SHARE})]
    if isinstance(args, FlagArgs) and args.percent - args.now_percent >= LARGE_LEAP:
        return [args.model_copy(update={"percent": args.now_percent + (args.percent - args.now_percent) // 4})]
    return []


def _proposal(wanted: Wanted, step: ChangeArgs, now: Standing, case: Case, *others: ChangeArgs) -> Proposal:
    """`others` are offered as alternatives."""
    action: ChangeAction[Any] = next(action for action in ACTIONS if action.args is type(step))
    args = step.model_dump(mode="json")
    safer = [other.model_dump(mode="json") for other in others]
    against = now.failed or now.refused
    again = f" This comes after: {against.outcome or against.status}." if against else ""
    return Proposal(
        action=action.name,
        args=args,
        rationale=f"{wanted.why.rstrip('.')}.{again}",
        confidence=round(max(0.6, 0.95 - 0.15 * len(action.flags(step, {}))), 2),
        signals={"tools": 1.0},
        alternatives=[Alternative(title=action.line(other), type=action.name, args=other) for other in safer],
        cost_of_delay=wanted.cost_of_delay,
        context=bundle(
            wanted.file,
            goal="Change production so that users notice nothing but what was meant.",
            situation=wanted.why,
            recommendation=action.line(args),
            tried=tried(case.history, _told),
            confidence=steps_down(0.95, 0.15, len(action.flags(step, {}))),
            who=("users", {"of": step.service, "notice until then": wanted.cost_of_delay}),
            what=("change", args),
        ),
    )


def _demo(why: str, about: tuple[str, str, str], file: demo_files.File, **steps: Mapping[str, Any]) -> DemoCase:
    change, service, cost_of_delay = about
    named = {name: {"change": change, "service": service, **step} for name, step in steps.items()}
    return DemoCase(title=why, input={"why": why, "cost_of_delay": cost_of_delay, "file": file, **named})


workflow: Final = Workflow(
    name="deployment",
    title="Deployments",
    agent=DeploymentAgent(),
    actions=ACTIONS,
    demo_cases=(
        _demo(
            "Patch 7.1.5 of checkout corrects the VAT line: 1,284 tests green, quiet canary",
            ("chg-1042", "checkout", "310 receipts a day show a wrong VAT line."),
            demo_files.VAT,
            pipeline={"pipeline": "p-88121", "version": "7.1.5", "tests_passed": 1284},
            deploy={"version": "7.1.5", "percent": 100, "canary": 100},
        ),
        _demo(
            "Search 3.9.0 on Friday at 18:10: the canary fails 8 times as often as usual",
            ("chg-1051", "search", "Marketing announced it for tonight to 40,000 subscribers."),
            demo_files.SEARCH,
            deploy={"version": "3.9.0", "percent": 100, "canary": 800, "hours_unattended": 62},
        ),
        _demo(
            "“Tidying up” in accounts 4.9.1 drops a column of 41,200,000 rows",
            ("chg-1060", "accounts", "None: the column costs 14 EUR of storage a month."),
            demo_files.TIDYING,
            deploy={"version": "4.9.1", "percent": 100, "canary": 90, "migration": "irreversible", "rows": 41_200_000},
        ),
        _demo(
            "New start page from 2 % to 100 % of 1,900,000 users at once",
            ("chg-1066", "home", "The old start page sells about 120 orders a day less."),
            demo_files.START_PAGE,
            flag={"flag": "new-start-page", "now_percent": 2, "percent": 100, "users": 1_900_000},
        ),
        _demo(
            "Login 5.2.0 fails 31 times as often as usual: back to 5.1.7",
            ("chg-1071", "login", "About 940 people a minute can't log in."),
            demo_files.LOGIN,
            roll_back={"version": "5.2.0", "to_version": "5.1.7", "errors": 3100},
        ),
    ),
    input_model=Wanted,
    policy=POLICY,
)
