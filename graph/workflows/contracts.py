"""The `contracts` workflow: what a legal matter asks for, proposed step by step, with people at the gates.

A step that comes back is proposed once more in a safer form where there is one (the playbook's wording, a smaller
offer, a request for more time); else the agent gives up, and the clause is put back: offers and filings are final.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, Field

from graph.flow.steps import Standing, standing
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.action import Money
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass, Risk
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle

NAME: Final = "contracts"
GOAL: Final = "Do what the matter asks for, and nothing that the house can't stand by."
MINOR_WORDS: Final = 5
DUE_SOON_HOURS: Final = 48
_FIXED: Final[dict[str, Any]] = {"editable": False}
Name = Annotated[str, Field(pattern=r"^\S+( \S+)*$", max_length=90, json_schema_extra=_FIXED)]  # fits into a title
Text = Annotated[str, Field(min_length=1, max_length=2500, json_schema_extra={"format": "multiline"})]
Declared = Literal["minor wording", "change of substance"]


class MatterArgs(Args):
    """What every action here is about: once the matter is withdrawn, nothing is done any more."""

    matter: Annotated[str, Field(title="Matter", pattern=r"^[A-Za-z0-9_-]{1,64}$", json_schema_extra=_FIXED)]


class ClauseArgs(MatterArgs):
    contract: Annotated[Name, Field(title="Contract")]
    clause: Annotated[Name, Field(title="Clause")]
    declared: Annotated[Declared, Field(title="Declared as", json_schema_extra=_FIXED)]
    old_text: Annotated[Text, Field(title="Old text", json_schema_extra={"format": "multiline", "editable": False})]
    new_text: Annotated[Text, Field(title="New text")]


class OfferArgs(MatterArgs):
    party: Annotated[Name, Field(title="Other party")]
    amount: Annotated[Money, Field(title="Amount")]
    currency: Annotated[Literal["EUR", "USD", "GBP"], Field(title="Currency", json_schema_extra=_FIXED)]
    reserve: Annotated[Money, Field(title="Reserve", json_schema_extra=_FIXED)]


class FilingArgs(MatterArgs):
    court: Annotated[Name, Field(title="Court")]
    document: Annotated[Name, Field(title="Document")]
    body: Annotated[Text, Field(title="Text")]
    due_hours: Annotated[int, Field(title="Hours left at opening", ge=0, le=8760, json_schema_extra=_FIXED)]


class Matter(BaseModel, extra="forbid", frozen=True):
    """What a run starts from. `playbook`: the house's wording of the clause; `waiting_days`: the client's wait."""

    situation: Annotated[str, Field(min_length=1, max_length=2000)]
    waiting_days: Annotated[int, Field(ge=0, le=3650)] = 0
    playbook: Text | None = None
    clause: ClauseArgs | None = None
    offer: OfferArgs | None = None
    filing: FilingArgs | None = None
    file: CaseFile = CaseFile()


T = TypeVar("T", bound=MatterArgs)


class LegalAction(Action[T]):
    """An action in a matter that may be withdrawn in the meantime."""

    tags = frozenset({"legal"})
    not_applicable = frozenset({Signal.TOOLS, Signal.RETRIEVAL})  # all that is known stands in the input

    async def still_valid(self, args: T) -> str | None:
        return await shop.withdrawn(args.matter)


class ChangeClause(LegalAction[ClauseArgs]):
    name = "change_clause"
    title = "Change a clause"
    question = "Change clause {clause} of {contract}, declared as {declared}?"
    after_approve = "The new text replaces the old one at once; the old one can be put back."
    args = ClauseArgs
    effect = EffectClass.IDEMPOTENT
    reversible = True
    target_field = "contract"

    async def perform(self, args: ClauseArgs, call: Call) -> dict[str, Any]:
        title = f"Clause {args.clause} of {args.contract} changed"
        detail = f"Old text:\n{args.old_text}\n\nNew text:\n{args.new_text}"
        return await shop.do(NAME, self.name, args.matter, title, detail=detail, key=call.key)

    async def undo(self, args: ClauseArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)

    async def facts(self, args: ClauseArgs) -> dict[str, Any]:
        return {"cap": cap_change(args)[0], "words_changed": words_apart(args.old_text, args.new_text)}

    def flags(self, args: ClauseArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        _, cap = cap_change(args)
        found, changed = [cap] if cap else [], words_apart(args.old_text, args.new_text)
        if args.declared == "minor wording" and changed > MINOR_WORDS:
            found.append(f"Declared minor, but {changed} words change")
        return found

    def impact(self, args: ClauseArgs, facts: Mapping[str, Any]) -> Risk:
        what, _ = cap_change(args)
        return {"": Risk.MEDIUM, "removed": Risk.CRITICAL}.get(what, Risk.HIGH)


class OfferSettlement(LegalAction[OfferArgs]):
    name = "offer_settlement"
    title = "Offer a settlement"
    question = "Offer {party} {amount} {currency} to settle {matter} (reserve: {reserve})?"
    after_approve = "The offer goes out at once. It can't be taken back: the other party may accept it."
    args = OfferArgs
    effect = EffectClass.QUERYABLE
    value_field = "amount"
    currency_field = "currency"
    target_field = "party"
    tags = frozenset({"legal", "payment"})

    async def perform(self, args: OfferArgs, call: Call) -> dict[str, Any]:
        title = f"Settlement offer to {args.party}"
        money: dict[str, Any] = {"amount": args.amount, "currency": args.currency}
        return await shop.do(NAME, self.name, args.matter, title, reference=call.key, **money)

    async def lookup(self, args: OfferArgs, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)

    def flags(self, args: OfferArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        times = f"{args.amount / args.reserve:.2f}× the reserve ({args.reserve:,.2f} {args.currency})"
        return (times,) if args.amount > args.reserve else ()


class FileDocument(LegalAction[FilingArgs]):
    name = "file_document"
    title = "File with the court"
    question = "File “{document}” with {court} in {matter}?"
    after_approve = "It goes to the court at once. It can't be taken back, nor looked up afterwards."
    args = FilingArgs
    effect = EffectClass.OPAQUE
    target_field = "court"

    async def perform(self, args: FilingArgs, call: Call) -> dict[str, Any]:
        return await shop.do(NAME, self.name, args.matter, f"Filed: {args.document}", detail=args.body)

    def flags(self, args: FilingArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        due = f"Filing deadline {args.due_hours} hours after this was opened"
        return [due] if args.due_hours <= DUE_SOON_HOURS else []


_FIGURE: Final = r"([0-9]+(?:[.,][0-9]+)*)"
_MARK: Final = r"(?:EUR|USD|GBP|[€$£])"
_AMOUNT: Final = re.compile(rf"{_MARK}\s*{_FIGURE}|{_FIGURE}\s*{_MARK}")


def cap_change(args: ClauseArgs) -> tuple[str, str]:
    """What becomes of the liability cap: removed, lowered, raised or "", and a sentence; read off both texts."""
    unlimited = "unlimited" in args.new_text.lower() and "unlimited" not in args.old_text.lower()
    before, after = _highest(args.old_text), None if unlimited else _highest(args.new_text)
    if "liab" not in f"{args.clause} {args.old_text} {args.new_text}".lower() or before is None or before == after:
        return "", ""
    if after is None:
        so = ", now unlimited" if unlimited else ""
        return "removed", f"Liability cap of {before:,.2f} removed{so}"
    way = "lowered" if after < before else "raised"
    return way, f"Liability cap {way} by {abs(after - before):,.2f}, from {before:,.2f} to {after:,.2f}"


def words_apart(one: str, other: str) -> int:
    """How many words the one has that the other hasn't, whichever has more."""
    left, right = Counter(one.split()), Counter(other.split())
    return max((left - right).total(), (right - left).total())


def _highest(text: str) -> Decimal | None:
    """The highest amount in a text, as in 100,000.00 or 100.000,00: one or two last digits are cents."""
    figures = [re.sub(r"[.,](?![0-9]{1,2}$)", "", one or other) for one, other in _AMOUNT.findall(text)]
    return max((Decimal(figure.replace(",", ".")) for figure in figures), default=None)


ACTIONS: Final[tuple[Action[Any], ...]] = (ChangeClause(), OfferSettlement(), FileDocument())
_ACTION_OF: Final = {action.args: action for action in ACTIONS}


class ContractsAgent:
    """Takes the steps that the input asks for; a pure function of the input and the history."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        matter = Matter.model_validate(dict(case.input))
        now = standing(case.history)
        if isinstance(now, GiveUp):
            return now
        steps = [part for part in (matter.clause, matter.offer, matter.filing) if part]
        if len(now.settled) >= len(steps):
            return Done("; ".join(map(_told, now.settled)) or "Nothing was asked for.")
        wanted = steps[len(now.settled)]
        safer = _safer(matter, wanted)
        if now.refused and (safer is None or safer.args == now.refused.args):
            return GiveUp(f"There is no safer version. {_told(now.refused)}.")
        return _proposal(matter, wanted, safer, now, case)


def _proposal(matter: Matter, wanted: MatterArgs, safer: Alternative | None, now: Standing, case: Case) -> Proposal:
    args, why = wanted.model_dump(mode="json"), _why(wanted, now.settled)
    if now.refused and safer:
        args, why = dict(safer.args), f"{safer.title}: the first version got no approval. {_told(now.refused)}."
    away = words_apart(args["new_text"], matter.playbook) if matter.playbook and "new_text" in args else 0
    tried, waited = list(map(_told, case.history)), f"The client has waited {matter.waiting_days} days."
    return Proposal(
        action=_ACTION_OF[type(wanted)].name,
        args=args,
        rationale=f"{why} The first try failed. {_told(now.failed)}." if now.failed else why,
        confidence=0.72 if away else 0.9,
        flags=[f"Differs from playbook: {away} words"] if away else [],
        alternatives=(safer,) if safer and not now.refused else (),
        cost_of_delay=f"{wanted.due_hours} hours to the deadline." if isinstance(wanted, FilingArgs) else waited,
        context=bundle(
            matter.file,
            goal=GOAL,
            situation=matter.situation,
            recommendation=why,
            tried=tried,
            confidence="The model's own: 72 % where the text differs from the playbook, else 90 %",
            who=("party", _party(wanted)),
            what=("matter", {name: value for name, value in args.items() if not name.endswith("_text")}),
        )
        | ({"playbook": matter.playbook} if matter.playbook else {}),
    )


def _party(wanted: MatterArgs) -> dict[str, str]:
    """Whom the matter is with."""
    match wanted:
        case ClauseArgs():
            return {"contract": wanted.contract}
        case OfferArgs():
            return {"name": wanted.party}
        case FilingArgs():
            return {"court": wanted.court}
    return {}


def _why(wanted: MatterArgs, settled: Sequence[Turn]) -> str:
    """What speaks for it; whoever files a document is told what was offered before, edits included."""
    match wanted:
        case ClauseArgs():
            return f"I was asked for this as a {wanted.declared}. Please compare both texts."
        case OfferArgs():
            return f"An offer may save the hearing; {wanted.reserve:,.2f} {wanted.currency} are set aside for it."
    offers = [f"Before it: {_told(turn)}." for turn in settled if turn.action == OfferSettlement.name]
    return " ".join(["The document is ready.", *offers])


def _safer(matter: Matter, wanted: MatterArgs) -> Alternative | None:
    """The same with less at stake; None where there is no such version."""
    change: dict[str, Any] = {}
    match wanted:
        case ClauseArgs() if matter.playbook:
            title, change = "Take the playbook's wording", {"new_text": matter.playbook}
        case OfferArgs():
            less = format(min(wanted.reserve, max(Decimal("0.01"), wanted.amount * 3 / 4)), ".2f")
            title, change = f"Offer {Decimal(less):,} {wanted.currency} instead", {"amount": less}
        case FilingArgs():
            plea = f"We ask for more time for {wanted.document}."
            title, change = "Ask the court for more time", {"document": "Request for more time", "body": plea}
    args = wanted.model_dump(mode="json")
    if args == args | change:
        return None
    return Alternative(title=title, type=_ACTION_OF[type(wanted)].name, args=args | change)


def _told(turn: Turn) -> str:
    """`offer_settlement 30000.00 EUR: rejected (too high)`; of what was done, not why."""
    what = [turn.action, *(str(turn.args[name]) for name in ("amount", "currency") if name in turn.args)]
    why = "" if turn.outcome == "done" else turn.error or turn.reason
    return f"{' '.join(what)}: {turn.outcome or turn.status}" + (f" ({why})" if why else "")


POLICY: Final = """
[[thresholds]]
action = "contracts.*" # no `auto`: nothing legal runs alone; an unsure agent is heard, deadlines don't wait
review = 0.30
tier = 2

[[rules]]
name = "offer-above-reserve" # earlier offers to the same party count, in the offer's own currency
actions = ["contracts.offer_settlement"]
when = "total * double(args.amount) > value * double(args.reserve)"
tier = 3
reason = "cost_threshold"
basis = "Settlement authority ends at the reserve; above it the managers sign"

[[rules]]
name = "filing-two-people"
actions = ["contracts.file_document"]
approvals = 2
basis = "Rules of the legal department: four eyes on everything that goes to a court"

[[rules]]
name = "liability-cap-removed"
actions = ["contracts.change_clause"]
when = "facts.cap == 'removed'"
tier = 3
risk = "critical"
basis = "Signing rules: unlimited liability is for the managers to accept"

[[totals]]
name = "offers-to-one-party"
actions = ["contracts.offer_settlement"]
window = "30d"
"""


def _demo(title: str, situation: str, **matter: Any) -> DemoCase:
    return DemoCase(title=title, input={"situation": situation} | matter)


workflow: Final = Workflow(
    name=NAME,
    title="Contracts and legal matters",
    agent=ContractsAgent(),
    actions=ACTIONS,
    demo_cases=(
        _demo(
            "A “minor wording” change: liability from 100,000.00 EUR to unlimited",
            "Oxholm's mark-up of our supply agreement; its other 3 changes are typing errors.",
            waiting_days=2,
            playbook="Liability is limited to 100,000.00 EUR per year, except for intent.",
            clause={
                "matter": "M-2041",
                "contract": "Supply agreement with Oxholm Cold Storage",
                "clause": "9.2 (liability)",
                "declared": "minor wording",
                "old_text": "The Supplier's liability is limited to 100,000.00 EUR per year, except for intent.",
                "new_text": "The Supplier's liability is unlimited, including for delay and lost profit.",
            },
            file=demo_files.OXHOLM,
        ),
        _demo(
            "A settlement offer of 45,000.00 EUR against a reserve of 30,000.00",
            "Veltrin Freight claims 80,000.00 EUR for spoilt goods; counsel puts our chances at 60 %.",
            waiting_days=12,
            offer={
                "matter": "M-2077",
                "party": "Veltrin Freight",
                "amount": "45000.00",
                "currency": "EUR",
                "reserve": "30000.00",
            },
            file=demo_files.VELTRIN,
        ),
        _demo(
            "A court filing due in 5 hours",
            "Tannberg Lightworks sued over 20,000.00 EUR; counsel has read the defence.",
            filing={
                "matter": "M-2102",
                "court": "Commercial Court of Lindwerth",
                "due_hours": 5,
                "document": "Statement of defence",
                "body": "The court is asked to dismiss the claim.",
            },
            file=demo_files.TANNBERG,
        ),
        _demo(
            "Routine: a notice period of 60 days instead of 30",
            "Brammer Fittings asks for the longer notice period that our playbook has anyway.",
            waiting_days=4,
            playbook="Either party may terminate with 60 days' notice to the end of a month.",
            clause={
                "matter": "M-2115",
                "contract": "Frame agreement with Brammer Fittings",
                "clause": "14.1 (notice)",
                "declared": "change of substance",
                "old_text": "Either party may terminate with 30 days' notice to the end of a month.",
                "new_text": "Either party may terminate with 60 days' notice to the end of a month.",
            },
            file=demo_files.BRAMMER,
        ),
    ),
    input_model=Matter,
    policy=POLICY,
)
