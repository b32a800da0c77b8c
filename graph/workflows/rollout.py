"""The `rollout` workflow: a plan, the resources for it, then wave after wave; what people stop is taken back.

    publish the plan → reserve the resources → roll out wave 1, wave 2, … as the input lists them

There is one way only. Whoever rejects a step or lets it expire, at whatever stage, ends the rollout: the agent gives
up, and Gatepost undoes everything done so far, newest first: the waves backwards, then the reservation, then the plan.
In between, POLICY's checkpoint has people say every three steps whether to go on at all.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from graph.flow.steps import became, in_words, standing, tried
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.action import Money
from graph.law.confidence import Signal
from graph.law.request import EffectClass, Risk
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle, steps_down

R = TypeVar("R", bound="RolloutArgs")
LARGE_SHARE: Final = 50  # percent of all sites
_FIXED: Final[dict[str, Any]] = {"editable": False}
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Line = Annotated[str, Field(pattern=r"^[A-Za-z0-9À-ÿ][A-Za-z0-9À-ÿ .,:()&'-]{0,78}[A-Za-z0-9À-ÿ.)]$")]
"""One line of plain text, 2 to 80 characters."""
Sites = Annotated[int, Field(ge=1, le=20_000_000)]
Currency = Literal["EUR", "USD", "GBP"]


class RolloutArgs(Args):
    """What all actions name: the rollout, which somebody may withdraw, and what it brings."""

    rollout: Annotated[Id, Field(title="Rollout", json_schema_extra=_FIXED)]
    what: Annotated[Line, Field(title="What is rolled out", json_schema_extra=_FIXED)]


class PlanArgs(RolloutArgs):
    regions: Annotated[list[Line], Field(title="Regions in order", max_length=20, json_schema_extra=_FIXED)]
    sites: Annotated[Sites, Field(title="Sites in all", json_schema_extra=_FIXED)]


class ReserveArgs(RolloutArgs):
    amount: Annotated[Money, Field(title="Amount")]
    currency: Annotated[Currency, Field(title="Currency", json_schema_extra=_FIXED)]
    planned: Annotated[Money, Field(title="Planned cost", json_schema_extra=_FIXED)]


class WaveArgs(RolloutArgs):
    wave: Annotated[int, Field(title="Wave", ge=1, le=20, json_schema_extra=_FIXED)]
    region: Annotated[Line, Field(title="Region", json_schema_extra=_FIXED)]
    sites: Annotated[Sites, Field(title="Sites", json_schema_extra=_FIXED)]
    of_sites: Annotated[Sites, Field(title="Sites in all", json_schema_extra=_FIXED)]


class RolloutAction(Action[R]):
    """What all actions share: each can be undone, and none fits any more once the rollout is withdrawn."""

    reversible = True
    target_field = "rollout"
    not_applicable = frozenset({Signal.RETRIEVAL})

    async def undo(self, args: R, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)

    async def still_valid(self, args: R) -> str | None:
        return await shop.withdrawn(args.rollout)


class PublishPlan(RolloutAction[PlanArgs]):
    name = "publish_plan"
    title = "Publish the plan"
    question = "Publish the plan for {what} to {sites} sites?"
    after_approve = "The regions see the plan at once; it can be withdrawn."
    args = PlanArgs
    effect = EffectClass.IDEMPOTENT

    async def perform(self, args: PlanArgs, call: Call) -> dict[str, Any]:
        title = f"Plan for {args.what}: {args.sites} sites"
        return await shop.do("rollout", self.name, args.rollout, title, detail="\n".join(args.regions), key=call.key)


class ReserveResources(RolloutAction[ReserveArgs]):
    name = "reserve_resources"
    title = "Reserve the resources"
    question = "Reserve {amount} {currency} of crews and material for {what}?"
    after_approve = "Crews and material are held for this rollout; the reservation can be released."
    args = ReserveArgs
    effect = EffectClass.QUERYABLE
    value_field = "amount"
    currency_field = "currency"

    async def perform(self, args: ReserveArgs, call: Call) -> dict[str, Any]:
        money: dict[str, Any] = {"amount": args.amount, "currency": args.currency}
        title = f"Crews and material for {args.what}"
        return await shop.do("rollout", self.name, args.rollout, title, **money, reference=call.key)

    async def lookup(self, args: ReserveArgs, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)

    def flags(self, args: ReserveArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        if args.amount <= args.planned:
            return ()
        return (f"{args.amount / args.planned:.1f}× the planned cost ({args.planned:,.2f} {args.currency})",)


class RollOutWave(RolloutAction[WaveArgs]):
    name = "roll_out_wave"
    title = "Roll out a wave"
    question = "Roll out {what} to wave {wave}: {sites} of {of_sites} sites, {region}?"
    after_approve = "The wave starts at once; undoing puts its sites back to what they had before."
    args = WaveArgs
    effect = EffectClass.IDEMPOTENT

    async def perform(self, args: WaveArgs, call: Call) -> dict[str, Any]:
        title = f"{args.what}, wave {args.wave}: {args.sites} sites, {args.region}"
        return await shop.do("rollout", self.name, args.rollout, title, key=call.key)

    def flags(self, args: WaveArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        share = 100 * args.sites / args.of_sites
        return (f"{share:.1f} % of all sites in one wave",) if share > LARGE_SHARE else ()

    def impact(self, args: WaveArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.HIGH if 100 * args.sites > LARGE_SHARE * args.of_sites else Risk.MEDIUM


ACTIONS: Final = (PublishPlan(), ReserveResources(), RollOutWave())
_told: Final = in_words(ACTIONS)

POLICY: Final = """
[[checkpoints]] # a long rollout: people say from time to time whether to go on at all
workflow = "rollout"
every_steps = 3

[[thresholds]]
action = "rollout.reserve_resources"
up_to = 1_000
auto = 0.85
review = 0.50

[[thresholds]] # a wave to most sites: seniors, and never alone
action = "rollout.roll_out_wave"
impact = "high"
review = 0.50
tier = 2

[[rules]]
name = "no-pilot"
actions = ["rollout.roll_out_wave"]
when = "args.wave == 1 && 4 * args.sites > args.of_sites"
tier = 2
approvals = 2
basis = "Rollout handbook: the first wave is a pilot, a quarter of the sites at most"

[[rules]]
name = "over-plan"
actions = ["rollout.reserve_resources"]
when = "double(args.amount) > double(args.planned)"
tier = 2
reason = "cost_threshold"
basis = "The budget was given for the plan, not for what it has become"

[[totals]] # several reservations for one rollout are one large one
name = "reserved-for-one-rollout"
actions = ["rollout.reserve_resources"]
by = "target"
window = "30d"
"""


class Wave(BaseModel):
    """A part of the sites that gets it at once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: Annotated[Line, Field(title="Region")]
    sites: Annotated[Sites, Field(title="Sites", le=1_000_000)]
    note: Annotated[str, Field(title="What the agent noticed", max_length=200)] = ""


class Rollout(BaseModel):
    """The input: what goes where, in which order, and what it costs. `quoted`: where it differs from the plan."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rollout: Annotated[Id, Field(title="Rollout")]
    what: Annotated[Line, Field(title="What is rolled out")]
    why: Annotated[str, Field(title="Why", min_length=1, max_length=500)]
    cost_of_delay: Annotated[str, Field(title="What waiting costs", min_length=1, max_length=200)]
    planned: Annotated[Money, Field(title="Planned cost")]
    quoted: Annotated[Money | None, Field(title="Quoted cost")] = None
    currency: Annotated[Currency, Field(title="Currency")]
    waves: Annotated[tuple[Wave, ...], Field(title="Waves", min_length=1, max_length=20)]
    file: CaseFile = CaseFile()


class RolloutAgent:
    """Plain Python: a pure function of the input and the history."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        now = standing(case.history, chances=0, told=_told)
        if isinstance(now, GiveUp):
            return now
        rollout = Rollout.model_validate(dict(case.input))
        steps = _steps(rollout)
        if len(now.settled) >= len(steps):
            return Done(f"{rollout.what} is rolled out. {'; '.join(became(now.settled, _told))}.")
        place = f"Step {len(now.settled) + 1} of {len(steps)}"
        return _proposal(rollout, steps[len(now.settled)], place, case.history)


def _steps(rollout: Rollout) -> list[RolloutArgs]:
    """The arguments of every action, in order."""
    about: dict[str, Any] = {"rollout": rollout.rollout, "what": rollout.what}
    sites = sum(wave.sites for wave in rollout.waves)
    regions = [wave.region for wave in rollout.waves]
    amount = rollout.quoted or rollout.planned
    return [
        PlanArgs(**about, regions=regions, sites=sites),
        ReserveArgs(**about, amount=amount, planned=rollout.planned, currency=rollout.currency),
        *(
            WaveArgs(**about, wave=n, of_sites=sites, region=wave.region, sites=wave.sites)
            for n, wave in enumerate(rollout.waves, 1)
        ),
    ]


def _proposal(rollout: Rollout, step: RolloutArgs, place: str, history: Sequence[Turn]) -> Proposal:
    action: RolloutAction[Any] = next(action for action in ACTIONS if action.args is type(step))
    note = rollout.waves[step.wave - 1].note if isinstance(step, WaveArgs) else ""
    unusual = len(action.flags(step, {})) + bool(note)
    return Proposal(
        action=action.name,
        args=step.model_dump(mode="json"),
        rationale=f"{place}. {rollout.why}",
        confidence=round(0.95 - 0.15 * unusual, 2),
        signals={"tools": 1.0},
        flags=[note] if note else [],
        cost_of_delay=rollout.cost_of_delay,
        context=bundle(
            rollout.file,
            goal="Bring it to every site, or leave every site as it was.",
            situation=f"{place}. {rollout.why}",
            recommendation="Approve to go on; reject to take back all that was done so far.",
            tried=tried(history, _told),
            confidence=steps_down(0.95, 0.15, unusual),
            who=("sites", {wave.region: f"{wave.sites} sites" for wave in rollout.waves}),
            what=("rollout", rollout.model_dump(mode="json", include={*_COSTS}, exclude_none=True)),
        ),
    )


_COSTS: Final = ("rollout", "what", "planned", "quoted", "currency")


def _demo(title: str, waves: Mapping[str, int], planned: tuple[str, str], note: str = "", **said: Any) -> DemoCase:
    """`note` is what the agent noticed about the largest wave."""
    largest = max(waves.values())
    listed = [{"region": name, "sites": n, "note": note if n == largest else ""} for name, n in waves.items()]
    return DemoCase(title=title, input={"waves": listed, "planned": planned[0], "currency": planned[1], **said})


workflow: Final = Workflow(
    name="rollout",
    title="Rollouts",
    agent=RolloutAgent(),
    actions=ACTIONS,
    demo_cases=(
        _demo(
            "Router firmware 4.2 to 310 branches in 3 waves, 18,400.00 EUR",
            {"Pilot in the north": 10, "North": 120, "South": 180},
            ("18400.00", "EUR"),
            rollout="ro-2207",
            what="Router firmware 4.2",
            why="It closes a hole that was published last week.",
            cost_of_delay="310 branches stay open to the published attack.",
            file=demo_files.FIRMWARE,
        ),
        _demo(
            "Till software 9.0: wave 2 takes 600 of 660 shops on a Saturday",
            {"Two test shops": 2, "Inland shops": 600, "Coast": 58},
            ("52000.00", "GBP"),
            "Saturday 10:00, when 58 % of the week's sales are made",
            rollout="ro-2219",
            what="Till software 9.0",
            why="The old tills can't print the new receipt.",
            cost_of_delay="From the 1st on, each old receipt costs 0.04 GBP in fees.",
            file=demo_files.TILLS,
        ),
        _demo(
            "Badge readers at 3 sites: quoted 9,300.00 EUR, planned 4,800.00 EUR",
            {"Warehouse": 1, "Offices": 2},
            ("4800.00", "EUR"),
            rollout="ro-2224",
            what="Badge readers",
            why="The old readers can be opened with a copied badge.",
            cost_of_delay="About 2 copied badges are found a month.",
            quoted="9300.00",
            file=demo_files.BADGES,
        ),
        _demo(
            "Laptop encryption for 2,400 desks in 6 waves, 900.00 USD",
            {"IT": 40, "Finance": 260, "Sales": 400, "Plant A": 500, "Plant B": 500, "Travelling staff": 700},
            ("900.00", "USD"),
            "112 of the travelling staff are abroad until the 14th",
            rollout="ro-2231",
            what="Laptop encryption",
            why="The insurer asks for it.",
            cost_of_delay="The premium rises by 350 USD a month.",
            file=demo_files.LAPTOPS,
        ),
    ),
    input_model=Rollout,
    policy=POLICY,
)
