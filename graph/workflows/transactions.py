"""The `transactions` workflow: wires, trades and credit limits, one after the other, with people at the gates.

What comes back is proposed once more in a safer form where there is one; else the agent gives up, and limits are
changed back. Wires and trades stay: money sent is gone, and a counter-trade is a new trade with its own decision.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, Field

from graph.flow.steps import Standing, standing
from graph.flow.workflow import Action, Args, Call, Case, DemoCase, Done, GiveUp, Proposal, Step, Turn, Workflow
from graph.law.action import Money, question
from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass
from graph.workflows import demo_files, shop
from graph.workflows.casefile import CaseFile, Named, bundle, steps_down

NAME: Final = "transactions"
GOAL: Final = "Carry out what was instructed: the right amount, to the right party, once."
_FIXED: Final[dict[str, Any]] = {"editable": False}
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", json_schema_extra=_FIXED)]
Iban = Annotated[str, Field(pattern=r"^[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}$", json_schema_extra=_FIXED)]
Hours = Annotated[int, Field(ge=0, le=1_000_000, json_schema_extra=_FIXED)]


class Instructed(Args):
    """What every action here rests on: once the instruction is withdrawn, nothing is done any more."""

    instruction: Annotated[Id, Field(title="Instruction")]
    amount: Annotated[Money, Field(title="Amount")]
    currency: Annotated[Literal["EUR", "USD", "GBP"], Field(title="Currency", json_schema_extra=_FIXED)]


class WireArgs(Instructed):
    """`known_hours`: since when this account is on file; `usual`: what it usually gets, if it ever got anything."""

    beneficiary: Annotated[str, Field(title="Beneficiary", pattern=r"^\w[\w .&'()-]{0,79}$", json_schema_extra=_FIXED)]
    account: Annotated[Iban, Field(title="Account")]
    known_hours: Annotated[Hours, Field(title="Account on file for (hours)")]
    changed: Annotated[bool, Field(title="Account changed since the last payment", json_schema_extra=_FIXED)]
    usual: Annotated[Money | None, Field(title="Usual payment to this account", json_schema_extra=_FIXED)] = None


class TradeArgs(Instructed):
    side: Annotated[Literal["Buy", "Sell"], Field(title="Side", json_schema_extra=_FIXED)]
    instrument: Annotated[Id, Field(title="Instrument")]
    limit_price: Annotated[Money, Field(title="Limit price")]
    usual: Annotated[Money, Field(title="Usual trade of this desk", json_schema_extra=_FIXED)]
    daily_volume: Annotated[Money, Field(title="Average daily volume", json_schema_extra=_FIXED)]


class LimitArgs(Instructed):
    customer: Annotated[Id, Field(title="Customer")]
    current: Annotated[Money, Field(title="Limit today", json_schema_extra=_FIXED)]
    amount: Annotated[Money, Field(title="New limit")]


T = TypeVar("T", bound=Instructed)


class Transaction(Action[T]):
    """An action on an instruction that may be withdrawn in the meantime; once per key where nothing else is said."""

    effect = EffectClass.IDEMPOTENT
    value_field = "amount"
    currency_field = "currency"
    tags = frozenset({"financial"})
    not_applicable = frozenset({Signal.RETRIEVAL})  # only for a wire is anything read: the invoice

    async def still_valid(self, args: T) -> str | None:
        return await shop.withdrawn(args.instruction)

    async def perform(self, args: T, call: Call) -> dict[str, Any]:
        title = question(self.form(), args.model_dump(mode="json")).rstrip("?")
        by = "reference" if self.effect is EffectClass.QUERYABLE else "key"
        named: dict[str, Any] = {"amount": args.amount, "currency": args.currency, by: call.key}
        return await shop.do(NAME, self.name, args.instruction, title, **named)


class SendWire(Transaction[WireArgs]):
    name = "send_wire"
    title = "Send a wire"
    question = "Wire {amount} {currency} to {beneficiary} for {instruction}, account {account}?"
    after_approve = "The money leaves at once; a wire that was sent can't be called back."
    args = WireArgs
    effect = EffectClass.QUERYABLE
    target_field = "account"
    tags = frozenset({"payment", "financial"})
    not_applicable = frozenset()

    async def lookup(self, args: WireArgs, call: Call) -> dict[str, Any] | None:
        return await shop.find(call.key)

    def flags(self, args: WireArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        found = list[str]()
        if args.changed:
            found.append(f"Account details changed {args.known_hours} hours ago, after the last payment")
        elif args.known_hours < 24:
            found.append(f"New beneficiary, added {args.known_hours} hours ago")
        if args.usual:
            found += _unusual(args, args.usual, "the usual payment to this account")
        return found


class PlaceTrade(Transaction[TradeArgs]):
    name = "place_trade"
    title = "Place a trade"
    question = "{side} {instrument} for {amount} {currency} at {limit_price} or better?"
    after_approve = "The order goes to the market at once; only a counter-trade at the price of the day closes it."
    args = TradeArgs
    target_field = "instrument"

    def flags(self, args: TradeArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        found = _unusual(args, args.usual, "this desk's usual trade")
        percent = 100 * args.amount / args.daily_volume
        if percent >= 5:
            found.append(f"{percent:.1f} % of the average daily volume")
        return found


class ChangeCreditLimit(Transaction[LimitArgs]):
    name = "change_credit_limit"
    title = "Change a credit limit"
    question = "Change the credit limit of customer {customer} from {current} to {amount} {currency}?"
    after_approve = "The limit changes at once and can be changed back; what was drawn until then stays drawn."
    args = LimitArgs
    reversible = True
    target_field = "customer"
    tags = frozenset({"account", "financial"})

    async def undo(self, args: LimitArgs, result: dict[str, Any], call: Call) -> dict[str, Any]:
        return await shop.undo(result["deed"], call.key)

    def flags(self, args: LimitArgs, facts: Mapping[str, Any]) -> Sequence[str]:
        return _unusual(args, args.current, "today's limit")


def _unusual(args: Instructed, usual: Decimal, what: str) -> list[str]:
    """From twice the usual on it is worth a sentence: `2.4× this desk's usual trade (1,500.00 EUR)`."""
    times = args.amount / usual
    return [f"{times:.1f}× {what} ({usual:,} {args.currency})"] if times >= 2 else []


# All actions here are financial, so the house's rules ask a person every time: no row names `auto`.
POLICY: Final = """
[[thresholds]] # small, together with what the same account got within a week: looked at even if the agent is unsure
action = "transactions.send_wire"
up_to = 1_000
review = 0.50

[[thresholds]] # an agent that is unsure of a large one hands over instead of rephrasing
action = "transactions.send_wire"
review = 0.70
below = "takeover"
tier = 2

[[rules]]
name = "new-account"
actions = ["transactions.send_wire"]
when = "args.changed || args.known_hours < 24"
tier = 2
approvals = 2
basis = "Invoice redirection: changed details are confirmed by calling a number that was on file before"

[[rules]]
name = "trade-out-of-size"
actions = ["transactions.place_trade"]
when = "double(args.amount) >= 2.0 * double(args.usual) || double(args.amount) >= 0.05 * double(args.daily_volume)"
tier = 2
reason = "cost_threshold"
basis = "An unusual size is how a slip of the finger looks, and a large share of a day's volume moves the price"

[[rules]]
name = "limit-doubled"
actions = ["transactions.change_credit_limit"]
when = "double(args.amount) >= 2.0 * double(args.current)"
tier = 2
basis = "Twice the limit is twice the loss, and accounts that were taken over are drained by way of the limit"

[[totals]] # a day is too short: whoever splits can wait until tomorrow
name = "wires-to-one-account-in-a-week"
actions = ["transactions.send_wire"]
by = "target"
window = "7d"
"""


class Instruction(BaseModel, extra="forbid", frozen=True):
    """Whose arguments they are says which action; `old_account`: the one paid last time, and since when it is known."""

    args: WireArgs | TradeArgs | LimitArgs
    situation: Annotated[str, Field(min_length=1, max_length=2000)]
    due_hours: Hours = 24
    old_account: tuple[Iban, Hours] | None = None
    file: CaseFile = CaseFile()


class Batch(BaseModel, extra="forbid", frozen=True):
    """The workflow's input: what to do, in this order."""

    instructions: Annotated[tuple[Instruction, ...], Field(min_length=1, max_length=20)]


ACTIONS: Final[tuple[Action[Any], ...]] = (SendWire(), PlaceTrade(), ChangeCreditLimit())
_ACTION_OF: Final = {action.args: action for action in ACTIONS}


class TransactionsAgent:
    """Goes through the instructions; a pure function of the input and the history."""

    async def next(self, case: Case) -> Step:
        if case.remarks:
            return GiveUp(f"The agent has no other proposal: {'; '.join(case.remarks)}")
        todo = Batch.model_validate(dict(case.input)).instructions
        now = standing(case.history, told=_named)
        if isinstance(now, GiveUp):
            return now
        if len(now.settled) >= len(todo):
            return Done("; ".join(map(_told, now.settled)) + ".")
        item = todo[len(now.settled)]
        safer = _safer(item)
        if now.refused and safer is None:
            return GiveUp(f"There is no safer form. {_told(now.refused)}.")
        return _proposal(item, safer, now, case)


def _proposal(item: Instruction, safer: Alternative | None, now: Standing, case: Case) -> Proposal:
    action = _ACTION_OF[type(item.args)]
    args, why = item.args.model_dump(mode="json"), item.situation
    if now.refused and safer:
        args, why = dict(safer.args), f"The first form came back. Safer: {safer.title}."
    if now.failed:
        args = dict(now.failed.args)  # tried once more as people left it
    doubts = len(action.flags(action.args.model_validate(args), {}))
    read = {} if Signal.RETRIEVAL in action.not_applicable else {"retrieval": 0.7 if doubts else 0.95}
    tried, asked = list(map(_told, case.history)), question(action.form(), args)
    return Proposal(
        action=action.name,
        args=args,
        rationale=why,
        confidence=round(0.94 - 0.09 * doubts, 2),
        signals={"tools": 1.0, **read},
        alternatives=(safer,) if safer and not now.refused else (),
        cost_of_delay=f"It is due in {item.due_hours} hours.",
        context=bundle(
            item.file,
            goal=GOAL,
            situation=item.situation,
            recommendation=asked,
            tried=tried,
            confidence=steps_down(0.94, 0.09, doubts),
            who=_party(item.args),
            what=("instruction", {**args, "due in": f"{item.due_hours} hours"}),
        ),
    )


def _party(args: Instructed) -> Named:
    """Whom it concerns, as far as the instruction names anybody."""
    match args:
        case WireArgs():
            usual = {"usual payment": f"{args.usual:,} {args.currency}"} if args.usual else {}
            return "beneficiary", {"name": args.beneficiary, "account": args.account, **usual}
        case LimitArgs():
            return "customer", {"customer": args.customer, "limit today": f"{args.current:,} {args.currency}"}
        case TradeArgs():
            known = {"usual trade": args.usual, "average daily volume": args.daily_volume}
            return "subject", {
                "instrument": args.instrument,
                **{what: f"{v:,} {args.currency}" for what, v in known.items()},
            }
    return "customer", {}


def _safer(item: Instruction) -> Alternative | None:
    """The same with less at stake, or to an account that was paid before; None where there is no such form."""
    match item.args:
        case WireArgs() if item.old_account:
            title, (account, hours) = "Pay to the account paid last time", item.old_account
            change: dict[str, Any] = {"account": account, "known_hours": hours, "changed": False}
        case TradeArgs() as trade if trade.amount > trade.usual:
            title, change = f"Trade the usual size, {trade.usual:,}", {"amount": str(trade.usual)}
        case LimitArgs() as limit if limit.amount > 2 * limit.current:
            title, change = f"Only double it, to {2 * limit.current:,}", {"amount": str(2 * limit.current)}
        case _:
            return None
    args = item.args.model_dump(mode="json") | change
    return Alternative(title=title, type=_ACTION_OF[type(item.args)].name, args=args)


def _named(turn: Turn) -> str:
    return f"{turn.action} {turn.args.get('instruction')}, {turn.args.get('amount')} {turn.args.get('currency')}"


def _told(turn: Turn) -> str:
    """`send_wire invoice-887, 340.00 EUR: rejected (paid already)`; of what was done, not why."""
    why = "" if turn.outcome == "done" else turn.error or turn.reason
    return f"{_named(turn)}: {turn.outcome or turn.status}" + (f" ({why})" if why else "")


def _demo(title: str, situation: str, *args: dict[str, Any], **more: Any) -> DemoCase:
    entries = [{"args": {"currency": "EUR", **each}, "situation": situation, **more} for each in args]
    return DemoCase(title=title, input={"instructions": entries})


def _wire(number: str, to: str, account: str, amount: str, known_hours: int, **more: Any) -> dict[str, Any]:
    told = {"beneficiary": to, "account": account, "amount": amount, "known_hours": known_hours, "changed": False}
    return {"instruction": f"invoice-{number}", **told, **more}


workflow: Final = Workflow(
    name=NAME,
    title="Wires, trades and credit limits",
    agent=TransactionsAgent(),
    actions=ACTIONS,
    demo_cases=(
        _demo(
            "A supplier's invoice with bank details changed yesterday: 12,480.00 EUR",
            "Halvorsen Pumps mailed new bank details yesterday and asks for payment of invoice 2291 to them.",
            _wire("2291", "Halvorsen Pumps AS", "LT00733000012345678", "12480.00", 19, changed=True),
            old_account=["NO0086011117947", 26_300],
            file=demo_files.HALVORSEN,
        ),
        _demo(
            "A routine wire: 340.00 EUR for cleaning",
            "The cleaners' monthly invoice, the same as every month.",
            _wire("887", "Blankhaus Services", "DE00370400440532013000", "340.00", 18_900, usual="340.00"),
            file=demo_files.CLEANERS,
        ),
        _demo(
            "A trade of 2.4 times the usual size: 3,600.00 EUR",
            "The ticket asks for 3,600.00 EUR of HLVN; the desk usually trades 1,500.00 EUR at once.",
            {
                "instruction": "ticket-5120",
                "amount": "3600.00",
                "side": "Buy",
                "instrument": "HLVN",
                "limit_price": "18.40",
                "usual": "1500.00",
                "daily_volume": "410000.00",
            },
            file=demo_files.HLVN_TICKET,
        ),
        _demo(
            "A credit limit from 5,000 to 25,000 EUR",
            "C-3308 expects a larger season and asks for five times the limit.",
            {"instruction": "wish-3308", "customer": "C-3308", "current": "5000.00", "amount": "25000.00"},
            file=demo_files.SEASON,
        ),
        _demo(
            "Four small wires to one beneficiary: 4 × 450.00 EUR",
            "Four invoices of one day from the same consultant, each below the limit for small wires.",
            *(_wire(f"77{n}", "Orrin Vale", "GB00NWBK60161331926819", "450.00", 900, usual="400.00") for n in range(4)),
            file=demo_files.CONSULTANT,
        ),
    ),
    input_model=Batch,
    policy=POLICY,
)
