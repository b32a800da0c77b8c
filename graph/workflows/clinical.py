"""The `clinical` workflow: an agent turns a doctor's note into orders, and people sign each of them.

1. A run starts from a `Visit`: the chart (allergies, kidney function), the note, and what the agent transcribed.
2. One after the other, each `Prescription` is proposed as an action: `order_medication` (idempotent; withdrawn until
   it is given), `change_dose` (opaque: the pump takes it at once) or `start_plan` (queryable; withdrawn likewise).
3. The action compares the dose with the chart, which stands in its own arguments, and says what is unusual.
4. What is refused comes once more: as the substitute that the note names, or as the usual dose. After that the agent
   gives up, and Gatepost withdraws the earlier orders, newest first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_UP, Decimal
from textwrap import shorten
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from graph.flow.steps import became, in_words, no_other_way, sent_back, standing, tried
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Workflow
from graph.law.request import Alternative, EffectClass, Risk
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle

# Source: the kind of high-alert list that hospital pharmacies keep (drugs that do most harm when they are used in
# error). A short excerpt: put your own pharmacy's list here. These are searched in the drug's name.
HIGH_ALERT: Final = "insulin|heparin|methotrexate|morphine|fentanyl|oxycodone|hydromorphone"
# Source: the kind of table that formularies print; a family by the name under which its allergy is recorded.
FAMILIES: Final = {"penicillin": "cillin", "sulfonamide": "sulfamethoxazole|sulfadiazine"}
# Drugs that leave by the kidneys: half the usual dose below this kidney function.
BY_THE_KIDNEYS: Final = "gabapentin|pregabalin|levofloxacin|methotrexate"
WEAK_KIDNEYS_ML_MIN: Final = 30
UNUSUAL_RATIO: Final = Decimal(2)

Frequency = Literal["once a week", "once a day", "twice a day", "three times a day", "four times a day"]
_A_WEEK: Final = {"once a week": 1, "once a day": 7, "twice a day": 14, "three times a day": 21, "four times a day": 28}
_Name = Annotated[str, Field(pattern=r"^\w[\w .,()%+-]{0,79}$")]
_FIXED: Final[dict[str, Any]] = {"editable": False}
# No trailing zeros and no bare point: "6.0 units" has been read as "60 units".
_DOSE: Final = r"^([1-9][0-9]{0,5}(\.[0-9]{0,2}[1-9])?|0\.[0-9]{0,2}[1-9])$"


class Drug(Args):
    """What is given and what is usual. Doses are decimal strings in `unit`; a current dose of 0: not taken so far."""

    drug: Annotated[_Name, Field(title="Drug", json_schema_extra=_FIXED)]
    dose: Annotated[str, Field(title="Dose", pattern=_DOSE)]
    unit: Annotated[Literal["mg", "g", "units", "ml"], Field(title="Unit", json_schema_extra=_FIXED)]
    frequency: Annotated[Frequency, Field(title="How often")]
    days: Annotated[int, Field(title="Days", ge=1, le=365)] = 7
    current_dose: Annotated[str, Field(title="Current dose", pattern=f"^0$|{_DOSE}", json_schema_extra=_FIXED)] = "0"
    usual_dose: Annotated[str, Field(title="Usual dose", pattern=_DOSE, json_schema_extra=_FIXED)]
    usual_frequency: Annotated[Frequency, Field(title="Usually", json_schema_extra=_FIXED)]

    def words(self) -> str:
        return f"{self.drug} {self.dose} {self.unit}, {self.frequency}"

    def times_as_often(self) -> Decimal:
        return Decimal(_A_WEEK[self.frequency]) / _A_WEEK[self.usual_frequency]


class Chart(Args):
    """What the patient's chart says. `egfr`: kidney function in ml/min, None where it was not measured."""

    patient: Annotated[str, Field(title="Patient", pattern=r"^[A-Za-z0-9_-]{1,64}$", json_schema_extra=_FIXED)]
    allergies: Annotated[list[_Name], Field(title="Allergies", max_length=20, json_schema_extra=_FIXED)]
    egfr: Annotated[int | None, Field(title="Kidney function (ml/min)", ge=0, le=200, json_schema_extra=_FIXED)]


class DrugArgs(Drug, Chart):
    """A drug beside the chart it has to fit. Only how much, how often and how long may be edited."""

    def fitting_dose(self) -> str:
        """The usual dose, halved for weak kidneys; kidneys that nobody measured count as healthy."""
        if self.egfr is None or self.egfr >= WEAK_KIDNEYS_ML_MIN or not _named(self.drug, BY_THE_KIDNEYS):
            return self.usual_dose
        return format((Decimal(self.usual_dose) / 2).quantize(Decimal("0.001"), ROUND_UP).normalize(), "f")

    def against_chart(self) -> list[str]:
        """What of the chart speaks against this, each in a sentence."""
        met = [name for name in self.allergies if _named(self.drug, FAMILIES.get(name.lower(), re.escape(name)))]
        found = [f"Allergy on record: {name}" for name in met]
        fitting = self.fitting_dose()
        if Decimal(self.dose) > Decimal(fitting) < Decimal(self.usual_dose):
            found.append(f"Kidney function {self.egfr} ml/min: the usual dose is halved ({fitting} {self.unit})")
        return found


class DrugAction(Action[DrugArgs]):
    """An action on a patient's drugs: it no longer fits once the patient's case is withdrawn."""

    args = DrugArgs
    tags = frozenset({"medical"})
    target_field = "patient"

    async def still_valid(self, args: DrugArgs) -> str | None:
        return await shop.withdrawn(args.patient)

    async def undo(self, args: DrugArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)

    async def facts(self, args: DrugArgs) -> dict[str, Any]:
        return {
            "high_alert": _named(args.drug, HIGH_ALERT),
            "against_chart": len(args.against_chart()),
            "times_usual": format(max(Decimal(args.dose) / Decimal(args.usual_dose), args.times_as_often()), ".2f"),
        }

    def flags(self, args: DrugArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        found = args.against_chart()
        for what, other in (("usual", args.usual_dose), ("current", args.current_dose)):
            if Decimal(args.dose) >= UNUSUAL_RATIO * Decimal(other) > 0:
                found.append(f"{_times(Decimal(args.dose) / Decimal(other))} the {what} dose ({other} {args.unit})")
        often = args.times_as_often()
        if often >= UNUSUAL_RATIO:
            found.append(f"{args.frequency.capitalize()}: {_times(often)} as often as usual ({args.usual_frequency})")
        return found

    def impact(self, args: DrugArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.CRITICAL if _named(args.drug, HIGH_ALERT) else Risk.HIGH


class OrderMedication(DrugAction):
    name = "order_medication"
    title = "Order a medication"
    question = "Order {drug} {dose} {unit}, {frequency} for {days} days, for patient {patient}?"
    after_approve = "The order goes to the ward at once; it can be withdrawn until the first dose is given."
    effect = EffectClass.IDEMPOTENT
    reversible = True

    async def perform(self, args: DrugArgs, call: Call) -> dict[str, Any]:
        return await shop.do("clinical", self.name, args.patient, f"Order: {args.words()}", key=call.key)


class ChangeDose(DrugAction):
    name = "change_dose"
    title = "Change a dose"
    question = "Change {drug} from {current_dose} to {dose} {unit}, {frequency}, for patient {patient}?"
    after_approve = "The pump takes the new dose at once; a dose that was given can't be taken back."
    effect = EffectClass.OPAQUE

    async def perform(self, args: DrugArgs, call: Call) -> dict[str, Any]:
        return await shop.do("clinical", self.name, args.patient, f"New dose: {args.words()}")


class StartPlan(DrugAction):
    name = "start_plan"
    title = "Start a treatment plan"
    question = "Start {drug} {dose} {unit}, {frequency} over {days} days, for patient {patient}?"
    after_approve = "The plan stands in the chart at once; it can be withdrawn until the first dose is given."
    effect = EffectClass.QUERYABLE
    reversible = True

    async def perform(self, args: DrugArgs, call: Call) -> dict[str, Any]:
        return await shop.do("clinical", self.name, args.patient, f"Plan: {args.words()}", reference=call.key)

    async def lookup(self, args: DrugArgs, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)


ACTIONS: Final = (OrderMedication(), ChangeDose(), StartPlan())
_told: Final = in_words(ACTIONS)


def _named(drug: str, pattern: str) -> bool:
    return re.search(pattern, drug, re.IGNORECASE) is not None


def _times(ratio: Decimal) -> str:
    return format(ratio, ".1f").removesuffix(".0") + "×"


class Prescription(Drug):
    """What the agent transcribed; `instead` is the substitute that the note names."""

    kind: Literal["order_medication", "change_dose", "start_plan"]
    instead: "Prescription | None" = None


class Visit(Chart):
    """The workflow's input: the chart, the note, and what the agent transcribed from it."""

    note: Annotated[str, Field(min_length=1, max_length=2000)]
    waiting_hours: Annotated[int, Field(ge=0, le=1000)] = 2
    prescriptions: Annotated[list[Prescription], Field(min_length=1, max_length=10)]
    file: CaseFile = CaseFile()


class Scribe:
    """Proposes what the note says, one prescription after the other. Pure: the same case gives the same step."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        now = standing(case.history, told=_told)
        if isinstance(now, GiveUp):
            return now
        visit = Visit.model_validate(case.input)
        if len(now.settled) >= len(visit.prescriptions):
            return Done(f"Patient {visit.patient}: {'; '.join(became(now.settled, _told))}.")
        wanted = visit.prescriptions[len(now.settled)]
        others = _others(visit, wanted)
        if now.refused is None:
            return _proposal(visit, wanted, others, case)
        if not others:
            return no_other_way(now.refused, _told)
        why = f"The first proposal {sent_back(now.refused)}; this is the substitute, or the usual dose."
        return replace(_proposal(visit, others[0], [], case), rationale=why, confidence=0.85)


def _args(visit: Visit, wanted: Prescription) -> DrugArgs:
    """The prescription beside the patient's chart."""
    drug = wanted.model_dump(include={*Drug.model_fields})
    return DrugArgs(**drug, **visit.model_dump(include={*Chart.model_fields}))


def _others(visit: Visit, wanted: Prescription) -> list[Prescription]:
    """The substitute that the note names, else the same drug as usual; nothing where that is what was wanted."""
    usual = {"dose": _args(visit, wanted).fitting_dose(), "frequency": wanted.usual_frequency}
    other = wanted.instead or wanted.model_copy(update=usual)
    return [] if other == wanted else [other]


def _proposal(visit: Visit, wanted: Prescription, others: list[Prescription], case: Case) -> Proposal:
    """`others` are offered as alternatives."""
    return Proposal(
        action=wanted.kind,
        args=_args(visit, wanted).model_dump(),
        rationale=f"Note: “{shorten(visit.note, 150, placeholder='…')}”",
        confidence=0.94,
        signals={"tools": 0.7 if visit.egfr is None else 0.95, "retrieval": 0.9},
        alternatives=[_alternative(visit, other) for other in others],
        cost_of_delay=f"The patient has waited {visit.waiting_hours} h for this.",
        context=bundle(
            visit.file,
            goal="Order what the note says, in the dose that this patient can take.",
            situation={"note": visit.note},
            recommendation=wanted.words(),
            tried=tried(case.history, _told),
            confidence="The model's own: how sure it is of its transcript of the note",
            who=(
                "patient",
                visit.model_dump(include={*Chart.model_fields}) | {"waiting for": f"{visit.waiting_hours} h"},
            ),
            what=("prescription", wanted.model_dump(include={*Drug.model_fields})),
        ),
    )


def _alternative(visit: Visit, other: Prescription) -> Alternative:
    return Alternative(title=other.words(), type=other.kind, args=_args(visit, other).model_dump())


POLICY: Final = """
[[thresholds]] # nothing runs alone; where the agent is unsure, a person takes over instead of a second guess
action = "clinical.*"
review = 0.50
below = "takeover"

[[rules]]
name = "high-alert-drug"
when = "facts.high_alert"
approvals = 2
risk = "critical"
basis = "High-alert lists ask for an independent double check by a second person"

[[rules]]
name = "against-the-chart"
when = "facts.against_chart > 0 || double(facts.times_usual) >= 5.0"
approvals = 2
risk = "critical"
reason = "policy_violation"
basis = "Recorded allergies, slipped decimal points and weekly drugs given daily have killed"
"""


def _demo(title: str, note: str, *ordered: Mapping[str, Any], **more: Any) -> DemoCase:
    """Titles begin with the patient."""
    chart = {"patient": title.partition(":")[0], "allergies": [], "egfr": 88}
    return DemoCase(title=title, input={**chart, "note": note, "prescriptions": list(ordered), **more})


def _rx(kind: str, drug: str, dose: str, unit: str, frequency: str, **more: Any) -> dict[str, Any]:
    """As the note names it; what isn't said otherwise is as usual."""
    usual = {"usual_dose": dose, "usual_frequency": frequency}
    return {"kind": kind, "drug": drug, "dose": dose, "unit": unit, "frequency": frequency, **usual, **more}


_DOXYCYCLINE: Final = _rx("order_medication", "doxycycline", "100", "mg", "twice a day")

workflow: Final = Workflow(
    name="clinical",
    title="Medication and treatment orders",
    agent=Scribe(),
    actions=ACTIONS,
    demo_cases=(
        _demo(
            "P-2041: a routine antibiotic, amoxicillin 500 mg for 7 days",
            "Pneumonia, no fever since yesterday. Amoxicillin 500 mg three times a day for 7 days.",
            _rx("order_medication", "amoxicillin", "500", "mg", "three times a day"),
            file=demo_files.AMOXICILLIN,
        ),
        _demo(
            "P-3178: insulin times ten, 60 units where the note says 6.0",
            "Sugar 11.2 mmol/l. Dictated 17:40: insulin lispro stays at 6.0 units before meals.",
            _rx("change_dose", "insulin lispro", "60", "units", "three times a day", usual_dose="6", current_dose="6"),
            file=demo_files.INSULIN,
        ),
        _demo(
            "P-4406: a penicillin for a patient allergic to it, amoxicillin 875 mg",
            "Infected wound. Amoxicillin 875 mg twice a day, or else doxycycline 100 mg.",
            _rx("order_medication", "amoxicillin", "875", "mg", "twice a day", instead=_DOXYCYCLINE),
            allergies=["penicillin", "latex"],
            file=demo_files.PENICILLIN,
        ),
        _demo(
            "P-5520: methotrexate every day for 12 weeks instead of once a week",
            "New rheumatoid arthritis. Folic acid 5 mg weekly, MTX 15 mg p.o.; 12 weeks, blood count after 2.",
            _rx("order_medication", "folic acid", "5", "mg", "once a week", days=84),
            _rx("start_plan", "methotrexate", "15", "mg", "once a day", usual_frequency="once a week", days=84),
            file=demo_files.METHOTREXATE,
        ),
        _demo(
            "P-6093: a smaller dose for weak kidneys, gabapentin 600 to 300 mg at 28 ml/min",
            "Drowsy since Friday, kidney function down from 61 to 28 in 9 days. Gabapentin down to 300 mg.",
            _rx("change_dose", "gabapentin", "300", "mg", "three times a day", usual_dose="600", current_dose="600"),
            egfr=28,
            file=demo_files.GABAPENTIN,
        ),
    ),
    input_model=Visit,
    policy=POLICY,
)
