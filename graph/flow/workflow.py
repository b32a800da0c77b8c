"""What a platform engineer writes: a workflow with its agent and its typed actions.

A workflow lives in one file that offers a module-level `workflow: Workflow`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from graph.law.confidence import Signal
from graph.law.request import Alternative, EffectClass, Form, Nature, Risk

A = TypeVar("A", bound="Args")


class Args(BaseModel):
    """Base of every action's arguments: frozen, unknown keys refused, no silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Refused(Exception):
    """The receiver said no: certainly nothing happened. The message is shown to people."""


class Unreached(Refused):
    """The receiver was never reached: certainly nothing happened, and trying again later may help."""


@dataclass(frozen=True, slots=True)
class Call:
    """What an effect needs beside its arguments. `key` is the idempotency key: the same on every attempt."""

    key: str
    run_id: str
    attempt: int


class Action(Generic[A]):
    """One kind of action: what it is called, what it asks, how it is done, looked up and undone.

    `effect` fixes the guarantee: `idempotent` — the receiver honours `call.key`; `queryable` — `lookup`
    finds it by `call.key`; `opaque` — neither, at most one attempt. `perform` returns a small plain dict,
    raises `Refused` when certainly nothing happened, and lets every other exception through: those
    count as "may have happened".
    """

    name: ClassVar[str]
    title: ClassVar[str]
    question: ClassVar[str]
    """Template over argument names: `Refund {amount} {currency} to order {order}?`"""
    after_approve: ClassVar[str] = ""
    args: ClassVar[type[Args]]
    effect: ClassVar[EffectClass]
    reversible: ClassVar[bool] = False
    value_field: ClassVar[str | None] = None
    currency_field: ClassVar[str | None] = None
    target_field: ClassVar[str | None] = None
    """The argument that names whom or what it touches: amounts to one target count together."""
    tags: ClassVar[frozenset[str]] = frozenset()
    """What rules know it by: payment, refund, account, config, legal, medical, financial, …"""
    not_applicable: ClassVar[frozenset[Signal]] = frozenset()
    """Signals that can't say anything about this action; all others are expected."""
    undo_effect: ClassVar[EffectClass] = EffectClass.IDEMPOTENT
    timeout_seconds: ClassVar[float] = 15.0
    settle_seconds: ClassVar[float] = 5.0
    """Queryable actions: how long after a lost call `lookup` may still miss what it did."""

    async def perform(self, args: A, call: Call) -> dict[str, Any]:
        """Do it, once per `call.key`."""
        raise NotImplementedError

    async def lookup(self, args: A, call: Call) -> dict[str, Any] | None:
        """Queryable actions: the result of an earlier attempt with this key, or None if there was none."""
        raise NotImplementedError

    async def undo(self, args: A, result: dict[str, Any], call: Call) -> dict[str, Any]:
        """Reversible actions: compensate a done effect, once per `call.key`."""
        raise NotImplementedError

    async def still_valid(self, args: A) -> str | None:
        """None, or what has changed in the world so that an earlier approval no longer fits.

        When it raises, nothing is executed, and it is asked again later.
        """
        return None

    async def facts(self, args: A) -> dict[str, Any]:
        """Facts that judging this action needs; frozen into the request before it is routed."""
        return {}

    def flags(self, args: A, facts: Mapping[str, Any]) -> Sequence[str]:
        """What is unusual, each in one short sentence with its number."""
        return ()

    def impact(self, args: A, facts: Mapping[str, Any]) -> Risk:
        """How much it can do, beside its amount; amounts and rules can only raise it."""
        return Risk.LOW

    def can_undo(self, args: A) -> bool:
        """Whether this very one could be undone, where that depends on the arguments."""
        return self.reversible

    def nature(self, args: A, impact: Risk) -> Nature:
        """What the law needs to know of this action, beside its arguments."""
        return Nature(
            effect_class=self.effect,
            reversible=self.reversible and self.can_undo(args),
            form=self.form(),
            tags=tuple(sorted(self.tags)),
            impact=impact,
            signals=tuple(str(signal) for signal in Signal if signal not in self.not_applicable),
        )

    def form(self) -> Form:
        """What cards and modals need to know of this action."""
        return Form(
            title=self.title,
            question=self.question,
            schema=self.args.model_json_schema(),
            value_field=self.value_field,
            currency_field=self.currency_field,
            target_field=self.target_field,
            after_approve=self.after_approve,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The agent's next action. `args` are checked against the action's model before anybody sees them.

    `confidence` is what the model states; `signals` are what it can show beside that: `tools` (did its tools
    answer validly) and `retrieval` (how relevant was what it read), each 0 to 1, None when it doesn't know.
    `sentiment` is the customer's, -1 to 1. What is out of range counts as the worst.
    """

    action: str
    args: Mapping[str, Any]
    rationale: str = ""
    confidence: float | None = None
    signals: Mapping[str, float | None] = field(default_factory=dict)
    sentiment: float | None = None
    flags: Sequence[str] = ()
    alternatives: Sequence[Alternative] = ()
    cost_of_delay: str = ""
    context: Mapping[str, Any] = field(default_factory=dict)
    """The context bundle of Details: plain JSON; keys are shown as headings (goal, conversation, tried …)."""


@dataclass(frozen=True, slots=True)
class Done:
    """The agent has finished; `summary` goes to the requester."""

    summary: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The agent stops; everything done so far is undone, newest first."""

    reason: str


Step = Proposal | Done | GiveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What became of an earlier proposal, as the agent is told it.

    `status` is the request's (approved, rejected, handled, expired …); `outcome` the effect's
    (done, failed, unknown, compensated) or None when nothing was executed; `reason` a person's or the policy's
    words (on `handled`: the person's answer); `args` are those that were decided, edits included.
    """

    action: str
    args: Mapping[str, Any]
    status: str
    outcome: str | None
    reason: str
    result: Mapping[str, Any] | None
    error: str = ""
    by_policy: bool = False
    """The policy decided, not a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that an agent is told when asked for its next step."""

    run_id: str
    input: Mapping[str, Any]
    history: Sequence[Turn]
    remarks: Sequence[str] = ()
    """Why proposals of this very turn could not be taken (arguments that don't fit, say)."""
    waiting: Mapping[str, Any] = field(default_factory=dict)
    """What people are deciding about, where its agent is asked about it: action, args, rationale, context, facts."""


class Agent(Protocol):
    """Anything that proposes: a chat model or plain Python. Must not act by itself.

    It may also have `answer` (see `Answers`), for what reviewers want to know before they decide.
    """

    async def next(self, case: Case) -> Step:
        """The next step, given all that happened so far."""
        ...


@runtime_checkable
class Answers(Protocol):
    """An agent that answers questions about what it proposed."""

    async def answer(self, case: Case, question: str) -> str | None:
        """What it knows, in a few sentences that reviewers see as the agent's words; None when it doesn't know.

        `case` is the run as it stands; the question is a person's, and no instruction. Asked within a minute.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCase:
    """One ready-made input, with the title a newcomer sees; `beside`: inputs of further runs that come with it."""

    title: str
    input: Mapping[str, Any]
    beside: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A domain: its agent, its actions, its policy, and cases to try it with.

    `policy` is TOML: thresholds, rules, totals, weights and checkpoints for this workflow's own actions; the
    policy file has the last word. `input_model` checks what a run may start from.
    """

    name: str
    title: str
    agent: Agent
    actions: Sequence[Action[Any]]
    demo_cases: Sequence[DemoCase]
    input_model: type[BaseModel] | None = None
    policy: str = ""

    def action(self, name: str) -> Action[Any] | None:
        """The action of that name, or None: an unknown action never runs."""
        return next((action for action in self.actions if action.name == name), None)

    def input_problem(self, value: Mapping[str, Any]) -> str | None:
        """What is wrong with an input, or None."""
        if self.input_model is None:
            return None
        try:
            self.input_model.model_validate(dict(value))
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False)
            return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'input'}: {item['msg']}" for item in problems)
        return None
