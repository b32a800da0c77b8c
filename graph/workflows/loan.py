"""The `loan` workflow: three gates and a payout, each an effect of its own.

In this order: the documents are accepted, the loan is underwritten, compliance clears the applicant, the money
goes out. A no at any gate undoes what the earlier ones did, newest first; only the underwriter's no has one
alternative before that: a smaller loan. All the agent knows of the case is in the run's input (`LoanCase`).
"""

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import Field

from graph.flow.steps import in_words, no_other_way, standing, tried
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.action import Money, question
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass, Risk
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, bundle, steps_down

LIMIT: Final = Decimal(45)  # debt-to-income in %; POLICY says the same
GAP: Final = Decimal(5)  # by how many % stated and documented income may differ unremarked
NEAR: Final = 80  # from which likeness in % a listed name is remarked
SMALLEST: Final = Decimal(500)  # below this no loan is worth while
_FIXED: Final[dict[str, Any]] = {"editable": False}
_ID: Final = r"^[A-Za-z0-9_-]{1,64}$"
_NAME: Final = r"^\w([\w .,'&-]{0,78}[\w.])?$"
L = TypeVar("L", bound="ApplicationArgs")
Income = Annotated[Money, Field(title="Monthly income in the documents", json_schema_extra=_FIXED)]


class ApplicationArgs(Args):
    """What every gate knows: which application, and whose it is."""

    application: Annotated[str, Field(title="Application", pattern=_ID, json_schema_extra=_FIXED)]
    applicant: Annotated[str, Field(title="Applicant", pattern=_ID, json_schema_extra=_FIXED)]
    name: Annotated[str, Field(title="Name", pattern=_NAME, json_schema_extra=_FIXED)]
    currency: Annotated[Literal["EUR", "USD", "GBP"], Field(title="Currency", json_schema_extra=_FIXED)]


class DocumentArgs(ApplicationArgs):
    stated_income: Annotated[Money, Field(title="Monthly income as stated", json_schema_extra=_FIXED)]
    documented_income: Income


class UnderwriteArgs(ApplicationArgs):
    amount: Annotated[Money, Field(title="Amount")]
    rate: Annotated[str, Field(title="Interest, % a year", pattern=r"^[12]?[0-9]\.[0-9]{2}$")]
    months: Annotated[int, Field(title="Term in months", ge=6, le=120)]
    documented_income: Income
    debts: Annotated[str, Field(title="Monthly debts", pattern=r"^[0-9]{1,9}\.[0-9]{2}$", json_schema_extra=_FIXED)]


class ClearArgs(ApplicationArgs):
    likeness: Annotated[int, Field(title="Closest listed name, % similar", ge=0, le=100, json_schema_extra=_FIXED)]


class PayOutArgs(ApplicationArgs):
    account: Annotated[str, Field(title="Account", pattern=r"^[A-Z]{2}[A-Z0-9]{10,32}$", json_schema_extra=_FIXED)]
    amount: Annotated[Money, Field(title="Amount as underwritten", json_schema_extra=_FIXED)]


class LoanCase(DocumentArgs, UnderwriteArgs, ClearArgs, PayOutArgs):
    """The workflow's input: all that the actions are about, and what else was found. Same name, same meaning."""

    documents: Annotated[list[Annotated[str, Field(max_length=80)]], Field(min_length=1, max_length=20)]
    address_days: Annotated[int, Field(title="Days since the address changed", ge=0, le=365)] | None = None
    waited_days: Annotated[int, Field(ge=0, le=3650)]
    file: CaseFile = CaseFile()


class LoanAction(Action[L]):
    """An action on an application: undone like any deed, and void once the applicant withdrew."""

    deed: ClassVar[str]  # what the record will say: a template over argument names
    why: ClassVar[str]  # what speaks for it, in the agent's words
    reversible = True
    target_field = "applicant"
    currency_field = "currency"

    async def perform(self, args: L, call: Call) -> dict[str, Any]:
        money = {name: getattr(args, name) for name in ("amount", "currency") if self.value_field}
        once: dict[str, Any] = {"reference" if self.effect is EffectClass.QUERYABLE else "key": call.key}
        title = self.deed.format(**args.model_dump())
        return await shop.do("loan", self.name, args.application, title, **money, **once)

    async def lookup(self, args: L, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)

    async def undo(self, args: L, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)

    async def still_valid(self, args: L) -> str | None:
        return await shop.withdrawn(args.application)


class AcceptDocuments(LoanAction[DocumentArgs]):
    name = "accept_documents"
    title = "Accept the documents"
    question = "Accept {name}'s documents (income stated {stated_income}, shown {documented_income} {currency})?"
    after_approve = "The file goes on to the underwriter; it can go back to the applicant at any time."
    deed = "Documents of {name} accepted"
    why = "The file is complete; what its documents show is the income that counts."
    args = DocumentArgs
    effect = EffectClass.IDEMPOTENT

    def flags(self, args: DocumentArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        stated, shown = args.stated_income, args.documented_income
        gap = 100 * abs(stated - shown) / stated
        if gap <= GAP:
            return ()
        way = "less" if shown < stated else "more"
        return (f"Income stated {stated:,.2f}, documents show {shown:,.2f} ({gap:.0f} % {way})",)


class Underwrite(LoanAction[UnderwriteArgs]):
    name = "underwrite"
    title = "Underwrite the loan"
    question = "Lend {amount} {currency} to {name} over {months} months at {rate} % a year?"
    after_approve = "The applicant gets an offer on these terms; it can be withdrawn until the money goes out."
    deed = "Loan to {name} underwritten over {months} months at {rate} % a year"
    why = "Repaid in equal parts plus interest; a smaller loan would be the alternative."
    args = UnderwriteArgs
    effect = EffectClass.QUERYABLE
    value_field = "amount"
    tags = frozenset({"financial"})
    not_applicable = frozenset({Signal.RETRIEVAL})

    async def facts(self, args: UnderwriteArgs) -> dict[str, Any]:
        return {"debt_to_income_percent": str(debt_to_income(args)), "limit_percent": str(LIMIT)}

    def flags(self, args: UnderwriteArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        share = debt_to_income(args)
        return (f"Debt-to-income {str(share).removesuffix('.0')} % (limit {LIMIT} %)",) if share > LIMIT else ()


class ClearCompliance(LoanAction[ClearArgs]):
    name = "clear_compliance"
    title = "Clear compliance"
    question = "Clear {name} of sanctions and identity checks (closest listed name: {likeness} % similar)?"
    after_approve = "The clearance goes on record for the supervisor; it can be revoked at any time."
    deed = "{name} cleared of sanctions and identity checks"
    why = "The loan is underwritten; the applicant has to be clear before money moves."
    args = ClearArgs
    effect = EffectClass.IDEMPOTENT
    tags = frozenset({"financial", "legal"})

    def flags(self, args: ClearArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        return (f"Name {args.likeness} % similar to one on a sanctions list",) if args.likeness >= NEAR else ()

    def impact(self, args: ClearArgs, facts: Mapping[str, Any]) -> Risk:
        return Risk.HIGH if args.likeness >= NEAR else Risk.MEDIUM


class PayOut(LoanAction[PayOutArgs]):
    name = "pay_out"
    title = "Pay out the loan"
    question = "Pay out {amount} {currency} to {name}, account {account}?"
    after_approve = "The money leaves at once; it can be recalled until the end of the day, not later."
    deed = "Loan paid out to {name}, account {account}"
    why = "Documents, underwriting and compliance have passed."
    args = PayOutArgs
    effect = EffectClass.QUERYABLE
    value_field = "amount"
    target_field = "account"  # not the applicant: the same money would count twice, underwritten and paid
    tags = frozenset({"payment", "financial"})
    not_applicable = frozenset({Signal.RETRIEVAL})


ACTIONS: Final[tuple[LoanAction[Any], ...]] = (AcceptDocuments(), Underwrite(), ClearCompliance(), PayOut())
_told: Final = in_words(ACTIONS)

# Conditions look at arguments only: facts are gone once a person has edited, and the limits must hold then too.
POLICY: Final = """
# No `auto` but for documents: people answer for every loan. A low `review`: they see what is doubtful.
[[thresholds]]
action = "loan.accept_documents"
auto = 0.95
review = 0.30
tier = 1

[[thresholds]]
action = "loan.*"
review = 0.30
tier = 2

[[thresholds]]
action = "loan.pay_out"
up_to = 5_000
review = 0.30
tier = 1

[[totals]] # many small loans to one applicant, or payouts to one account, are one large one
name = "loans-of-a-month"
actions = ["loan.underwrite", "loan.pay_out"]
by = "target"
window = "30d"

[[rules]] # equal repayments plus interest: the first instalment is the highest
name = "debt-to-income"
actions = ["loan.underwrite"]
when = '''100.0 * (double(args.debts) + double(args.amount) / double(args.months)
  + double(args.amount) * double(args.rate) / 1200.0) > 45.0 * double(args.documented_income)'''
tier = 3
reason = "policy_violation"
basis = "Responsible lending: debts take at most 45 % of the income; exceptions are for managers"

[[rules]]
name = "four-eyes"
actions = ["loan.clear_compliance"]
tier = 2
approvals = 2
basis = "Four-eyes principle in anti-money-laundering: two people clear every applicant"

[[rules]]
name = "amount-over-50000"
actions = ["loan.underwrite", "loan.pay_out"]
when = "total > 50000.0"
tier = 3
reason = "cost_threshold"
basis = "Credit authority of the house: above 50,000 managers decide"
"""


def debt_to_income(args: UnderwriteArgs) -> Decimal:
    """Debts with the first, highest instalment in % of the income; rounded up, so that a breach never vanishes."""
    first = args.amount / args.months + args.amount * Decimal(args.rate) / 1200
    share = 100 * (Decimal(args.debts) + first) / args.documented_income
    return share.quantize(Decimal("0.1"), ROUND_CEILING)


def smaller(args: UnderwriteArgs) -> Decimal | None:
    """The next smaller loan that the income bears, in whole hundreds; None if it isn't worth while."""
    bears = LIMIT / 100 * args.documented_income - Decimal(args.debts)
    most = bears / (1 / Decimal(args.months) + Decimal(args.rate) / 1200)
    amount = 100 * (min(most, args.amount * 3 / 4) / 100).to_integral_value(ROUND_FLOOR)
    return amount.quantize(Decimal("0.01")) if amount >= SMALLEST else None


class LoanAgent:
    """Proposes one gate after the other and says what speaks against it; knows only the input and the history."""

    async def next(self, case: Case) -> Step:
        """The next step, with what people have decided before."""
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        now = standing(case.history, told=_told)
        if isinstance(now, GiveUp):
            return now
        known = dict(case.input)
        for turn in (*now.settled, now.refused, now.failed):  # what was decided counts, edits included
            known |= turn.args if turn else {}
        loan = LoanCase.model_validate(known)
        if len(now.settled) == len(ACTIONS):
            return Done(f"{loan.application}: {loan.amount} {loan.currency} paid out to {loan.name}, all gates passed.")
        action = ACTIONS[len(now.settled)]
        less = smaller(loan) if isinstance(action, Underwrite) else None
        if now.refused is None or now.failed is not None:
            return _proposal(action, loan, less, case.history)
        if less is None or _had_shifted(now.refused, case.history):
            return no_other_way(now.refused, _told)
        return _proposal(action, loan.model_copy(update={"amount": less}), None, case.history)


def _had_shifted(refused: Turn, history: Sequence[Turn]) -> bool:
    """Whether it had been approved before, and the ground shifted: then a smaller loan is no better."""
    before = history[: history.index(refused)]
    return any(turn.action == refused.action and turn.status == "approved" and turn.outcome is None for turn in before)


def _proposal(action: LoanAction[Any], loan: LoanCase, less: Decimal | None, history: Sequence[Turn]) -> Proposal:
    """`less`: the smaller loan to offer as an alternative."""
    args = loan.model_dump(mode="json", include=set(action.args.model_fields))
    noticed = [] if loan.address_days is None else [f"Applicant's address changed {_days(loan.address_days)} ago"]
    doubts = [*action.flags(loan, {}), *noticed]
    signals = {"tools": 1.0}
    if Signal.RETRIEVAL not in action.not_applicable:
        signals["retrieval"] = 0.7 if doubts else 0.95
    alternatives = []
    if less is not None:
        title = f"Only {less:,.2f} {loan.currency}"
        alternatives = [Alternative(title=title, type=action.name, args={**args, "amount": str(less)})]
    return Proposal(
        action=action.name,
        args=args,
        rationale=f"{action.why} Against it: {'what is flagged' if doubts else 'nothing I have found'}.",
        confidence=round(0.94 - 0.16 * len(doubts), 2),
        signals=signals,
        flags=noticed,
        alternatives=alternatives,
        cost_of_delay=f"The applicant has waited {_days(loan.waited_days)}.",
        context=bundle(
            loan.file,
            goal="Decide the application soundly and lawfully, without keeping the applicant waiting.",
            situation=f"{action.why} Against it: {'; '.join(doubts) or 'nothing I have found'}.",
            recommendation=question(action.form(), args),
            tried=tried(history, _told),
            confidence=steps_down(0.94, 0.16, len(doubts)),
            who=("applicant", loan.model_dump(mode="json", include={*_APPLICANT})),
            what=("loan", loan.model_dump(mode="json", exclude={*_APPLICANT, "file", "waited_days"})),
        ),
    )


_APPLICANT: Final = ("applicant", "name", "stated_income", "documented_income", "debts", "address_days")


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"


_TERMS: Final = {"currency": "EUR", "rate": "5.40", "months": 48, "debts": "420.00", "likeness": 12, "waited_days": 2}
_FILE: Final = {"stated_income": "3150.00", "documented_income": "3150.00", "documents": ["3 payslips", "ID card"]}


def _demo(title: str, number: int, name: str, amount: str, **special: Any) -> DemoCase:
    ids = {"application": f"LN-{number}", "applicant": f"P-{number}", "name": name, "account": f"DE02TEST00{number}"}
    return DemoCase(title=title, input={**_TERMS, **_FILE, **ids, "amount": amount, **special})


workflow: Final = Workflow(
    name="loan",
    title="Loan applications",
    agent=LoanAgent(),
    actions=ACTIONS,
    demo_cases=(
        _demo("A routine car loan: 12,000.00 EUR", 2107, "Marta Lindholm", "12000.00", file=demo_files.LINDHOLM),
        _demo(
            "Income 4,200.00, payslips 3,150.00",
            2214,
            "Jo Abel",
            "18000.00",
            stated_income="4200.00",
            address_days=3,
            file=demo_files.ABEL,
        ),
        _demo(
            "Debt-to-income 52 % (limit 45 %): 26,000.00 EUR",
            2320,
            "Ilse Brand",
            "26000.00",
            debts="979.00",
            file=demo_files.BRAND,
        ),
        _demo(
            "A name 88 % similar to one on a sanctions list",
            2433,
            "Viktor Samarin",
            "9500.00",
            likeness=88,
            file=demo_files.SAMARIN,
        ),
        _demo(
            "1,500.00 GBP, to be withdrawn while it waits",
            2541,
            "Nell Okafor",
            "1500.00",
            currency="GBP",
            file=demo_files.OKAFOR,
        ),
    ),
    input_model=LoanCase,
    policy=POLICY,
)
